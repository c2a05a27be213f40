"""Reply events on their way to messages: what is shown meanwhile, and the whole at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from typing import Any, Final

from core.buttons import answer_menu, stop_menu
from core.errors import DeliveryError, DeliveryRateLimitedError, ForbiddenError
from core.events import ChannelKind, ConversationRef, IncomingMessage, MessageRef
from core.language import Words
from core.layout import Draft
from core.pacer import Urgency
from core.posting import PATIENCE_SECONDS, Face, Posting, Receipts, Sent, Way
from core.replies import Actions, FileReply, Finished, Menu, ReplyEvent, Sources
from core.shielding import to_the_end
from core.text import split_message

TYPING_SECONDS: Final = 4.5
"""Telegram shows typing for five seconds, Discord for ten."""
OPENING_SECONDS: Final = 0.2
"""How long a first sight waits for more: a short answer then takes one message and no edit."""
DRAFT_SECONDS: Final = 20.0
"""A draft without news is shown again before the platform takes it away (Telegram: after 30 s)."""
ANSWER_FILE: Final = "answer.md"


class Delivery:
    """One reply on its way to one place. Feed `show`, and await `paint` beside it.

    Whatever was throttled on the way, `paint` returns when the text stands there as it should.
    """

    def __init__(
        self,
        message: IncomingMessage,
        way: Way,
        words: Words,
        receipts: Receipts,
        *,
        sent: Sent | None = None,
    ) -> None:
        """`sent` None: this is the first run of this reply."""
        self._to = message.conversation
        self._outbox = way.outbox
        self._can = way.outbox.capabilities
        self._pacer = way.pacer
        self._words = words
        self._draft = Draft(words, markdown=self._can.markup == "markdown", longest=way.longest)
        self._posting = Posting(message, way, receipts, sent)
        self._files: list[FileReply] = []
        self._menus: tuple[Menu, ...] = ()
        # A draft is no message: it cannot stand where an earlier run's message stands.
        private = message.kind is ChannelKind.PRIVATE and not (sent or Sent()).messages
        is_message = isinstance(self._posting.answers, MessageRef)
        self._drafts = self._can.can_draft and private and is_message
        self._drafted = ""
        self._changed = asyncio.Event()
        self._complete = asyncio.Event()

    @property
    def visible(self) -> bool:
        """Whether the asker has seen anything of it."""
        return self._posting.visible or bool(self._drafted)

    @property
    def to(self) -> ConversationRef:
        """Where it goes on, which a move of its channel may have changed."""
        return self._posting.to

    def consists_of(self, message_id: str) -> bool:
        """Whether the message is part of it."""
        return self._posting.consists_of(message_id)

    def show(self, event: ReplyEvent) -> None:
        """Take the next event; it is shown when its turn comes."""
        if isinstance(event, FileReply):
            self._files.append(event)
        elif isinstance(event, Actions):
            self._menus = event.menus
        elif isinstance(event, Finished):
            self._draft.stopped = event.reason == "cancelled"
        else:
            if isinstance(event, Sources):
                self._menus = (answer_menu(event, self._words),)
            self._draft.take(event)
        self._changed.set()

    def complete(self) -> None:
        """No more events will come."""
        self._complete.set()

    async def paint(self) -> None:
        """Show what comes until it is complete, then the whole text as it is to stay."""
        with self._pacer.unfinished():
            typing = asyncio.create_task(self._type(), name=f"typing {self._to}")
            try:
                if self._can.can_edit:
                    await self._glimpses(typing)
                await self._complete.wait()
                await self._finish()
            finally:
                typing.cancel()
                await asyncio.wait({typing})

    async def stop(self) -> None:
        """End with what there is and a mark that it was stopped; nothing shown stays nothing."""
        self._draft.stopped = True
        self._files.clear()
        if self.visible:
            await self.settle()

    async def settle(self) -> None:
        """Show the whole as it is to stay."""
        with self._pacer.unfinished():
            await self._finish()

    async def _type(self) -> None:
        while not len(self._posting):
            # Only a courtesy: whether we may write there, the first message tells.
            with suppress(DeliveryError):
                await self._outbox.typing(self._to)
            await asyncio.sleep(TYPING_SECONDS)

    async def _glimpses(self, typing: asyncio.Task[None]) -> None:
        complete = asyncio.ensure_future(self._complete.wait())
        try:
            while not complete.done():
                await self._news(complete)
                self._changed.clear()
                if not self._draft.worth_showing:
                    continue
                seen = bool(len(self._posting) or self._drafted)
                if not seen:
                    await _first(asyncio.sleep(OPENING_SECONDS), complete)
                may = self._pacer.ask(Urgency.SPARE if seen else Urgency.OPENING)
                await _first(may, complete)
                if complete.done():
                    may.cancel()
                    return
                try:
                    with may.result():
                        await self._glimpse()
                except DeliveryRateLimitedError as error:
                    self._pacer.pause(error.retry_after)
                    self._changed.set()
                typing.cancel()
        finally:
            complete.cancel()

    async def _news(self, complete: asyncio.Future[Any]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAFT_SECONDS if self._drafted else None):
                await _first(self._changed.wait(), complete)

    async def _glimpse(self) -> None:
        """Bring one message up to date; if more is to do, say so."""
        parts = self._split(self._draft.growing())
        if self._drafts:
            await to_the_end(self._show_draft(parts[-1]), patience=PATIENCE_SECONDS)
            return
        faces = self._faces(parts, (stop_menu(self._words),))
        wrong = self._posting.wrong(faces)
        if not wrong:
            return
        place, face = wrong[0], faces[wrong[0]]
        opens = place == len(self._posting)
        if opens and self._posting.careful and not face.text.endswith(self._draft.mark):
            # The text has run past this part already: an edit brings it.
            face = self._opening
        if len(wrong) > 1:
            self._changed.set()
        await self._posting.put(place, face)
        if not len(self._posting):
            self._changed.set()  # The channel has moved: it is said anew there.

    async def _show_draft(self, text: str) -> None:
        answers = self._posting.answers
        if not isinstance(answers, MessageRef):
            return
        if await self._outbox.draft(self._to, answers.message_id, text):
            self._drafted = text
        else:
            self._drafts = False
            self._drafted = ""
            self._changed.set()

    async def _finish(self) -> None:
        await self._settle_text()
        whole = self._draft.overlong
        files = [*self._files]
        if whole is not None:
            files.append(FileReply(ANSWER_FILE, "text/markdown", whole.encode()))
        try:
            await self._posting.settle_files(files, len(self._files))
        except ForbiddenError:
            if whole is None or self._files:
                raise
            # We may write there, but send no files: all of it is said, in as many messages.
            self._draft.unfold()
            await self._settle_text()

    async def _settle_text(self) -> None:
        faces = self._faces(self._split(self._draft.final()), self._menus)
        await self._posting.settle(faces, self._opening)

    @property
    def _opening(self) -> Face:
        """What a message is opened with; left over by a kill, it can be pressed away."""
        return self._faces((self._draft.mark,), (stop_menu(self._words),))[0]

    def _split(self, text: str) -> tuple[str, ...]:
        return split_message(text, self._can.max_text, self._can.count)

    def _faces(self, parts: Sequence[str], menus: tuple[Menu, ...]) -> list[Face]:
        """The parts, with what can be pressed below the last."""
        faces = [Face(part) for part in parts]
        if faces and self._can.can_buttons:
            faces[-1] = Face(parts[-1], menus)
        return faces


async def _first(awaited: Awaitable[Any], complete: asyncio.Future[Any]) -> None:
    """Wait for it, or for completion; what it was is cancelled if it is not needed any more."""
    future = asyncio.ensure_future(awaited)
    try:
        await asyncio.wait({future, complete}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if not future.done():
            future.cancel()
