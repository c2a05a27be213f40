"""What the core asks of a platform, and what it offers one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Literal, Protocol, TypeAlias

from core.events import (
    Asked,
    Author,
    ChannelRef,
    ConversationRef,
    IncomingEvent,
    IncomingMessage,
    InteractionRef,
    MessageRef,
    Platform,
    ReplyTo,
)
from core.replies import Form, Menu, ReplyEvent

MENTION_SPACE: Final = 32
"""What a text with a mention leaves free of `Capabilities.max_text`."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a platform can do; core asks this and never the platform's name."""

    max_text: int
    """Longest message, in units of `count`."""
    count: Callable[[str], int] = len
    """Length as the platform counts it (Telegram: UTF-16 units)."""
    max_download: int | None = None
    max_upload: int | None = None
    markup: Literal["plain", "markdown"] = "markdown"
    can_edit: bool = True
    can_buttons: bool = False
    forms: Literal["dialog", "replies", "none"] = "none"
    """How a form is filled in: in a dialog that the adapter opens, see `Forms`, or field by field
    in replies to what `Outbox.ask` sends, or not at all."""
    can_draft: bool = False
    """Whether an answer in a private chat can be shown growing without a message of its own."""
    can_deduplicate: bool = False
    """Whether sending again under the same key gives the message that is there already."""
    edit_interval_private: float = 1.0
    """Seconds between two sends or edits in one private chat."""
    edit_interval_group: float = 3.0
    """The same for a group, where all answers of the channel share it."""
    edit_window_group: float = 60.0
    """Over how many seconds a platform counts a group's sends and edits."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a member may do in a channel, and who else sees it, as the platform says now."""

    can_read: bool
    is_channel_admin: bool = False
    is_server_admin: bool = False
    is_restricted: bool = False
    """As in `events.Place`."""
    is_moderator: bool = False
    """As in `events.Author`."""
    role_ids: frozenset[str] = frozenset()
    """As in `events.Author`: a private chat knows nothing of roles."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The platform says that a message is not there any more."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A message may be there or not: the platform cannot be asked, or could not say."""


Refetched: TypeAlias = IncomingMessage | Gone | Unknown
"""A message as it stands now, its files ready to be fetched; or why there is none."""


class Right(Enum):
    """What we need to be allowed in a channel."""

    READ = auto()
    WRITE = auto()
    WRITE_IN_THREADS = auto()
    SEND_FILES = auto()
    READ_HISTORY = auto()


@dataclass(frozen=True, slots=True)
class Lacking:
    """A channel in which we may not do all that we need to."""

    channel: ChannelRef
    name: str
    rights: tuple[Right, ...]


class BadTokenError(Exception):
    """A platform does not take our token: its surface stays off, the others run."""


class UnreachableError(Exception):
    """A platform cannot be reached, or ended the connection: trying again later may help."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a message that its platform hands over piece by piece, as a message of its own."""

    message: IncomingMessage
    whole: str
    """Which message it is part of: a name in that channel."""


class Inbox(Protocol):
    """Where surfaces hand in what happened."""

    def submit(self, event: IncomingEvent) -> None:
        """Push surfaces: answered later through the platform's outbox. Returns at once."""
        ...

    async def noted(self) -> None:
        """Until what was handed in so far is on disk, or turned away: a platform that keeps things
        until they are confirmed is to hear of it no sooner."""
        ...

    def hold(self, part: Part) -> None:
        """Keep a part of a message that may not be whole yet, or the part as it is now. Returns at
        once; `noted` waits for it, too."""
        ...

    def release(self, message: IncomingMessage, whole: str) -> None:
        """The parts of this message are not needed any more: it was submitted. Returns at once."""
        ...

    async def held(self, platform: Platform) -> Sequence[Part]:
        """What an earlier run of the program held and did not release, in order. Its files are
        to be refetched."""
        ...

    def stream(self, message: IncomingMessage) -> AsyncGenerator[ReplyEvent, None]:
        """Pull surfaces show the events themselves; closing the generator cancels the reply."""
        ...


class Listener(AbstractAsyncContextManager["Listener"], Protocol):
    """A connection to a platform: entering logs in, exiting closes it.

    Entering raises `BadTokenError` where the platform does not take the token, entering and
    listening `UnreachableError` where the platform is away and the SDK has given up.
    """

    @property
    def outbox(self) -> Outbox: ...

    async def refetch(self, message: IncomingMessage) -> Refetched:
        """A message that was heard earlier, as it stands now. Raises nothing.

        Telegram gives no message twice: there it is the message as it was, where it has files, and
        else `Unknown`. So is a command that was chosen from a menu, which is no message.
        """
        ...

    async def listen(self, inbox: Inbox) -> None:
        """Until cancelled, which leaves us deaf but still able to send."""
        ...


