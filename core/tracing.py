"""Which reply is being made here: what every line of the log says of it.

Each reply has a task of its own, and with it a context of its own: what is set there holds for all
that the reply begins, and for nothing else.
"""

from __future__ import annotations

import secrets
from contextvars import ContextVar
from dataclasses import dataclass

from core.events import ConversationRef


@dataclass(frozen=True, slots=True)
class Trace:
    """The ids under which a reply is found in the log."""

    conversation: str
    """As `platform:channel` or `platform:channel/thread`."""
    message_id: str
    reference: str
    """What the asker is told where something goes wrong on our side."""


_current: ContextVar[Trace | None] = ContextVar("trace", default=None)


def begin(conversation: ConversationRef, message_id: str) -> Trace:
    """From here on, in this task and in what it starts, this reply is made."""
    channel = conversation.channel
    where = f"{channel.platform.value}:{channel.channel_id}"
    if conversation.thread_id is not None:
        where = f"{where}/{conversation.thread_id}"
    trace = Trace(where, message_id, _new())
    _current.set(trace)
    return trace


def current() -> Trace | None:
    """None outside of replies."""
    return _current.get()


def reference() -> str:
    """That of the reply that is being made here; a new one where there is none."""
    trace = _current.get()
    return trace.reference if trace is not None else _new()


def _new() -> str:
    return secrets.token_hex(3).upper()
