"""An engine that idles writes what leads to passages, and gives way to whoever asks."""

from __future__ import annotations

import asyncio

import pytest

from core.engines.choice import EngineChoice
from core.engines.extractive import ExtractiveEngine
from core.engines.queue import Asker
from core.engines.queued import QueuedEngine
from core.enriching import Enriching, hints_in
from core.events import ChannelRef, Platform
from core.settings import EngineSettings
from knowledge_base.models import Scope
from tests.support.libraries import add_text, open_library
from tests.support.messages import private
from tests.support.passages import passage
from tests.support.scripted_engine import Script, ScriptedEngine

SAID = """Opening hours of the orangery, from the house rules
1. When may visitors enter the orangery?
2) What ends the visit?
- Q: Who rings the bell at 9?
温室几点开放？
参观在什么时候结束？"""
KEPT = (
    "Opening hours of the orangery, from the house rules",
    "When may visitors enter the orangery?",
    "What ends the visit?",
    "Who rings the bell at 9?",
    "温室几点开放？",
    "参观在什么时候结束？",
)
GATE = "It opens at 9 and is locked when the bell has rung."


class Hall:
    """A library, an engine and what enriches by it."""

    def __init__(self, library, engine: ScriptedEngine, hourly: int = 100_000) -> None:
        self.library = library
        self.engine = engine
        self.served = QueuedEngine.of(engine, EngineSettings())
        self.quoting = QueuedEngine.of(ExtractiveEngine(library.quote), EngineSettings())
        self.near = True
        self.now = 0.0
        engines = EngineChoice({engine.name: self.served}, engine.name, self.quoting)
        self.making = Enriching(
            library,
            engines,
            self.may_read,
            hourly,
            ChannelRef(Platform.TERMINAL, "here"),
            clock=lambda: self.now,
        )
        self.making.idle_seconds = 0

    async def may_read(self, _base, _place) -> bool:
        return self.near

    async def base(self, folder, *names: str):
        base = await self.library.ensure_base("shared")
        for name in names:
            await add_text(self.library, base.base_id, folder, name, f"{GATE} {name}")
        return await self.library.base("shared")

    async def progress(self, base):
        return await self.library.enrichment.progress(base.base_id)


@pytest.fixture
async def library(tmp_path):
    async with open_library(tmp_path / "library") as opened:
        yield opened


def test_a_line_of_context_and_questions_in_both_languages_are_kept():
    assert hints_in(SAID, passage(text=GATE)) == KEPT


def test_thoughts_markers_and_numbers_that_the_passage_does_not_hold_are_not():
    said = f"<think>Is it 9?</think>{SAID}\nDoes it open at 10?\nIs entry 12 crowns?"
    assert hints_in(said, passage(text=GATE)) == KEPT


def test_who_writes_no_question_did_something_else():
    assert hints_in("As a language model I cannot read files.", passage(text=GATE)) == ()
    assert hints_in("", passage(text=GATE)) == ()


def test_three_questions_in_each_of_two_languages_are_the_most():
    said = "\n".join(f"What is thing {word}?" for word in ("one", "two", "b", "c", "d", "e"))
    assert len(hints_in(said, passage(text="one two things"))) == 3


async def test_a_passage_is_found_by_what_was_written(library, tmp_path):
    hall = Hall(library, ScriptedEngine(SAID))
    base = await hall.base(tmp_path, *(f"paper {n}.md" for n in range(8)))
    assert await hall.making.step(base) == "kept"
    result = await library.search(Scope(frozenset({base.base_id})), KEPT[1], limit=1, enriched=True)
    assert result.passages[0].document.name == "paper 7.md"
    prompt = hall.engine.calls[0].messages
    assert prompt[1].text.startswith('<passage number="1" document="paper 7.md"')
    await hall.served.aclose()


async def test_it_goes_on_where_it_was_and_ends_when_all_are_done(library, tmp_path):
    base = await Hall(library, ScriptedEngine(SAID)).base(tmp_path, "a.md", "b.md")
    for outcome in ("kept", "kept", "nothing"):
        # Another one each time, as after a restart.
        assert await Hall(library, ScriptedEngine(SAID)).making.step(base) == outcome
    assert (await Hall(library, ScriptedEngine()).progress(base)).passages == 2


async def test_nothing_useful_is_not_asked_for_twice(library, tmp_path):
    hall = Hall(library, ScriptedEngine("I cannot."))
    base = await hall.base(tmp_path, "a.md")
    assert await hall.making.step(base) == "kept"
    assert await hall.making.step(base) == "nothing"
    assert (await hall.progress(base)).texts == 0


async def test_who_asks_comes_first_and_the_passage_waits(library, tmp_path):
    gate = asyncio.Event()
    hall = Hall(library, ScriptedEngine(Script([SAID], gates={0: gate}), SAID))
    base = await hall.base(tmp_path, "a.md")
    step = asyncio.create_task(hall.making.step(base))
    await hall.engine.begun(1)
    message = private("When?")
    person = hall.served.queue.ticket(Asker(message.conversation.channel, "1"))
    assert await step == "disturbed"
    assert (await hall.progress(base)).passages == 0
    person.release()
    assert await hall.making.step(base) == "kept"
    await hall.served.aclose()


async def test_there_is_a_limit_to_an_hour(library, tmp_path):
    hall = Hall(library, ScriptedEngine(SAID), hourly=600)
    base = await hall.base(tmp_path, "a.md", "b.md")
    assert await hall.making.step(base) == "kept"
    assert await hall.making.step(base) == "spent"
    hall.now = 3601.0
    assert await hall.making.step(base) == "kept"


async def test_texts_that_may_not_go_there_do_not(library, tmp_path):
    hall = Hall(library, ScriptedEngine(SAID))
    base = await hall.base(tmp_path, "a.md")
    hall.near = False
    assert await hall.making.step(base) == "unable"
    assert hall.engine.calls == []


@pytest.mark.parametrize("kind", [{"quotes": True}, {"trusted": False}])
async def test_who_quotes_or_is_often_wrong_writes_nothing_unless_chosen(library, tmp_path, kind):
    hall = Hall(library, ScriptedEngine(SAID, **kind))
    base = await hall.base(tmp_path, "a.md")
    assert await hall.making.step(base) == "unable"
    hall.making.insists = True
    wanted = "unable" if "quotes" in kind else "kept"
    assert await hall.making.step(base) == wanted


async def test_it_works_by_itself_while_it_is_open(library, tmp_path):
    hall = Hall(library, ScriptedEngine(SAID))
    base = await hall.base(tmp_path, "a.md", "b.md")
    async with hall.making.working():
        while (await hall.progress(base)).passages < 2:  # noqa: ASYNC110 - any number of steps
            await asyncio.sleep(0)
    assert (await hall.progress(base)).texts == 2 * len(KEPT)
