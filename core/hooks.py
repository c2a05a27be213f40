"""What the dispatcher leaves to others."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from core.actions import Answers
from core.answering import words_for
from core.events import (
    ActionPressed,
    Asked,
    ChannelRef,
    ConversationRef,
    IncomingMessage,
    Joined,
    Left,
    MessageDeleted,
    MessageEdited,
    Platform,
)
from core.language import Words
from core.pacer import Pacers
from core.ports import Refetched
from core.replies import ReplyEvent
from core.speaking import Speaking

Stop: TypeAlias = Callable[[ConversationRef, str | None], int]
Reply: TypeAlias = Callable[[IncomingMessage, Stop], AsyncGenerator[ReplyEvent, None]]
"""The whole reply to a message; with the means to stop others, for the command that does."""


def moderates(event: ActionPressed) -> bool:
    """As far as the platform tells."""
    return event.author.is_channel_admin or event.author.is_moderator


@dataclass(frozen=True, slots=True)
class Hooks:
    """None where there is nobody to leave it to."""

    words: Callable[[IncomingMessage], Words] = words_for
    """The language of what delivery says by itself."""
    is_immediate: Callable[[IncomingMessage], bool] | None = None
    """Commands that wait for no turn, since they act on the reply that has it."""
    action: Callable[[ActionPressed, Answers], Awaitable[None]] | None = None
    """Every button but Stop, with the means to make answers anew and to take them out."""
    moderates: Callable[[ActionPressed], bool] = moderates
    """Whether somebody may stop the replies to others."""
    migrated: Callable[[ChannelRef, ChannelRef], Awaitable[None]] | None = None
    """Called when history and inbox have followed a channel to its new id."""
    membership: Callable[[Joined | Left], Awaitable[None]] | None = None
    """Called when the bot was added to a server or group, or taken out of it."""
    admits: Callable[[Asked], Awaitable[bool]] | None = None
    """Whether to deal with this at all; of what is not admitted, nothing is read or stored."""
    ambient: Callable[[IncomingMessage], IncomingMessage | None] | None = None
    """What to make of a message that does not address us; None: nothing."""
    speaking: Speaking | None = None
    """Judges what does not address us and is nothing else either."""
    changed: Callable[[MessageEdited | MessageDeleted], Awaitable[None]] | None = None
    """Told of every message that was edited or deleted, whoever it addressed."""
    taught: Callable[[Platform], Awaitable[Sequence[IncomingMessage]]] | None = None
    """Messages whose changes `changed` is to be told of, also those that nobody heard."""
    refetch: Callable[[IncomingMessage], Awaitable[Refetched]] | None = None
    """A question that was heard earlier, as it stands now: see `Listener.refetch`."""
    pacers: Pacers = field(default_factory=Pacers)
    """Shared with who else writes in these channels."""
