"""A message that became a document is edited or deleted: so is the document."""

from __future__ import annotations

import asyncio
import logging
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.events import (
    Author,
    ChannelKind,
    IncomingMessage,
    MessageDeleted,
    MessageEdited,
    MessageRef,
    Platform,
    Quoted,
    Trigger,
)
from core.notes import LONGEST_ANSWER, store
from core.ports import Outbox
from core.shielding import to_the_end
from core.taught import TaughtMessage, TaughtMessages, document_text
from knowledge_base.errors import KnowledgeError, NoSuchBaseError, NoSuchDocumentError
from knowledge_base.models import Document, KnowledgeBase, Upload
from knowledge_base.notes import MEDIA_TYPE

if TYPE_CHECKING:
    from knowledge_base.library import Library

MOST_LOOKED_AT: Final = 200
"""So many of the newest are asked about after a time in which we heard nothing."""

_log = logging.getLogger(__name__)


class Retelling:
    """Follows messages that were taught. Where the platform tells of their changes, that is."""

    def __init__(
        self,
        library: Library,
        taught: TaughtMessages,
        outboxes: Mapping[Platform, Outbox] | None = None,
    ) -> None:
        """`outboxes` know where messages stand that are to be looked at again."""
        self._library = library
        self._taught = taught
        # It fills up later.
        self._outboxes = {} if outboxes is None else outboxes

    async def known(self, platform: Platform) -> tuple[IncomingMessage, ...]:
        """The newest messages that were taught, without their words: to ask what became of them."""
        outbox = self._outboxes.get(platform)
        found: dict[MessageRef, IncomingMessage] = {}
        if outbox is None:
            return ()
        for channel, message_id, told in await self._taught.latest(platform, MOST_LOOKED_AT):
            at = outbox.message_at(channel, told.link or "")
            if at is None or at.message_id != message_id:
                continue
            found[at] = IncomingMessage(
                at.conversation,
                ChannelKind.GROUP,
                Trigger.AMBIENT,
                message_id,
                Author(told.author_id, told.author),
                "",
                told.written_at or datetime.now(UTC),
            )
        return tuple(found.values())

    async def changed(self, event: MessageEdited | MessageDeleted) -> None:
        """Renew or remove the documents that the message became; most messages became none."""
        match event:
            case MessageEdited(message):
                where, message_id = message.conversation, message.message_id
            case MessageDeleted(where, message_id):
                pass
        for told in await self._taught.of(where.channel, message_id):
            try:
                if isinstance(event, MessageEdited):
                    await self._renew(event.message, told)
                else:
                    await self._remove(told)
            except KnowledgeError:
                _log.warning("a message's document stays as it was", exc_info=True)

    async def _renew(self, message: IncomingMessage, told: TaughtMessage) -> None:
        if message.author.user_id != told.author_id or not message.text.strip():
            # Without the right to read messages an edit comes without its text.
            return
        found = await self._document(told)
        if found is None:
            # What its author changed meanwhile does not come back in the old words.
            await self._end_rest(told)
            return
        base, document = found
        author = Author(told.author_id, told.author)
        quoted = Quoted(message.message_id, author, message.text, (), told.written_at, told.link)
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="lorekeeper-"))
        try:
            if document.media_type == MEDIA_TYPE:
                await self._rewrite(base, document, message.text)
                return
            path = folder / "message.md"
            await asyncio.to_thread(path.write_text, document_text(quoted), "utf-8", "replace")
            upload = Upload(told.name, path, document.uploader, document.uploader_id)
            await self._library.add(base.base_id, upload)
            # Nor does what it was in yet older words, which another act replaced.
            await self._end_rest(told)
        finally:
            await to_the_end(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))

    async def _rewrite(self, base: KnowledgeBase, document: Document, text: str) -> None:
        """The message is the answer of a note: its question, author and end stay."""
        note = await self._library.note(document)
        if note is not None:
            answer = text.strip()[:LONGEST_ANSWER]
            await store(self._library, base, replace(note, answer=answer), document.name)

    async def _remove(self, told: TaughtMessage) -> None:
        found = await self._document(told)
        if found is not None:
            try:
                # Its author wants it gone: it does not rest.
                await self._library.remove(found[0].base_id, told.name)
            except NoSuchDocumentError:
                _log.info("a message's document was taken out already")
        await self._end_rest(told)
        await self._taught.forget(told.base, told.name)

    async def _end_rest(self, told: TaughtMessage) -> None:
        with suppress(NoSuchBaseError):
            base = await self._library.base(told.base)
            await self._library.end_rest(base.base_id, told.name)

    async def _document(self, told: TaughtMessage) -> tuple[KnowledgeBase, Document] | None:
        try:
            base = await self._library.base(told.base)
        except NoSuchBaseError:
            return None
        for document in await self._library.documents(base.base_id):
            if document.name == told.name:
                return base, document
        return None
