"""Where the moderators of a channel read what happens: the log channel that they chose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.channels import Channels, channel_on
from core.errors import DeliveryError
from core.events import Asked, ChannelRef, ConversationRef, Platform
from core.ports import Outbox


@dataclass(frozen=True, slots=True)
class Board:
    """A log channel, for what comes from one channel."""

    conversation: ConversationRef
    may_quote: bool
    """Whether whoever reads there is known to read the channel too: its documents may be shown."""


class Noticeboards:
    """Finds the log channel of a place, and whether it is one now.

    What only few can read is not told where others read: that is asked of the platform each time,
    since a channel can be opened to more people after it was chosen.
    """

    def __init__(self, channels: Channels, outboxes: Mapping[Platform, Outbox]) -> None:
        self._channels = channels
        self._outboxes = outboxes

    async def of(self, asked: Asked) -> Board | None:
        """None where none is chosen, or where people read it who cannot read this channel."""
        own = asked.conversation.channel
        chosen = channel_on(own.platform, self._channels.of(asked).log_channel)
        if chosen is None:
            return None
        within = await self.is_within(chosen, own)
        return None if within is False else Board(ConversationRef(chosen), within is True)

    async def is_within(self, board: ChannelRef, channel: ChannelRef) -> bool | None:
        """Whether all who read the one can read the other; None: the platform cannot say."""
        if board == channel:
            return True
        outbox = self._outboxes.get(board.platform)
        if outbox is None:
            return None
        try:
            return await outbox.is_within(board, channel)
        except DeliveryError:
            return False
