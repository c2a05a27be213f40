"""An engine behind its queue: whatever is cancelled, raised or left, every slot comes back."""

from __future__ import annotations

import asyncio
import gc
import logging
import random
from collections.abc import Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from core.engines.base import ChatMessage, EngineDelta, EngineFinished, GenerationOptions
from core.engines.queue import Asker, FairQueue, Lane, Load, QueueLimits
from core.engines.queued import QueuedEngine
from core.errors import (
    EngineError,
    EngineRefusedError,
    EngineTimeoutError,
    EngineUnavailableError,
    QueueFullError,
)
from core.events import ChannelRef, Platform
from core.replies import Queued, Usage
from core.settings import EngineSettings
from tests.support.scripted_engine import Script, ScriptedEngine

TOWN = ChannelRef(Platform.DISCORD, "town")
ANN, BOB, CID = (Asker(TOWN, who) for who in ("ann", "bob", "cid"))
QUESTION = (ChatMessage("user", "Which town?"),)


def queued(engine: ScriptedEngine, **changes) -> QueuedEngine:
    return QueuedEngine.of(engine, EngineSettings(**changes))


async def everything(engine: QueuedEngine, asker: Asker = ANN) -> list:
    async with aclosing(engine.generate(QUESTION, GenerationOptions(), asker)) as events:
        return [event async for event in events]


async def turns() -> None:
    """Let every task run until it waits for something that only the test can give."""
    for _ in range(20):
        await asyncio.sleep(0)


def others() -> set[asyncio.Task]:
    return asyncio.all_tasks() - {asyncio.current_task()}


async def test_a_free_engine_answers_at_once():
    engine = queued(ScriptedEngine("Halden is large."))
    assert await everything(engine) == [
        EngineDelta("Halden "),
        EngineDelta("is "),
        EngineDelta("large."),
        EngineFinished("stop", Usage(2, 3)),
    ]
    assert engine.queue.load == Load(1, 0, 0, 0)
    await engine.aclose()


async def test_it_tells_who_is_asked_and_whose_first_word_is_awaited():
    first, last = asyncio.Event(), asyncio.Event()
    script = Script(pieces=("Halden ", "is."), gates={0: first, 1: last})
    engine = queued(ScriptedEngine(script))
    assert (engine.under_way, engine.unspoken) == (0, 0)
    task = asyncio.create_task(everything(engine))
    await turns()
    assert (engine.under_way, engine.unspoken) == (1, 1)
    first.set()
    await turns()
    assert (engine.under_way, engine.unspoken) == (1, 0)
    last.set()
    await task
    await engine.settle()
    assert (engine.under_way, engine.unspoken) == (0, 0)
    await engine.aclose()


async def test_who_is_stopped_before_a_first_word_is_awaited_no_more():
    engine = queued(ScriptedEngine(Script(gates={0: asyncio.Event()})))
    task = asyncio.create_task(everything(engine))
    await turns()
    assert engine.unspoken == 1
    task.cancel()
    await asyncio.wait({task})
    await engine.settle()
    assert (engine.under_way, engine.unspoken) == (0, 0)
    await engine.aclose()


async def test_who_waits_reads_their_place_and_then_the_answer():
    gate = asyncio.Event()
    engine = queued(ScriptedEngine(Script(gates={0: gate}), "Yes."))
    first = asyncio.create_task(everything(engine, ANN))
    await turns()
    second = asyncio.create_task(everything(engine, BOB))
    await turns()
    gate.set()
    await first
    assert await second == [
        Queued(1, None),
        EngineDelta("Yes."),
        EngineFinished("stop", Usage(2, 1)),
    ]


async def test_an_engine_is_never_asked_for_more_at_once_than_its_slots():
    gate = asyncio.Event()
    scripted = ScriptedEngine(Script(gates={0: gate}), slots=3)
    engine = queued(scripted)
    tasks = [
        asyncio.create_task(everything(engine, Asker(TOWN, str(member)))) for member in range(9)
    ]
    await turns()
    assert (scripted.streams_open, engine.queue.load.waiting) == (3, 6)
    gate.set()
    await asyncio.gather(*tasks)
    assert (scripted.most_open, scripted.asked) == (3, 9)