class Completer(Protocol):
    """Suggests what an option of a command may be, while it is typed."""

    async def complete(self, message: IncomingMessage, option: str, typed: str) -> Sequence[str]:
        """At most 25 values that the asker may use there. `message.command` says what for."""
        ...


class Forms(Protocol):
    """Tells, before anything is acknowledged, whether a command or a press opens a form.

    The filled form comes back as a message with the command `core.forms.FORM`, whose options are
    the form's `token` and a text for each field by its name.
    """

    async def form_of(self, asked: Asked) -> Form | None:
        """The form to show, opened for who asks; None, mostly at once: there is none."""
        ...

    def refuses(self, message: IncomingMessage) -> bool:
        """Whether the asker may not give this command: then only they are to see the answer."""
        ...


class Outbox(Protocol):
    """Sends for one platform. Raises `DeliveryError` subclasses, never the SDK's exceptions."""

    @property
    def capabilities(self) -> Capabilities: ...

    async def send(
        self,
        to: ConversationRef,
        text: str,
        *,
        reply_to: ReplyTo | None = None,
        key: str | None = None,
        menus: Sequence[Menu] = (),
        mention: str | None = None,
    ) -> str:
        """Returns the id of the new message. Nobody is notified by what the text says.

        `key` names what is sent across restarts; see `Capabilities.can_deduplicate`. What has one
        can be edited later: where the conversation has moved, `ConversationMovedError` says so, and
        what has none is sent to where it goes on. `mention` is a
        role to notify, put before the text within `MENTION_SPACE`; where a platform has no roles,
        nobody is.
        """
        ...

    async def ask(
        self, to: ConversationRef, text: str, *, of: Author, reply_to: ReplyTo | None = None
    ) -> str:
        """Ask one person for a reply, which will quote the message whose id this returns.

        Only where `Capabilities.forms` is "replies": their client offers them, and nobody else, to
        write it.
        """
        ...

    def link(self, message: MessageRef) -> str | None:
        """Where a message can be read; None where it has no address that others can open."""
        ...

    def message_at(self, channel: ChannelRef, link: str) -> MessageRef | None:
        """The message of that channel, or of a thread in it, that has this address; None where
        that cannot be told, or nothing can be learnt of its changes there."""
        ...

    async def edit(
        self, to: ConversationRef, message_id: str, text: str, *, menus: Sequence[Menu] = ()
    ) -> None:
        """The message as it is from now on, with these menus and no others. That nothing changes
        is no error."""
        ...

    async def delete(self, to: ConversationRef, message_id: str) -> None: ...

    async def send_file(
        self,
        to: ConversationRef,
        filename: str,
        data: bytes,
        *,
        reply_to: ReplyTo | None = None,
        key: str | None = None,
    ) -> str: ...

    async def typing(self, to: ConversationRef) -> None: ...

    async def draft(self, to: ConversationRef, answers: str, text: str) -> bool:
        """Show how far the answer to that message of a private chat has come; no message is made.

        What is shown goes when a message is sent, or after 30 s without news. False: not here, now
        or later; send and edit instead. Where the draft has a Stop button of its own, pressing it
        comes as `ActionPressed` with the action "stop" and the message id `answers`.
        """
        ...

    async def reveal(self, to: InteractionRef, text: str, *, menus: Sequence[Menu] = ()) -> None:
        """Show something to nobody but the one who pressed or asked."""
        ...

    async def dismiss(self, to: InteractionRef) -> None:
        """Nothing will be said to it: what the platform shows as waiting goes, if it does."""
        ...

    async def direct(self, user_id: str) -> ConversationRef:
        """The private chat with a member. Raises `ForbiddenError` where there can be none."""
        ...

    async def open_thread(self, question: MessageRef, title: str) -> ConversationRef | None:
        """A thread under a message of a group's channel, or the one that we opened there before.

        None: not here, now or later (the platform has none, or we may not); the channel will do.
        """
        ...

    async def leave(self, server_id: str) -> None:
        """Leave a server or group."""
        ...

    async def is_member(self, user_id: str, channel: ChannelRef) -> bool | None:
        """Whether the member can read the channel, asked now; None: the platform cannot say."""
        ...

    async def standing(self, user_id: str, channel: ChannelRef) -> Standing | None:
        """How a member stands in a channel, asked now; None: the platform cannot say."""
        ...

    async def is_within(self, channel: ChannelRef, other: ChannelRef) -> bool | None:
        """Whether all who can read the one can read the other; None: the platform cannot say."""
        ...

    async def lacking(self, channel: ChannelRef) -> Sequence[Lacking]:
        """Where we lack rights: this channel, and those of its server that everybody there sees."""
        ...
