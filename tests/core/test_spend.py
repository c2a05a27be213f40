"""What engines cost: counted, held back, capped, told."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime

import pytest

from core.database import Database
from core.engines.base import ChatMessage, GenerationOptions
from core.engines.queue import Asker
from core.engines.queued import QueuedEngine
from core.errors import EngineBudgetError
from core.events import ChannelRef, MemberRef, Platform, ServerRef
from core.replies import Usage
from core.settings import EngineSettings
from core.spend import CapReached, Spending
from knowledge_base.errors import StorageFullError
from tests.support.scripted_engine import Script, ScriptedEngine

DISCORD = Platform.DISCORD
ANN = Asker(ChannelRef(DISCORD, "1"), "ann", server_id="9")
BOB = Asker(ChannelRef(DISCORD, "1"), "bob", server_id="9")
HELLO = (ChatMessage("user", "hello"),)
PRICED = EngineSettings(input_price=1.0, output_price=10.0, daily_cap=0.001, monthly_cap=0.01)


class Calendar:
    def __init__(self) -> None:
        self.day = 23

    def __call__(self) -> datetime:
        return datetime(2026, 11, self.day, 12, tzinfo=UTC)


class Owner:
    def __init__(self) -> None:
        self.told: list[CapReached] = []
        self.there = True

    async def __call__(self, reached: CapReached) -> bool:
        if self.there:
            self.told.append(reached)
        return self.there


@pytest.fixture
async def database(tmp_path):
    async with Database.open(tmp_path / "lorekeeper.db") as opened:
        yield opened


@pytest.fixture
async def spending(database):
    made = Spending(database, Calendar())
    await made.load()
    yield made
    await made.aclose()


def spend(meter, asker: Asker, prompt: int, written: int) -> None:
    meter.hold(asker, Usage(prompt, written)).settle(Usage(prompt, written))


async def test_what_was_asked_is_counted_by_day_month_server_and_member(spending, database):
    meter = spending.meter("cloud", PRICED)
    spend(meter, ANN, 100, 10)
    spend(meter, BOB, 50, 5)
    spending._now.day = 24
    spend(meter, ANN, 10, 1)
    server = ServerRef(DISCORD, "9")
    assert await spending.of_server(server) == pytest.approx(0.00032)
    assert await spending.of_server(server, month=False) == pytest.approx(0.00002)
    assert await spending.of_member(MemberRef(DISCORD, "ann")) == pytest.approx(0.00022)
    [total] = spending.totals()
    assert (total.today, total.this_month) == (pytest.approx(0.00002), pytest.approx(0.00032))
    again = Spending(database, spending._now)
    await again.load()
    again.meter("cloud", PRICED)
    assert again.totals() == spending.totals()


async def test_at_eighty_percent_the_owner_is_told_once_also_after_a_restart(spending, database):
    owner = Owner()
    spending.tells(owner)
    meter = spending.meter("cloud", PRICED)
    spend(meter, ANN, 790, 0)
    await spending.settle()
    assert owner.told == []
    spend(meter, ANN, 20, 0)
    spend(meter, ANN, 20, 0)
    await spending.settle()
    [told] = owner.told
    assert (told.engine, told.period, told.percent, told.cap) == ("cloud", "day", 80, 0.001)
    again = Spending(database, spending._now)
    await again.load()
    again.tells(owner)
    spend(again.meter("cloud", PRICED), ANN, 20, 0)
    await again.settle()
    assert len(owner.told) == 1


async def test_an_owner_who_could_not_be_told_is_told_later(spending):
    owner = Owner()
    owner.there = False
    spending.tells(owner)
    meter = spending.meter("cloud", PRICED)
    spend(meter, ANN, 900, 0)
    await spending.settle()
    owner.there = True
    spend(meter, ANN, 1, 0)
    await spending.settle()
    assert [told.percent for told in owner.told] == [80]


async def test_a_cap_ends_with_its_day_or_month(spending):
    owner = Owner()
    spending.tells(owner)
    meter = spending.meter("cloud", PRICED)
    spend(meter, ANN, 1000, 0)
    with pytest.raises(EngineBudgetError) as caught:
        meter.check()
    assert caught.value.period == "day"
    await spending.settle()
    assert [(told.period, told.percent) for told in owner.told] == [("day", 80), ("day", 100)]
    spending._now.day = 24
    meter.check()


async def test_fifty_who_ask_at_once_do_not_go_over_the_cap(spending):
    gate = asyncio.Event()
    settings = EngineSettings(output_price=1.0, daily_cap=0.001)
    meter = spending.meter("cloud", settings)
    engine = ScriptedEngine(Script(["word "] * 100, gates={0: gate}), slots=50, name="cloud")
    queued = QueuedEngine.of(engine, settings, meter=meter)

    async def ask(member: int) -> bool:
        asker = Asker(ANN.channel, str(member))
        stream = queued.generate(HELLO, GenerationOptions(max_tokens=150), asker)
        try:
            async with aclosing(stream) as events:
                async for _event in events:
                    pass
        except EngineBudgetError:
            return False
        return True

    asking = [asyncio.create_task(ask(member)) for member in range(50)]
    await engine.begun(6)
    gate.set()
    served = sum(await asyncio.gather(*asking))
    assert served == 6
    [total] = spending.totals()
    assert total.today == pytest.approx(0.0006)
    assert spending.reserved("cloud") == 0
    assert queued.queue.load.busy == 0
    await queued.aclose()


async def test_what_is_cut_off_is_estimated_and_what_never_began_costs_nothing(spending, database):
    settings = EngineSettings(output_price=1.0, input_price=1.0)
    held = Script(["many ", "words"], gates={1: asyncio.Event()})
    engine = ScriptedEngine(held, slots=1, name="cloud")
    queued = QueuedEngine.of(engine, settings, meter=spending.meter("cloud", settings))
    running = queued.generate(HELLO, GenerationOptions(), ANN)
    await anext(running)
    waiting = queued.generate(HELLO, GenerationOptions(), BOB)
    await anext(waiting)
    await waiting.aclose()
    await running.aclose()
    await queued.settle()
    await spending.settle()
    async with database.reader() as connection:
        rows = await connection.execute_fetchall(
            "SELECT user_id, requests, estimated, micros > 0 FROM spend"
        )
    assert [tuple(row) for row in rows] == [("ann", 1, 1, 1)]
    assert spending.reserved("cloud") == 0
    await queued.aclose()


async def test_what_could_not_be_written_is_written_at_the_end(database, monkeypatch):
    spending = Spending(database, Calendar())
    meter = spending.meter("cloud", PRICED)
    with monkeypatch.context() as full:

        def refuse():
            raise StorageFullError

        full.setattr(database, "transaction", refuse)
        spend(meter, ANN, 100, 10)
        await spending.settle()
    await spending.aclose()
    again = Spending(database, Calendar())
    again.meter("cloud", PRICED)
    await again.load()
    assert again.totals()[0].today == pytest.approx(0.0002)


async def test_an_engine_without_prices_has_no_meter(spending):
    assert spending.meter("house", EngineSettings(daily_cap=1.0)) is None
    assert spending.totals() == ()
