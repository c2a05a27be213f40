"""Commands about documents: `/kb …`."""

from __future__ import annotations

import asyncio
import difflib
import re
import shutil
import tempfile
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Final

from core.access import home_of, scope_of
from core.commands.base import MEGABYTE, CommandContext, Replies
from core.commands.talking import excerpt, place_of
from core.errors import BadArgumentsError, UserError
from core.events import Attachment
from core.explain import explain
from core.inert import inert, one_line
from core.language import N_, Words
from core.replies import Progress, ReplyEvent, TextDelta
from core.shielding import to_the_end
from knowledge_base.errors import KnowledgeError, NoSuchBaseError, NoSuchDocumentError
from knowledge_base.models import (
    Added,
    AddState,
    Document,
    IngestProgress,
    KnowledgeBase,
    Stage,
    Upload,
)

_MOST_LISTED: Final = 100
_LONGEST_QUOTE: Final = 300
_SEARCHED: Final = 5

STAGES: Final = {
    Stage.READING: N_("reading"),
    Stage.EMBEDDING: N_("embedding"),
    Stage.STORING: N_("storing"),
}


async def list_documents(context: CommandContext) -> Replies:
    """The documents of every base that is asked here."""
    _ = context.words
    pieces: list[str] = []
    for base in await _bases(context):
        documents = await context.resources.library.documents(base.base_id)
        if not documents:
            continue
        lines = [
            _.plural(
                "{base}: {count} document", "{base}: {count} documents", len(documents),
                base=inert(base.name),
            )
        ]  # fmt: skip
        lines += [f"- {_line(document, _)}" for document in documents[:_MOST_LISTED]]
        if len(documents) > _MOST_LISTED:
            lines.append(_("… and {count} more.", count=len(documents) - _MOST_LISTED))
        pieces.append("\n".join(lines))
    yield TextDelta("\n\n".join(pieces) or _("There are no documents here yet."))


async def show(context: CommandContext) -> Replies:
    """What is known of one document."""
    _ = context.words
    document = await _document(context, context.text("name"))
    yield TextDelta(
        _(
            "{name}: version {version}, {passages} passages, {size}, added on {date:%Y-%m-%d}.",
            name=inert(document.name),
            version=document.version,
            passages=document.passages,
            size=size_of(document.size),
            date=document.added_at,
        )
    )


async def search(context: CommandContext) -> Replies:
    """The nearest passages with their scores; no model takes part."""
    _ = context.words
    message, library = context.message, context.resources.library
    scope = await scope_of(message, library)
    result = await library.search(scope, context.text("query"), limit=_SEARCHED)
    if not result.passages:
        yield TextDelta(_("There are no documents here yet."))
        return
    pieces = [
        f"{number}. {place_of(passage, _)} · {passage.relevance:.0%}\n"
        f"> {excerpt(passage, _LONGEST_QUOTE)}"
        for number, passage in enumerate(result.passages, 1)
    ]
    if result.refused:
        pieces.append(
            _("None of them reaches the relevance of {threshold:.0%} that an answer needs.",
              threshold=result.threshold)
        )  # fmt: skip
    yield TextDelta("\n\n".join(pieces))


async def remove(context: CommandContext) -> Replies:
    """Take a document out of this place's own base."""
    _ = context.words
    base = await _home(context)
    document = await context.resources.library.remove(base.base_id, context.text("name"))
    yield TextDelta(
        _.plural(
            "Removed {name} ({count} passage).", "Removed {name} ({count} passages).",
            document.passages, name=inert(document.name),
        )
    )  # fmt: skip


async def statistics(context: CommandContext) -> Replies:
    """Figures of the bases that are asked here."""
    _ = context.words
    pieces: list[str] = []
    for base in await _bases(context):
        figures = await context.resources.library.statistics(base.base_id)
        pieces.append(
            _(
                "{base}: {documents} documents, {passages} passages, {size}; embedding model: "
                "{embedder}.",
                base=inert(figures.base),
                documents=figures.documents,
                passages=figures.passages,
                size=size_of(figures.size),
                embedder=inert(figures.embedder) if figures.embedder else _("none"),
            )
        )
    yield TextDelta("\n".join(pieces) or _("There are no documents here yet."))


async def add(context: CommandContext) -> Replies:
    """Learn the files that come with the message, one after the other."""
    if not context.message.attachments:
        raise BadArgumentsError(context.command.name, context.command.usage)
    name = home_of(context.message)
    if name is None:
        raise NoSuchBaseError(context.message.conversation.channel.channel_id)
    base = await context.resources.library.ensure_base(name)
    for attachment in context.message.attachments:
        async with aclosing(_added(context, base, attachment)) as events:
            async for event in events:
                yield event


