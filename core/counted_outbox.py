"""Outboxes whose calls are counted: what platforms take, refuse and put off."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, MutableMapping, Sequence
from typing import Literal, TypeAlias, TypeVar

from core.errors import (
    ChannelGoneError,
    DeliveryError,
    DeliveryRateLimitedError,
    ForbiddenError,
)
from core.events import (
    Author,
    ChannelRef,
    ConversationRef,
    InteractionRef,
    MessageRef,
    Platform,
    ReplyTo,
)
from core.meters import Delivered, Meters
from core.ports import Capabilities, Lacking, Outbox, Standing
from core.replies import Menu

T = TypeVar("T")
Call: TypeAlias = Literal["send", "edit", "delete", "file", "draft", "reveal"]


class CountedOutboxes(MutableMapping[Platform, Outbox]):
    """Puts outboxes into a mapping that others read, each one counted."""

    def __init__(self, into: MutableMapping[Platform, Outbox], meters: Meters) -> None:
        self._into = into
        self._meters = meters

    def __setitem__(self, platform: Platform, outbox: Outbox) -> None:
        self._into[platform] = CountedOutbox(outbox, platform, self._meters)

    def __getitem__(self, platform: Platform) -> Outbox:
        return self._into[platform]

    def __delitem__(self, platform: Platform) -> None:
        del self._into[platform]

    def __iter__(self) -> Iterator[Platform]:
        return iter(self._into)

    def __len__(self) -> int:
        return len(self._into)


class CountedOutbox:
    """An outbox like the one within; what writes is counted, what only asks is not."""

    def __init__(self, outbox: Outbox, platform: Platform, meters: Meters) -> None:
        self._outbox = outbox
        self._platform = platform
        self._meters = meters

    @property
    def capabilities(self) -> Capabilities:
        return self._outbox.capabilities

    async def send(
        self,
        to: ConversationRef,
        text: str,
        *,
        reply_to: ReplyTo | None = None,
        key: str | None = None,
        menus: Sequence[Menu] = (),
        mention: str | None = None,
    ) -> str:
        sent = self._outbox.send(to, text, reply_to=reply_to, key=key, menus=menus, mention=mention)
        return await self._counted("send", sent)

    async def ask(
        self, to: ConversationRef, text: str, *, of: Author, reply_to: ReplyTo | None = None
    ) -> str:
        return await self._counted("send", self._outbox.ask(to, text, of=of, reply_to=reply_to))

    def link(self, message: MessageRef) -> str | None:
        return self._outbox.link(message)

    def message_at(self, channel: ChannelRef, link: str) -> MessageRef | None:
        return self._outbox.message_at(channel, link)

    async def edit(
        self, to: ConversationRef, message_id: str, text: str, *, menus: Sequence[Menu] = ()
    ) -> None:
        await self._counted("edit", self._outbox.edit(to, message_id, text, menus=menus))

    async def delete(self, to: ConversationRef, message_id: str) -> None:
        await self._counted("delete", self._outbox.delete(to, message_id))

    async def send_file(
        self,
        to: ConversationRef,
        filename: str,
        data: bytes,
        *,
        reply_to: ReplyTo | None = None,
        key: str | None = None,
    ) -> str:
        sent = self._outbox.send_file(to, filename, data, reply_to=reply_to, key=key)
        return await self._counted("file", sent)

    async def typing(self, to: ConversationRef) -> None:
        await self._outbox.typing(to)

    async def draft(self, to: ConversationRef, answers: str, text: str) -> bool:
        return await self._counted("draft", self._outbox.draft(to, answers, text))

    async def reveal(self, to: InteractionRef, text: str, *, menus: Sequence[Menu] = ()) -> None:
        await self._counted("reveal", self._outbox.reveal(to, text, menus=menus))

    async def dismiss(self, to: InteractionRef) -> None:
        await self._outbox.dismiss(to)

    async def direct(self, user_id: str) -> ConversationRef:
        return await self._outbox.direct(user_id)

    async def open_thread(self, question: MessageRef, title: str) -> ConversationRef | None:
        return await self._outbox.open_thread(question, title)

    async def leave(self, server_id: str) -> None:
        await self._outbox.leave(server_id)

    async def is_member(self, user_id: str, channel: ChannelRef) -> bool | None:
        return await self._outbox.is_member(user_id, channel)

    async def standing(self, user_id: str, channel: ChannelRef) -> Standing | None:
        return await self._outbox.standing(user_id, channel)

    async def is_within(self, channel: ChannelRef, other: ChannelRef) -> bool | None:
        return await self._outbox.is_within(channel, other)

    async def lacking(self, channel: ChannelRef) -> Sequence[Lacking]:
        return await self._outbox.lacking(channel)

    async def _counted(self, call: Call, work: Awaitable[T]) -> T:
        try:
            result = await work
        except DeliveryError as error:
            self._meters.note(Delivered(self._platform, call, _outcome(error)))
            raise
        self._meters.note(Delivered(self._platform, call, "done"))
        return result


def _outcome(error: DeliveryError) -> Literal["limited", "forbidden", "gone", "failed"]:
    match error:
        case DeliveryRateLimitedError():
            return "limited"
        case ForbiddenError():
            return "forbidden"
        case ChannelGoneError():
            return "gone"
        case _:
            return "failed"
