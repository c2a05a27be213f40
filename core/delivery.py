"""Reply events become messages: typing, one message that grows, what belongs below it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal, Protocol

from core.buttons import answer_menu, stop_menu
from core.errors import (
    ChannelGoneError,
    DeliveryError,
    DeliveryRateLimitedError,
    ForbiddenError,
)
from core.events import (
    ChannelKind,
    ConversationRef,
    IncomingMessage,
    InteractionRef,
    MessageRef,
    ReplyTo,
)
from core.language import Words
from core.layout import Draft
from core.pacer import Pacer, Urgency
from core.ports import Outbox
from core.replies import Actions, FileReply, Finished, Menu, ReplyEvent, SentMessage, Sources
from core.shielding import to_the_end
from core.text import split_message

TYPING_SECONDS: Final = 4.5
"""Telegram shows typing for five seconds, Discord for ten."""
OPENING_SECONDS: Final = 0.2
"""How long a first sight waits for more: a short answer then takes one message and no edit."""
PATIENCE_SECONDS: Final = 5.0
"""How long a request that is under way may go on after a cancellation."""
DRAFT_SECONDS: Final = 20.0
"""A draft without news is shown again before the platform takes it away (Telegram: after 30 s)."""
ANSWER_FILE: Final = "answer.md"


class Receipts(Protocol):
    """Where it is kept which messages a reply consists of."""

    @property
    def key(self) -> str | None:
        """Names the reply across restarts; None where it is not kept."""
        ...

    async def sent(self, message: SentMessage) -> None: ...

    async def removed(self, message: SentMessage) -> None: ...


@dataclass(frozen=True, slots=True)
class Way:
    """How a reply gets to where it goes."""

    outbox: Outbox
    pacer: Pacer
    longest: int = 6000
    """An answer of more characters goes as its beginning and a file."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What earlier runs have sent of a reply."""

    messages: tuple[SentMessage, ...] = ()
    is_another: bool = False
    """They sent an answer to other words, or one that is not wanted: its files go."""


@dataclass(frozen=True, slots=True)
class _Face:
    """What a message shows."""

    text: str
    menus: tuple[Menu, ...] = ()


