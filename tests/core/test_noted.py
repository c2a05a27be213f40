"""A note whose question is asked is the answer: before any engine, word for word, marked."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from core.chat import Chat
from core.database import Database
from core.engines.choice import EngineChoice
from core.engines.extractive import ExtractiveEngine
from core.engines.queued import QueuedEngine
from core.events import Quoted
from core.history import History
from core.knowledge import Knowledge
from core.language import words
from core.layout import Draft
from core.noted import in_words
from core.notes import name_of, store
from core.prompts import Prompts
from core.replies import Sources, TextDelta, TextReplaced
from core.settings import ChatSettings, EngineSettings
from knowledge_base.notes import Note
from tests.support.libraries import add_text, open_library
from tests.support.messages import author, group
from tests.support.places import open_places
from tests.support.scripted_engine import ScriptedEngine

QUESTION, ANSWER = "Who feeds the sharks?", "Walter, at six.\n\nIn winter at five."
WHEN = datetime(2026, 11, 20, tzinfo=UTC)


class Reef:
    """A channel with a note and a file, answered by a scripted engine."""

    def __init__(self, database, library, folder):
        self.library, self.folder = library, folder
        self.history = History(database)
        places = open_places(database, library)
        self.engine = ScriptedEngine("The documents say this [1].")
        self.queues = [
            QueuedEngine.of(self.engine, EngineSettings()),
            QueuedEngine.of(ExtractiveEngine(library.quote), EngineSettings()),
        ]
        engines = EngineChoice({"scripted": self.queues[0]}, "scripted", self.queues[1])
        knowledge = Knowledge(library, places.access, places.channels)
        self.chat = Chat(knowledge, engines, self.history, Prompts(), ChatSettings(passages=4))

    async def note(self, question=QUESTION, answer=ANSWER, **facts):
        base = await self.library.ensure_base("discord:town")
        written = Note(question, answer, "Mo", "discord:mo", WHEN, **facts)
        await store(self.library, base, written, name_of(question))

    async def ask(self, text, **facts):
        """What is said, and its sources."""
        said, sources = "", Sources(())
        message = replace(group(text), **facts)
        async with aclosing(self.chat.answer(message)) as events:
            async for event in events:
                match event:
                    case TextDelta(text):
                        said += text
                    case TextReplaced(text):
                        said = text
                    case Sources():
                        sources = event
        return said, sources


@pytest.fixture
async def reef(tmp_path):
    async with (
        Database.open(tmp_path / "lorekeeper.db") as database,
        open_library(tmp_path / "library") as library,
    ):
        reef = Reef(database, library, tmp_path)
        base = await library.ensure_base("discord:town")
        text = "The sharks are fed by whoever has the key of the sharks' tank."
        await add_text(library, base.base_id, tmp_path, "rota.md", text)
        yield reef
        for queue in reef.queues:
            await queue.aclose()


async def test_the_note_is_said_whole_and_no_engine_is_asked(reef):
    await reef.note()
    said, sources = await reef.ask("who feeds the sharks", message_id="q1")
    assert said == (
        "Answered by `Mo` on 2026-11-20 [1]:\n> Walter, at six.\n>\n> In winter at five."
    )
    assert reef.engine.asked == 0
    assert not sources.refused
    first, *others = sources.passages
    assert first.cited
    assert first.passage.chunk.heading == QUESTION
    assert [source.passage.document.name for source in others] == ["rota.md"]
    draft = Draft(words("en"), markdown=True)
    draft.take(sources)
    assert draft.final().startswith("Sources:\n[1] answered by Mo, Who feeds the sharks?")
    kept = await reef.history.answer(group("").conversation, "q1")
    assert kept is not None
    assert kept.text == said


async def test_another_question_is_answered_as_always(reef):
    await reef.note()
    said, _sources = await reef.ask("Who has the key of the sharks' tank?")
    assert "Answered by" not in said
    assert reef.engine.asked == 1


async def test_a_note_that_has_ended_is_not_given(reef):
    await reef.note(expires_at=WHEN)
    said, sources = await reef.ask(QUESTION)
    assert "Walter" not in said
    assert all("Walter" not in source.passage.chunk.text for source in sources.passages)


async def test_a_question_that_leans_on_another_is_not_taken_for_the_notes_own(reef):
    await reef.note("And on Sundays?", "Never.")
    quoted = Quoted("9", author("eve"), "When is the reef open?")
    said, sources = await reef.ask("And on Sundays?", quoted=quoted)
    assert sources.refused
    assert "answered" not in said.casefold()


async def test_chinese_is_an_equal(reef):
    await reef.note("谁来喂鲨鱼？", "老王，每天六点。")
    said, _sources = await reef.ask("鲨鱼谁来喂？")
    assert said == "`Mo` 于 2026-11-20 回答 [1]：\n> 老王，每天六点。"


def test_links_of_a_note_are_its_own_and_nobody_is_pinged():
    note = Note(
        QUESTION, "See https://reef.example/a [x](https://b.example) @everyone", "`M`", "", WHEN
    )
    said = in_words(note, words("en"))
    assert "https://reef.example/a" in said
    assert "@everyone" not in said
    assert said.startswith("Answered by `ˋMˋ` on")
