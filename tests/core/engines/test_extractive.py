"""The engine that quotes: word for word, marked, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from core.citations import MarkerFilter
from core.engines.base import (
    ChatMessage,
    EngineDelta,
    EngineFinished,
    GenerationOptions,
    Grounding,
)
from core.engines.extractive import ExtractiveEngine
from core.errors import EngineUnavailableError
from core.replies import Usage
from knowledge_base.errors import KnowledgeError
from knowledge_base.models import Passage, Quotation
from tests.support.passages import passage

PASSAGES = (
    passage(name="a.md", text="Boats leave at nine."),
    passage(name="b.md", text="渡轮九点开船。"),
)


def quotes(*chosen: tuple[int, str]):
    async def quote(question: str, passages: Sequence[Passage]) -> tuple[Quotation, ...]:
        assert passages == PASSAGES
        assert question == "When?"
        return tuple(Quotation(passage, text, 0, 0.9) for passage, text in chosen)

    return quote


async def answer(engine: ExtractiveEngine, grounding: Grounding | None = None) -> list:
    grounding = grounding or Grounding("When?", PASSAGES)
    messages = [ChatMessage("system", "Quote."), ChatMessage("user", "a prompt", grounding)]
    return [event async for event in engine.stream(messages, GenerationOptions())]


async def test_each_sentence_is_a_delta_with_the_number_of_its_passage():
    engine = ExtractiveEngine(quotes((1, "渡轮九点开船。"), (0, "Boats leave at nine.")))
    *deltas, end = await answer(engine)
    assert deltas == [
        EngineDelta("渡轮九点开船。 [2]"),
        EngineDelta("\n\nBoats leave at nine. [1]"),
    ]
    # A word, a Chinese character, a sign: 2 in the question, 5 and 7 in the passages.
    assert end == EngineFinished("stop", Usage(2 + 5 + 7, 5 + 7))


async def test_a_sentence_in_another_language_is_told_to_be_the_originals():
    engine = ExtractiveEngine(quotes((1, "渡轮九点开船。"), (0, "Boats leave at nine.")))
    *deltas, _end = await answer(engine, Grounding("When?", PASSAGES, language="en"))
    assert deltas == [
        EngineDelta("The document says, in its own language:\n> 渡轮九点开船。 [2]"),
        EngineDelta("\n\nBoats leave at nine. [1]"),
    ]
    *deltas, _end = await answer(engine, Grounding("When?", PASSAGES, language="zh"))
    assert deltas == [
        EngineDelta("渡轮九点开船。 [2]"),
        EngineDelta("\n\n文档原文（未翻译）：\n> Boats leave at nine. [1]"),
    ]


async def test_several_in_another_language_are_told_of_once():
    engine = ExtractiveEngine(quotes((1, "渡轮九点开船。"), (1, "船票在码头买。")))
    *deltas, _end = await answer(engine, Grounding("When?", PASSAGES, language="en"))
    assert "".join(delta.text for delta in deltas) == (
        "The document says, in its own language:\n> 渡轮九点开船。 [2]\n\n> 船票在码头买。 [2]"
    )


async def test_figures_alone_are_in_every_language():
    engine = ExtractiveEngine(quotes((0, "17:00")))
    first, _end = await answer(engine, Grounding("When?", PASSAGES, language="zh"))
    assert first == EngineDelta("17:00 [1]")


async def test_two_sentences_are_the_most_unless_told_otherwise():
    chosen = quotes((0, "One."), (0, "Two."), (1, "Three."))
    assert len(await answer(ExtractiveEngine(chosen))) == 3
    assert len(await answer(ExtractiveEngine(chosen, sentences=3))) == 4


async def test_a_sentence_over_several_lines_is_quoted_on_one():
    (delta, _) = await answer(ExtractiveEngine(quotes((0, " Boats leave\n  at nine. "))))
    assert delta.text == "Boats leave at nine. [1]"


@pytest.mark.parametrize("mark", ["[2]", "[1, 2]", "【2】", "〔来源 2〕", "[^2]", "[1-2]", "［2］"])
async def test_a_reference_mark_within_the_sentence_is_not_taken_for_ours(mark):
    (delta, _) = await answer(ExtractiveEngine(quotes((0, f"Boats leave{mark} at nine."))))
    assert delta.text.replace("\u2060", "") == f"Boats leave{mark} at nine. [1]"
    shown = MarkerFilter({1})
    assert (shown.feed(delta.text) + shown.end()).replace("\u2060", "") == (
        f"Boats leave{mark} at nine. [1]"
    )


@pytest.mark.parametrize("passages", [(), None])
async def test_without_passages_it_says_nothing(passages):
    engine = ExtractiveEngine(quotes())
    grounding = None if passages is None else Grounding("When?", ())
    message = ChatMessage("user", "When?", grounding)
    events = [event async for event in engine.stream([message], GenerationOptions())]
    assert events == [EngineFinished("stop", Usage(0, 0))]


async def test_a_base_that_fails_is_an_engine_that_is_unavailable():
    async def broken(question: str, passages: Sequence[Passage]) -> tuple[Quotation, ...]:
        raise KnowledgeError("gone")

    with pytest.raises(EngineUnavailableError):
        await answer(ExtractiveEngine(broken))
