"""The world behind the servers: it changes in one place, tells the gateway and those who wait."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from tests.platforms.discord_server.permissions import Permission, may, permissions_in
from tests.platforms.discord_server.state import (
    DIRECT_MESSAGE,
    LOADING,
    Channel,
    Counters,
    Guild,
    Json,
    Message,
    Pings,
    Snowflakes,
    StoredFile,
    User,
)
from tests.platforms.discord_server.wire import Reader, channel_json, message_json

T = TypeVar("T")

GUILDS, MEMBERS, MESSAGES, REACTIONS, DIRECT, CONTENT = (
    1 << 0,
    1 << 1,
    1 << 9,
    1 << 10,
    1 << 12,
    1 << 15,
)
ALWAYS = 0
_USER = re.compile(r"<@!?(\d+)>")
_ROLE = re.compile(r"<@&(\d+)>")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that sessions with the intent and the server's shard are told."""

    name: str
    intent: int
    guild: Guild | None
    payload: Callable[[int], Json]
    """Makes the data for a session with these intents."""


@dataclass(eq=False)
class World:
    """All that exists, and how it changes."""

    bot: User
    publish: Callable[[Event], None] = field(default=lambda event: None)
    link: Callable[[StoredFile], str] = field(default=lambda file: "")
    granted: int = 0
    """Privileged intents that the developer portal has switched on."""
    ids: Snowflakes = field(default_factory=Snowflakes)
    users: dict[int, User] = field(default_factory=dict)
    guilds: dict[int, Guild] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    files: dict[int, StoredFile] = field(default_factory=dict)
    commands: dict[int | None, list[Json]] = field(default_factory=dict)
    """Application commands by server; None: the global ones."""
    counters: Counters = field(default_factory=Counters)
    whispers: list[Message] = field(default_factory=list)
    """Ephemeral messages; no channel holds them."""
    answers: dict[int, list[Message]] = field(default_factory=dict)
    """Replies by the message that they answer."""
    _waiting: dict[asyncio.Future[object], Callable[[], object]] = field(default_factory=dict)
    _looks_soon: bool = False

    def __post_init__(self) -> None:
        self.users[self.bot.id] = self.bot

    def changed(self) -> None:
        """Look again, once all that happens now has happened, at what is waited for."""
        if self._waiting and not self._looks_soon:
            self._looks_soon = True
            asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        self._looks_soon = False
        for future, predicate in list(self._waiting.items()):
            if future.done():
                continue
            try:
                if value := predicate():
                    future.set_result(value)
            except Exception as error:  # noqa: BLE001 (it is the waiting test's)
                future.set_exception(error)

    async def wait_for(self, predicate: Callable[[], T], within: float) -> T:
        """The first true value of the predicate; looks at every change, raises `TimeoutError`."""
        if value := predicate():
            return value
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting[future] = predicate  # type: ignore[index]
        try:
            async with asyncio.timeout(within):
                return await future
        finally:
            del self._waiting[future]  # type: ignore[arg-type]

    def reader(self, intents: int | None = None) -> Reader:
        """How a session, or (None) the REST interface, reads messages."""
        over_gateway = intents is not None
        content = bool((self.granted if intents is None else intents) & CONTENT)
        return Reader(self.bot, content, self.link, over_gateway=over_gateway)

    def bot_is_in(self, guild: Guild) -> bool:
        """Whether the bot is a member."""
        return self.bot.id in guild.members

    def direct_channel(self, user: User) -> Channel:
        """The private chat of a person with the bot."""
        for channel in self.channels.values():
            if channel.is_direct and user in channel.recipients:
                return channel
        made = Channel(self.ids.make(), DIRECT_MESSAGE, recipients=[user, self.bot])
        self.channels[made.id] = made
        return made

    def add_channel(self, channel: Channel) -> Channel:
        """A new channel or thread; the bot is told where it sees it."""
        guild = channel.guild
        assert guild is not None
        self.channels[channel.id] = guild.channels[channel.id] = channel
        if channel.is_thread:
            if self.bot_is_in(guild) and permissions_in(channel, self.bot):
                self._tell_channel("THREAD_CREATE", channel, newly_created=True)
        elif self.bot_is_in(guild):
            self._tell_channel("CHANNEL_CREATE", channel)
        self.changed()
        return channel

    def update_channel(self, channel: Channel) -> None:
        """Tell of changed names or overwrites."""
        self._tell_channel("THREAD_UPDATE" if channel.is_thread else "CHANNEL_UPDATE", channel)
        self.changed()

    def remove_channel(self, channel: Channel) -> None:
        """Delete a channel with all that is in it."""
        guild = channel.guild
        assert guild is not None
        self._tell_channel("THREAD_DELETE" if channel.is_thread else "CHANNEL_DELETE", channel)
        channel.deleted = True
        del self.channels[channel.id], guild.channels[channel.id]
        self.changed()

    def _tell_channel(self, name: str, channel: Channel, **more: object) -> None:
        guild = channel.guild
        if guild is not None and self.bot_is_in(guild):
            told = channel_json(channel, self.bot) | more
            self.publish(Event(name, GUILDS, guild, lambda _: told))

    def join_thread(self, thread: Channel, user: User) -> None:
        """Somebody takes part in a thread from now on; a private one appears to the bot so."""
        if user.id in thread.thread_members:
            return
        thread.thread_members.add(user.id)
        if user is self.bot:
            self._tell_channel("THREAD_CREATE", thread)
        self.changed()

    def mentions_of(self, message: Message, allowed: Json | None, *, reply_pings: bool) -> Pings:
        """Whom a content mentions, as far as the sender lets it and may."""
        guild, content = message.channel.guild, message.content
        users = [self.users[int(key)] for key in _USER.findall(content) if int(key) in self.users]
        roles = [
            guild.roles[int(key)]
            for key in (_ROLE.findall(content) if guild else ())
            if guild is not None and int(key) in guild.roles
        ]
        loud = may(message.channel, message.author, Permission.MENTION_EVERYONE)
        everyone = loud and bool(re.search(r"@(everyone|here)\b", content)) and guild is not None
        roles = [role for role in roles if loud or role.mentionable or role.bot]
        if allowed is not None:
            kinds = allowed.get("parse") or []
            named = {int(key) for key in allowed.get("users") or []}
            users = [each for each in users if "users" in kinds or each.id in named]
            named = {int(key) for key in allowed.get("roles") or []}
            roles = [each for each in roles if "roles" in kinds or each.id in named]
            everyone = everyone and "everyone" in kinds
        if message.reply_to is not None and reply_pings:
            users.append(message.reply_to.author)
        return Pings(tuple(dict.fromkeys(users)), tuple(dict.fromkeys(roles)), everyone)

    def post(self, message: Message) -> Message:
        """A new message is there, its mentions already made out."""
        message.versions.append(message.content)
        for file in message.files:
            self.files[file.id] = file
        if message.reply_to is not None:
            self.answers.setdefault(message.reply_to.id, []).append(message)
        if message.is_ephemeral:
            self.whispers.append(message)
        else:
            message.channel.messages[message.id] = message
            self._announce("MESSAGE_CREATE", message)
        self.changed()
        return message

    def revise(self, message: Message) -> None:
        """A message was changed in place."""
        if message.flags & LOADING and (message.content or message.embeds or message.files):
            message.flags &= ~LOADING
            message.versions.clear()
        else:
            message.edited_at = datetime.now(UTC)
        message.versions.append(message.content)
        for file in message.files:
            self.files[file.id] = file
        if not message.is_ephemeral:
            self._announce("MESSAGE_UPDATE", message)
        self.changed()

    def unfurl(self, message: Message, title: str) -> None:
        """Discord adds the preview of a link: an update, and no edit."""
        message.embeds.append({"type": "link", "title": title})
        self._announce("MESSAGE_UPDATE", message)

    def remove(self, message: Message) -> None:
        """A message is deleted."""
        message.deleted = True
        message.channel.messages.pop(message.id, None)
        if not message.is_ephemeral:
            guild = message.channel.guild
            told: Json = {"id": str(message.id), "channel_id": str(message.channel.id)}
            if guild is not None:
                told["guild_id"] = str(guild.id)
            self._tell_message("MESSAGE_DELETE", message, lambda _: told)
        self.changed()

    def _announce(self, name: str, message: Message) -> None:
        def told(intents: int) -> Json:
            return message_json(message, self.reader(intents))

        self._tell_message(name, message, told)

    def _tell_message(self, name: str, message: Message, payload: Callable[[int], Json]) -> None:
        channel = message.channel
        if permissions_in(channel, self.bot) & Permission.VIEW_CHANNEL:
            intent = MESSAGES if channel.guild else DIRECT
            self.publish(Event(name, intent, channel.guild, payload))