async def _added(context: CommandContext, base: KnowledgeBase, attachment: Attachment) -> Replies:
    library = context.resources.library
    limit = context.resources.max_file_mb * MEGABYTE
    async with _temporary_folder() as folder:
        path = folder / _file_name(attachment.filename)
        try:
            await attachment.save(path, limit)
        except UserError as error:
            yield TextDelta(_told(error, context.words))
            return
        uploader = context.message.author.display_name
        async with library.uploads([path], uploader) as uploads:
            async for upload in uploads:
                if not isinstance(upload, Upload):
                    yield TextDelta(_told(upload, context.words))
                    continue
                async with aclosing(_one(context, base, upload)) as events:
                    async for event in events:
                        yield event


@asynccontextmanager
async def _temporary_folder() -> AsyncGenerator[Path, None]:
    folder = await asyncio.to_thread(tempfile.mkdtemp, prefix="lorekeeper-")
    try:
        yield Path(folder)
    finally:
        await to_the_end(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))


async def _one(
    context: CommandContext, base: KnowledgeBase, upload: Upload
) -> AsyncGenerator[ReplyEvent, None]:
    """Add one file, telling how far it has come; leaving early cancels it."""
    news: asyncio.Queue[IngestProgress | None] = asyncio.Queue()
    adding = asyncio.create_task(
        context.resources.library.add(base.base_id, upload, news.put_nowait),
        name=f"add {one_line(upload.name)}",
    )
    adding.add_done_callback(lambda _task: news.put_nowait(None))
    _ = context.words
    try:
        while (progress := await news.get()) is not None:
            yield Progress(_(STAGES[progress.stage]), progress.done, progress.total)
        try:
            told = _outcome(adding.result(), _)
        except KnowledgeError as error:
            told = _told(error, _)
        yield TextDelta(told)
    finally:
        adding.cancel()
        await asyncio.wait({adding})


def _outcome(added: Added, _: Words) -> str:
    document = added.document
    if added.state is AddState.UNCHANGED:
        sentence = _("{name} is here already; nothing was stored twice.", name=inert(document.name))
    elif added.state is AddState.REPLACED:
        sentence = _.plural(
            "{name} replaced by version {version}: {count} passage.",
            "{name} replaced by version {version}: {count} passages.",
            document.passages,
            name=inert(document.name),
            version=document.version,
        )
    else:
        sentence = _.plural(
            "Added {name}: {count} passage.", "Added {name}: {count} passages.",
            document.passages, name=inert(document.name),
        )  # fmt: skip
    return sentence + "\n"


def _told(error: Exception, _: Words) -> str:
    return (explain(error, _) or "") + "\n"


async def _bases(context: CommandContext) -> list[KnowledgeBase]:
    library = context.resources.library
    scope = await scope_of(context.message, library)
    return [base for base in await library.bases() if base.base_id in scope.bases]


async def _home(context: CommandContext) -> KnowledgeBase:
    name = home_of(context.message)
    if name is None:
        raise NoSuchBaseError(context.message.conversation.channel.channel_id)
    return await context.resources.library.base(name)


async def _document(context: CommandContext, name: str) -> Document:
    names: list[str] = []
    for base in await _bases(context):
        for document in await context.resources.library.documents(base.base_id):
            if document.name == name:
                return document
            names.append(document.name)
    raise NoSuchDocumentError(name, tuple(difflib.get_close_matches(name, names, 3)))


def _line(document: Document, _: Words) -> str:
    return _.plural(
        "{name} ({count} passage, {size})",
        "{name} ({count} passages, {size})",
        document.passages,
        name=inert(document.name),
        size=size_of(document.size),
    )


def size_of(count: int) -> str:
    """Bytes for people."""
    if count < 1000:
        return f"{count} B"
    if count < 1_000_000:
        return f"{count / 1000:.0f} kB"
    return f"{count / 1_000_000:.1f} MB"


def _file_name(name: str) -> str:
    """A name for the temporary file: the last part, nothing that a file system refuses."""
    last = re.sub(r"[\x00-\x1f/\\:*?\"<>|]", "_", name.replace("\\", "/").rsplit("/", 1)[-1])
    last = last.encode("utf-8", "replace").decode("utf-8").strip(". ") or "file"
    stem, dot, suffix = last.rpartition(".")
    if not dot or len(suffix) > 12:
        stem, dot, suffix = last, "", ""
    while len(f"{stem}{dot}{suffix}".encode()) > 200:
        stem = stem[:-1]
    return f"{stem}{dot}{suffix}"
