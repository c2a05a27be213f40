"""Levels: who may do what. Pure; the facts come with the message and the configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from core.channel_settings import ChannelSettings
from core.channels import UNCHOSEN, server_of
from core.events import Asked, ChannelKind, ChannelRef, MemberRef, Platform, ServerRef


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
class RoleRef:
    """A role that a platform gives members."""

    platform: Platform
    role_id: str


@dataclass(frozen=True, slots=True)
class Listed:
    """People and places on one of the operator's lists."""

    members: frozenset[MemberRef] = frozenset()
    roles: frozenset[RoleRef] = frozenset()
    channels: frozenset[ChannelRef] = frozenset()
    servers: frozenset[ServerRef] = frozenset()

    def has_roles_on(self, platform: Platform) -> bool:
        """Whether any role there is listed: what is asked of the platform for private chats."""
        return any(role.platform is platform for role in self.roles)

    def has_author(self, asked: Asked) -> bool:
        platform = asked.conversation.channel.platform
        return MemberRef(platform, asked.author.user_id) in self.members or any(
            RoleRef(platform, role_id) in self.roles for role_id in asked.author.role_ids
        )

    def has_place(self, asked: Asked) -> bool:
        """A channel with its private threads, or a server with all its channels."""
        channel = asked.conversation.channel
        own_server = ServerRef(channel.platform, asked.server_id or channel.channel_id)
        return (
            channel in self.channels
            or asked.place.parent in self.channels
            or own_server in self.servers
        )


NOBODY: Final = Listed()


def _no_roles(_member: MemberRef) -> frozenset[str]:
    return frozenset()


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator decided about people and places."""

    owners: frozenset[MemberRef] = frozenset()
    blocked: Listed = NOBODY
    allowed: Listed = NOBODY
    """Where people or places are named, nobody else and no other place is served."""
    roles_of: Callable[[MemberRef], frozenset[str]] = _no_roles
    """What is known of somebody's roles in private, where the platform tells of none."""


def listed(written: Iterable[str]) -> Listed:
    """A list as it is configured: "discord:42" a person, "discord:role:42", "telegram:channel:-7",
    "discord:server:9". Raises `ValueError` with the entry that does not read like that."""
    members, roles, channels, servers = set(), set(), set(), set()
    platforms = {platform.value: platform for platform in Platform}
    for entry in written:
        name, _, rest = entry.partition(":")
        kind, colon, own_id = rest.rpartition(":")
        if name not in platforms or not own_id or (colon and not kind):
            raise ValueError(entry)
        platform = platforms[name]
        match kind:
            case "":
                members.add(MemberRef(platform, own_id))
            case "role":
                roles.add(RoleRef(platform, own_id))
            case "channel":
                channels.add(ChannelRef(platform, own_id))
            case "server":
                servers.add(ServerRef(platform, own_id))
            case _:
                raise ValueError(entry)
    return Listed(frozenset(members), frozenset(roles), frozenset(channels), frozenset(servers))


def level_of(asked: Asked, rules: Rules, settings: ChannelSettings = UNCHOSEN) -> Level:
    """The level of somebody in the place where they ask, as the platform told it with the message.

    An anonymous administrator arrives as one, under the group's id: an administrator of that chat,
    never an owner.
    """
    channel = asked.conversation.channel
    platform, author = channel.platform, asked.author
    if MemberRef(platform, author.user_id) in rules.owners:
        return Level.OWNER
    if author.is_bot or _is_shut_out(asked, rules):
        return Level.BLOCKED
    if platform.is_operators:
        # Whoever administers the operator's own surface is the operator.
        return Level.OWNER if author.is_channel_admin else Level.MEMBER
    if asked.kind is ChannelKind.PRIVATE:
        # A private chat and its base are the member's own.
        return Level.CHANNEL_ADMIN
    if author.is_channel_admin or author.is_server_admin:
        return Level.CHANNEL_ADMIN
    if author.is_moderator:
        return Level.MODERATOR
    return Level.MEMBER if settings.teachers == "moderators" else Level.UPLOADER


def awaits_review(level: Level, settings: ChannelSettings) -> bool:
    """Whether what somebody of this level uploads waits for a moderator."""
    return settings.teachers == "review" and level < Level.MODERATOR


def administers_server(asked: Asked, level: Level) -> bool:
    """Whether somebody may decide for all of the server where they ask."""
    return server_of(asked) is not None and (
        level is Level.OWNER or (asked.author.is_server_admin and level is Level.CHANNEL_ADMIN)
    )


def _is_shut_out(asked: Asked, rules: Rules) -> bool:
    if asked.kind is ChannelKind.PRIVATE:
        member = MemberRef(asked.conversation.channel.platform, asked.author.user_id)
        roles = asked.author.role_ids | rules.roles_of(member)
        asked = replace(asked, author=replace(asked.author, role_ids=roles))
    if rules.blocked.has_author(asked) or rules.blocked.has_place(asked):
        return True
    allowed = rules.allowed
    if (allowed.members or allowed.roles) and not allowed.has_author(asked):
        return True
    places = bool(allowed.channels or allowed.servers)
    return places and asked.kind is ChannelKind.GROUP and not allowed.has_place(asked)
