"""What Discord's objects mean: events of the core. Pure; nothing is asked of Discord."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import discord

from core.events import (
    ActionPressed,
    Attachment,
    Author,
    ChannelKind,
    ChannelRef,
    ConversationRef,
    IncomingMessage,
    InteractionRef,
    Invocation,
    Joined,
    Opening,
    Place,
    Platform,
    Quoted,
    Trigger,
)
from core.solved import is_solved, means_solved

Fetch: TypeAlias = Callable[[discord.Attachment], Attachment]

_TOKEN: Final = re.compile(r"<(@!?|@&|#)(\d{15,20})>|<a?:(\w{1,64}):\d{15,20}>", re.ASCII)
_WRITTEN: Final = (discord.MessageType.default, discord.MessageType.reply)
"""Messages that a person wrote; the rest are Discord's own notes of joins, pins and the like."""


@dataclass(frozen=True, slots=True)
class Where:
    """A place, as its identity and what else is known of it."""

    conversation: ConversationRef
    kind: ChannelKind
    server_id: str | None
    place: Place


def channel_ref(channel_id: int) -> ChannelRef:
    """A channel's identity."""
    return ChannelRef(Platform.DISCORD, str(channel_id))


def where_of(channel: object) -> Where | None:
    """The place that a channel is; None for what nobody can ask in, or nobody knows enough of.

    A public thread and a forum's post are conversations in their channel; a private thread is a
    channel of its own.
    """
    if isinstance(channel, discord.DMChannel):
        conversation = ConversationRef(channel_ref(channel.id))
        return Where(conversation, ChannelKind.PRIVATE, None, Place())
    if isinstance(channel, discord.Thread):
        return _thread(channel)
    if isinstance(channel, discord.abc.GuildChannel):
        place = Place(channel.name, channel.guild.name, is_restricted(channel))
        conversation = ConversationRef(channel_ref(channel.id))
        return Where(conversation, ChannelKind.GROUP, str(channel.guild.id), place)
    return None


def _thread(thread: discord.Thread) -> Where:
    parent, server = channel_ref(thread.parent_id), str(thread.guild.id)
    title = thread.name
    opened_at = thread.created_at or discord.utils.snowflake_time(thread.id)
    opening = Opening(title, str(thread.owner_id), opened_at)
    settled = thread.locked or is_solved(title) or _has_solved_tag(thread)
    if thread.is_private():
        place = Place(title, thread.guild.name, True, parent, True, opening, settled)
        conversation = ConversationRef(channel_ref(thread.id))
    else:
        name = thread.parent.name if thread.parent else ""
        restricted = thread.parent is None or is_restricted(thread.parent)
        place = Place(name, thread.guild.name, restricted, None, True, opening, settled)
        conversation = ConversationRef(parent, str(thread.id))
    return Where(conversation, ChannelKind.GROUP, server, place)


def _has_solved_tag(thread: discord.Thread) -> bool:
    return any(means_solved(tag.name) for tag in thread.applied_tags)


def is_restricted(channel: discord.abc.GuildChannel) -> bool:
    """Whether somebody in the server cannot see the channel; True too where that is unknown.

    Also one member, or the members of one role, who are kept out of what all others see.
    """
    return is_closed(channel) or any(
        overwrite.view_channel is False and _keeps_people_out(target)
        for target, overwrite in channel.overwrites.items()
    )


def is_closed(channel: discord.abc.GuildChannel) -> bool:
    """Whether the channel is not everybody's but for some; True too where that is unknown."""
    # A server that is not known yet has no roles here; the SDK's types do not say so.
    everyone: discord.Role | None = channel.guild.get_role(channel.guild.id)
    return everyone is None or not channel.permissions_for(everyone).view_channel


def _keeps_people_out(target: discord.Role | discord.Member | discord.Object) -> bool:
    """Programs read what they are given; whoever administers the server sees all of it."""
    match target:
        case discord.Role():
            return not (target.is_bot_managed() or target.permissions.administrator)
        case discord.Member():
            return not target.bot
        case _:
            return True


