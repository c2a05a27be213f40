"""Who answers where an engine does not, and how far what is asked may go for it."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager

import pytest

from core.agreeing import HERE, Agreeing, Embedding
from core.chat import Chat
from core.database import Database
from core.engines.choice import EngineChoice
from core.engines.extractive import ExtractiveEngine
from core.engines.pool import EnginePool
from core.engines.queued import QueuedEngine
from core.engines.sleeping import EngineFacts, SleepingEngine
from core.errors import EngineBrokeOffError, EngineUnavailableError, QueueFullError
from core.history import History
from core.knowledge import Knowledge
from core.prompts import Prompts
from core.replies import Actions, Finished, Notice, Queued, TextDelta, TextReplaced
from core.settings import ChatSettings, EngineSettings
from core.spend import Spending
from knowledge_base.models import Legs
from tests.support.messages import group, private
from tests.support.places import open_places
from tests.support.scripted_engine import Script, ScriptedEngine
from tests.support.scripted_server import Scripted, answer, delta, scripted_server
from tests.support.shelf import Shelf

ASKED = "When does the gate of the garden open?"
QUOTED = "The gate of the garden does open at nine. [1]"
CHAT = "/v1/chat/completions"


class Hall:
    """A chat over engines in a row, each with a place."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.shelf = Shelf()
        self.shelf.put("shared", "garden.md", "The gate of the garden does open at nine.")
        self.shelf.put("shared", "lake.md", "Boats on the lake are hired for 12 crowns.")
        self.places = open_places(database, self.shelf)
        self.embedding = HERE
        self.open: list[QueuedEngine] = []

    def behind(self, engine, meter=None, **settings) -> QueuedEngine:
        self.open.append(QueuedEngine.of(engine, EngineSettings(**settings), meter=meter))
        return self.open[-1]

    def chat(self, *line: QueuedEngine) -> Chat:
        quoting = self.behind(ExtractiveEngine(self.shelf.quote))
        engines = {served.engine.name: served for served in line}
        first, *others = engines
        choice = EngineChoice(engines, first, quoting, fallbacks={first: others})
        channels = self.places.channels
        knowledge = Knowledge(
            self.shelf,
            self.places.access,
            channels,
            embedding=self.embedding,
            agreeing=Agreeing(self.database, channels, self.embedding),
        )
        settings = ChatSettings(passages=2)
        return Chat(knowledge, choice, History(self.database), Prompts(), settings, 200)


@pytest.fixture
async def hall(tmp_path):
    async with Database.open(tmp_path / "lorekeeper.db") as database:
        hall = Hall(database)
        await hall.places.channels.load()
        yield hall
        for queued in hall.open:
            await queued.aclose()


async def everything(events) -> list:
    async with aclosing(events):
        return [event async for event in events]


def text_of(events) -> str:
    text = ""
    for event in events:
        if isinstance(event, TextDelta):
            text += event.text
        elif isinstance(event, TextReplaced):
            text = event.text
    return text


def notices(events) -> list[str]:
    return [event.text for event in events if isinstance(event, Notice)]


def dead(name: str) -> ScriptedEngine:
    return ScriptedEngine(Script(fail={0: EngineUnavailableError(name)}), name=name)


@asynccontextmanager
async def outside_server():
    """A server elsewhere, which must not hear of what stays here."""
    async with scripted_server() as server:
        server.script(CHAT, answer("It opens at nine [1]."))
        yield server


def pool_at(server, **settings) -> tuple[EnginePool, dict]:
    given = {"kind": "openai", "model": "cloud", "base_url": server.address, "place": "outside"}
    given |= settings
    pool = EnginePool.of(EngineSettings(**given))
    pool.watch()
    return pool, given


async def test_the_next_engine_answers_and_that_is_said(hall):
    second = ScriptedEngine("It opens at nine [1].", name="second")
    chat = hall.chat(hall.behind(dead("first")), hall.behind(second))
    events = await everything(chat.answer(group(ASKED)))
    assert text_of(events) == "It opens at nine [1]."
    assert notices(events) == ["The model `first` does not answer; `second` answers."]
    assert isinstance(events[-1], Finished)


async def test_it_is_said_in_the_language_of_the_question(hall):
    hall.shelf.put("shared", "花园.md", "花园的大门九点打开。")
    second = ScriptedEngine("九点打开 [1]。", name="second")
    chat = hall.chat(hall.behind(dead("first")), hall.behind(second))
    events = await everything(chat.answer(group("花园的大门几点打开？")))
    assert notices(events) == ["模型 `first` 没有回应；由 `second` 回答。"]


