"""What a platform tells us. Values only; identity is a typed ref, apart from attributes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Literal, TypeAlias


class Platform(StrEnum):
    """Where a message comes from."""

    DISCORD = "discord"
    TELEGRAM = "telegram"
    WEB = "web"
    API = "api"
    TERMINAL = "terminal"

    @property
    def is_operators(self) -> bool:
        """True for the operator's own surfaces, False where a community talks."""
        return self in (Platform.WEB, Platform.API, Platform.TERMINAL)


class ChannelKind(StrEnum):
    """Who can read a channel: its one member, or a group."""

    PRIVATE = "private"
    GROUP = "group"


class Trigger(StrEnum):
    """Why we look at a message."""

    PRIVATE = "private"
    MENTION = "mention"
    REPLY = "reply"
    COMMAND = "command"
    SCHEDULED = "scheduled"
    AMBIENT = "ambient"
    """It is not meant for us."""
    UNASKED = "unasked"
    """Nor is this, but the channel lets us answer it if we can, and say nothing if we cannot."""


@dataclass(frozen=True, slots=True)
class ChannelRef:
    """Knowledge, settings and permissions attach here."""

    platform: Platform
    channel_id: str


@dataclass(frozen=True, slots=True)
class ConversationRef:
    """History attaches here: a channel, or a thread within it."""

    channel: ChannelRef
    thread_id: str | None = None


@dataclass(frozen=True, slots=True)
class ServerRef:
    """A Discord server, or a group where there is nothing above it; admission attaches here."""

    platform: Platform
    server_id: str


@dataclass(frozen=True, slots=True)
class MemberRef:
    """A person on a platform; owners and budgets attach here."""

    platform: Platform
    user_id: str


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote a message; what the platform lets them do there is filled in by the adapter."""

    user_id: str
    display_name: str
    is_bot: bool = False
    is_channel_admin: bool = False
    """May manage the channel or the server (Discord), administers the group (Telegram)."""
    is_moderator: bool = False
    """May manage messages (Discord), administers the group (Telegram)."""
    is_server_admin: bool = False
    """May manage the whole server (Discord); nobody does where a group has nothing above it."""
    role_ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a message; nothing is downloaded until `save` is called."""

    attachment_id: str
    filename: str
    media_type: str
    size: int | None
    save: Callable[[Path, int], Awaitable[None]] = field(compare=False)
    """Writes at most that many bytes to the path, else raises `AttachmentTooLargeError`."""
    known_as: str | None = None
    """What it is, where a surface of our own made it; what platforms say stands elsewhere."""


@dataclass(frozen=True, slots=True)
class Quoted:
    """The message that a reply refers to."""

    message_id: str
    author: Author
    text: str
    attachments: tuple[Attachment, ...] = ()
    sent_at: datetime | None = None
    link: str | None = None
    """Where it can be read, if the platform gives its messages addresses."""
    about: str | None = None
    """The text of the message that it replies to itself, where the platform tells."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One side of an exchange, as the history keeps it."""

    role: Literal["user", "assistant"]
    text: str
    speaker: str | None = None
    """Display name of the member, in groups; None for the assistant."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """A command with its options: slash options arrive as such, typed text is parsed into one."""

    name: str
    options: Mapping[str, str | int | bool | Attachment] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MessageRef:
    """A message to reply to."""

    conversation: ConversationRef
    message_id: str


@dataclass(frozen=True, slots=True)
class InteractionRef:
    """An interaction to answer; the key is the adapter's own and opaque to core."""

    platform: Platform
    key: str = field(repr=False)
    """May be as good as a password for as long as the platform takes answers to it."""
    is_private: bool = False
    """Only the one who asked is to see what answers it."""


ReplyTo: TypeAlias = MessageRef | InteractionRef


