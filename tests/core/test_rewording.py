"""A question put otherwise by an engine that is fast enough."""

from __future__ import annotations

import asyncio

import pytest

from core.channel_settings import ChannelSettings
from core.engines.queued import QueuedEngine
from core.errors import EngineUnavailableError
from core.events import Turn
from core.inquiry import Inquiry
from core.rewording import Rewording
from core.settings import EngineSettings
from tests.support.messages import private
from tests.support.scripted_engine import Script, ScriptedEngine

TURNS = (
    Turn("user", "Can I eat at the Korva Saddle Hut?"),
    Turn("assistant", "Half board is 36 crowns for adults [1]."),
)
ASKED = "And for children under twelve?"
CONDENSED = "How much is half board at the Korva Saddle Hut for children under twelve?"
FAST, SLOW = 0.01, 1.0


def asking(text: str = ASKED, turns: tuple[Turn, ...] = TURNS) -> Inquiry:
    return Inquiry(private(text), text, turns, ChannelSettings())


def behind(engine: ScriptedEngine, pace: float | None = FAST) -> QueuedEngine:
    served = QueuedEngine.of(engine, EngineSettings())
    served.pace = pace
    return served


async def alone(said: str | Script, *, pace: float | None = FAST, **options) -> str | None:
    engine = ScriptedEngine(said, **options)
    return await Rewording(1.5).alone(behind(engine, pace), asking())


async def test_a_follow_up_is_put_so_that_it_stands_alone():
    engine = ScriptedEngine(CONDENSED)
    assert await Rewording(1.5).alone(behind(engine), asking()) == CONDENSED
    system, user = engine.calls[0].messages
    assert "conversation" in system.text
    assert "36 crowns for adults" in user.text
    assert "[1]" not in user.text
    assert engine.calls[0].options.temperature == 0


@pytest.mark.parametrize("pace", [None, SLOW])
async def test_an_engine_that_is_slow_or_unknown_is_not_asked(pace):
    engine = ScriptedEngine(CONDENSED)
    assert await Rewording(1.5).alone(behind(engine, pace), asking()) is None
    assert engine.calls == []


async def test_nought_seconds_ask_no_engine():
    engine = ScriptedEngine(CONDENSED)
    assert await Rewording(0).alone(behind(engine), asking()) is None
    assert engine.calls == []


@pytest.mark.parametrize(
    "kind", [{"trusted": False}, {"quotes": True}, {"languages": frozenset({"zh"})}]
)
async def test_an_engine_that_is_often_wrong_or_writes_no_such_language_is_not_asked(kind):
    assert await alone(CONDENSED, **kind) is None


@pytest.mark.parametrize(
    "said",
    [
        "How much is half board for children under seven, 18 crowns?",
        "What is the capital of France?",
        "The documents do not say.",
        "科尔瓦鞍部小屋的儿童半膳多少钱？",
        "First line\nsecond line",
        "",
    ],
)
async def test_what_says_more_or_something_else_is_dropped(said):
    assert await alone(said or Script(())) is None


async def test_quotation_marks_and_labels_around_it_go():
    assert await alone(f"Question: “{CONDENSED}”") == CONDENSED


async def test_an_engine_that_takes_too_long_is_given_up():
    engine = ScriptedEngine(Script([CONDENSED], gates={0: asyncio.Event()}))
    served = behind(engine)
    assert await Rewording(0.01 * 24).alone(served, asking()) is None
    await served.settle()
    assert engine.calls[0].outcome == "cancelled"


async def test_an_engine_that_fails_changes_nothing():
    assert await alone(Script((), fail={0: EngineUnavailableError("scripted")})) is None


async def test_an_engine_without_a_free_slot_is_not_waited_for():
    engine = ScriptedEngine(Script(["x"], gates={0: asyncio.Event()}), CONDENSED)
    served = behind(engine)
    first = asyncio.create_task(_drain(served))
    await engine.begun(1)
    assert not Rewording(1.5).is_fast_enough(served, "en")
    first.cancel()
    await asyncio.wait([first])
    await served.aclose()


async def test_a_question_in_other_words_adds_no_number():
    said = "What does half board at the hut cost a child?"
    engine = ScriptedEngine(said, f"{said[:-1]} of 12?", ASKED)
    served = behind(engine)
    assert await Rewording(1.5).otherwise(served, asking("Price of food for kids?", ())) == said
    assert await Rewording(1.5).otherwise(served, asking("Price of food for kids?", ())) is None
    assert await Rewording(1.5).otherwise(served, asking()) is None


async def test_how_fast_an_engine_is_follows_from_its_answers():
    served = QueuedEngine.of(ScriptedEngine("Nine.", "word " * 40), EngineSettings())
    await _drain(served)
    assert served.pace is None
    await _drain(served)
    assert served.pace is not None


async def _drain(served: QueuedEngine) -> None:
    from core.engines.base import ChatMessage, GenerationOptions
    from core.engines.queue import Asker

    asker = Asker(private("x").conversation.channel, "1")
    stream = served.generate([ChatMessage("user", "x")], GenerationOptions(), asker)
    async for _event in stream:
        pass
