"""The state as Discord's JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from tests.platforms.discord_server.permissions import permissions_in
from tests.platforms.discord_server.state import (
    DIRECT_MESSAGE,
    FORUM,
    Channel,
    Guild,
    Json,
    Member,
    Message,
    Role,
    StoredFile,
    User,
    time_of,
)


def moment(when: datetime) -> str:
    """A time as Discord writes it."""
    return when.isoformat()


def user_json(user: User) -> Json:
    """A user, as anybody sees it."""
    return {
        "id": str(user.id),
        "username": user.name.lower().replace(" ", "_"),
        "global_name": None if user.is_bot else user.name,
        "discriminator": "0001" if user.is_bot else "0",
        "avatar": None,
        "bot": user.is_bot,
        "public_flags": 0,
    } | ({"username": user.name} if user.is_bot else {})


def role_json(role: Role) -> Json:
    """A role of a server."""
    made: Json = {
        "id": str(role.id),
        "name": role.name,
        "permissions": str(int(role.permissions)),
        "position": role.position,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": role.bot is not None,
        "mentionable": role.mentionable,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }
    if role.bot is not None:
        made["tags"] = {"bot_id": str(role.bot.id)}
    return made


def member_json(member: Member, *, with_user: bool = True) -> Json:
    """A member; inside messages without the user, who stands beside it."""
    made: Json = {
        "roles": [str(role.id) for role in member.roles],
        "nick": member.nick,
        "avatar": None,
        "joined_at": moment(member.joined_at),
        "premium_since": None,
        "deaf": False,
        "mute": False,
        "pending": False,
        "communication_disabled_until": None,
        "flags": 0,
    }
    if with_user:
        made["user"] = user_json(member.user)
    return made


def _overwrites(channel: Channel) -> list[Json]:
    return [
        {
            "id": str(key),
            "type": 0 if each.is_role else 1,
            "allow": str(int(each.allow)),
            "deny": str(int(each.deny)),
        }
        for key, each in channel.overwrites.items()
    ]


def channel_json(channel: Channel, bot: User) -> Json:
    """A channel of any kind."""
    last = channel.last
    made: Json = {
        "id": str(channel.id),
        "type": channel.kind,
        "flags": 0,
        "last_message_id": str(last.id) if last else None,
    }
    if channel.kind == DIRECT_MESSAGE:
        people = [user for user in channel.recipients if user is not bot]
        return made | {"recipients": [user_json(user) for user in people]}
    guild = channel.guild
    assert guild is not None
    made |= {
        "guild_id": str(guild.id),
        "name": channel.name,
        "parent_id": str(channel.parent.id) if channel.parent else None,
        "rate_limit_per_user": 0,
    }
    if channel.is_thread:
        return made | _thread_json(channel, bot)
    made |= {
        "topic": channel.topic,
        "position": channel.position,
        "nsfw": False,
        "permission_overwrites": _overwrites(channel),
    }
    if channel.kind == FORUM:
        made |= {
            "available_tags": [
                {
                    "id": str(key),
                    "name": name,
                    "moderated": False,
                    "emoji_id": None,
                    "emoji_name": None,
                }
                for key, name in channel.tags.items()
            ],
            "default_reaction_emoji": None,
            "default_sort_order": None,
            "default_forum_layout": 0,
        }
    return made


def _thread_json(channel: Channel, bot: User) -> Json:
    made_at = moment(time_of(channel.id))
    made: Json = {
        "owner_id": str(channel.owner.id if channel.owner else 0),
        "message_count": len(channel.messages),
        "total_message_sent": len(channel.messages),
        "member_count": len(channel.thread_members),
        "applied_tags": [str(key) for key in channel.applied],
        "thread_metadata": {
            "archived": channel.archived,
            "auto_archive_duration": 1440,
            "archive_timestamp": made_at,
            "create_timestamp": made_at,
            "locked": channel.locked,
            "invitable": True,
        },
    }
    if bot.id in channel.thread_members:
        made["member"] = thread_member_json(channel, bot)
    return made


def thread_member_json(channel: Channel, user: User) -> Json:
    """That somebody takes part in a thread."""
    return {
        "id": str(channel.id),
        "user_id": str(user.id),
        "join_timestamp": moment(time_of(channel.id)),
        "flags": 0,
    }


def guild_json(guild: Guild, bot: User, *, all_members: bool = False) -> Json:
    """A server as GUILD_CREATE tells of it; members but the bot need their intent."""
    seen = [member for member in guild.members.values() if all_members or member.user is bot]
    channels = list(guild.channels.values())
    threads = [each for each in channels if each.is_thread and permissions_in(each, bot)]
    return {
        "id": str(guild.id),
        "name": guild.name,
        "owner_id": str(guild.owner.id),
        "preferred_locale": guild.locale,
        "icon": None,
        "features": [],
        "emojis": [],
        "stickers": [],
        "roles": [role_json(role) for role in guild.roles.values()],
        "members": [member_json(member) for member in seen],
        "member_count": len(guild.members),
        "channels": [channel_json(each, bot) for each in channels if not each.is_thread],
        "threads": [channel_json(each, bot) for each in threads if not each.archived],
        "voice_states": [],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
        "joined_at": moment(guild.members[bot.id].joined_at),
        "large": False,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "verification_level": 0,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "mfa_level": 0,
        "nsfw_level": 0,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "afk_timeout": 300,
        "afk_channel_id": None,
        "rules_channel_id": None,
        "public_updates_channel_id": None,
        "premium_progress_bar_enabled": False,
    }


@dataclass(frozen=True, slots=True)
class Reader:
    """To whom a message is told: it decides what of it is empty."""

    bot: User
    content: bool
    """May read what people write to each other."""
    link: Callable[[StoredFile], str]
    over_gateway: bool = False

    def reads(self, message: Message) -> bool:
        """Whether the content is told; without the intent, only what is meant for the bot."""
        return (
            self.content
            or message.author is self.bot
            or message.channel.is_direct
            or self.bot in message.mentions.users
        )


def file_json(file: StoredFile, link: Callable[[StoredFile], str]) -> Json:
    """A file under the address that is good now."""
    made: Json = {
        "id": str(file.id),
        "filename": file.filename,
        "size": file.size,
        "url": link(file),
        "proxy_url": link(file),
        "content_type": file.content_type,
    }
    if file.description:
        made["description"] = file.description
    if file.is_ephemeral:
        made["ephemeral"] = True
    if file.content_type.startswith("image/"):
        made |= {"width": 16, "height": 16}
    return made


def message_json(message: Message, reader: Reader, *, nested: bool = False) -> Json:
    """A message as a reader gets it; the quoted one inside it has no quotation of its own."""
    reads = reader.reads(message)
    guild = message.channel.guild
    made: Json = {
        "id": str(message.id),
        "channel_id": str(message.channel.id),
        "type": message.kind,
        "author": user_json(message.author),
        "content": message.content if reads else "",
        "timestamp": moment(message.sent_at),
        "edited_timestamp": moment(message.edited_at) if message.edited_at else None,
        "tts": False,
        "pinned": False,
        "flags": message.flags,
        "mention_everyone": message.mentions.everyone,
        "mentions": [user_json(user) for user in message.mentions.users],
        "mention_roles": [str(role.id) for role in message.mentions.roles],
        "attachments": [file_json(file, reader.link) for file in message.files] if reads else [],
        "embeds": message.embeds if reads else [],
        "components": message.components if reads else [],
    }
    if message.reactions:
        made["reactions"] = [
            _reaction(name, who, reader) for name, who in message.reactions.items()
        ]
    if message.nonce is not None:
        made["nonce"] = message.nonce
    if message.metadata is not None:
        made |= {
            "interaction_metadata": message.metadata,
            "application_id": str(reader.bot.id),
            "webhook_id": str(reader.bot.id),
        }
    if message.reply_to is not None:
        made |= _quotation(message.reply_to, reader, nested=nested)
    if reader.over_gateway and guild is not None:
        made["guild_id"] = str(guild.id)
        if member := guild.members.get(message.author.id):
            made["member"] = member_json(member, with_user=False)
    return made


def _reaction(name: str, who: set[int], reader: Reader) -> Json:
    return {
        "count": len(who),
        "count_details": {"burst": 0, "normal": len(who)},
        "me": reader.bot.id in who,
        "me_burst": False,
        "burst_colors": [],
        "emoji": {"id": None, "name": name},
    }


def _quotation(quoted: Message, reader: Reader, *, nested: bool) -> Json:
    made: Json = {
        "message_reference": {
            "type": 0,
            "message_id": str(quoted.id),
            "channel_id": str(quoted.channel.id),
        }
    }
    if quoted.channel.guild is not None:
        made["message_reference"]["guild_id"] = str(quoted.channel.guild.id)
    if not nested:
        told = None if quoted.deleted else message_json(quoted, reader, nested=True)
        made["referenced_message"] = told
    return made
