"""An engine behind its fair queue: what a turn talks to."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from functools import partial
from typing import Final, Protocol, assert_never

from core.distance import EnginePlace, host_of, place_of
from core.engines.base import (
    ChatEngine,
    ChatMessage,
    EngineDelta,
    EngineEvent,
    EngineFinished,
    GenerationOptions,
)
from core.engines.openai_wire import estimate
from core.engines.queue import Asker, FairQueue, QueueLimits, Ticket
from core.engines.sleeping import SleepingEngine
from core.errors import EngineError, EngineTimeoutError, EngineUnavailableError, code_of
from core.meters import UNMEASURED, Generated, Meters
from core.replies import Queued, Usage
from core.settings import EngineSettings

_log = logging.getLogger(__name__)

_MOST_TOKENS: Final = 2048
"""Of an answer without a limit."""
_TELLING_TOKENS: Final = 16
"""An answer of fewer says little of how fast an engine is."""
_NEWEST: Final = 0.3
"""Weight of the newest answer in that."""


class Held(Protocol):
    """What a request may cost at most, held back until it is known what it did cost."""

    def settle(self, usage: Usage | None) -> None:
        """It is over; None: nothing was asked of the engine."""
        ...


class Meter(Protocol):
    """Counts what an engine costs."""

    def check(self) -> None:
        """Raises `EngineBudgetError` where nothing is left to spend."""
        ...

    def hold(self, asker: Asker, most: Usage) -> Held:
        """Raises `EngineBudgetError` where what is left may not do."""
        ...


class QueuedEngine:
    """An engine behind its queue; every surface's questions go through the same one."""

    def __init__(
        self,
        engine: ChatEngine,
        queue: FairQueue,
        request_timeout_seconds: float = 120.0,
        place: EnginePlace = "local",
        meter: Meter | None = None,
        host: str = "",
    ) -> None:
        self.engine = engine
        self.queue = queue
        self.place: Final = place
        """Where what is asked goes."""
        self.host: Final = host
        """The machines that it goes to; empty: none but this."""
        self._timeout_seconds = request_timeout_seconds
        self._meter = meter
        self.meters: Meters = UNMEASURED
        self.pace: float | None = None
        """Seconds from the slot to the end for each token that it wrote, of late; None: it wrote
        too little for that to be known."""
        self._runs: set[_Run] = set()
        self._unspoken: set[_Run] = set()

    @property
    def under_way(self) -> int:
        """Requests at the engine; may be asked from any thread."""
        return len(self._runs)

    @property
    def unspoken(self) -> int:
        """Those of them whose first word is awaited; may be asked from any thread."""
        return len(self._unspoken)

    @classmethod
    def of(
        cls,
        engine: ChatEngine,
        settings: EngineSettings,
        clock: Callable[[], float] = time.monotonic,
        meter: Meter | None = None,
    ) -> QueuedEngine:
        """Put an engine behind a queue of as many slots as it serves, or fewer where set."""
        slots = min(engine.slots, settings.max_concurrent or engine.slots)
        limits = QueueLimits(
            settings.max_waiting, settings.max_waiting_per_member, settings.max_waiting_per_channel
        )
        queue = FairQueue(engine.name, slots, limits, clock)
        place = place_of(settings.place, settings.addresses)
        host = ", ".join(dict.fromkeys(host_of(own) for own in settings.addresses))
        return cls(engine, queue, settings.request_timeout_seconds, place, meter, host)

    @property
    def is_asleep(self) -> bool:
        """Whether the next question waits for its model to be loaded."""
        return isinstance(self.engine, SleepingEngine) and self.engine.is_asleep

    def check(self) -> None:
        """Raises `EngineBudgetError` where nothing is left to spend on it."""
        if self._meter is not None:
            self._meter.check()

    async def generate(
        self, messages: Sequence[ChatMessage], options: GenerationOptions, asker: Asker
    ) -> AsyncGenerator[Queued | EngineEvent, None]:
        """Wait for a slot, yielding places in the queue, then yield what the engine says.

        Closing it, or cancelling who reads it, ends the request at once for the asker, whether
        queued or being answered; the slot counts as busy until the engine has really stopped.
        Raises `QueueFullError`, `EngineTimeoutError` (counted from the slot on, not from the
        question), `EngineBudgetError` and whatever the engine raises.
        """
        begun = time.monotonic()
        ticket = self.queue.ticket(asker)
        run: _Run | None = None
        try:
            async with aclosing(ticket.wait()) as places:
                async for place in places:
                    yield place
            bill = None
            if self._meter is not None:
                most = Usage(estimate(messages), options.max_tokens or _MOST_TOKENS)
                bill = _Bill(self._meter.hold(asker, most), most)
            run = _Run(
                self.engine.name,
                self.engine.stream(messages, options),
                ticket,
                self._timeout_seconds,
                bill,
                self._unspoken.discard,
            )
            self._runs.add(run)
            self._unspoken.add(run)
            run.task.add_done_callback(partial(self._forget, run))
        finally:
            if run is None:
                ticket.release()
        tally = _Tally(self.engine.name, begun, time.monotonic())
        try:
            async with aclosing(run.events()) as events:
                async for event in events:
                    if isinstance(event, EngineFinished):
                        tally.usage = event.usage
                    yield event
        except EngineError as error:
            self.meters.note(tally.ended(error))
            raise
        if tally.usage is not None:
            ended = tally.ended()
            self._keep_pace(ended)
            self.meters.note(ended)

    def _keep_pace(self, ended: Generated) -> None:
        if ended.completion_tokens < _TELLING_TOKENS:
            return
        pace = ended.seconds / ended.completion_tokens
        self.pace = pace if self.pace is None else self.pace + _NEWEST * (pace - self.pace)

    async def settle(self) -> None:
        """Wait until the engine has finished every request that it was given so far."""
        if self._runs:
            await asyncio.wait([run.task for run in self._runs])

    async def aclose(self) -> None:
        """Turn away who waits, stop what runs, wait for it, close the engine."""
        self.queue.close()
        for run in list(self._runs):
            run.stop()
        await self.settle()
        await self.engine.aclose()

    def _forget(self, run: _Run, _task: asyncio.Task[None]) -> None:
        self._runs.discard(run)
        self._unspoken.discard(run)