async def test_one_that_stands_in_and_finds_no_answer_is_refused_and_nobody_asked_after_it(hall):
    second = ScriptedEngine("The documents do not say.", name="second")
    third = ScriptedEngine("It opens at nine [1].", name="third")
    chat = hall.chat(hall.behind(dead("first")), hall.behind(second), hall.behind(third))
    events = await everything(chat.answer(group(ASKED)))
    assert text_of(events).startswith("There are documents about this, but none of them says it.")
    assert text_of(events).endswith(QUOTED)
    assert third.asked == 0


async def test_one_that_fails_while_nothing_of_it_was_shown_is_stood_in_for(hall):
    broken = Script(["The documents ", "do"], fail={2: EngineUnavailableError("first")})
    second = ScriptedEngine("It opens at nine [1].", name="second")
    chat = hall.chat(hall.behind(ScriptedEngine(broken, name="first")), hall.behind(second))
    events = await everything(chat.answer(group(ASKED)))
    assert text_of(events) == "It opens at nine [1]."


async def test_quotations_are_the_last_to_stand_in(hall):
    chat = hall.chat(hall.behind(dead("first")), hall.behind(dead("second")))
    events = await everything(chat.answer(group(ASKED)))
    assert text_of(events) == QUOTED
    [told] = notices(events)
    assert told.startswith("The model `first` is not answering.")
    assert told.endswith("Until then, these are quotations from the documents.")


async def test_the_first_engine_is_used_again_when_it_is_back(hall):
    first = ScriptedEngine(Script(fail={0: EngineUnavailableError("first")}), "At nine [1].",
                           name="first")  # fmt: skip
    second = ScriptedEngine("It opens at nine [1].", name="second")
    chat = hall.chat(hall.behind(first), hall.behind(second))
    await everything(chat.answer(group(ASKED, "1")))
    events = await everything(chat.answer(group(ASKED, "2")))
    assert (text_of(events), notices(events)) == ("At nine [1].", [])
    assert second.asked == 1


async def test_after_the_first_word_nobody_goes_on_with_it(hall):
    error = EngineUnavailableError("first")
    first = ScriptedEngine(Script(["It ", "opens ", "at "], fail={3: error}), name="first")
    second = ScriptedEngine(name="second")
    chat = hall.chat(hall.behind(first), hall.behind(second))
    with pytest.raises(EngineBrokeOffError):
        await everything(chat.answer(group(ASKED)))
    assert second.asked == 0


async def test_a_full_queue_is_no_failure_of_its_engine(hall):
    gate = asyncio.Event()
    first = hall.behind(ScriptedEngine(Script(gates={0: gate}), name="first"),
                        max_waiting_per_member=1)  # fmt: skip
    second = ScriptedEngine(name="second")
    chat = hall.chat(first, hall.behind(second))
    waiting = asyncio.Event()

    async def read(message_id: str) -> None:
        async with aclosing(chat.answer(group(ASKED, message_id))) as events:
            async for event in events:
                if isinstance(event, Queued):
                    waiting.set()

    running = [asyncio.create_task(read(n)) for n in ("1", "2")]
    await waiting.wait()
    with pytest.raises(QueueFullError):
        await everything(chat.answer(group(ASKED, "3")))
    gate.set()
    await asyncio.gather(*running)
    assert second.asked == 0


@pytest.mark.parametrize("place", ["local", "own", None])
async def test_a_channel_that_keeps_near_leaks_nothing_to_a_server_outside(hall, place):
    message = group(ASKED)
    if place is not None:
        await hall.places.channels.change(message.conversation.channel, "place", place)
    async with outside_server() as server:
        pool, given = pool_at(server, health_seconds=1.0)
        chat = hall.chat(hall.behind(dead("first")), hall.behind(pool, **given))
        events = await everything(chat.answer(message))
        assert text_of(events) == QUOTED
        assert server.asked == []


async def test_one_that_is_too_far_out_as_the_first_choice_hears_nothing_either(hall):
    async with outside_server() as server:
        pool, given = pool_at(server)
        chat = hall.chat(hall.behind(pool, **given))
        events = await everything(chat.answer(group(ASKED)))
        assert text_of(events) == QUOTED
        assert "does not go there" in notices(events)[0]
        assert server.asked == []


async def test_where_the_channel_allows_it_an_engine_outside_answers_and_is_named(hall):
    message = group(ASKED)
    await hall.places.channels.change(message.conversation.channel, "place", "outside")
    async with outside_server() as server:
        pool, given = pool_at(server)
        chat = hall.chat(hall.behind(dead("first")), hall.behind(pool, **given))
        events = await everything(chat.answer(message))
        assert text_of(events) == "It opens at nine [1]."
        assert notices(events)[-1] == (
            "Answered by the model `cloud`, outside this machine at `127.0.0.1`."
        )


