"""A file into a base, with progress on the way and one line for what became of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Any, Final

from core.commands.base import CommandContext, Replies
from core.errors import UserError
from core.explain import explain
from core.inert import inert, one_line
from core.language import N_, Words
from core.permissions import Level
from core.replies import Progress, TextDelta
from core.unread import unread_pages
from knowledge_base.errors import KnowledgeError, RejectedDocumentError
from knowledge_base.models import (
    ENTRY_TYPE,
    Added,
    AddState,
    IngestProgress,
    KnowledgeBase,
    Stage,
    Upload,
)

STAGES: Final = {
    Stage.READING: N_("reading"),
    Stage.EMBEDDING: N_("embedding"),
    Stage.STORING: N_("storing"),
}


async def learn(
    context: CommandContext,
    base: KnowledgeBase,
    upload: Upload,
    batch: str = "",
    *,
    insist: bool = False,
) -> Replies:
    """Add a file, or all files of an archive, telling how far it has come and what became of it.

    `insist`: what is not the file's own fault is raised, so that it can be tried again.
    """
    library = context.resources.library
    opened = (
        library.members(upload)
        if upload.source or upload.media_type
        else library.uploads([upload.path], upload.uploader, upload.uploader_id)
    )
    async with opened as uploads:
        async for found in uploads:
            if not isinstance(found, Upload):
                yield TextDelta(told(found, context.words), failed=True)
                continue
            async with aclosing(_one(context, base, found, batch, insist=insist)) as events:
                async for event in events:
                    yield event


async def _one(
    context: CommandContext, base: KnowledgeBase, upload: Upload, batch: str, *, insist: bool
) -> Replies:
    """Leaving early cancels it."""
    try:
        await require_place(context, base, upload)
    except UserError as error:
        if insist:
            raise
        yield TextDelta(told(error, context.words), failed=True)
        return
    _ = context.words
    upload = replace(upload, batch=context.act)
    add = partial(context.resources.library.add, base.base_id, upload)
    title = f"{batch}{inert(upload.name)}"
    try:
        async with aclosing(following(title, add, partial(_outcome, _=_), _)) as events:
            async for event in events:
                yield event
    except KnowledgeError as error:
        if insist and not isinstance(error, RejectedDocumentError):
            raise
        yield TextDelta(told(error, _), failed=True)


async def following(
    title: str,
    add: Callable[[Callable[[IngestProgress], None]], Coroutine[Any, Any, Added]],
    outcome: Callable[[Added, float], str],
    _: Words,
) -> Replies:
    """How far it has come, under a title that is safe to show, and then what came of it, within
    how many seconds. Leaving early cancels it. Raises what `add` raises."""
    news: asyncio.Queue[IngestProgress | None] = asyncio.Queue()
    begun = time.monotonic()
    adding = asyncio.create_task(add(news.put_nowait), name=f"add {one_line(title)}")
    adding.add_done_callback(lambda _task: news.put_nowait(None))
    try:
        while (progress := await news.get()) is not None:
            stage = _("{name}: {text}", name=title, text=_(STAGES[progress.stage]))
            yield Progress(stage, progress.done, progress.total)
        yield TextDelta(outcome(adding.result(), time.monotonic() - begun))
    finally:
        adding.cancel()
        await asyncio.wait({adding})


async def require_place(context: CommandContext, base: KnowledgeBase, upload: Upload) -> None:
    """Raises `FullBaseError` and `DiskLowError`. Whoever runs the bot knows what the disk takes."""
    added = (await asyncio.to_thread(upload.path.stat)).st_size
    await require_room_for(context, base, upload.name, added)


async def require_room_for(
    context: CommandContext, base: KnowledgeBase, name: str, added: int
) -> None:
    """As `require_place`, for so many bytes."""
    allowances = context.resources.limiting.allowances
    await allowances.require_room()
    if context.level is Level.OWNER:
        return
    library = context.resources.library
    documents, size = await library.extent_of(base.base_id)
    old = await library.document(base.base_id, name)
    if old is not None:
        documents, size = documents - 1, size - old.size
    allowances.require_place(documents, size, added)


def _outcome(added: Added, seconds: float, _: Words) -> str:
    unread = unread_pages(added.unread, _)
    return _stored(added, seconds, _) + (f"{unread}\n" if unread else "")


def _stored(added: Added, seconds: float, _: Words) -> str:
    document = added.document
    passages = _.plural("{count} passage", "{count} passages", document.passages)
    if document.media_type == ENTRY_TYPE and document.passages > 1:
        passages += " " + _("(longer than the embedding model reads at once)")
    pages = _.plural("{count} page", "{count} pages", document.pages) if document.pages else ""
    facts = _(", ").join(piece for piece in (pages, passages) if piece)
    match added.state:
        case AddState.UNCHANGED:
            told = _("{name} is here already; nothing was stored twice.", name=inert(document.name))
            if added.gone is not None:
                told += " " + _("{name} says the same now: its older version was taken out.",
                                name=inert(added.gone.name))  # fmt: skip
            return told + "\n"
        case AddState.REPLACED:
            return _("{name} replaced by version {version}: {facts}, {seconds:.1f} s.",
                     name=inert(document.name), version=document.version, facts=facts,
                     seconds=seconds) + "\n"  # fmt: skip
        case AddState.ADDED:
            return _("Added {name}: {facts}, {seconds:.1f} s.",
                     name=inert(document.name), facts=facts, seconds=seconds) + "\n"  # fmt: skip


def told(error: Exception, _: Words) -> str:
    """One file's failure, as a line of the batch."""
    return (explain(error, _) or "") + "\n"
