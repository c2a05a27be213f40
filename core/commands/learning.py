"""`/kb add`: files that come with a message, one that is quoted, and pages become documents."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from core.commands.base import MEGABYTE, CommandContext, Replies
from core.commands.ingesting import learn, told
from core.commands.places import home, require_near, uploader_id
from core.commands.reviewing import Fetched, hold
from core.errors import (
    AttachmentTooLargeError,
    BadArgumentsError,
    UnsupportedAttachmentError,
    UserError,
)
from core.events import Attachment, Quoted
from core.filenames import file_name
from core.permissions import awaits_review
from core.replies import Progress, TextDelta
from core.shielding import to_the_end
from core.taught import document_name, document_text
from knowledge_base.errors import RejectedDocumentError
from knowledge_base.models import KnowledgeBase, Upload

MOST_FILES: Final = 20
"""Files in one batch."""
_UNREAD: Final = ("audio/", "video/", "image/", "font/")
"""What nothing reads: refused before it is fetched. All else is told by its content."""


@dataclass(frozen=True, slots=True)
class PageAddress:
    """Where a page of the web is said to be."""

    address: str


Item: TypeAlias = "Attachment | Quoted | PageAddress"
"""What is to be learnt: a file, the text of a message, or a page of the web."""


async def add(context: CommandContext) -> Replies:
    """Learn what comes with the message, one after the other, each with its own outcome."""
    items = _given(context)
    if not items:
        raise BadArgumentsError(context.command.name, context.command.usage)
    _ = context.words
    require_near(context)
    base = await home(context)
    is_held = awaits_review(context.level, context.settings)
    await context.resources.limiting.allowances.require_room()
    async with temporary_folder() as folder:
        fetched: list[Fetched] = []
        for place, item in enumerate(items[:MOST_FILES]):
            yield Progress(_("downloading"), place, len(items))
            try:
                if not await _may(context, place, item):
                    break
                file = await _fetch(context, item, folder / f"{place:03}")
            except (UserError, RejectedDocumentError) as error:
                yield TextDelta(told(error, _), failed=True)
                continue
            await _note(context, base, item, file.name)
            if is_held:
                fetched.append(file)
                continue
            batch = f"{place + 1}/{len(items)} " if len(items) > 1 else ""
            async with aclosing(_learnt(context, base, file, batch)) as events:
                async for event in events:
                    yield event
        if fetched:
            async with aclosing(hold(context, base, fetched)) as events:
                async for event in events:
                    yield event
    if len(items) > MOST_FILES:
        yield TextDelta(_("I take {count} files at once; send the rest again.", count=MOST_FILES))


async def _note(context: CommandContext, base: KnowledgeBase, item: Item, name: str) -> None:
    """Remember where a message stands that is learnt: before the document is there, since a row too
    many does no harm, one too few would."""
    if isinstance(item, Quoted):
        channel = context.message.conversation.channel
        await context.resources.taught.note(channel, item, base.name, name)


async def _may(context: CommandContext, place: int, item: Item) -> bool:
    """Whether the member may add one more, of the size that is told of it."""
    size = item.size or 0 if isinstance(item, Attachment) else 0
    return await context.resources.limiting.file(context.message, place, size, context.words)


def _given(context: CommandContext) -> list[Item]:
    """The message's own files and the page; without any, the quoted message's files and text."""
    message = context.message
    own: list[Item] = [*message.attachments]
    own += [value for value in context.options.values() if isinstance(value, Attachment)]
    if address := context.text("url").removeprefix("<").removesuffix(">"):
        own.append(PageAddress(address))
    if own or message.quoted is None:
        return own
    items: list[Item] = [*message.quoted.attachments]
    if message.quoted.text.strip():
        items.append(message.quoted)
    return items


async def _fetch(context: CommandContext, item: Item, folder: Path) -> Fetched:
    """Size and type are checked before anything is fetched."""
    await asyncio.to_thread(folder.mkdir)
    if isinstance(item, PageAddress):
        page = await context.resources.library.fetch(item.address, folder)
        return Fetched(page.name, page.path, page.source, page.media_type)
    if isinstance(item, Quoted):
        name = document_name(item)
        path = folder / name
        await asyncio.to_thread(path.write_text, document_text(item), "utf-8", "replace")
        return Fetched(name, path)
    check(item, context.resources.max_file_mb)
    name = file_name(item.filename)
    context.resources.library.expect_file()
    await item.save(folder / name, context.resources.max_file_mb * MEGABYTE)
    return Fetched(name, folder / name, media_type=item.known_as)


def check(attachment: Attachment, max_file_mb: int) -> None:
    """Raises `AttachmentTooLargeError` and `UnsupportedAttachmentError` by what is said of it."""
    limit = max_file_mb * MEGABYTE
    if attachment.size is not None and attachment.size > limit:
        raise AttachmentTooLargeError(attachment.filename, limit, "knowledge.max_file_mb")
    if attachment.media_type.startswith(_UNREAD):
        raise UnsupportedAttachmentError(attachment.filename, attachment.media_type)


async def _learnt(
    context: CommandContext, base: KnowledgeBase, file: Fetched, batch: str
) -> Replies:
    author = context.message.author.display_name
    upload = Upload(
        file.name,
        file.path,
        author,
        uploader_id(context.member),
        file.media_type,
        source=file.source,
    )
    async with aclosing(learn(context, base, upload, batch)) as events:
        async for event in events:
            yield event
    await asyncio.to_thread(file.path.unlink, missing_ok=True)


@asynccontextmanager
async def temporary_folder() -> AsyncGenerator[Path, None]:
    """A folder that is gone, with all in it, when the context is left."""
    folder = await asyncio.to_thread(tempfile.mkdtemp, prefix="lorekeeper-")
    try:
        yield Path(folder)
    finally:
        await to_the_end(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))
