"""Who sees a channel beside who sees another, and what we may do there, by Discord's own rules.

https://discord.com/developers/docs/topics/permissions: the roles' rights, then the overwrites of
everybody's role, of the other roles together (what one allows, no other denies), of the member.
"""

from __future__ import annotations

from typing import Final

import discord

from bot.adapters.discord.translate import channel_ref, is_closed
from core.ports import Lacking, Right

_NEEDED: Final = {
    Right.READ: "view_channel",
    Right.WRITE: "send_messages",
    Right.WRITE_IN_THREADS: "send_messages_in_threads",
    Right.SEND_FILES: "attach_files",
    Right.READ_HISTORY: "read_message_history",
}


def is_within(channel: discord.abc.GuildChannel, other: discord.abc.GuildChannel) -> bool:
    """Whether whoever sees the one surely sees the other; False too where it is not sure.

    Nobody's roles are asked for, since a server may have a hundred thousand members: what counts is
    that every role and member that opens the one opens the other too.
    """
    server = channel.guild
    if server.id != other.guild.id:
        return False
    if channel.id == other.id or not is_closed(other):
        return True
    if not is_closed(channel) or _is_barred(other):
        return False
    everybody = server.default_role
    ways: list[discord.Role | discord.Member | discord.Object] = [
        target for target, overwrite in channel.overwrites.items() if overwrite.view_channel
    ]
    if channel.overwrites_for(everybody).view_channel is not False:
        # Then a role's own right to see channels opens it as well.
        ways += [role for role in server.roles if role.permissions.view_channel]
    through = {
        target.id for target, overwrite in other.overwrites.items() if overwrite.view_channel
    }
    return all(way.id in through or _sees_all(way, server) for way in ways)


def _is_barred(channel: discord.abc.GuildChannel) -> bool:
    """Whether single members are kept out of it, whatever their roles say."""
    return any(
        overwrite.view_channel is False and not isinstance(target, discord.Role)
        for target, overwrite in channel.overwrites.items()
    )


def _sees_all(
    target: discord.Role | discord.Member | discord.Object, server: discord.Guild
) -> bool:
    if isinstance(target, discord.Role):
        return target.permissions.administrator
    return target.id == server.owner_id


def lacking_in(channel: discord.abc.GuildChannel) -> tuple[Right, ...]:
    """What we may not do there and need."""
    allowed = channel.permissions_for(channel.guild.me)
    if not allowed.view_channel:
        return (Right.READ,)
    return tuple(right for right, name in _NEEDED.items() if not getattr(allowed, name))


def lacking_around(channel: discord.abc.GuildChannel) -> list[Lacking]:
    """There, and in the text channels that everybody in the server sees."""
    server = channel.guild
    others = [own for own in server.text_channels if own != channel and not is_closed(own)]
    found = [(own, lacking_in(own)) for own in (channel, *others)]
    return [Lacking(channel_ref(own.id), own.name, rights) for own, rights in found if rights]