def author_of(
    user: discord.User | discord.Member,
    channel: object,
    permissions: discord.Permissions | None = None,
) -> Author:
    """Who wrote, and what they may do there; `permissions` where Discord has told them."""
    if permissions is None:
        permissions = _permissions(user, channel)
    is_server_admin = permissions.manage_guild or permissions.administrator
    is_channel_admin = is_server_admin or permissions.manage_channels
    roles = user.roles if isinstance(user, discord.Member) else ()
    return Author(
        user_id=str(user.id),
        display_name=user.display_name,
        is_bot=user.bot,
        is_channel_admin=is_channel_admin,
        is_moderator=is_channel_admin or permissions.manage_messages,
        is_server_admin=is_server_admin,
        role_ids=frozenset(str(role.id) for role in roles),
    )


def _permissions(user: discord.User | discord.Member, channel: object) -> discord.Permissions:
    if not isinstance(user, discord.Member):
        return discord.Permissions.none()
    if isinstance(channel, discord.Thread):
        channel = channel.parent
    if isinstance(channel, discord.abc.GuildChannel):
        return channel.permissions_for(user)
    return user.guild_permissions


def incoming(message: discord.Message, me: int, fetch: Fetch) -> IncomingMessage | None:
    """A member's message; None for what bots, webhooks and Discord itself write."""
    where = where_of(message.channel)
    if where is None or not _is_written(message):
        return None
    trigger = _trigger(message, where, me)
    if trigger is Trigger.AMBIENT and not (message.content or message.attachments):
        return None  # Without the privileged intent that is all we are given.
    return IncomingMessage(
        conversation=where.conversation,
        kind=where.kind,
        trigger=trigger,
        message_id=str(message.id),
        author=author_of(message.author, message.channel),
        text=_text_for_us(message, me),
        sent_at=message.created_at,
        attachments=tuple(fetch(attachment) for attachment in message.attachments),
        quoted=_quoted(message, fetch),
        server_id=where.server_id,
        place=where.place,
        edited_at=message.edited_at,
    )


def _is_written(message: discord.Message) -> bool:
    by_machine = message.author.bot or message.webhook_id is not None
    return not by_machine and message.type in _WRITTEN


def _trigger(message: discord.Message, where: Where, me: int) -> Trigger:
    if where.kind is ChannelKind.PRIVATE:
        return Trigger.PRIVATE
    if _mentions(message, me):
        return Trigger.MENTION
    resolved = message.reference.resolved if message.reference else None
    if isinstance(resolved, discord.Message) and resolved.author.id == me:
        return Trigger.REPLY
    # The message replied to may be gone; a reply that pings us names us beside its text.
    if message.type is discord.MessageType.reply and any(u.id == me for u in message.mentions):
        return Trigger.REPLY
    return Trigger.AMBIENT


def _mentions(message: discord.Message, me: int) -> bool:
    """Whether the text names us or our own role: by what Discord says, not by how it looks."""
    named = me in message.raw_mentions and any(user.id == me for user in message.mentions)
    return named or any(_is_ours(role, me) for role in message.role_mentions)


def _is_ours(role: discord.Role, me: int) -> bool:
    """Whether it is the role that Discord made for us when we were added."""
    return role.tags is not None and role.tags.bot_id == me


def _text_for_us(message: discord.Message, me: int) -> str:
    """The text without our mention, wherever it stands; what only calls us goes with it."""
    if not _mentions(message, me):
        return text_of(message)
    ours = (me, *(role.id for role in message.role_mentions if _is_ours(role, me)))
    mention = f"<@[!&]?(?:{'|'.join(map(str, ours))})>"
    rest = re.sub(rf"\A\s*(?:{mention}\s*)+[,:，：、]*", "", message.content)
    return _shown(message, re.sub(rf"[ \t]*{mention}[ \t]*", " ", rest))


def text_of(message: discord.Message) -> str:
    """The text as people see it: names in place of numbers."""
    return _shown(message, message.content)


def _shown(message: discord.Message, text: str) -> str:
    def shown(match: re.Match[str]) -> str:
        if match[3]:
            return f":{match[3]}:"
        return _name(message, match[1], int(match[2])) or match[0]

    return _TOKEN.sub(shown, text).strip()