def test_the_operator_may_lower_the_number_of_slots_but_not_raise_it():
    assert queued(ScriptedEngine(slots=4), max_concurrent=2).queue.load.slots == 2
    assert queued(ScriptedEngine(slots=4), max_concurrent=9).queue.load.slots == 4


async def test_the_engines_error_reaches_the_reader_after_what_was_said():
    script = Script(("One ", "two"), fail={1: EngineRefusedError("scripted")})
    engine = queued(ScriptedEngine(script))
    events = engine.generate(QUESTION, GenerationOptions(), ANN)
    assert await anext(events) == EngineDelta("One ")
    with pytest.raises(EngineRefusedError):
        await anext(events)
    assert engine.queue.load.busy == 0


async def test_a_defect_of_the_engine_reaches_the_reader_and_frees_the_slot():
    engine = queued(ScriptedEngine(Script(fail={0: ZeroDivisionError()})))
    with pytest.raises(ZeroDivisionError):
        await everything(engine)
    assert engine.queue.load.busy == 0


async def test_a_reader_who_leaves_stops_the_engine():
    scripted = ScriptedEngine(Script(("One ", "two"), gates={1: asyncio.Event()}))
    engine = queued(scripted)
    async with aclosing(engine.generate(QUESTION, GenerationOptions(), ANN)) as events:
        assert await anext(events) == EngineDelta("One ")
    await engine.settle()
    assert scripted.calls[0].outcome == "cancelled"
    assert engine.queue.load.busy == 0


async def test_a_cancelled_reader_stops_the_engine():
    scripted = ScriptedEngine(Script(gates={0: asyncio.Event()}))
    engine = queued(scripted)
    task = asyncio.create_task(everything(engine))
    await turns()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await engine.settle()
    assert scripted.calls[0].outcome == "cancelled"


async def test_a_stop_while_the_prompt_is_read_ends_at_once_but_the_slot_stays_busy():
    read = asyncio.Event()
    scripted = ScriptedEngine(Script(prompt_lock=read), "Next.")
    engine = queued(scripted)
    first = asyncio.create_task(everything(engine, ANN))
    await turns()
    second = asyncio.create_task(everything(engine, BOB))
    await turns()
    first.cancel()
    await turns()
    assert first.done()
    assert engine.queue.load == Load(1, 1, 1, 0)
    assert scripted.streams_open == 1
    read.set()
    assert (await second)[-2:] == [EngineDelta("Next."), EngineFinished("stop", Usage(2, 1))]
    assert scripted.most_open == 1


async def test_who_leaves_the_queue_never_reaches_the_engine():
    gate = asyncio.Event()
    scripted = ScriptedEngine(Script(gates={0: gate}))
    engine = queued(scripted)
    first = asyncio.create_task(everything(engine, ANN))
    await turns()
    async with aclosing(engine.generate(QUESTION, GenerationOptions(), BOB)) as events:
        assert await anext(events) == Queued(1, None)
    assert engine.queue.load.waiting == 0
    gate.set()
    await first
    assert scripted.asked == 1


async def test_a_request_that_takes_too_long_is_told_so_even_while_the_engine_cannot_stop():
    stuck = asyncio.Event()
    engine = queued(ScriptedEngine(Script(prompt_lock=stuck)), request_timeout_seconds=0.01)
    with pytest.raises(EngineTimeoutError) as caught:
        await everything(engine)
    assert caught.value.seconds == 0.01
    assert engine.queue.load.busy == 1
    stuck.set()
    await engine.settle()
    assert engine.queue.load.busy == 0


async def test_waiting_in_the_queue_does_not_count_against_the_request():
    gate = asyncio.Event()
    scripted = ScriptedEngine(Script(prompt_lock=gate), "Yes.")
    engine = queued(scripted, request_timeout_seconds=0.01)
    first = asyncio.create_task(everything(engine, ANN))
    await turns()
    second = asyncio.create_task(everything(engine, BOB))
    with pytest.raises(EngineTimeoutError):
        await first
    gate.set()
    assert EngineDelta("Yes.") in await second


async def test_a_slow_reader_does_not_hold_the_slot():
    scripted = ScriptedEngine("One two three")
    engine = queued(scripted)
    async with aclosing(engine.generate(QUESTION, GenerationOptions(), ANN)) as events:
        assert await anext(events) == EngineDelta("One ")
        await engine.settle()
        assert engine.queue.load.busy == 0
        assert [event async for event in events] == [
            EngineDelta("two "),
            EngineDelta("three"),
            EngineFinished("stop", Usage(2, 3)),
        ]


