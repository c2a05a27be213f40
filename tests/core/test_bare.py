from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from core.bare import bare
from core.channel_settings import ChannelSettings
from core.engines.queue import FairQueue
from core.engines.queued import QueuedEngine
from core.errors import ContextTooLongError
from core.events import (
    Author,
    ChannelKind,
    ChannelRef,
    ConversationRef,
    IncomingMessage,
    Platform,
    Trigger,
    Turn,
    Wishes,
)
from core.inquiry import Inquiry
from core.replies import Finished, Notice, TextDelta
from core.settings import EngineSettings
from tests.support.scripted_engine import Script, ScriptedEngine


def asked(text: str, wishes: Wishes, turns: tuple[Turn, ...] = ()) -> Inquiry:
    message = IncomingMessage(
        ConversationRef(ChannelRef(Platform.API, "key"), "t"),
        ChannelKind.PRIVATE,
        Trigger.PRIVATE,
        "1",
        Author("key", "a program"),
        text,
        datetime.now(UTC),
        context=turns,
        wishes=wishes,
    )
    return Inquiry(message, text, turns, ChannelSettings())


async def said(question: Inquiry, engine: ScriptedEngine, most: int = 100) -> list[object]:
    served = QueuedEngine.of(engine, EngineSettings())
    return [event async for event in bare(question, served, most)]


async def test_the_engine_hears_the_caller_and_nobody_else():
    engine = ScriptedEngine("Yes.")
    turns = (Turn("user", "One?", "Mira"), Turn("assistant", "Two."))
    events = await said(asked("Three?", Wishes("Be brief.", "scripted", seed=3), turns), engine)
    assert events[0] == TextDelta("Yes.")
    assert isinstance(events[-1], Finished)
    (call,) = engine.calls
    assert [(one.role, one.text) for one in call.messages] == [
        ("system", "Be brief."),
        ("user", "Mira: One?"),
        ("assistant", "Two."),
        ("user", "Three?"),
    ]
    assert (call.options.seed, call.options.max_tokens) == (3, 100)


async def test_the_operators_limit_of_tokens_holds_however_many_are_wished():
    engine = ScriptedEngine("a b c d e")
    await said(asked("?", Wishes(engine="scripted", max_tokens=5000)), engine, most=2)
    await said(asked("?", Wishes(engine="scripted", max_tokens=1)), engine, most=2)
    assert [call.options.max_tokens for call in engine.calls] == [2, 1]


async def test_what_a_model_thinks_to_itself_is_not_said():
    engine = ScriptedEngine(Script(("<think>hm", "m</think>", "Yes.")))
    events = await said(asked("?", Wishes(engine="scripted")), engine)
    assert "".join(one.text for one in events if isinstance(one, TextDelta)).strip() == "Yes."


async def test_nothing_is_left_out_of_what_does_not_fit():
    engine = ScriptedEngine("Yes.", context_window=30)
    with pytest.raises(ContextTooLongError):
        await said(asked("word " * 40, Wishes(engine="scripted")), engine)
    assert engine.calls == []


async def test_what_goes_outside_or_wakes_a_model_is_told_and_counted_for_the_server():
    engine, askers = ScriptedEngine("Yes."), []

    class Free:
        def check(self):
            return

        def hold(self, asker, most):
            askers.append(asker)
            return self

        def settle(self, usage):
            return

    settings = EngineSettings(base_url="https://api.example.com/v1", place="outside")
    served = QueuedEngine.of(engine, settings, meter=Free())
    question = asked("?", Wishes(engine="scripted"))
    question = replace(question, message=replace(question.message, server_id="9"))
    events = [event async for event in bare(question, served, 100)]
    (told,) = [event.text for event in events if isinstance(event, Notice)]
    assert told.startswith("Answered by the model `scripted`, outside this machine")
    assert "`api.example.com`" in told
    assert isinstance(events[-1], Finished)
    assert [own.server_id for own in askers] == ["9"]


async def test_a_caller_learns_that_a_model_wakes_before_its_first_word():
    served = Asleep(ScriptedEngine("Yes."), FairQueue("scripted", 1))
    question = asked("?", Wishes(engine="scripted"))
    first, *_ = [event async for event in bare(question, served, 100)]
    assert first == Notice("I am waking the model `scripted`; that takes a moment.")


class Asleep(QueuedEngine):
    is_asleep = True
