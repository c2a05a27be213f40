"""One channel's budget of sends and edits, shared by all answers that are shown there."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from enum import IntEnum
from math import inf
from typing import Final, TypeVar

from core.errors import DeliveryRateLimitedError
from core.events import ChannelKind, ChannelRef
from core.ports import Capabilities

WINDOW_SECONDS: Final = 60.0

T = TypeVar("T")


class Urgency(IntEnum):
    """Who goes first when the budget is short."""

    FINAL = 0
    """The text an answer ends with: may use the budget up."""
    OPENING = 1
    """The first sight of an answer: leaves one for the end of each that is open."""
    SPARE = 2
    """A glimpse in between: also keeps the interval, and comes last."""


class Turn:
    """Leave for one operation: enter it for as long as the operation is under way.

    The platform counts an operation when it arrives, which may be long after it was granted.
    """

    def __init__(self, granted_at: float, settled: Callable[[], None]) -> None:
        self.counts_from = granted_at
        self._settled = settled

    def __enter__(self) -> None:
        self.counts_from = inf

    def __exit__(self, *_: object) -> None:
        self.counts_from = asyncio.get_running_loop().time()
        self._settled()


class Pacer:
    """Grants at most `window / interval` operations in any window, in order of urgency.

    A window rather than a fixed beat: platforms count per minute, and an answer that is complete
    should not wait for a beat when the channel has been quiet.
    """

    def __init__(self, interval: float, *, window: float = WINDOW_SECONDS) -> None:
        self._interval = interval
        self._window = window
        self._most = max(2.0, window // interval) if interval > 0 else inf
        self._granted: list[Turn] = []
        self._last_spare = -inf
        self._paused_until = -inf
        self._unfinished = 0
        self._waiting: dict[Urgency, deque[asyncio.Future[Turn]]] = {
            urgency: deque() for urgency in Urgency
        }
        self._timer: asyncio.TimerHandle | None = None

    @property
    def idle(self) -> bool:
        """True when forgetting this pacer forgets nothing."""
        now = asyncio.get_running_loop().time()
        self._expire(now)
        busy = self._granted or self._unfinished or any(self._waiting.values())
        return not busy and now >= self._paused_until

    @contextmanager
    def unfinished(self) -> Generator[None, None, None]:
        """While an answer is open, a place in the budget is kept for its end."""
        self._unfinished += 1
        try:
            yield
        finally:
            self._unfinished -= 1
            self._grant()

    def ask(self, urgency: Urgency) -> asyncio.Future[Turn]:
        """Done when the operation may go; cancel it to withdraw."""
        future: asyncio.Future[Turn] = asyncio.get_running_loop().create_future()
        self._waiting[urgency].append(future)
        self._grant()
        return future

    async def carry_out(
        self, operation: Callable[[], Awaitable[T]], *, patience: float | None = None
    ) -> T:
        """What it gives when it goes through, however often the platform asks us to wait.

        Raises `TimeoutError` where its turn has not come after `patience` seconds.
        """
        until = None if patience is None else asyncio.get_running_loop().time() + patience
        while True:
            async with asyncio.timeout_at(until):
                turn = await self.ask(Urgency.FINAL)
            try:
                with turn:
                    return await operation()
            except DeliveryRateLimitedError as error:
                self.pause(error.retry_after)

    def pause(self, seconds: float) -> None:
        """The platform asked for silence: nothing goes until then."""
        until = asyncio.get_running_loop().time() + seconds
        self._paused_until = max(self._paused_until, until)

    def _grant(self) -> None:
        now = asyncio.get_running_loop().time()
        self._expire(now)
        for urgency in Urgency:
            waiting = self._waiting[urgency]
            while waiting and (waiting[0].done() or self._may(urgency, now)):
                future = waiting.popleft()
                if future.done():
                    continue
                turn = Turn(now, self._grant)
                self._granted.append(turn)
                # Every glimpse counts its interval from whatever was shown last.
                self._last_spare = now
                future.set_result(turn)
        self._wake_later(now)

    def _may(self, urgency: Urgency, now: float) -> bool:
        if now < self._paused_until:
            return False
        used = len(self._granted)
        match urgency:
            case Urgency.FINAL:
                return used < self._most
            case Urgency.OPENING:
                return used + self._unfinished < self._most or used == 0
            case Urgency.SPARE:
                due = now >= self._last_spare + self._interval
                return due and used + self._unfinished < self._most

    def _wake_later(self, now: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not any(self._waiting.values()):
            return
        moments = [self._paused_until, self._last_spare + self._interval]
        moments += [turn.counts_from + self._window for turn in self._granted]
        coming = [moment for moment in moments if now < moment < inf]
        if coming:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(min(coming), self._grant)

    def _expire(self, now: float) -> None:
        self._granted = [turn for turn in self._granted if turn.counts_from + self._window > now]


class Pacers:
    """The pacers of all channels; those that have nothing to remember are let go."""

    def __init__(self, kept: int = 256) -> None:
        self._kept = kept
        self._pacers: dict[ChannelRef, Pacer] = {}

    def of(self, channel: ChannelRef, kind: ChannelKind, can: Capabilities) -> Pacer:
        """The channel's one pacer: topics and threads share it."""
        if len(self._pacers) > self._kept:
            self._pacers = {ref: pacer for ref, pacer in self._pacers.items() if not pacer.idle}
        if channel not in self._pacers:
            private = kind is ChannelKind.PRIVATE
            self._pacers[channel] = (
                Pacer(can.edit_interval_private)
                if private
                else Pacer(can.edit_interval_group, window=can.edit_window_group)
            )
        return self._pacers[channel]
