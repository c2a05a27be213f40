"""Several servers as one engine: who is asked, who is left alone, who is asked again."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing, asynccontextmanager

import pytest

from core.engines.base import ChatMessage, EngineDelta, GenerationOptions
from core.engines.breaker import Breaker
from core.engines.pool import Endpoint, EnginePool
from core.errors import (
    EngineAccessError,
    EngineRateLimitedError,
    EngineRefusedError,
    EngineUnavailableError,
)
from core.settings import EngineSettings
from tests.support.scripted_engine import Script, ScriptedEngine
from tests.support.scripted_server import Scripted, answer, delta, scripted_server
from tests.support.virtual_time import run

HELLO = (ChatMessage("user", "hello"),)
CHAT = "/v1/chat/completions"
MODELS = "/v1/models"


class Machine(ScriptedEngine):
    """A server that can be down, and counts how often it was looked at."""

    def __init__(self, *scripts: Script | str, **options) -> None:
        super().__init__(*scripts, **options)
        self.down = False
        self.looks: list[float] = []

    async def probe(self) -> None:
        self.looks.append(asyncio.get_running_loop().time())
        if self.down:
            raise EngineUnavailableError(self.name, "there")

    async def stream(self, messages, options):
        if self.down:
            raise EngineUnavailableError(self.name, "there")
        async with aclosing(super().stream(messages, options)) as events:
            async for event in events:
                yield event


@asynccontextmanager
async def pool_of(*machines: Machine, place="local", watched=False, health_seconds=30.0):
    loop = asyncio.get_running_loop()
    naps: list[float] = []

    async def sleep(seconds: float) -> None:
        naps.append(seconds)
        await asyncio.sleep(seconds)

    endpoints = [
        Endpoint(f"http://{n}/v1", machine, Breaker(loop.time), place)
        for n, machine in enumerate(machines)
    ]
    pool = EnginePool(
        endpoints,
        slots=4,
        health_seconds=health_seconds,
        clock=loop.time,
        sleep=sleep,
        jitter=lambda low, high: 1.0,
    )
    pool.naps = naps
    if watched:
        pool.watch()
    try:
        yield pool
    finally:
        await pool.aclose()


async def said_by(pool: EnginePool) -> str:
    async with aclosing(pool.stream(HELLO, GenerationOptions())) as events:
        return "".join([event.text async for event in events if isinstance(event, EngineDelta)])


def test_the_server_with_the_fewest_answers_under_way_is_asked():
    async def work():
        gate = asyncio.Event()
        held = Script(["a"], gates={0: gate})
        machines = [Machine(held), Machine(held), Machine(held)]
        async with pool_of(*machines) as pool:
            asking = [asyncio.create_task(said_by(pool)) for _ in range(7)]
            await asyncio.sleep(1)
            assert [endpoint.in_flight for endpoint in pool.endpoints] == [3, 2, 2]
            gate.set()
            await asyncio.gather(*asking)
            assert [endpoint.in_flight for endpoint in pool.endpoints] == [0, 0, 0]

    run(work())


def test_who_leaves_is_not_counted_any_more():
    async def work():
        gate = asyncio.Event()
        async with pool_of(Machine(Script(["a", "b"], gates={1: gate}))) as pool:
            stream = pool.stream(HELLO, GenerationOptions())
            await anext(stream)
            assert pool.endpoints[0].in_flight == 1
            await stream.aclose()
            assert pool.endpoints[0].in_flight == 0
            asking = asyncio.create_task(said_by(pool))
            await asyncio.sleep(1)
            asking.cancel()
            await asyncio.wait([asking])
            assert pool.endpoints[0].in_flight == 0
            assert pool.endpoints[0].breaker.is_closed

    run(work())


def test_before_the_first_word_another_server_is_asked_at_once():
    async def work():
        gone, there = Machine("never"), Machine("Paris.")
        gone.down = True
        async with pool_of(gone, there) as pool:
            assert await said_by(pool) == "Paris."
            assert pool.naps == [0.0]

    run(work())


def test_after_the_first_word_nobody_else_is_asked():
    async def work():
        error = EngineUnavailableError("scripted")
        breaking, there = Machine(Script(["Par", "is"], fail={1: error})), Machine("Rome.")
        async with pool_of(breaking, there) as pool:
            async with aclosing(pool.stream(HELLO, GenerationOptions())) as events:
                assert await anext(events) == EngineDelta("Par")
                with pytest.raises(EngineUnavailableError):
                    await anext(events)
            assert there.asked == 0
            assert await said_by(pool) == "Rome."

    run(work())


def test_a_server_that_failed_is_left_alone_until_a_look_finds_it_there(caplog):
    async def work():
        first, second = Machine("Paris."), Machine("Rome.")
        async with pool_of(first, second, watched=True) as pool:
            first.down = True
            assert await said_by(pool) == "Rome."
            await asyncio.sleep(1.5)
            assert not pool.endpoints[0].breaker.is_closed
            assert [await said_by(pool) for _ in range(3)] == ["Rome."] * 3
            first.down = False
            await asyncio.sleep(2)
            assert pool.endpoints[0].breaker.is_closed
            assert await said_by(pool) == "Paris."

    with caplog.at_level(logging.WARNING, "core.engines.pool"):
        run(work())
    assert [message.split(":")[0] for message in caplog.messages] == [
        "scripted does not answer at http",
        "scripted answers again at http",
    ]


def test_looks_are_rare_while_all_is_well_and_quick_after_a_failure():
    async def work():
        machine = Machine("Paris.")
        async with pool_of(machine, watched=True):
            await asyncio.sleep(65)
            assert machine.looks == [30, 60]
            machine.down = True
            await asyncio.sleep(120)
            assert machine.looks[2:] == [90, 91, 93, 97, 105, 121, 151, 181]


def test_one_look_that_fails_takes_no_server_out_and_two_do():
    async def work():
        machine = Machine("Paris.")
        async with pool_of(machine, watched=True) as pool:
            machine.down = True
            await asyncio.sleep(30.5)
            assert pool.endpoints[0].breaker.is_closed
            await asyncio.sleep(1)
            assert not pool.endpoints[0].breaker.is_closed
            machine.down = False
            await asyncio.sleep(3)
            assert pool.endpoints[0].breaker.is_closed

    run(work())

    run(work())


def test_a_server_outside_is_looked_at_only_after_it_failed():
    async def work():
        machine = Machine("Paris.")
        async with pool_of(machine, place="outside", watched=True) as pool:
            await asyncio.sleep(1000)
            assert machine.looks == []
            machine.down = True
            with pytest.raises(EngineUnavailableError):
                await said_by(pool)
            machine.down = False
            await asyncio.sleep(10)
            assert await said_by(pool) == "Paris."
            looks = len(machine.looks)
            await asyncio.sleep(1000)
            assert len(machine.looks) == looks

    run(work())


def test_where_no_server_is_there_a_question_fails_without_waiting():
    async def work():
        machines = [Machine(), Machine()]
        async with pool_of(*machines) as pool:
            for machine in machines:
                machine.down = True
            for _ in range(3):
                with pytest.raises(EngineUnavailableError):
                    await said_by(pool)
            asked = [machine.asked for machine in machines]
            before = len(pool.naps)
            with pytest.raises(EngineUnavailableError) as caught:
                await said_by(pool)
            assert caught.value.target == "http://0/v1, http://1/v1"
            with pytest.raises(EngineUnavailableError):
                await pool.count_tokens(HELLO)
            assert (len(pool.naps), [machine.asked for machine in machines]) == (before, asked)

    run(work())


def test_without_anybody_looking_one_question_finds_out_whether_it_is_back():
    async def work():
        machine = Machine("Paris.")
        async with pool_of(machine) as pool:
            machine.down = True
            with pytest.raises(EngineUnavailableError):
                await said_by(pool)
            machine.down = False
            with pytest.raises(EngineUnavailableError):
                await said_by(pool)
            await asyncio.sleep(6)
            assert await said_by(pool) == "Paris."

    run(work())


def test_one_that_is_overloaded_rests_and_the_other_answers():
    async def work():
        busy = Machine(Script(fail={0: EngineRateLimitedError("scripted", 20.0)}), "Paris.")
        async with pool_of(busy, Machine("Rome.")) as pool:
            assert [await said_by(pool) for _ in range(3)] == ["Rome."] * 3
            assert busy.asked == 1
            await asyncio.sleep(21)
            assert await said_by(pool) == "Paris."

    run(work())


def test_one_that_wants_to_rest_for_days_is_asked_again_before():
    async def work():
        busy = Machine(Script(fail={0: EngineRateLimitedError("scripted", 1e9)}), "Paris.")
        async with pool_of(busy) as pool:
            with pytest.raises(EngineRateLimitedError):
                await said_by(pool)
            await asyncio.sleep(590)
            with pytest.raises(EngineRateLimitedError):
                await said_by(pool)
            assert busy.asked == 1
            await asyncio.sleep(11)
            assert await said_by(pool) == "Paris."

    run(work())


def test_a_key_that_one_server_does_not_take_does_not_stop_the_others():
    async def work():
        locked = Machine(Script(fail={0: EngineAccessError("scripted")}))
        async with pool_of(locked, Machine("Rome.")) as pool:
            assert [await said_by(pool) for _ in range(3)] == ["Rome."] * 3
            assert locked.asked == 1

    run(work())


def test_a_question_that_is_refused_is_not_carried_around():
    async def work():
        strict, other = Machine(Script(fail={0: EngineRefusedError("scripted")})), Machine()
        async with pool_of(strict, other) as pool:
            with pytest.raises(EngineRefusedError):
                await said_by(pool)
            assert other.asked == 0
            assert pool.endpoints[0].breaker.is_closed

    run(work())


async def test_real_requests_go_round_and_a_dead_server_is_noticed():
    async with scripted_server() as one, scripted_server() as two:
        one.script(CHAT, answer("one"))
        two.script(CHAT, answer("two"))
        settings = EngineSettings(kind="openai", base_urls=(one.address, two.address), model="m")
        pool = EnginePool.of(settings)
        try:
            assert {await said_by(pool), await said_by(pool)} == {"one", "two"}
            one.script(CHAT, Scripted([delta("half")], drop_at=1))
            with pytest.raises(EngineUnavailableError):
                await said_by(pool)
            one.script(CHAT, Scripted(status=503))
            assert [await said_by(pool) for _ in range(4)] == ["two"] * 4
            # Nobody looks (`watch`), and it is known after three failures.
            assert len(one.asked_for(CHAT)) <= 4
        finally:
            await pool.aclose()


@pytest.mark.parametrize(
    ("script", "is_there"),
    [
        ({MODELS: Scripted(body="{}")}, True),
        ({}, True),
        ({"/health": Scripted(status=503)}, False),
        ({MODELS: Scripted(status=401)}, False),
        ({MODELS: Scripted(status=500)}, False),
        ({MODELS: Scripted(status=500), "/health": Scripted(body="{}")}, True),
    ],
)
async def test_a_look_asks_for_the_models_or_for_the_servers_health(script, is_there):
    async with scripted_server() as server:
        for path, reply in script.items():
            server.script(path, reply)
        pool = EnginePool.of(EngineSettings(kind="openai", base_url=server.address))
        try:
            if is_there:
                await pool.endpoints[0].server.probe()
            else:
                with pytest.raises((EngineUnavailableError, EngineAccessError)):
                    await pool.endpoints[0].server.probe()
        finally:
            await pool.aclose()


async def test_what_is_to_stay_near_is_not_led_away():
    async with scripted_server() as near, scripted_server() as far:
        away = {"Location": f"{far.address}/chat/completions"}
        near.script(CHAT, Scripted(status=307, headers=away, body="{}"))
        pool = EnginePool.of(EngineSettings(kind="openai", base_url=near.address))
        try:
            with pytest.raises(EngineRefusedError):
                await said_by(pool)
        finally:
            await pool.aclose()
        assert far.asked == []
