"""Replies under the clock: from the question to its first word to its end."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from core.events import IncomingMessage
from core.hooks import Reply, Stop
from core.meters import FirstWord, Meters, Outcome, Replied
from core.replies import Failed, Finished, ReplyEvent, Sources, TextDelta, TextReplaced

_log = logging.getLogger(__name__)


def metered(reply: Reply, meters: Meters, clock: Callable[[], float] = time.monotonic) -> Reply:
    """The same replies, each noted when it ends; those that say nothing are not.

    A command's first words tell nothing about answers: the time to the first word is noted for
    questions alone, once `Sources` have shown that it was one.
    """

    async def timed(message: IncomingMessage, stop: Stop) -> AsyncGenerator[ReplyEvent, None]:
        watch = _Watch(message, clock)
        try:
            async with aclosing(reply(message, stop)) as events:
                async for event in events:
                    watch.sees(event)
                    yield event
        finally:
            watch.ends(meters)

    return timed


class _Watch:
    """One reply."""

    def __init__(self, message: IncomingMessage, clock: Callable[[], float]) -> None:
        self._surface = message.conversation.channel.platform
        self._clock = clock
        self._begun = clock()
        self._first: float | None = None
        self._sources: Sources | None = None
        self._end: Failed | Finished | None = None
        self._seen = False

    def sees(self, event: ReplyEvent) -> None:
        self._seen = True
        match event:
            case TextDelta() | TextReplaced():
                if self._first is None:
                    self._first = self._clock()
            case Sources():
                self._sources = event
            case Failed() | Finished():
                self._end = event
            case _:
                pass

    def ends(self, meters: Meters) -> None:
        outcome = self._outcome()
        if outcome == "stopped" and not self._seen:
            return
        seconds = self._clock() - self._begun
        if self._first is not None and self._sources is not None:
            meters.note(FirstWord(self._surface, self._first - self._begun))
        failed = self._end if isinstance(self._end, Failed) else None
        code = (failed.code or "unexpected") if failed is not None else ""
        meters.note(Replied(self._surface, outcome, seconds, code))
        _log.info(
            "a reply ended", extra={"outcome": outcome, "seconds": round(seconds, 2), "code": code}
        )

    def _outcome(self) -> Outcome:
        match self._end:
            case Failed():
                return "failed"
            case Finished("cancelled") | None:
                return "stopped"
            case _:
                if self._sources is None:
                    return "command"
                if not self._sources.refused:
                    return "answered"
                return "unsaid" if self._sources.unsaid else "refused"