class _Tally:
    """How long one request waited and was answered, in seconds of `time.monotonic`."""

    def __init__(self, engine: str, begun: float, granted: float) -> None:
        self._engine = engine
        self._waited = granted - begun
        self._granted = granted
        self.usage: Usage | None = None

    def ended(self, error: EngineError | None = None) -> Generated:
        usage = self.usage or Usage(0, 0)
        return Generated(
            self._engine,
            self._waited,
            time.monotonic() - self._granted,
            usage.prompt_tokens,
            usage.completion_tokens,
            code_of(error) if error is not None else "",
        )


class _Bill:
    """What one request cost: as the engine counts it, else estimated from what it said."""

    def __init__(self, held: Held, most: Usage) -> None:
        self._held = held
        self._prompt_tokens = most.prompt_tokens
        self._said: list[str] = []
        self._usage: Usage | None = None
        self.is_asked = False
        """Whether the engine was given the request."""

    def take(self, event: EngineEvent) -> None:
        match event:
            case EngineDelta(text):
                self._said.append(text)
            case EngineFinished(usage=usage):
                self._usage = usage
            case _:
                assert_never(event)

    def settle(self, *, failed: bool) -> None:
        """Who leaves while the prompt is being read has it read all the same."""
        said = "".join(self._said)
        if self._usage is None and (said or (self.is_asked and not failed)):
            written = estimate([ChatMessage("assistant", said)])
            self._usage = Usage(self._prompt_tokens, written, estimated=True)
        self._held.settle(self._usage)


class _Run:
    """One request at the engine, driven by a task of its own, which starts at once.

    So the asker can leave at once while the engine finishes what it cannot interrupt, and a reader
    who is slow to show the answer does not hold the slot: what is ready waits here instead, never
    more than one answer. The slot is given back when the task ends, however it ends.
    """

    def __init__(
        self,
        engine: str,
        stream: AsyncGenerator[EngineEvent, None],
        ticket: Ticket,
        timeout_seconds: float,
        bill: _Bill | None = None,
        spoke: Callable[[_Run], None] = lambda _: None,
    ) -> None:
        self._bill = bill
        self._spoke = spoke
        self._engine = engine
        self._stream = stream
        self._ticket = ticket
        self._timeout_seconds = timeout_seconds
        self._ready: deque[EngineEvent] = deque()
        self._changed = asyncio.Event()
        self._expired = False
        self._ended = False
        self._left = False
        self._failure: BaseException | None = None
        self._timer = asyncio.get_running_loop().call_later(timeout_seconds, self._expire)
        self.task = asyncio.create_task(self._drive(), name=f"engine {engine}")
        # Not a `finally` inside the task: one that is cancelled before its first step runs none.
        self.task.add_done_callback(self._end)

    async def events(self) -> AsyncGenerator[EngineEvent, None]:
        """What the engine says. Leaving early stops the engine without waiting for it."""
        try:
            while True:
                while self._ready:
                    yield self._ready.popleft()
                if self._expired:
                    raise EngineTimeoutError(self._engine, self._timeout_seconds)
                if self._ended:
                    break
                self._changed.clear()
                await self._changed.wait()
            if self._failure is not None:
                raise self._failure
            if self.task.cancelled():
                # The engine is being closed under the reader, who was not cancelled.
                raise EngineUnavailableError(self._engine)
        finally:
            self._left = True
            self.stop()

    def stop(self) -> None:
        """Ask the engine to stop; asked again, it is left to finish its clean-up."""
        self._timer.cancel()
        if not self.task.done() and not self.task.cancelling():
            self.task.cancel()

    async def _drive(self) -> None:
        if self._bill is not None:
            self._bill.is_asked = True
        async with aclosing(self._stream) as events:
            async for event in events:
                self._spoke(self)
                self._ready.append(event)
                if self._bill is not None:
                    self._bill.take(event)
                self._changed.set()

    def _expire(self) -> None:
        self._expired = True
        self._changed.set()
        self.stop()

    def _end(self, task: asyncio.Task[None]) -> None:
        self._ended = True
        self._timer.cancel()
        self._ticket.release()
        if not task.cancelled():
            self._failure = task.exception()
        if self._bill is not None:
            self._bill.settle(failed=self._failure is not None)
        if self._failure is not None and self._left:
            expected = isinstance(self._failure, EngineError)
            _log.warning(
                "%s failed after its reader left: %r",
                self._engine,
                self._failure,
                exc_info=None if expected else self._failure,
            )
        self._changed.set()