def _name(message: discord.Message, sigil: str, snowflake: int) -> str | None:
    if sigil == "#":
        channel = message.guild.get_channel_or_thread(snowflake) if message.guild else None
        return f"#{channel.name}" if channel else None
    if sigil == "@&":
        role = message.guild.get_role(snowflake) if message.guild else None
        return f"@{role.name}" if role else None
    user = discord.utils.get(message.mentions, id=snowflake)
    return f"@{user.display_name}" if user else None


def asked_by(
    interaction: discord.Interaction,
    command: Invocation,
    reply_to: InteractionRef | None,
    *,
    attachments: tuple[Attachment, ...] = (),
    about: Quoted | None = None,
) -> IncomingMessage | None:
    """A command given by Discord's own menus; None where nobody can ask."""
    where = where_of(interaction.channel)
    if where is None:
        return None
    return IncomingMessage(
        conversation=where.conversation,
        kind=where.kind,
        trigger=Trigger.COMMAND,
        message_id=str(interaction.id),
        author=_member(interaction, where),
        text="",
        sent_at=interaction.created_at,
        attachments=attachments,
        quoted=about,
        locale=interaction.locale.value,
        server_id=where.server_id,
        place=where.place,
        command=command,
        reply_to=reply_to,
    )


def pressed(
    interaction: discord.Interaction, action: str, ref: InteractionRef | None
) -> ActionPressed | None:
    """A button that was pressed under one of our messages, or a choice that was made."""
    where = where_of(interaction.channel)
    if where is None or interaction.message is None:
        return None
    return ActionPressed(
        conversation=where.conversation,
        message_id=str(interaction.message.id),
        action=action,
        author=_member(interaction, where),
        kind=where.kind,
        interaction=ref,
        locale=interaction.locale.value,
        server_id=where.server_id,
        place=where.place,
    )


def _member(interaction: discord.Interaction, where: Where) -> Author:
    in_private = where.kind is ChannelKind.PRIVATE
    allowed = discord.Permissions.none() if in_private else interaction.permissions
    return author_of(interaction.user, interaction.channel, allowed)


def joined(server: discord.Guild, by: discord.User | discord.Member | None = None) -> Joined:
    """We were added to a server, by whom Discord told us; else its owner is who to turn to."""
    channel = _first_channel(server)
    owner = None if server.owner_id is None else str(server.owner_id)
    return Joined(
        platform=Platform.DISCORD,
        server_id=str(server.id),
        name=server.name,
        by=None if by is None else author_of(by, channel),
        contact=owner if by is None else str(by.id),
        conversation=ConversationRef(channel_ref(channel.id)) if channel is not None else None,
        locale=server.preferred_locale.value,
    )


def _first_channel(server: discord.Guild) -> discord.TextChannel | None:
    """Where a first message belongs: where Discord welcomes members, else the topmost channel."""
    channels = [server.system_channel, *server.text_channels]
    me: discord.Member | None = server.me
    for channel in channels:
        if channel is not None and me is not None:
            allowed = channel.permissions_for(me)
            if allowed.view_channel and allowed.send_messages:
                return channel
    return None


def _quoted(message: discord.Message, fetch: Fetch) -> Quoted | None:
    if message.reference is None or message.type is not discord.MessageType.reply:
        return None
    resolved = message.reference.resolved
    return quoted(resolved, fetch) if isinstance(resolved, discord.Message) else None


def quoted(message: discord.Message, fetch: Fetch) -> Quoted:
    """A message that another one is about."""
    return Quoted(
        message_id=str(message.id),
        author=author_of(message.author, message.channel),
        text=text_of(message),
        attachments=tuple(fetch(attachment) for attachment in message.attachments),
        sent_at=message.created_at,
        link=message.jump_url,
        about=_about(message),
    )


def _about(message: discord.Message) -> str | None:
    resolved = message.reference.resolved if message.reference is not None else None
    return text_of(resolved) if isinstance(resolved, discord.Message) else None
