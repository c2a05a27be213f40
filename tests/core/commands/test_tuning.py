"""`/kb tune`: figures on questions whose answers are known, and one press to take what helps."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from core.assistant import Assistant
from core.commands.tuning import advice_lines
from core.events import ChannelRef, ConversationRef, Platform
from core.feedback import Feedback, Verdict
from core.history import StoredAnswer, StoredSource
from core.language import words
from core.permissions import Rules
from core.replies import Actions
from core.tuning import Advice, Gain
from knowledge_base.models import ChunkId
from tests.support.commanding import ADMIN, MODERATOR, Hall, attachment, open_hall

TOWN = ConversationRef(ChannelRef(Platform.DISCORD, "town"))
PLACES = ("pool", "library", "museum", "bakery", "ferry", "hut", "market")
SUBJECTS = ("moon", "king", "football", "tax", "opera", "volcano", "piano")


@pytest.fixture
async def hall(tmp_path) -> AsyncIterator[Hall]:
    async with open_hall(tmp_path) as hall:
        for place in PLACES:
            given = (attachment(f"{place}.md", f"The {place} opens at nine o'clock."),)
            await hall.types("/kb add", MODERATOR, attachments=given)
        yield hall


def typed() -> str:
    asked = [f"When does the {place} open? | {place}.md | nine" for place in PLACES]
    return ";;".join([*asked, *(f"Who won the {subject} prize? | -" for subject in SUBJECTS)])


async def test_figures_and_a_picture_are_shown(hall):
    said = await hall.slash("kb tune", ADMIN, questions=typed())
    assert said.text.startswith("14 questions.\n```\n1.00 (0.65–1.00)  right passage first\n")
    assert "0.00 |##########|" in said.text
    assert "More passages help no more than chance would." in said.text


async def test_what_helps_is_taken_with_one_press_and_noted(hall):
    await hall.types("/settings threshold 1", ADMIN)
    said = await hall.slash("kb tune", ADMIN, questions=typed())
    assert "would suit better" in said.text
    (menus,) = [event.menus for event in said.events if isinstance(event, Actions)]
    yes = menus[0].buttons[0]
    assert yes.label == "Take it"
    shown = await hall.press(yes.action, ADMIN)
    held = hall.channels.at(TOWN.channel, None, None).threshold
    assert held is not None
    assert 0 < held < 1
    assert "threshold" in shown


async def test_verdicts_are_questions_too(hall):
    feedback = Feedback(hall.database)
    for number, place in enumerate(PLACES):
        sources = (StoredSource(1, ChunkId(number + 1), True, 0.9, f"{place}.md"),)
        answer = StoredAnswer(
            f"q{number}", "ada", f"When does the {place} open?", "At nine.", False, False, sources
        )
        await feedback.give(TOWN, answer, "ada", Verdict.UP)
    said = await hall.slash("kb tune", ADMIN)
    assert said.text.startswith("7 questions.")
    assert "5 questions with an answer and 5 without one are needed" in said.text


async def test_without_questions_it_says_how(hall):
    assert "question | document" in (await hall.slash("kb tune", ADMIN)).text
    assert "问题 | 文档" in (await hall.types("/kb tune", ADMIN, locale="zh-CN")).text


async def test_what_is_no_question_is_refused(hall):
    said = await hall.slash("kb tune", ADMIN, questions="Who? | -;;when?")
    assert said.failed
    assert said.text.startswith("Line 2 is no question whose answer is known.")


def test_of_passages_nothing_is_said_where_nothing_can_be_told():
    assert advice_lines(Advice(None, None, None, None), words("en")) == [
        "For a threshold, 5 questions with an answer and 5 without one are needed."
    ]


async def test_a_document_that_is_not_there_is_named(hall):
    said = await hall.slash("kb tune", ADMIN, questions=f"{typed()};;When? | pools.md")
    assert said.text.startswith("Not found here, as no document is called so: `pools.md`\n")


async def test_verdicts_that_people_disagree_about_are_left_out(hall):
    feedback = Feedback(hall.database)
    for number, place in enumerate(PLACES):
        sources = (StoredSource(1, ChunkId(number + 1), True, 0.9, f"{place}.md"),)
        asked = f"When does the {place} open?"
        answer = StoredAnswer(f"q{number}", "ada", asked, "At nine.", False, False, sources)
        await feedback.give(TOWN, answer, "ada", Verdict.UP)
        if number < 3:
            await feedback.give(TOWN, answer, "ben", Verdict.DOWN)
    assert (await hall.slash("kb tune", ADMIN)).text.startswith("4 questions.")


async def test_passages_are_held_against_what_the_operator_configured(hall):
    hall.assistant = Assistant(replace(hall.resources, passages=10), Rules())
    said = await hall.slash("kb tune", ADMIN, questions=typed())
    assert "passages" not in said.text


def test_advice_is_in_both_languages():
    gain = Gain(0.1, 0.02, 0.2)
    advice = Advice(0.4, gain, 8, gain)
    assert advice_lines(advice, words("zh")) == [
        "阈值 0.40 更合适：正确判断 +10.0 % (+2.0 … +20.0)。",
        "取 8 个段落更常包含答案：问题的 +10.0 % (+2.0 … +20.0)。",
    ]


@pytest.mark.parametrize(
    ("locale", "told"),
    [
        ("en-US", "Of 103, only the first 100 were asked: no more are taken here."),
        ("zh-CN", "103 个问题中只问了前 100 个：这里最多只接受这么多。"),
    ],
)
async def test_what_is_typed_past_the_most_is_told(hall, locale, told):
    many = ";;".join(f"Who won prize {n}? | -" for n in range(103))
    said = await hall.types("/kb tune " + many, ADMIN, locale=locale)
    assert said.text.startswith(told)
    fewer = ";;".join(f"Who won prize {n}? | -" for n in range(100))
    said = await hall.types("/kb tune " + fewer, ADMIN, locale=locale)
    assert told not in said.text
