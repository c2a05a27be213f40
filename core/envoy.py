"""Messages that are no replies: to a place, to the owners, to who pressed a button."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from core.errors import DeliveryError
from core.events import (
    ChannelKind,
    ChannelRef,
    ConversationRef,
    InteractionRef,
    MemberRef,
    MessageRef,
    Platform,
    ServerRef,
)
from core.language import Words, words
from core.pacer import Pacers
from core.ports import Lacking, Outbox
from core.replies import FileReply, Menu
from core.text import clip

PATIENCE_SECONDS: Final = 90.0
"""How long a message that nobody asked for waits where the channel's budget is used up."""

_log = logging.getLogger(__name__)


class Envoy:
    """Says things where they can be said. What a platform does not take is logged: nobody waits."""

    def __init__(
        self,
        outboxes: Mapping[Platform, Outbox],
        owners: frozenset[MemberRef] = frozenset(),
        language: str = "en",
        pacers: Pacers | None = None,
    ) -> None:
        """`pacers` are those of replies: what is said beside them shares their budgets."""
        self._outboxes = outboxes
        self._pacers = pacers or Pacers()
        self._language = language
        self.owners: Final = owners

    def words(self, locale: str | None = None) -> Words:
        """By the platform's locale, else by the configuration."""
        return words(locale or self._language)

    def reaches(self, platform: Platform) -> bool:
        """Whether we are connected there now."""
        return platform in self._outboxes

    async def tell(self, member: MemberRef, text: str) -> bool:
        """In private; False where that cannot be."""
        outbox = self._outboxes.get(member.platform)
        if outbox is None:
            return False
        try:
            to = await outbox.direct(member.user_id)
        except DeliveryError as error:
            _log.info("somebody cannot be written to in private: %r", error)
            return False
        return await self.say(to, text, kind=ChannelKind.PRIVATE)

    async def hand(self, member: MemberRef, file: FileReply) -> bool:
        """A file, in private; False where that cannot be."""
        outbox = self._outboxes.get(member.platform)
        if outbox is None:
            return False
        try:
            to = await outbox.direct(member.user_id)
            pacer = self._pacers.of(to.channel, ChannelKind.PRIVATE, outbox.capabilities)
            sending = partial(outbox.send_file, to, file.filename, file.data)
            await pacer.carry_out(sending, patience=PATIENCE_SECONDS)
        except (DeliveryError, TimeoutError) as error:
            _log.info("a file cannot be sent in private: %r", error)
            return False
        return True

    def link(self, message: MessageRef) -> str | None:
        """Where a message can be read."""
        outbox = self._outboxes.get(message.conversation.channel.platform)
        return None if outbox is None else outbox.link(message)

    async def say(
        self,
        to: ConversationRef,
        text: str,
        menus: Sequence[Menu] = (),
        *,
        kind: ChannelKind = ChannelKind.GROUP,
    ) -> bool:
        """Whether the message is out."""
        return await self.post(to, text, menus, kind=kind) is not None

    async def post(
        self,
        to: ConversationRef,
        text: str,
        menus: Sequence[Menu] = (),
        *,
        kind: ChannelKind = ChannelKind.GROUP,
    ) -> MessageRef | None:
        """The message that is out; None: it could not be sent."""
        outbox = self._outboxes.get(to.channel.platform)
        if outbox is None:
            return None
        can = outbox.capabilities
        sending = partial(
            outbox.send,
            to,
            clip(text, can.max_text, can.count),
            menus=menus if can.can_buttons else (),
        )
        pacer = self._pacers.of(to.channel, kind, can)
        try:
            message_id = await pacer.carry_out(sending, patience=PATIENCE_SECONDS)
        except (DeliveryError, TimeoutError):
            _log.warning("a message could not be sent", exc_info=True)
            return None
        return MessageRef(to, message_id)

    async def replace(
        self,
        to: ConversationRef,
        message_id: str,
        text: str,
        *,
        kind: ChannelKind = ChannelKind.GROUP,
    ) -> None:
        """Let a message of ours say this, without buttons."""
        outbox = self._outboxes.get(to.channel.platform)
        if outbox is None:
            return
        pacer = self._pacers.of(to.channel, kind, outbox.capabilities)
        editing = partial(outbox.edit, to, message_id, text)
        try:
            await pacer.carry_out(editing, patience=PATIENCE_SECONDS)
        except (DeliveryError, TimeoutError):
            _log.warning("a message could not be edited", exc_info=True)

    async def tell_owners(self, text: str, menus: Sequence[Menu] = ()) -> tuple[MessageRef, ...]:
        """In private; the messages to those who were reached."""
        told: list[MessageRef] = []
        for owner in sorted(self.owners, key=lambda own: (own.platform, own.user_id)):
            outbox = self._outboxes.get(owner.platform)
            if outbox is None:
                continue
            try:
                to = await outbox.direct(owner.user_id)
            except DeliveryError:
                _log.warning("an owner cannot be written to", exc_info=True)
                continue
            if (message := await self.post(to, text, menus, kind=ChannelKind.PRIVATE)) is not None:
                told.append(message)
        return tuple(told)

    async def reveal(self, to: InteractionRef, text: str) -> None:
        """To the one who pressed or asked, and nobody else."""
        outbox = self._outboxes.get(to.platform)
        if outbox is None:
            return
        try:
            await outbox.reveal(to, text)
        except DeliveryError:
            _log.warning("an interaction could not be answered", exc_info=True)

    async def leave(self, server: ServerRef) -> None:
        """Go away from there."""
        outbox = self._outboxes.get(server.platform)
        if outbox is None:
            return
        try:
            await outbox.leave(server.server_id)
        except DeliveryError:
            _log.warning("a place could not be left", exc_info=True)

    async def lacking(self, channel: ChannelRef) -> Sequence[Lacking]:
        """Where we lack rights: there, and beside it; nothing where nobody says."""
        outbox = self._outboxes.get(channel.platform)
        if outbox is None:
            return ()
        try:
            return await outbox.lacking(channel)
        except DeliveryError as error:
            _log.info("our own rights are not known: %r", error)
            return ()
