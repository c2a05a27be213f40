"""The Retrieval test, over a real library."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from bot.adapters.web import trial_view
from bot.adapters.web.channel_desk import key_of
from bot.adapters.web.shelves import Shelves
from bot.adapters.web.trial import LONGEST_JOINED, MOST_PASSAGES, Knobs, Trial
from bot.adapters.web.visitors import OPERATOR, Asker, Visitor
from core.engines.choice import EngineChoice
from core.engines.queued import QueuedEngine
from core.errors import UnknownChannelError
from core.events import ChannelRef, Platform
from core.golden import Golden, measured
from core.language import words
from core.prompts import Prompts
from core.replies import Sources, TextDelta, TextReplaced
from core.settings import EngineSettings
from knowledge_base.models import Legs
from knowledge_base.reranking import SecondLook
from tests.support.commanding import ADMIN, open_hall
from tests.support.libraries import add_text
from tests.support.scripted_engine import ScriptedEngine

ANN = Asker(Visitor("ann", "operator"), "en")
VIEWER = Visitor("vic", "viewer")
EN = words("en")
TOWN = ChannelRef(Platform.DISCORD, "town")


@pytest.fixture
async def hall(tmp_path):
    async with open_hall(tmp_path) as hall:
        town = await hall.library.ensure_base("town")
        await add_text(hall.library, town.base_id, tmp_path, "bread.md", "Rye is baked on Fridays.")
        await add_text(hall.library, town.base_id, tmp_path, "walk.md", "The walk starts at noon.")
        own = await hall.library.ensure_base("telegram:@456")
        await add_text(hall.library, own.base_id, tmp_path, "diary.md", "Rye makes me sneeze.")
        yield hall


@pytest.fixture
def trial(hall):
    shelves = Shelves(hall.library, hall.sightings)
    return Trial(hall.resources, shelves, Prompts(), 200, 0.5, 5)


async def test_a_question_goes_through_every_stage(trial):
    stages = await trial.stages(OPERATOR, ["town"], "When is rye baked?", Knobs())
    assert stages.passages[0].document.name == "bread.md"
    prompt = await trial.prompt("When is rye baked?", stages.passages, "scripted")
    assert "Rye is baked on Fridays." in prompt.messages[-1].text
    events = [
        event async for event in trial.answer(ANN, "When is rye baked?", stages.passages, None)
    ]
    assert any(isinstance(event, TextDelta | TextReplaced) for event in events)
    assert isinstance(events[-1], Sources)


async def test_an_engine_that_finds_no_answer_is_heard_in_its_own_words(hall, trial):
    engine = ScriptedEngine("The documents do not say.", name="denying")
    served = QueuedEngine.of(engine, EngineSettings())
    choice = EngineChoice({"denying": served}, "denying", served)
    trial = replace(trial, resources=replace(hall.resources, engines=choice))
    stages = await trial.stages(OPERATOR, ["town"], "When is rye baked?", Knobs())
    asked = trial.answer(ANN, "When is rye baked?", stages.passages, "denying")
    said = [event.text async for event in asked if isinstance(event, TextDelta)]
    assert said == ["The documents do not say."]


async def test_a_viewer_finds_nothing_that_was_taught_in_private(trial):
    bases = ["telegram:@456", "nowhere", 7]
    assert (await trial.stages(VIEWER, bases, "rye", Knobs())).candidates == ()
    found = await trial.stages(OPERATOR, bases, "rye", Knobs())
    assert [own.passage.document.name for own in found.candidates] == ["diary.md"]
    asked = [Golden("Who sneezes at rye?", "diary.md")]
    (outcome,) = [own async for own in trial.golden(VIEWER, bases, asked, Knobs())]
    assert outcome.found == ()


async def test_golden_questions_are_tried_in_their_order(trial):
    questions = [Golden("When is rye baked?", "bread.md"), Golden("What of zebras?")]
    outcomes = [own async for own in trial.golden(OPERATOR, ["town"], questions, Knobs())]
    assert [own.golden for own in outcomes] == questions
    assert outcomes[0].rank == 1
    told = trial_view.golden(measured(outcomes, 0.5), 0.5, None, EN)
    assert "hit&#64;1" in told
    assert "100%" in told


async def test_a_visitor_has_one_run_of_golden_questions_at_a_time(trial):
    questions = [Golden("When is rye baked?", "bread.md")] * 3
    first = trial.golden(VIEWER, ["town"], questions, Knobs())
    other = trial.golden(OPERATOR, ["town"], questions, Knobs())
    second = trial.golden(VIEWER, ["town"], questions, Knobs())
    assert await anext(first)
    assert await anext(other)
    assert await anext(second)
    assert [own async for own in first] == []
    assert len([own async for own in second]) == 2
    assert len([own async for own in other]) == 2


async def test_a_run_that_is_stopped_asks_nothing_more(trial):
    questions = [Golden("When is rye baked?", "bread.md")] * 3
    run = trial.golden(VIEWER, ["town"], questions, Knobs())
    assert await anext(run)
    trial.stop(OPERATOR)
    assert await anext(run)
    trial.stop(VIEWER)
    assert [own async for own in run] == []


class Judge:
    """A reranker that likes long texts."""

    name = "judge"

    async def scores(self, question, texts):
        return np.array([float(len(text)) for text in texts])

    async def aclose(self):
        pass


async def test_a_reranker_can_be_switched_off_and_what_it_did_is_shown(trial, hall, tmp_path):
    assert trial.reranker is None
    town = await hall.library.base("town")
    long = "Rye. " + "It is told at length when other things are baked. " * 3
    await add_text(hall.library, town.base_id, tmp_path, "long.md", long)
    question = "When is rye baked on Fridays?"
    plain = await trial.stages(OPERATOR, ["town"], question, Knobs(passages=1))
    assert plain.looked_at == ()
    assert "Nobody looked" in trial_view.second(plain, EN)
    hall.library.look_twice(SecondLook(Judge(), 30))
    assert trial.reranker == "judge"
    off = await trial.stages(OPERATOR, ["town"], question, Knobs(passages=1, again=False))
    assert off == plain
    looked = await trial.stages(OPERATOR, ["town"], question, Knobs(passages=1))
    assert len(looked.passages) == 1
    assert len(looked.looked_at) > 1
    assert "was at" in trial_view.second(looked, EN)
    fates = [own.fate for own in looked.candidates]
    assert fates.count("taken") == 1
    questions = [Golden(question, "bread.md")]
    (outcome,) = [
        own async for own in trial.golden(OPERATOR, ["town"], questions, Knobs(again=False))
    ]
    assert outcome.rank == 1


async def test_without_time_for_a_second_look_the_searchs_order_holds(trial, hall):
    class Slow(Judge):
        async def scores(self, question, texts):
            await asyncio.Event().wait()

    hall.library.look_twice(SecondLook(Slow(), 0.01))
    stages = await trial.stages(OPERATOR, ["town"], "When is rye baked?", Knobs())
    assert stages.late
    assert stages.passages[0].document.name == "bread.md"
    assert "no time" in trial_view.second(stages, EN)


async def test_each_leg_and_where_the_chunks_stand_are_shown(trial):
    stages = await trial.stages(OPERATOR, ["town"], "When is rye baked?", Knobs())
    legs, origins = trial_view.legs(stages, EN), trial_view.origins(stages, EN)
    assert legs.count("bread&#46;md") == 2
    assert "chunk 1 of 1, 24 characters" in origins
    only = await trial.stages(OPERATOR, ["town"], "When is rye baked?", Knobs(legs=Legs.LEXICAL))
    assert "took no part" in trial_view.legs(only, EN)


async def test_what_is_saved_holds_in_the_channel_and_is_noted(trial, hall):
    await hall.types("hello", ADMIN)
    held = await trial.save(ANN, key_of(TOWN), 0.37, 7)
    assert (held.threshold, held.passages) == (0.37, 7)
    assert hall.channels.at(TOWN).passages == 7
    acts = await hall.resources.moderation.audit.of_channel(TOWN)
    assert [(own.author, own.about) for own in acts] == [
        ("ann", "passages = 7"),
        ("ann", "threshold = 0.37"),
    ]


@pytest.mark.parametrize("key", ["discord:elsewhere", "", "discord", "web:console"])
async def test_settings_of_a_channel_that_is_not_there_are_not_saved(trial, key):
    with pytest.raises(UnknownChannelError):
        await trial.save(ANN, key, 0.5, 5)


async def test_the_cut_moves_with_the_threshold_and_nothing_is_searched_anew(trial):
    stages = await trial.stages(OPERATOR, ["town"], "When is rye baked?", Knobs())
    best = stages.passages[0].relevance
    low, high = trial_view.plot(stages, best - 0.01, EN), trial_view.plot(stages, 0.99, EN)
    assert 'data-threshold="0.99"' in high
    assert low != high
    assert "Answered" in trial_view.verdict(stages, best - 0.01, EN)
    above = (1 + best) / 2
    assert "Refused" in trial_view.verdict(stages, above, EN)
    assert 'class="cut"' in trial_view.candidates(stages, above, EN)


async def test_what_others_wrote_cannot_act_on_the_page(trial, hall, tmp_path):
    base = await hall.library.ensure_base("odd")
    text = "<script>alert(1)</script> <img src=x onerror=alert(1)> {{rye}} ${rye}"
    await add_text(hall.library, base.base_id, tmp_path, "a<b>.md", text)
    stages = await trial.stages(OPERATOR, ["odd"], "<b>rye</b>", Knobs())
    shown = (
        trial_view.candidates(stages, 0.5, EN)
        + trial_view.passages(stages.passages, EN)
        + trial_view.asked(stages, EN)
    )
    for sign in ("<script", "<img", "{{", "${", "a<b>"):
        assert sign not in shown


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ((3, "dense", True, 900), Knobs(3, Legs.DENSE, 900)),
        ((3, "dense", False, 900), Knobs(3, Legs.DENSE, 0)),
        ((10_000, "both", True, 10**9), Knobs(MOST_PASSAGES, Legs.BOTH, LONGEST_JOINED)),
        ((-1, "no leg", "yes", None), Knobs(1, Legs.BOTH, 0)),
        (("x", None, True, "long"), Knobs(5, Legs.BOTH, 1)),
    ],
)
def test_what_makes_no_sense_is_brought_within_what_does(given, read):
    assert Knobs.read(*given, True) == read
    assert not Knobs.read(*given, None).again