@dataclass(slots=True)
class _Posted:
    message: SentMessage
    face: _Face | None
    """None where an earlier run sent it."""


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
        self._reply_to: ReplyTo = message.reply_to or MessageRef(self._to, message.message_id)
        self._outbox = way.outbox
        self._can = way.outbox.capabilities
        self._pacer = way.pacer
        self._receipts = receipts
        self._words = words
        self._draft = Draft(words, markdown=self._can.markup == "markdown", longest=way.longest)
        self._files: list[FileReply] = []
        self._menus: tuple[Menu, ...] = ()
        self._again = sent is not None
        earlier = sent or Sent()
        self._is_another = earlier.is_another
        self._posted = [_Posted(m, None) for m in earlier.messages if m.kind == "text"]
        self._sent_files = [m for m in earlier.messages if m.kind == "file"]
        self._foreign_files = [*self._sent_files]
        # A draft is no message: it cannot stand where an earlier run's message stands.
        private = message.kind is ChannelKind.PRIVATE and not earlier.messages
        self._drafts = self._can.can_draft and private and isinstance(self._reply_to, MessageRef)
        self._drafted = ""
        self._changed = asyncio.Event()
        self._complete = asyncio.Event()

    @property
    def visible(self) -> bool:
        """Whether the asker has seen anything of it."""
        return bool(self._posted or self._sent_files or self._drafted)

    def consists_of(self, message_id: str) -> bool:
        """Whether the message is part of it."""
        shown = [*(posted.message for posted in self._posted), *self._sent_files]
        return any(message.message_id == message_id for message in shown)

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
        while not self._posted:
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
                seen = bool(self._posted or self._drafted)
                if not seen:
                    await _first(asyncio.sleep(OPENING_SECONDS), complete)
                may = self._pacer.ask(Urgency.SPARE if seen else Urgency.OPENING)
                await _first(may, complete)
                if complete.done():
                    may.cancel()
                    return
                try:
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
        wrong = self._wrong(faces)
        if not wrong:
            return
        place, face = wrong[0], faces[wrong[0]]
        opens = place == len(self._posted)
        if opens and self._careful and not face.text.endswith(self._draft.mark):
            # The text has run past this part already: an edit brings it.
            face = _Face(self._draft.mark)
        if len(wrong) > 1:
            self._changed.set()
        await self._put(place, face)

    async def _show_draft(self, text: str) -> None:
        if not isinstance(self._reply_to, MessageRef):
            return
        if await self._outbox.draft(self._to, self._reply_to.message_id, text):
            self._drafted = text
        else:
            self._drafts = False
            self._drafted = ""
            self._changed.set()

    async def _finish(self) -> None:
        faces = self._faces(self._split(self._draft.final()), self._menus)
        if self._careful:
            await self._open_carefully(len(faces))
        while wrong := self._wrong(faces):
            await self._surely(partial(self._put, wrong[0], faces[wrong[0]]))
        for posted in self._posted[len(faces) :]:
            await self._surely(partial(self._delete, posted.message))
        del self._posted[len(faces) :]
        await self._finish_files()

    async def _finish_files(self) -> None:
        whole = self._draft.overlong
        files = [*self._files]
        if whole is not None:
            files.append(FileReply(ANSWER_FILE, "text/markdown", whole.encode()))
        # What earlier runs sent of a command's files stays; a file made of other words goes.
        for message in self._foreign_files[0 if self._is_another else len(self._files) :]:
            await self._surely(partial(self._delete, message))
            self._sent_files.remove(message)
        self._foreign_files.clear()
        for place in range(len(self._sent_files), len(files)):
            await self._surely(partial(self._put_file, place, files[place]))

    @property
    def _careful(self) -> bool:
        # Killed between the platform's taking a message and our noting its id, we send it again:
        # where the platform cannot tell, the first must not look like an answer.
        kept = self._receipts.key is not None
        return kept and self._can.can_edit and not self._can.can_deduplicate

    async def _open_carefully(self, parts: int) -> None:
        for place in range(len(self._posted), parts):
            await self._surely(partial(self._put, place, _Face(self._draft.mark)))

    def _split(self, text: str) -> tuple[str, ...]:
        return split_message(text, self._can.max_text, self._can.count)

    def _faces(self, parts: Sequence[str], menus: tuple[Menu, ...]) -> list[_Face]:
        """The parts, with what can be pressed below the last."""
        faces = [_Face(part) for part in parts]
        if faces and self._can.can_buttons:
            faces[-1] = _Face(parts[-1], menus)
        return faces

    def _wrong(self, faces: Sequence[_Face]) -> list[int]:
        """The parts that are not shown as they should be."""
        return [
            place
            for place, face in enumerate(faces)
            if place >= len(self._posted) or self._posted[place].face != face
        ]

    async def _surely(self, operation: Callable[[], Awaitable[None]]) -> None:
        await _surely(self._pacer, operation)

    async def _put(self, place: int, face: _Face) -> None:
        # To the end also when cancelled: an id that nobody noted, or an old edit that overtakes
        # the last one, could not be mended.
        if place < len(self._posted):
            await to_the_end(self._edit(place, face), patience=PATIENCE_SECONDS)
        else:
            await to_the_end(self._send(place, face), patience=PATIENCE_SECONDS)

    async def _put_file(self, place: int, file: FileReply) -> None:
        await to_the_end(self._send_file(place, file), patience=PATIENCE_SECONDS)

    async def _edit(self, place: int, face: _Face) -> None:
        posted = self._posted[place]
        await self._outbox.edit(self._to, posted.message.message_id, face.text, menus=face.menus)
        posted.face = face

    async def _send(self, place: int, face: _Face) -> None:
        message_id = await self._outbox.send(
            self._to,
            face.text,
            reply_to=self._reply_to_of(place),
            key=self._key("text", place),
            menus=face.menus,
        )
        message = SentMessage("text", place, message_id)
        # After a restart it may be the earlier run's message that came back for our key.
        known = not (self._again and self._can.can_deduplicate)
        self._posted.append(_Posted(message, face if known else None))
        await self._receipts.sent(message)

    async def _send_file(self, place: int, file: FileReply) -> None:
        message_id = await self._outbox.send_file(
            self._to,
            file.filename,
            file.data,
            reply_to=self._reply_to_of(place),
            key=self._key("file", place),
        )
        message = SentMessage("file", place, message_id)
        self._sent_files.append(message)
        await self._receipts.sent(message)

    async def _delete(self, message: SentMessage) -> None:
        await _take_away(self._outbox, self._to, message, self._receipts)

    def _reply_to_of(self, place: int) -> ReplyTo | None:
        """An interaction is answered by every part, a message by the first."""
        return self._reply_to if place == 0 or isinstance(self._reply_to, InteractionRef) else None

    def _key(self, kind: Literal["text", "file"], place: int) -> str | None:
        key = self._receipts.key
        return f"{key}-{kind}-{place}" if key is not None else None


async def _first(awaited: Awaitable[Any], complete: asyncio.Future[Any]) -> None:
    """Wait for it, or for completion; what it was is cancelled if it is not needed any more."""
    future = asyncio.ensure_future(awaited)
    try:
        await asyncio.wait({future, complete}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if not future.done():
            future.cancel()


async def take_back(
    sent: Sequence[SentMessage],
    to: ConversationRef,
    outbox: Outbox,
    pacer: Pacer,
    receipts: Receipts,
) -> None:
    """Take away the messages of a reply; one that is gone already does no harm."""
    for message in sent:
        await _surely(pacer, partial(_take_away, outbox, to, message, receipts))


async def _take_away(
    outbox: Outbox, to: ConversationRef, message: SentMessage, receipts: Receipts
) -> None:
    with suppress(ForbiddenError, ChannelGoneError):
        await outbox.delete(to, message.message_id)
    await receipts.removed(message)


async def _surely(pacer: Pacer, operation: Callable[[], Awaitable[None]]) -> None:
    """Carry it out however often the platform asks us to wait."""
    while True:
        await pacer.ask(Urgency.FINAL)
        try:
            return await operation()
        except DeliveryRateLimitedError as error:
            pacer.pause(error.retry_after)
