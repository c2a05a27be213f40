"""What somebody may do in a channel other than the one they act in."""

from __future__ import annotations

from collections.abc import Mapping

from core.channels import Channels
from core.events import (
    ActionPressed,
    Author,
    ChannelRef,
    ConversationRef,
    MemberRef,
    Place,
    Platform,
)
from core.permissions import Level, Rules, level_of
from core.ports import Outbox, Standing
from core.sightings import SeenChannel, Sightings

_NOBODY = Standing(can_read=False)


class Rights:
    """Asks the platform at that moment; what it cannot say is no right."""

    def __init__(
        self,
        channels: Channels,
        sightings: Sightings,
        outboxes: Mapping[Platform, Outbox],
        rules: Rules,
    ) -> None:
        self._channels = channels
        self._sightings = sightings
        self._outboxes = outboxes
        self._rules = rules

    async def level(self, member: MemberRef, channel: ChannelRef) -> Level:
        """`Level.BLOCKED` for who cannot read there. Raises `DeliveryError`."""
        seen = await self._sightings.channel(channel) or SeenChannel(channel)
        outbox = self._outboxes.get(channel.platform)
        standing = None if outbox is None else await outbox.standing(member.user_id, channel)
        standing = standing or _NOBODY
        settings = self._channels.at(channel, seen.parent, seen.server)
        level = level_of(_as_there(member, seen, standing), self._rules, settings)
        return level if standing.can_read or level is Level.OWNER else Level.BLOCKED


def _as_there(member: MemberRef, seen: SeenChannel, standing: Standing) -> ActionPressed:
    return ActionPressed(
        ConversationRef(seen.channel),
        "",
        "",
        Author(
            member.user_id,
            "",
            is_channel_admin=standing.is_channel_admin,
            is_moderator=standing.is_moderator,
            is_server_admin=standing.is_server_admin,
            role_ids=standing.role_ids,
        ),
        server_id=None if seen.server is None else seen.server.server_id,
        place=Place(parent=seen.parent, is_restricted=standing.is_restricted),
    )