async def test_who_reads_a_finished_answer_late_is_not_told_of_a_timeout():
    engine = queued(ScriptedEngine("One two"), request_timeout_seconds=0.01)
    async with aclosing(engine.generate(QUESTION, GenerationOptions(), ANN)) as events:
        await anext(events)
        await engine.settle()
        await asyncio.sleep(0.02)
        assert [event async for event in events] == [
            EngineDelta("two"),
            EngineFinished("stop", Usage(2, 2)),
        ]


async def test_a_full_queue_is_told_before_anything_is_yielded():
    engine = queued(ScriptedEngine(Script(gates={0: asyncio.Event()})), max_waiting=0)
    task = asyncio.create_task(everything(engine, ANN))
    await turns()
    with pytest.raises(QueueFullError):
        await everything(engine, BOB)
    task.cancel()
    await asyncio.wait([task])
    await engine.aclose()


async def test_a_failure_after_the_reader_left_is_logged_and_frees_the_slot(caplog):
    class Stubborn(ScriptedEngine):
        async def stream(self, messages, options):
            try:
                yield EngineDelta("One")
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise EngineUnavailableError(self.name) from None

    engine = queued(Stubborn())
    async with aclosing(engine.generate(QUESTION, GenerationOptions(), ANN)) as events:
        await anext(events)
    with caplog.at_level(logging.WARNING):
        await engine.settle()
    assert "scripted failed after its reader left" in caplog.text
    assert engine.queue.load.busy == 0


async def test_closing_turns_away_who_waits_and_ends_what_runs_before_the_engine_closes():
    clean = asyncio.Event()
    scripted = ScriptedEngine(Script(gates={0: asyncio.Event()}, clean_up_lock=clean))
    engine = queued(scripted)
    running = asyncio.create_task(everything(engine, ANN))
    await turns()
    waiting = asyncio.create_task(everything(engine, BOB))
    await turns()
    closing = asyncio.create_task(engine.aclose())
    await turns()
    assert (closing.done(), scripted.closed) == (False, False)
    clean.set()
    await closing
    assert scripted.closed
    for task in (running, waiting):
        with pytest.raises(EngineUnavailableError):
            await task
    with pytest.raises(EngineUnavailableError):
        await everything(engine, CID)
    assert others() == set()


async def test_a_second_stop_leaves_the_engine_to_its_clean_up():
    clean = asyncio.Event()
    scripted = ScriptedEngine(Script(gates={0: asyncio.Event()}, clean_up_lock=clean))
    engine = queued(scripted)
    task = asyncio.create_task(everything(engine))
    await turns()
    task.cancel()
    await turns()
    closing = asyncio.create_task(engine.aclose())
    await turns()
    assert (engine.queue.load.busy, scripted.streams_open) == (1, 1)
    clean.set()
    await closing
    assert (engine.queue.load.busy, scripted.streams_open) == (0, 0)


