"""How a member stands in a channel, asked of Discord at this moment and not of what we remember."""

from __future__ import annotations

from dataclasses import replace

import discord

from bot.adapters.discord.translate import author_of, is_restricted
from core.ports import Standing

_NONE = Standing(can_read=False)


async def standing_in(
    client: discord.Client, user_id: int, channel_id: int, server_id: int | None
) -> Standing | None:
    """None where we cannot see it ourselves, so cannot say. Raises `discord.HTTPException`.

    `server_id` spares a request where it is known. Server, roles, overwrites and the one member
    are fetched: what was taken from somebody a second ago does not count any more.
    """
    try:
        if server_id is None:
            channel = await client.fetch_channel(channel_id)
            if isinstance(channel, discord.DMChannel):
                return _in_private(channel, user_id)
            if isinstance(channel, discord.abc.PrivateChannel):
                return _NONE
            server_id = channel.guild.id
        server = await client.fetch_guild(server_id, with_counts=False)
        place = await server.fetch_channel(channel_id)
    except discord.NotFound:
        return _NONE
    except (discord.Forbidden, discord.InvalidData):
        return None
    try:
        member = await server.fetch_member(user_id)
    except discord.NotFound:
        return _NONE
    if isinstance(place, discord.Thread):
        return await _in_thread(server, place, member)
    return _in_channel(place, member)


def _in_private(channel: discord.DMChannel, user_id: int) -> Standing:
    owns = any(user.id == user_id for user in channel.recipients)
    return Standing(can_read=owns, is_channel_admin=owns, is_restricted=False)


def _in_channel(channel: discord.abc.GuildChannel, member: discord.Member) -> Standing:
    author = author_of(member, channel)
    return Standing(
        can_read=channel.permissions_for(member).view_channel,
        is_channel_admin=author.is_channel_admin,
        is_server_admin=author.is_server_admin,
        is_restricted=is_restricted(channel),
        is_moderator=author.is_moderator,
        role_ids=author.role_ids,
    )


async def _in_thread(
    server: discord.Guild, thread: discord.Thread, member: discord.Member
) -> Standing | None:
    try:
        parent = await server.fetch_channel(thread.parent_id)
    except (discord.NotFound, discord.Forbidden, discord.InvalidData):
        return None
    if isinstance(parent, discord.Thread):
        return None
    above = _in_channel(parent, member)
    if not thread.is_private():
        return above
    can_read = above.can_read and await _is_inside(thread, parent, member)
    return replace(above, can_read=can_read, is_restricted=True)


async def _is_inside(
    thread: discord.Thread, parent: discord.abc.GuildChannel, member: discord.Member
) -> bool:
    if parent.permissions_for(member).manage_threads:
        return True
    try:
        await thread.fetch_member(member.id)
    except discord.NotFound:
        return False
    return True