@dataclass(frozen=True, slots=True)
class Opening:
    """How a thread, forum post or topic began."""

    title: str
    opened_by: str
    """A member's id."""
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Place:
    """What the platform says of a channel besides its identity."""

    channel_name: str = ""
    server_name: str = ""
    is_restricted: bool = False
    """Fewer people can see it than its server; never true where there is no server."""
    parent: ChannelRef | None = None
    """A private thread is a channel of its own: the one that it was opened in."""
    is_thread: bool = False
    """A thread, forum post or topic: the conversation is the context."""
    opening: Opening | None = None
    """Where it is a thread, and the platform tells."""
    is_settled: bool = False
    """A thread that is locked, or says of itself that its question is answered."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a program wants its answer made; None leaves it as it is. No platform sets any."""

    instructions: str = ""
    """How to answer. It never widens what is answered from."""
    engine: str | None = None
    """This engine and no documents; None: from documents, by the engine that answers there."""
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """A message that a member wrote; the bot's own mention is already taken out of `text`."""

    conversation: ConversationRef
    kind: ChannelKind
    trigger: Trigger
    message_id: str
    author: Author
    text: str
    sent_at: datetime
    attachments: tuple[Attachment, ...] = ()
    quoted: Quoted | None = None
    locale: str | None = None
    server_id: str | None = None
    place: Place = Place()
    command: Invocation | None = None
    context: tuple[Turn, ...] | None = None
    """The caller brings its own history (OpenAI API); None: ours is used."""
    bases: tuple[str, ...] | None = None
    """Bases picked by an operator's surface (terminal, console); never set by a chat platform."""
    reply_to: ReplyTo | None = None
    """Where the answer goes, if not to the message itself."""
    edited_at: datetime | None = None
    """When its author changed it last, where the platform says."""
    wishes: Wishes | None = None
    """Set for programs (OpenAI API), whose text is never a command."""
    shows_menus: bool = False
    """On an operator's surface: whether it shows what can be pressed below a reply."""


def origin_of(message: IncomingMessage) -> ConversationRef:
    """Where the message itself stands, which may be answered in a thread of its own."""
    match message.reply_to:
        case MessageRef(conversation, message_id) if message_id == message.message_id:
            return conversation
        case _:
            return message.conversation


@dataclass(frozen=True, slots=True)
class MessageEdited:
    """A question was edited: the message as it stands now."""

    message: IncomingMessage


@dataclass(frozen=True, slots=True)
class MessageDeleted:
    """A message was deleted by its author or a moderator."""

    conversation: ConversationRef
    message_id: str


@dataclass(frozen=True, slots=True)
class ChannelMigrated:
    """A channel goes on under another id (Telegram supergroups)."""

    old: ChannelRef
    new: ChannelRef


@dataclass(frozen=True, slots=True)
class ActionPressed:
    """Somebody pressed a button, or chose from a menu, under one of our messages."""

    conversation: ConversationRef
    message_id: str
    action: str
    author: Author
    kind: ChannelKind = ChannelKind.GROUP
    interaction: InteractionRef | None = None
    """Where an answer goes that only the one who pressed sees."""
    locale: str | None = None
    server_id: str | None = None
    place: Place = Place()


@dataclass(frozen=True, slots=True)
class Joined:
    """The bot was added to a server or group."""

    platform: Platform
    server_id: str
    name: str
    by: Author | None = None
    """Who added it, where the platform says."""
    conversation: ConversationRef | None = None
    """Where a first message can be written."""
    locale: str | None = None
    contact: str | None = None
    """The id of who is told how to begin: who added it, else who is in charge there."""


@dataclass(frozen=True, slots=True)
class Left:
    """The bot was removed from a server or group."""

    platform: Platform
    server_id: str


@dataclass(frozen=True, slots=True)
class Interrupted:
    """For a while nothing was heard of a platform: edits and deletions may have been missed."""

    platform: Platform


Asked: TypeAlias = IncomingMessage | ActionPressed
"""Somebody wants something, somewhere: what levels and scopes are made from."""

IncomingEvent: TypeAlias = (
    IncomingMessage
    | MessageEdited
    | MessageDeleted
    | ChannelMigrated
    | ActionPressed
    | Joined
    | Left
    | Interrupted
)
