"""What exists in the local Discord: users, servers, roles, channels, messages, files."""

from __future__ import annotations

import itertools
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias

from tests.platforms.discord_server.permissions import EVERYONE, NONE, Permission

Json: TypeAlias = dict[str, Any]
EPOCH_MS = 1_420_070_400_000

TEXT, DIRECT_MESSAGE, CATEGORY, PUBLIC_THREAD, PRIVATE_THREAD, FORUM = 0, 1, 4, 11, 12, 15
DEFAULT, JOINED, THREAD_MADE, REPLY, SLASH_ANSWER, MENU_ANSWER = 0, 7, 18, 19, 20, 23
PREVIEWS_OFF, EPHEMERAL, LOADING, SILENT = 1 << 2, 1 << 6, 1 << 7, 1 << 12


class Snowflakes:
    """Identifiers that carry their time, ever new and in order."""

    def __init__(self) -> None:
        self._counter = itertools.count(1)
        self._last = 0

    def make(self, at: datetime | None = None) -> int:
        """An identifier of now, or of another time."""
        if at is not None:
            return ((int(at.timestamp() * 1000) - EPOCH_MS) << 22) | next(self._counter)
        # A clock set back must not put a later message before an earlier one.
        self._last = max(self._last, int(time.time() * 1000) - EPOCH_MS)
        return (self._last << 22) | next(self._counter)


def time_of(snowflake: int) -> datetime:
    """When an identifier was made."""
    return datetime.fromtimestamp(((snowflake >> 22) + EPOCH_MS) / 1000, UTC)


@dataclass(eq=False, slots=True)
class User:
    """An account, of a person or of a bot."""

    id: int
    name: str
    is_bot: bool = False
    locale: str = "en-US"
    accepts_direct: bool = True
    """False: messages of bots are refused (blocked, or closed to members of servers)."""

    @property
    def mention(self) -> str:
        """What a message holds to mention it."""
        return f"<@{self.id}>"


@dataclass(eq=False, slots=True)
class Role:
    """A role of a server."""

    id: int
    name: str
    permissions: Permission = NONE
    position: int = 0
    bot: User | None = None
    """Set on the role that Discord made for a bot."""
    mentionable: bool = True

    @property
    def mention(self) -> str:
        """What a message holds to mention everybody with the role."""
        return f"<@&{self.id}>"


@dataclass(eq=False, slots=True)
class Member:
    """A user in a server."""

    user: User
    roles: list[Role] = field(default_factory=list)
    nick: str | None = None
    joined_at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Overwrite:
    """What a channel allows and denies to a role or a member."""

    is_role: bool
    allow: Permission
    deny: Permission


@dataclass(eq=False, slots=True)
class Guild:
    """A server."""

    id: int
    name: str
    owner: User
    locale: str = "en-US"
    roles: dict[int, Role] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    bot_added_by: User | None = None
    """Who added the bot, as the server's own log has it."""

    def __post_init__(self) -> None:
        self.roles[self.id] = Role(self.id, "@everyone", EVERYONE)
        self.members[self.owner.id] = Member(self.owner)

    @property
    def everyone(self) -> Role:
        """The role that every member has; it has the server's own identifier."""
        return self.roles[self.id]


@dataclass(eq=False, slots=True)
class Channel:
    """A channel, thread, forum or private chat."""

    id: int
    kind: int
    name: str = ""
    guild: Guild | None = None
    parent: Channel | None = None
    topic: str | None = None
    position: int = 0
    recipients: list[User] = field(default_factory=list)
    overwrites: dict[int, Overwrite] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    owner: User | None = None
    thread_members: set[int] = field(default_factory=set)
    archived: bool = False
    locked: bool = False
    tags: dict[int, str] = field(default_factory=dict)
    """What posts of a forum can be tagged with, by number."""
    applied: list[int] = field(default_factory=list)
    """The tags of a post."""
    deleted: bool = False

    @property
    def is_thread(self) -> bool:
        """True for threads and posts of forums."""
        return self.kind in (PUBLIC_THREAD, PRIVATE_THREAD)

    @property
    def is_private_thread(self) -> bool:
        """True where only invited members read."""
        return self.kind == PRIVATE_THREAD

    @property
    def is_direct(self) -> bool:
        """True for the private chat of a person with the bot."""
        return self.kind == DIRECT_MESSAGE

    @property
    def mention(self) -> str:
        """What a message holds to link to it."""
        return f"<#{self.id}>"

    @property
    def last(self) -> Message | None:
        """The newest message that stands."""
        return max(self.messages.values(), key=lambda message: message.id, default=None)


@dataclass(eq=False, slots=True)
class StoredFile:
    """A file that was uploaded."""

    id: int
    filename: str
    data: bytes
    content_type: str
    channel_id: int = 0
    description: str | None = None
    declared_size: int | None = None
    is_ephemeral: bool = False

    @property
    def size(self) -> int:
        """The size that is told, before anybody downloads."""
        return len(self.data) if self.declared_size is None else self.declared_size


@dataclass(frozen=True, slots=True)
class Pings:
    """Whom a message notifies."""

    users: tuple[User, ...] = ()
    roles: tuple[Role, ...] = ()
    everyone: bool = False

    def __bool__(self) -> bool:
        return bool(self.users or self.roles or self.everyone)


@dataclass(eq=False, slots=True)
class Message:
    """A message as it stands now, with what it was before."""

    id: int
    channel: Channel
    author: User
    content: str = ""
    kind: int = DEFAULT
    files: list[StoredFile] = field(default_factory=list)
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    reply_to: Message | None = None
    mentions: Pings = Pings()
    flags: int = 0
    edited_at: datetime | None = None
    deleted: bool = False
    reactions: dict[str, set[int]] = field(default_factory=dict)
    nonce: str | None = None
    shown_to: User | None = None
    """Set on an ephemeral message: the one who sees it."""
    metadata: Json | None = None
    """Set on the answer to an interaction."""
    versions: list[str] = field(default_factory=list)
    """Every content it had, the present one last."""

    @property
    def edits(self) -> int:
        """How many times it was edited."""
        return max(0, len(self.versions) - 1)

    @property
    def is_ephemeral(self) -> bool:
        """True where one person sees it."""
        return bool(self.flags & EPHEMERAL)

    @property
    def has_previews_off(self) -> bool:
        """True where links in it get no preview."""
        return bool(self.flags & PREVIEWS_OFF)

    @property
    def is_loading(self) -> bool:
        """True while it says no more than that the bot is thinking."""
        return bool(self.flags & LOADING)

    @property
    def sent_at(self) -> datetime:
        """When it was sent."""
        return time_of(self.id)

    @property
    def jump_url(self) -> str:
        """The link to it that people copy."""
        guild = self.channel.guild
        place = "@me" if guild is None else guild.id
        return f"https://discord.com/channels/{place}/{self.channel.id}/{self.id}"


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """A request that the bot made."""

    method: str
    path: str
    route: str
    body: Json | list[Json] | None
    status: int
    at: float


@dataclass(slots=True)
class Counters:
    """What the server counted of the bot's conduct."""

    violations: Counter[str] = field(default_factory=Counter)
    """Requests past the limit of a bucket, each answered 429; by bucket."""
    requests: list[LoggedRequest] = field(default_factory=list)
    edits: dict[int, int] = field(default_factory=dict)
    """Edits by message."""
    downloads: list[str] = field(default_factory=list)
    """Names of the files that were fetched."""
    identifies: int = 0
    resumes: int = 0
    heartbeats: int = 0
    typing: deque[int] = field(default_factory=lambda: deque(maxlen=10_000))
    """Channels in which the bot showed that it types."""
