"""Levels: who may do what. Pure; the facts come with the message and the configuration."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from core.events import ChannelKind, IncomingMessage, MemberRef


class Level(IntEnum):
    """Each level may do what those below it may."""

    BLOCKED = 0
    MEMBER = 1
    UPLOADER = 2
    MODERATOR = 3
    CHANNEL_ADMIN = 4
    OWNER = 5

    @property
    def key(self) -> str:
        """As errors carry it: "member", "channel_admin"."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator decided about people."""

    owners: frozenset[MemberRef] = frozenset()
    blocked: frozenset[MemberRef] = frozenset()


def level_of(message: IncomingMessage, rules: Rules) -> Level:
    """The level of a message's author in the place where it was written."""
    platform = message.conversation.channel.platform
    member = MemberRef(platform, message.author.user_id)
    if member in rules.owners:
        return Level.OWNER
    if member in rules.blocked or message.author.is_bot:
        return Level.BLOCKED
    if message.author.is_channel_admin:
        # Whoever administers the operator's own surface is the operator.
        return Level.OWNER if platform.is_operators else Level.CHANNEL_ADMIN
    if message.author.is_moderator and not platform.is_operators:
        return Level.MODERATOR
    if message.kind is ChannelKind.PRIVATE and not platform.is_operators:
        # A private chat and its base are the member's own.
        return Level.CHANNEL_ADMIN
    return Level.MEMBER