async def test_in_private_nothing_leaves_until_its_member_agrees_and_they_are_asked_once(hall):
    async with outside_server() as server:
        pool, given = pool_at(server)
        chat = hall.chat(hall.behind(pool, **given))
        events = await everything(chat.answer(private(ASKED, "1")))
        assert text_of(events) == QUOTED
        assert "runs outside, at `127.0.0.1`" in notices(events)[-1]
        actions = [event for event in events if isinstance(event, Actions)][-1]
        pressed = [button.action for menu in actions.menus for button in menu.buttons]
        assert pressed[-2:] == ["agree:outside", "agree:local"]
        events = await everything(chat.answer(private(ASKED, "2")))
        assert not any("runs outside" in told for told in notices(events))
        assert server.asked == []
        where = private(ASKED).conversation.channel
        await hall.places.channels.change(where, "place", "outside")
        events = await everything(chat.answer(private(ASKED, "3")))
        assert text_of(events) == "It opens at nine [1]."
        asked = len(server.asked)
        # Taken back, as any setting is.
        await hall.places.channels.change(where, "place", None)
        events = await everything(chat.answer(private(ASKED, "4")))
        assert text_of(events) == QUOTED
        assert len(server.asked) == asked


async def test_in_private_the_operators_other_machine_is_elsewhere_too(hall):
    own = ScriptedEngine("It opens at nine [1].", name="own")
    chat = hall.chat(hall.behind(own, place="own"))
    events = await everything(chat.answer(private(ASKED)))
    assert text_of(events) == QUOTED
    assert own.asked == 0
    assert text_of(await everything(chat.answer(group(ASKED)))) == "It opens at nine [1]."


async def test_an_embedder_outside_is_shown_no_private_question(hall):
    hall.embedding = Embedding("outside", "vectors.example.com")
    chat = hall.chat(hall.behind(ScriptedEngine("It opens at nine [1].")))
    events = await everything(chat.answer(private(ASKED)))
    assert set(hall.shelf.legs) == {Legs.LEXICAL}
    assert "turned into numbers at `vectors.example.com`" in notices(events)[-1]
    await hall.places.channels.change(private(ASKED).conversation.channel, "place", "outside")
    hall.shelf.legs.clear()
    await everything(chat.answer(private(ASKED, "2")))
    assert set(hall.shelf.legs) == {Legs.BOTH}


async def test_a_budget_that_is_used_up_hands_over_to_the_next_and_says_so(hall):
    spending = Spending(hall.database)
    await spending.load()
    priced = {"output_price": 1.0, "daily_cap": 0.0001}
    meter = spending.meter("cloud", EngineSettings(**priced))
    cloud = ScriptedEngine(name="cloud")
    second = ScriptedEngine("It opens at nine [1].", name="second")
    chat = hall.chat(hall.behind(cloud, meter), hall.behind(second))
    events = await everything(chat.answer(group(ASKED)))
    assert text_of(events) == "It opens at nine [1]."
    assert notices(events) == [
        "What may be spent on the model `cloud` today is used up. Now `second` answers."
    ]
    assert cloud.asked == 0
    await spending.aclose()


async def test_who_wakes_a_model_is_told_that_it_takes_a_moment(hall):
    async def load():
        return ScriptedEngine("It opens at nine [1].", name="big")

    sleeping = SleepingEngine(EngineFacts("big", 8192, 1), load)
    chat = hall.chat(hall.behind(sleeping))
    events = await everything(chat.answer(group(ASKED, "1")))
    assert notices(events) == ["I am waking the model `big`; that takes a moment."]
    assert notices(await everything(chat.answer(group(ASKED, "2")))) == []


async def test_a_server_that_dies_in_mid_answer_ends_it_and_the_other_takes_the_next(hall):
    async with scripted_server() as one, scripted_server() as two:
        one.script(CHAT, Scripted([delta("It opens "), delta("at ")], drop_at=2))
        two.script(CHAT, answer("It opens at nine [1]."))
        first, near = pool_at(one, place="local", model="first")
        second, _ = pool_at(two, place="local", model="second")
        chat = hall.chat(hall.behind(first, **near), hall.behind(second, **near))
        with pytest.raises(EngineBrokeOffError):
            await everything(chat.answer(group(ASKED, "1")))
        one.script(CHAT, Scripted(status=503))
        events = await everything(chat.answer(group(ASKED, "2")))
        assert text_of(events) == "It opens at nine [1]."
        assert notices(events) == ["The model `first` does not answer; `second` answers."]
