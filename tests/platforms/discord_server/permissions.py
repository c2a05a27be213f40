"""Permissions as Discord works them out: roles, then overwrites of channels."""

from __future__ import annotations

from enum import IntFlag
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.platforms.discord_server.state import Channel, User


class Permission(IntFlag):
    """The permissions that this server looks at, under Discord's bits."""

    KICK_MEMBERS = 1 << 1
    BAN_MEMBERS = 1 << 2
    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_AUDIT_LOG = 1 << 7
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    MANAGE_ROLES = 1 << 28
    USE_APPLICATION_COMMANDS = 1 << 31
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    CREATE_PRIVATE_THREADS = 1 << 36
    SEND_MESSAGES_IN_THREADS = 1 << 38
    MODERATE_MEMBERS = 1 << 40


ALL = Permission(reduce(or_, Permission))
NONE = Permission(0)
EVERYONE = (
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.ADD_REACTIONS
    | Permission.USE_APPLICATION_COMMANDS
    | Permission.CREATE_PUBLIC_THREADS
    | Permission.CREATE_PRIVATE_THREADS
    | Permission.SEND_MESSAGES_IN_THREADS
)
DIRECT = EVERYONE


def permissions_in(channel: Channel, user: User) -> Permission:
    """What a user may do in a channel; nothing to those who are not in its server."""
    guild = channel.guild
    if guild is None:
        return DIRECT if user in channel.recipients else NONE
    member = guild.members.get(user.id)
    if member is None:
        return NONE
    base = Permission(guild.everyone.permissions)
    for role in member.roles:
        base |= role.permissions
    if guild.owner is user or base & Permission.ADMINISTRATOR:
        return ALL
    allowed = _overwritten(base, channel.parent if channel.is_thread else channel, user)
    if not allowed & Permission.VIEW_CHANNEL:
        return NONE
    if channel.is_private_thread and not (
        user.id in channel.thread_members or allowed & Permission.MANAGE_THREADS
    ):
        return NONE
    return allowed


def _overwritten(base: Permission, channel: Channel | None, user: User) -> Permission:
    if channel is None or channel.guild is None:
        return base
    guild, found = channel.guild, channel.overwrites
    if everyone := found.get(guild.everyone.id):
        base = (base & ~everyone.deny) | everyone.allow
    roles = [found[role.id] for role in guild.members[user.id].roles if role.id in found]
    deny = reduce(or_, (each.deny for each in roles), NONE)
    allow = reduce(or_, (each.allow for each in roles), NONE)
    base = (base & ~deny) | allow
    if own := found.get(user.id):
        base = (base & ~own.deny) | own.allow
    return base


def may(channel: Channel, user: User, wanted: Permission) -> bool:
    """Whether a user has all of the wanted permissions in a channel."""
    return permissions_in(channel, user) & wanted == wanted
