"""An inbox that plays a script, for tests of surfaces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from core.events import ConversationRef, IncomingEvent, IncomingMessage, Platform
from core.ports import Part
from core.replies import Finished, ReplyEvent


class ScriptedInbox:
    """Answers every message with the same events and remembers what it was given.

    With `hold` an answer waits after its last event, until `/stop` comes or the reader leaves.
    """

    def __init__(self, events: Sequence[ReplyEvent], *, hold: bool = False) -> None:
        self._events = events
        self._hold = hold
        self._stops: dict[ConversationRef, asyncio.Event] = {}
        self.messages: list[IncomingMessage] = []
        self.stopped = 0

    async def noted(self) -> None:
        """All that there is to it."""

    def hold(self, part: Part) -> None:
        raise AssertionError("it comes in one piece")

    def release(self, message: IncomingMessage, whole: str) -> None:
        raise AssertionError("it comes in one piece")

    async def held(self, platform: Platform) -> tuple[Part, ...]:
        return ()

    def submit(self, event: IncomingEvent) -> None:
        raise AssertionError("pull surfaces do not submit")

    async def stream(self, message: IncomingMessage) -> AsyncGenerator[ReplyEvent, None]:
        stop = self._stops.setdefault(message.conversation, asyncio.Event())
        if message.command is not None and message.command.name == "stop":
            self.stopped += not stop.is_set()
            stop.set()
            return
        self.messages.append(message)
        for event in self._events:
            await asyncio.sleep(0)
            yield event
        if self._hold:
            await stop.wait()
            yield Finished("cancelled")
