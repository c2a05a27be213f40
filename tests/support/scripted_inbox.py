"""An inbox that plays a script, for tests of surfaces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from core.events import IncomingEvent, IncomingMessage
from core.replies import ReplyEvent


class ScriptedInbox:
    """Answers every message with the same events and remembers what it was given.

    With `hold` it waits for ever after the last event until the reader leaves, which `left` counts.
    """

    def __init__(self, events: Sequence[ReplyEvent], *, hold: bool = False) -> None:
        self._events = events
        self._hold = hold
        self.messages: list[IncomingMessage] = []
        self.left = 0

    def submit(self, event: IncomingEvent) -> None:
        raise AssertionError("pull surfaces do not submit")

    async def stream(self, message: IncomingMessage) -> AsyncGenerator[ReplyEvent, None]:
        self.messages.append(message)
        try:
            for event in self._events:
                await asyncio.sleep(0)
                yield event
            if self._hold:
                await asyncio.Event().wait()
        except (GeneratorExit, asyncio.CancelledError):
            self.left += 1
            raise