async def test_a_stop_in_the_moment_the_slot_is_handed_over_loses_nothing():
    gate = asyncio.Event()
    scripted = ScriptedEngine(Script(gates={0: gate}))
    engine = queued(scripted)
    first = asyncio.create_task(everything(engine, ANN))
    await turns()
    second = asyncio.create_task(everything(engine, BOB))
    await turns()
    gate.set()
    while engine.queue.load.waiting:  # noqa: ASYNC110 - the very turn matters
        await asyncio.sleep(0)
    second.cancel()
    await asyncio.wait([first, second])
    await engine.settle()
    assert engine.queue.load == Load(1, 0, 0, 0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time stands still until a test moves it."""

    now = 0.0

    def time(self) -> float:
        return self.now


@dataclass
class Request:
    """One question of the model, and the reader who waits for its answer."""

    asker: Asker
    script: Script
    leave_at: int | None = None
    """The reader leaves of its own accord after so many deltas."""
    seen: list = field(default_factory=list)
    outcome: str = "running"
    task: asyncio.Task | None = None

    def let_go(self) -> None:
        for gate in self.script.gates.values():
            gate.set()
        for lock in (self.script.prompt_lock, self.script.clean_up_lock):
            if lock is not None:
                lock.set()


class ByMessage(ScriptedEngine):
    """Takes the script of the request that asks, since requests overtake each other."""

    def __init__(self, slots: int) -> None:
        super().__init__(slots=slots)
        self.scripts: dict[str, Script] = {}
        self.keep_calls = False

    def script_for(self, messages: Sequence[ChatMessage]) -> Script:
        return self.scripts.pop(messages[0].text)


class QueuedEngineModel(RuleBasedStateMachine):
    """Readers come, leave, are cancelled and time out, engines fail and hang, in any order."""

    slots = 2
    limits = QueueLimits(waiting=5, per_member=2, per_channel=4)
    timeout = 60.0

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualLoop()
        self.scripted = ByMessage(self.slots)
        queue = FairQueue("e", self.slots, self.limits, self.loop.time)
        self.engine = QueuedEngine(self.scripted, queue, self.timeout)
        self.requests: list[Request] = []

    def run(self, work: Coroutine) -> None:
        self.loop.run_until_complete(work)

    async def read(self, request: Request, name: str) -> None:
        messages = (ChatMessage("user", name),)
        try:
            async with aclosing(
                self.engine.generate(messages, GenerationOptions(), request.asker)
            ) as events:
                async for event in events:
                    request.seen.append(event)
                    if request.leave_at is not None and self.said(request) >= request.leave_at:
                        request.outcome = "left"
                        return
            request.outcome = "finished"
        except EngineError as error:
            request.outcome = type(error).__name__
        except asyncio.CancelledError:
            request.outcome = "cancelled"
            raise

    @staticmethod
    def said(request: Request) -> int:
        return sum(isinstance(event, EngineDelta) for event in request.seen)

    def live(self) -> list[Request]:
        return [request for request in self.requests if not request.task.done()]

    @rule(
        member=st.sampled_from("abcd"),
        lane=st.sampled_from([Lane.PEOPLE, Lane.PEOPLE, Lane.BACKGROUND]),
        fails_at=st.sampled_from([None, None, 0, 1, 2]),
        leave_at=st.sampled_from([None, None, 0, 1]),
        prompt=st.booleans(),
        slow_to_stop=st.booleans(),
    )
    def ask(self, member, lane, fails_at, leave_at, prompt, slow_to_stop) -> None:
        async def start() -> None:
            script = Script(
                ("a", "b"),
                gates={0: asyncio.Event(), 1: asyncio.Event()},
                fail={} if fails_at is None else {fails_at: EngineRefusedError("e")},
                prompt_lock=asyncio.Event() if prompt else None,
                clean_up_lock=asyncio.Event() if slow_to_stop else None,
            )
            request = Request(Asker(TOWN, member, lane), script, leave_at)
            name = str(len(self.requests))
            self.scripted.scripts[name] = script
            request.task = asyncio.create_task(self.read(request, name))
            self.requests.append(request)
            await turns()

        self.run(start())

    @precondition(lambda self: self.requests)
    @rule(data=st.data(), what=st.sampled_from(["prompt", "first", "second", "clean"]))
    def let_the_engine_go_on(self, data: st.DataObject, what: str) -> None:
        script = data.draw(st.sampled_from(self.requests)).script
        event = {
            "prompt": script.prompt_lock,
            "first": script.gates[0],
            "second": script.gates[1],
            "clean": script.clean_up_lock,
        }[what]
        if event is not None:
            event.set()
        self.run(turns())

    @precondition(lambda self: self.live())
    @rule(data=st.data(), at_once=st.booleans())
    def cancel_a_reader(self, data: st.DataObject, at_once: bool) -> None:
        request = data.draw(st.sampled_from(self.live()))

        async def cancel() -> None:
            if at_once:
                request.let_go()
                await asyncio.sleep(0)
            request.task.cancel()
            await turns()

        self.run(cancel())
        # At once for the asker, whatever the engine does.
        assert request.task.done()

    @rule(seconds=st.sampled_from([1.0, 30.0, 61.0]))
    def time_passes(self, seconds: float) -> None:
        self.loop.now += seconds
        self.run(turns())

    @invariant()
    def a_slot_is_busy_exactly_while_the_engine_is(self) -> None:
        assert self.engine.queue.load.busy == self.scripted.streams_open <= self.slots

    @invariant()
    def limits_hold(self) -> None:
        load = self.engine.queue.load
        assert max(load.waiting, load.waiting_in_background) <= self.limits.waiting

    @invariant()
    def nobody_is_left_without_an_outcome(self) -> None:
        for request in self.requests:
            assert request.task.done() == (request.outcome != "running")

    def teardown(self) -> None:
        async def finish() -> None:
            for _ in range(len(self.requests) + 1):
                for request in self.requests:
                    request.let_go()
                await turns()
            tasks = [request.task for request in self.requests]
            assert all(task.done() for task in tasks)
            await asyncio.gather(*tasks, return_exceptions=True)
            assert self.engine.queue.load == Load(self.slots, 0, 0, 0)
            await self.engine.aclose()
            assert others() == set()

        try:
            self.run(finish())
            for request in self.requests:
                text = [event.text for event in request.seen if isinstance(event, EngineDelta)]
                assert text == ["a", "b"][: len(text)]
                if request.outcome == "finished":
                    assert isinstance(request.seen[-1], EngineFinished)
        finally:
            self.run(self.loop.shutdown_asyncgens())
            self.loop.close()


TestQueuedEngineModel = QueuedEngineModel.TestCase
TestQueuedEngineModel.settings = settings(deadline=None, max_examples=100, stateful_step_count=40)


def some_script(chance: random.Random) -> Script:
    fail: dict[int, BaseException] = {}
    if chance.random() < 0.15:
        fail[chance.randrange(4)] = EngineRefusedError("scripted")
    elif chance.random() < 0.05:
        fail[chance.randrange(4)] = ZeroDivisionError()
    gates = {chance.randrange(4): asyncio.Event()} if chance.random() < 0.1 else {}
    return Script(("one ", "two ", "three"), gates=gates, fail=fail)


class Moody(ScriptedEngine):
    """Every answer has a mood: quick, failing, or hanging until it is timed out."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__(slots=4)
        self.chance = chance
        self.keep_calls = False

    def script_for(self, messages: Sequence[ChatMessage]) -> Script:
        return some_script(self.chance)


async def one_request(engine: QueuedEngine, chance: random.Random, outcomes: list[str]) -> None:
    asker = Asker(
        ChannelRef(Platform.DISCORD, str(chance.randrange(5))),
        str(chance.randrange(20)),
        Lane.BACKGROUND if chance.random() < 0.1 else Lane.PEOPLE,
    )
    patience = chance.choice([None, None, 0, 1, 3, 5])
    try:
        async with aclosing(engine.generate(QUESTION, GenerationOptions(), asker)) as events:
            seen = 0
            async for _ in events:
                if seen == patience:
                    outcomes.append("left")
                    return
                seen += 1
                await asyncio.sleep(0)
        outcomes.append("finished")
    except (EngineError, ZeroDivisionError) as error:
        outcomes.append(type(error).__name__)
    except asyncio.CancelledError:
        outcomes.append("cancelled")
        raise


async def storm(engine: QueuedEngine, chance: random.Random, requests: int) -> list[str]:
    outcomes: list[str] = []
    tasks: set[asyncio.Task] = set()
    for _ in range(requests):
        task = asyncio.create_task(one_request(engine, chance, outcomes))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        if chance.random() < 0.2:
            chance.choice(list(tasks)).cancel()
        while len(tasks) > 40:  # noqa: ASYNC110 - a storm does not wait for calm
            await asyncio.sleep(0)
    if tasks:
        await asyncio.wait(tasks)
    await engine.settle()
    return outcomes


def living_objects() -> int:
    gc.collect()
    return len(gc.get_objects())


async def test_two_thousand_requests_that_end_in_every_way_lose_no_slot_no_task_and_no_memory(
    caplog,
):
    caplog.set_level(logging.CRITICAL, "core.engines.queued")  # pytest keeps what is logged
    chance = random.Random(20261122)
    engine = queued(Moody(chance), request_timeout_seconds=0.02)
    await storm(engine, chance, 500)
    before = living_objects()
    outcomes = await storm(engine, chance, 2000)
    assert engine.queue.load == Load(4, 0, 0, 0)
    assert others() == set()
    assert set(outcomes) >= {
        "finished",
        "left",
        "cancelled",
        "EngineRefusedError",
        "EngineTimeoutError",
        "ZeroDivisionError",
        "QueueFullError",
    }
    del outcomes
    assert living_objects() - before < 100
    await engine.aclose()
