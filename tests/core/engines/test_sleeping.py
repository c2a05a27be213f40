"""An engine that is loaded when it is needed, once, whoever leaves meanwhile, and let go again."""

from __future__ import annotations

import asyncio
import logging
import sys
import weakref
from contextlib import aclosing

import pytest

from core.engines.base import ChatMessage, EngineDelta, GenerationOptions
from core.engines.queue import Asker
from core.engines.queued import QueuedEngine
from core.engines.sleeping import EngineFacts, SleepingEngine
from core.errors import EngineUnavailableError, ModelNotLoadedError
from core.events import ChannelRef, Platform
from core.settings import EngineSettings
from tests.support.scripted_engine import Script, ScriptedEngine
from tests.support.virtual_time import run

FACTS = EngineFacts("small", 2048, 2, trusted=False, languages=frozenset({"en"}))
HELLO = (ChatMessage("user", "hello"),)
ANN = Asker(ChannelRef(Platform.TERMINAL, "here"), "ann")


class Shelf:
    """Gives a new engine for each load, and remembers them all."""

    def __init__(self, *scripts: Script | str) -> None:
        self.scripts = scripts
        self.loaded: list[ScriptedEngine] = []
        self.loads = 0
        self.broken = False

    async def load(self) -> ScriptedEngine:
        self.loads += 1
        await asyncio.sleep(3)
        if self.broken:
            raise ModelNotLoadedError("small", "missing", "there")
        self.loaded.append(ScriptedEngine(*self.scripts, slots=2, name="small"))
        return self.loaded[-1]

    @property
    def open(self) -> list[bool]:
        return [not engine.closed for engine in self.loaded]


def engine_of(shelf: Shelf, idle_seconds: float | None = 60) -> SleepingEngine:
    clock = asyncio.get_running_loop().time
    return SleepingEngine(FACTS, shelf.load, idle_seconds=idle_seconds, clock=clock)


async def said_by(engine) -> str:
    async with aclosing(engine.stream(HELLO, GenerationOptions())) as events:
        return "".join([event.text async for event in events if isinstance(event, EngineDelta)])


async def test_a_model_is_kept_also_where_its_asker_left_while_it_was_loaded():
    loads = []
    begun, go = asyncio.Event(), asyncio.Event()

    async def load():
        loads.append(1)
        begun.set()
        await go.wait()
        return ScriptedEngine("hi")

    engine = SleepingEngine(FACTS, load)
    first = asyncio.create_task(engine.count_tokens(HELLO))
    await begun.wait()
    first.cancel()
    await asyncio.sleep(0)
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await engine.count_tokens(HELLO)
    assert loads == [1]
    await engine.aclose()


def test_what_nobody_asks_is_let_go_and_loaded_again_by_the_next_question():
    async def work():
        shelf = Shelf("hi")
        engine = engine_of(shelf)
        assert engine.is_asleep
        assert await said_by(engine) == "hi"
        await asyncio.sleep(59)
        assert await said_by(engine) == "hi"
        await asyncio.sleep(59)
        assert (shelf.open, engine.is_asleep) == ([True], False)
        await asyncio.sleep(2)
        assert (shelf.open, engine.is_asleep) == ([False], True)
        assert await said_by(engine) == "hi"
        assert shelf.open == [False, True]
        await engine.aclose()
        assert shelf.open == [False, False]

    run(work())


def test_a_request_however_long_keeps_it_loaded():
    async def work():
        gate = asyncio.Event()
        shelf = Shelf(Script(["a", "b"], gates={1: gate}))
        engine = engine_of(shelf)
        asking = asyncio.create_task(said_by(engine))
        await asyncio.sleep(1000)
        assert shelf.open == [True]
        gate.set()
        assert await asking == "ab"
        await asyncio.sleep(61)
        assert shelf.open == [False]
        await engine.aclose()

    run(work())


def test_who_asks_while_it_is_being_let_go_waits_and_is_answered_by_a_new_one():
    async def work():
        leaving = asyncio.Event()
        shelf = Shelf("hi")
        engine = engine_of(shelf)
        await said_by(engine)
        held = shelf.loaded[0]

        async def slowly() -> None:
            await leaving.wait()
            held.closed = True

        held.aclose = slowly
        await asyncio.sleep(61)
        asking = asyncio.create_task(said_by(engine))
        await asyncio.sleep(10)
        assert not asking.done()
        leaving.set()
        assert await asking == "hi"
        assert shelf.open == [False, True]
        await engine.aclose()

    run(work())


def test_one_that_cannot_be_loaded_is_off_for_a_while_and_then_tried_again(caplog):
    async def work():
        shelf = Shelf("hi")
        shelf.broken = True
        engine = engine_of(shelf)
        with pytest.raises(ModelNotLoadedError):
            await engine.wake()
        assert not engine.is_asleep
        with pytest.raises(EngineUnavailableError):
            await said_by(engine)
        assert shelf.loads == 1
        await asyncio.sleep(31)
        with pytest.raises(ModelNotLoadedError):
            await said_by(engine)
        shelf.broken = False
        await asyncio.sleep(31)
        with pytest.raises(EngineUnavailableError):
            await said_by(engine)
        await asyncio.sleep(31)
        assert await said_by(engine) == "hi"
        assert shelf.loads == 3
        await engine.aclose()

    with caplog.at_level(logging.WARNING):
        run(work())
    assert [message.partition(":")[0] for message in caplog.messages] == [
        "small cannot be loaded and is off for 30 seconds",
        "small cannot be loaded and is off for 60 seconds",
        "small is loaded again",
    ]


def test_a_stop_while_it_is_being_loaded_leaves_nothing_open():
    async def work():
        shelf = Shelf("hi")
        engine = engine_of(shelf)
        queued = QueuedEngine.of(engine, EngineSettings())
        asked = queued.generate(HELLO, GenerationOptions(), ANN)
        asking = asyncio.create_task(anext(asked))
        await asyncio.sleep(1)
        asking.cancel()
        await asyncio.wait([asking])
        await asked.aclose()
        await queued.aclose()
        assert shelf.open == [False]
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(work())


async def test_an_engine_that_is_put_to_rest_is_closed_also_where_nobody_waits_for_it():
    class Slow(ScriptedEngine):
        async def aclose(self) -> None:
            closing.set()
            await go.wait()
            await super().aclose()

    closing, go = asyncio.Event(), asyncio.Event()
    made = Slow("hi")

    async def load():
        return made

    engine = SleepingEngine(FACTS, load)
    await engine.wake()
    resting = asyncio.create_task(engine.rest())
    await closing.wait()
    resting.cancel()
    await asyncio.sleep(0)
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await resting
    assert made.closed
    await engine.aclose()


async def test_what_torch_keeps_of_the_card_is_given_back_once_the_model_is_gone(monkeypatch):
    class Cuda:
        """As torch: gives back what nobody holds."""

        def __init__(self) -> None:
            self.was_gone: list[bool] = []

        def is_initialized(self) -> bool:
            return True

        def empty_cache(self) -> None:
            self.was_gone.append(model() is None)

    async def load() -> ScriptedEngine:
        nonlocal model
        engine = ScriptedEngine("hi")
        model = weakref.ref(engine)
        return engine

    cuda, model = Cuda(), weakref.ref(FACTS.__class__)
    monkeypatch.setitem(sys.modules, "torch.cuda", cuda)
    engine = SleepingEngine(FACTS, load)
    await engine.wake()
    assert await engine.rest()
    assert cuda.was_gone == [True]
    await engine.aclose()
