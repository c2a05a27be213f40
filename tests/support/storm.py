"""Members who ask, leave, break and are cut off at random, and what must be left of it: nothing."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import psutil

from core.engines.base import (
    ChatEngine,
    ChatMessage,
    EngineDelta,
    EngineEvent,
    EngineFinished,
    GenerationOptions,
)
from core.engines.queue import Asker, Lane, Load
from core.engines.queued import QueuedEngine
from core.errors import EngineError, EngineRefusedError
from core.events import ChannelRef, Platform
from core.settings import EngineSettings

AT_ONCE = 40
_ORDERS = {0: "too long", 7: "hang", 13: "refuse", 22: "break"}
"""What befalls every 30th request from these on. Whoever asks it waits for its end."""
_HANDLES = Path("/proc/self/fd")
SYSTEM = "Answer from the passages. "


class Faulty:
    """Any engine, with faults that the question itself orders, so that none depends on who is
    served when: a refusal in its midst, a defect, silence after the first word until somebody
    stops it."""

    def __init__(self, engine: ChatEngine) -> None:
        self._engine = engine
        self.open = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._engine, name)

    async def stream(
        self, messages: Sequence[ChatMessage], options: GenerationOptions
    ) -> AsyncGenerator[EngineEvent, None]:
        said, ordered = 0, messages[-1].text.partition(":")[0]
        self.open += 1
        try:
            async with aclosing(self._engine.stream(messages, options)) as events:
                async for event in events:
                    yield event
                    said += isinstance(event, EngineDelta)
                    if said and ordered == "hang":
                        await asyncio.Event().wait()
                    if said and ordered == "refuse":
                        raise EngineRefusedError(self._engine.name)
                    if said and ordered == "break":
                        raise ZeroDivisionError
        finally:
            self.open -= 1


class ReaderBrokeError(Exception):
    """What is said cannot be shown: the client is gone."""


class Storm:
    """Requests of random members, `AT_ONCE` at a time, each with an end of its own."""

    def __init__(self, queued: QueuedEngine, seed: int, *, most_tokens: int) -> None:
        self.outcomes: Counter[str] = Counter()
        self._queued = queued
        self._seed = seed
        self._chance = random.Random(seed)
        self._most_tokens = most_tokens
        self._tasks: set[asyncio.Task[None]] = set()

    async def blow(self, requests: int) -> None:
        """Ask so often; returns when the last one has its end and the engine is done with all."""
        for number in range(requests):
            task = asyncio.create_task(self._ask(number), name=f"storm {number}")
            self._tasks.add(task)
            task.add_done_callback(self._ended)
            # Of any age: not begun, waiting, being read, streaming.
            victims = sorted(filter(_may_be_cancelled, self._tasks), key=_name)
            if victims and self._chance.random() < 0.15:
                self._chance.choice(victims).cancel()
            if self._chance.random() < 0.5:
                await asyncio.sleep(0)
            while len(self._tasks) >= AT_ONCE:
                await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        while self._tasks:
            await asyncio.wait(self._tasks)
        await self._queued.settle()

    async def _ask(self, number: int) -> None:
        try:
            self.outcomes[await self._answered(number)] += 1
        except (EngineError, ZeroDivisionError, ReaderBrokeError) as error:
            self.outcomes[type(error).__name__] += 1

    def _ended(self, task: asyncio.Task[None]) -> None:
        # Here: a task that is cancelled before its first step runs nothing of its own.
        self._tasks.discard(task)
        if task.cancelled():
            self.outcomes["cancelled"] += 1
        elif error := task.exception():
            self.outcomes[f"defect: {error!r}"] += 1

    async def _answered(self, number: int) -> str:
        # Its own, so that what is asked does not depend on who came first.
        chance = random.Random(f"{self._seed} {number}")
        asker = Asker(
            ChannelRef(Platform.DISCORD, str(chance.randrange(5))),
            str(chance.randrange(30)),
            Lane.BACKGROUND if chance.random() < 0.1 else Lane.PEOPLE,
        )
        order = _order(number)
        words = 3000 if order == "too long" else chance.randrange(12)  # over every window
        question = f"{order}: {number} {'where ' * words}哪里？"
        messages = ChatMessage("system", SYSTEM), ChatMessage("user", question)
        if chance.random() < 0.1:
            await self._queued.engine.count_tokens(messages)
        options = GenerationOptions(max_tokens=chance.randint(1, self._most_tokens))
        leaves, breaks = chance.choice([None, None, 0, 2]), chance.choice([None, None, None, 3])
        if order:
            leaves = breaks = None
        seen = 0
        async with aclosing(self._queued.generate(messages, options, asker)) as events:
            async for event in events:
                if isinstance(event, EngineFinished):
                    return "finished"
                if seen == leaves:
                    return "left"
                if seen == breaks:
                    raise ReaderBrokeError
                seen += 1
        raise AssertionError("no end")


@dataclass(frozen=True, slots=True)
class Holdings:
    """What this process holds at a moment at which nobody asks anything."""

    objects: int
    resident: int
    handles: int
    threads: int

    def holds(self, later: Holdings) -> bool:
        """Whether that is no more, but for what moves by itself: arenas, pools, caches."""
        return (
            later.objects - self.objects < 500
            and later.resident - self.resident < 48_000_000
            and later.handles - self.handles <= 2
            and later.threads - self.threads <= 2
        )

    @classmethod
    def now(cls) -> Holdings:
        """After everything has been let go of that can be."""
        gc.collect()
        process = psutil.Process()
        return cls(
            len(gc.get_objects()),
            process.memory_info().rss,
            len(list(_HANDLES.iterdir())) if _HANDLES.is_dir() else 0,
            process.num_threads(),
        )


async def weathered(
    engine: ChatEngine, requests: int, *, timeout_seconds: float, most_tokens: int
) -> Counter[str]:
    """Hold the storm over an engine and close it; asserts that nothing is left of anybody."""
    faulty = Faulty(engine)
    queued = QueuedEngine.of(faulty, _settings(timeout_seconds))
    tasks = asyncio.all_tasks()
    # Pools of threads and connections, caches and the allocator's arenas reach their size first.
    await Storm(queued, 1, most_tokens=most_tokens).blow(max(100, requests // 4))
    await _quiet(tasks)
    before = Holdings.now()
    storm = Storm(queued, 2, most_tokens=most_tokens)
    await storm.blow(requests)
    outcomes = Counter(storm.outcomes)
    del storm
    await _quiet(tasks)
    after = Holdings.now()

    assert queued.queue.load == Load(engine.slots, 0, 0, 0)
    assert not queued._runs
    assert faulty.open == 0
    assert before.holds(after), f"{before} became {after}"
    await queued.aclose()
    assert asyncio.all_tasks() <= tasks
    return outcomes


def own_threads() -> list[str]:
    """Python's threads, but for the loop's own pool and one that tqdm starts once and keeps."""
    return sorted(
        thread.name
        for thread in threading.enumerate()
        if not thread.name.startswith(("asyncio_", "tqdm_monitor"))
    )


async def _quiet(tasks: set[asyncio.Task[object]]) -> None:
    """Generators that a library dropped are found as garbage, and closed by the loop then."""
    for _ in range(3):
        gc.collect()
        await asyncio.sleep(0)
        while others := asyncio.all_tasks() - tasks:
            await asyncio.wait(others)


def _settings(timeout_seconds: float) -> EngineSettings:
    return EngineSettings(request_timeout_seconds=timeout_seconds, max_waiting_per_member=4)


def _order(number: int) -> str:
    return _ORDERS.get(number % 30, "")


def _may_be_cancelled(task: asyncio.Task[None]) -> bool:
    return not _order(_name(task))


def _name(task: asyncio.Task[None]) -> int:
    return int(task.get_name().removeprefix("storm "))
