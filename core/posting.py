"""The messages that a reply consists of: sent, brought up to date and taken away one by one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, Protocol

from core.errors import (
    ChannelGoneError,
    ConversationMovedError,
    ForbiddenError,
)
from core.events import ConversationRef, IncomingMessage, InteractionRef, MessageRef, ReplyTo
from core.pacer import Pacer
from core.ports import Outbox
from core.replies import FileReply, Menu, SentMessage
from core.shielding import to_the_end

PATIENCE_SECONDS: Final = 5.0
"""How long a request that is under way may go on after a cancellation."""


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
class Face:
    """What a message shows."""

    text: str
    menus: tuple[Menu, ...] = ()


@dataclass(slots=True)
class _Posted:
    message: SentMessage
    face: Face | None
    """None where an earlier run sent it."""


class Posting:
    """One reply's messages, texts and files, as they stand on the platform."""

    def __init__(
        self, message: IncomingMessage, way: Way, receipts: Receipts, sent: Sent | None
    ) -> None:
        """`sent` None: this is the first run of this reply."""
        self._to = message.conversation
        self.answers: Final[ReplyTo] = message.reply_to or MessageRef(self._to, message.message_id)
        self._outbox = way.outbox
        self._can = way.outbox.capabilities
        self._pacer = way.pacer
        self._receipts = receipts
        self._again = sent is not None
        earlier = sent or Sent()
        self._is_another = earlier.is_another
        self._texts = [_Posted(m, None) for m in earlier.messages if m.kind == "text"]
        self._files = [m for m in earlier.messages if m.kind == "file"]
        self._foreign_files = [*self._files]

    @property
    def to(self) -> ConversationRef:
        """Where it goes on, which a move of its channel may have changed."""
        return self._to

    def __len__(self) -> int:
        """How many messages of text there are."""
        return len(self._texts)

    @property
    def visible(self) -> bool:
        """Whether anything of it is there."""
        return bool(self._texts or self._files)

    @property
    def careful(self) -> bool:
        """Whether a message is opened with nothing but the mark of one that is being written."""
        # Killed between the platform's taking a message and our noting its id, we send it again:
        # where the platform cannot tell, the first must not look like an answer.
        kept = self._receipts.key is not None
        return kept and self._can.can_edit and not self._can.can_deduplicate

    def consists_of(self, message_id: str) -> bool:
        """Whether the message is part of it."""
        shown = [*(posted.message for posted in self._texts), *self._files]
        return any(message.message_id == message_id for message in shown)

    def wrong(self, faces: Sequence[Face]) -> list[int]:
        """The parts that are not shown as they should be."""
        return [
            place
            for place, face in enumerate(faces)
            if place >= len(self._texts) or self._texts[place].face != face
        ]

    async def put(self, place: int, face: Face) -> None:
        """Show one part so; at most the first that is not there yet."""
        # To the end also when cancelled: an id that nobody noted, or an old edit that overtakes
        # the last one, could not be mended.
        if place < len(self._texts):
            await to_the_end(self._edit(place, face), patience=PATIENCE_SECONDS)
        else:
            await to_the_end(self._send(place, face), patience=PATIENCE_SECONDS)

    async def settle(self, faces: Sequence[Face], opening: Face) -> None:
        """Show these parts and no others, whatever was throttled on the way."""
        if self.careful:
            while len(self._texts) < len(faces):
                await self._pacer.carry_out(partial(self.put, len(self._texts), opening))
        while wrong := self.wrong(faces):
            opens = self.careful and wrong[0] >= len(self._texts)
            await self._pacer.carry_out(
                partial(self.put, wrong[0], opening if opens else faces[wrong[0]])
            )
        for posted in self._texts[len(faces) :]:
            await self._pacer.carry_out(partial(self._delete, posted.message))
        del self._texts[len(faces) :]

    async def settle_files(self, files: Sequence[FileReply], own: int) -> None:
        """Send the files that are missing; `own` of them are a command's, which earlier runs may
        have sent."""
        # What earlier runs sent of a command's files stays; a file made of other words goes.
        for message in self._foreign_files[0 if self._is_another else own :]:
            await self._pacer.carry_out(partial(self._delete, message))
            self._files.remove(message)
        self._foreign_files.clear()
        for place in range(len(self._files), len(files)):
            await self._pacer.carry_out(partial(self._put_file, place, files[place]))

    async def _put_file(self, place: int, file: FileReply) -> None:
        await to_the_end(self._send_file(place, file), patience=PATIENCE_SECONDS)

    async def _edit(self, place: int, face: Face) -> None:
        posted = self._texts[place]
        ours = posted.message.message_id
        try:
            await self._outbox.edit(self._to, ours, face.text, menus=face.menus)
        except ConversationMovedError as error:
            self._follow(error)
        else:
            posted.face = face

    async def _send(self, place: int, face: Face) -> None:
        try:
            message_id = await self._outbox.send(
                self._to,
                face.text,
                reply_to=self._reply_to_of(place),
                key=self._key("text", place),
                menus=face.menus,
            )
        except ConversationMovedError as error:
            self._follow(error)
            return
        message = SentMessage("text", place, message_id)
        # After a restart it may be the earlier run's message that came back for our key.
        known = not (self._again and self._can.can_deduplicate)
        self._texts.append(_Posted(message, face if known else None))
        await self._receipts.sent(message)

    def _follow(self, moved: ConversationMovedError) -> None:
        """What stands there stays as it is: the whole is said anew where it goes on."""
        self._to = moved.now
        self._texts.clear()

    async def _send_file(self, place: int, file: FileReply) -> None:
        try:
            message_id = await self._outbox.send_file(
                self._to,
                file.filename,
                file.data,
                reply_to=self._reply_to_of(place),
                key=self._key("file", place),
            )
        except ConversationMovedError as error:
            self._to = error.now
            await self._send_file(place, file)
            return
        message = SentMessage("file", place, message_id)
        self._files.append(message)
        await self._receipts.sent(message)

    async def _delete(self, message: SentMessage) -> None:
        await _take_away(self._outbox, self._to, message, self._receipts)

    def _reply_to_of(self, place: int) -> ReplyTo | None:
        """An interaction is answered by every part, a message by the first."""
        return self.answers if place == 0 or isinstance(self.answers, InteractionRef) else None

    def _key(self, kind: Literal["text", "file"], place: int) -> str | None:
        key = self._receipts.key
        return f"{key}-{kind}-{place}" if key is not None else None


async def take_back(
    sent: Sequence[SentMessage],
    to: ConversationRef,
    outbox: Outbox,
    pacer: Pacer,
    receipts: Receipts,
) -> None:
    """Take away the messages of a reply; one that is gone already does no harm."""
    for message in sent:
        await pacer.carry_out(partial(_take_away, outbox, to, message, receipts))


async def _take_away(
    outbox: Outbox, to: ConversationRef, message: SentMessage, receipts: Receipts
) -> None:
    with suppress(ForbiddenError, ChannelGoneError):
        await outbox.delete(to, message.message_id)
    await receipts.removed(message)
