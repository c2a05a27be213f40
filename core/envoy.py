"""Messages that are no replies: to a place, to the owners, to who pressed a button."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Final

from core.errors import DeliveryError
from core.events import (
    ChannelRef,
    ConversationRef,
    InteractionRef,
    MemberRef,
    MessageRef,
    Platform,
    ServerRef,
)
from core.language import Words, words
from core.ports import Lacking, Outbox
from core.replies import Menu
from core.text import clip

_log = logging.getLogger(__name__)


class Envoy:
    """Says things where they can be said. What a platform does not take is logged: nobody waits."""

    def __init__(
        self,
        outboxes: Mapping[Platform, Outbox],
        owners: frozenset[MemberRef] = frozenset(),
        language: str = "en",
    ) -> None:
        self._outboxes = outboxes
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
        return await self.say(to, text)

    def link(self, message: MessageRef) -> str | None:
        """Where a message can be read."""
        outbox = self._outboxes.get(message.conversation.channel.platform)
        return None if outbox is None else outbox.link(message)

    async def say(self, to: ConversationRef, text: str, menus: Sequence[Menu] = ()) -> bool:
        """Whether the message is out."""
        return await self.post(to, text, menus) is not None

    async def post(
        self, to: ConversationRef, text: str, menus: Sequence[Menu] = ()
    ) -> MessageRef | None:
        """The message that is out; None: it could not be sent."""
        outbox = self._outboxes.get(to.channel.platform)
        if outbox is None:
            return None
        can = outbox.capabilities
        try:
            message_id = await outbox.send(
                to, clip(text, can.max_text, can.count), menus=menus if can.can_buttons else ()
            )
        except DeliveryError:
            _log.warning("a message could not be sent", exc_info=True)
            return None
        return MessageRef(to, message_id)

    async def replace(self, to: ConversationRef, message_id: str, text: str) -> None:
        """Let a message of ours say this, without buttons."""
        outbox = self._outboxes.get(to.channel.platform)
        if outbox is None:
            return
        try:
            await outbox.edit(to, message_id, text)
        except DeliveryError:
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
            if (message := await self.post(to, text, menus)) is not None:
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
