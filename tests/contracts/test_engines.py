"""What every engine promises, held against every engine that there is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import pytest_asyncio

from core.engines.base import (
    ChatEngine,
    ChatMessage,
    EngineDelta,
    EngineFinished,
    GenerationOptions,
    Grounding,
)
from core.engines.extractive import ExtractiveEngine
from core.engines.llama_cpp import LlamaCppEngine
from core.engines.openai import OpenAIEngine
from core.errors import ContextTooLongError
from core.settings import EngineSettings
from knowledge_base.models import Passage, Quotation
from tests.support.passages import passage
from tests.support.scripted_engine import ScriptedEngine
from tests.support.scripted_server import answer, scripted_server
from tests.support.smollm2 import needs_smollm2, smollm2_server
from tests.support.tiny_models import write_tiny_model

# One loop, and so one loaded model, for all tests of this module.
pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXT = "Halden has 31,000 inhabitants. Its harbour freezes in January. 冬天港口结冰。"


def question(text: str = "How many people live in Halden?") -> tuple[ChatMessage, ...]:
    grounding = Grounding(text, (passage(name="halden.md", text=TEXT),))
    return ChatMessage("system", "Be brief."), ChatMessage("user", text, grounding)


async def first_sentences(asked: str, passages: Sequence[Passage]) -> tuple[Quotation, ...]:
    text = passages[0].chunk.text
    ends = [text.index(".") + 1, text.index(".", text.index(".") + 1) + 1]
    return Quotation(0, text[: ends[0]], 0, 0.9), Quotation(
        0, text[ends[0] : ends[1]], ends[0], 0.5
    )


@asynccontextmanager
async def scripted() -> AsyncGenerator[ChatEngine, None]:
    yield ScriptedEngine("Thirty-one thousand people live there.", slots=2)


@asynccontextmanager
async def extractive() -> AsyncGenerator[ChatEngine, None]:
    yield ExtractiveEngine(first_sentences)


@asynccontextmanager
async def llama_cpp() -> AsyncGenerator[ChatEngine, None]:
    needs_smollm2()
    yield await LlamaCppEngine.load(EngineSettings(max_concurrent=2, context_window=1024), 1)


@asynccontextmanager
async def openai_of_a_script() -> AsyncGenerator[ChatEngine, None]:
    async with scripted_server() as server:
        server.script("/v1/chat/completions", answer("Thirty-one ", "thousand."))
        yield OpenAIEngine(EngineSettings(base_url=server.address, max_concurrent=2))


@asynccontextmanager
async def openai_of_a_model() -> AsyncGenerator[ChatEngine, None]:
    needs_smollm2()
    with smollm2_server() as server:
        yield OpenAIEngine(
            EngineSettings(
                base_url=server.address,
                api_key=server.key,
                context_window=server.context_window,
                max_concurrent=server.slots,
            )
        )


@asynccontextmanager
async def transformers() -> AsyncGenerator[ChatEngine, None]:
    from core.engines.transformers import TransformersEngine

    with TemporaryDirectory() as folder:
        model = write_tiny_model(Path(folder) / "tiny", "llama")
        settings = EngineSettings(
            model=str(model), device="cpu", dtype="float32", max_concurrent=2, context_window=1024
        )
        yield await TransformersEngine.load(settings, 1)


MODELS = (
    llama_cpp,
    openai_of_a_model,
    pytest.param(transformers, marks=pytest.mark.local, id="transformers"),
)
ENGINES = (
    scripted,
    extractive,
    openai_of_a_script,
    *MODELS,
)


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=ENGINES, ids=lambda opened: opened.__name__
)
async def engine(request) -> AsyncGenerator[ChatEngine, None]:
    async with request.param() as opened:
        yield opened
        await opened.aclose()
        await opened.aclose()  # closing twice is harmless


async def everything(engine: ChatEngine, messages: Sequence[ChatMessage], tokens: int = 24) -> list:
    options = GenerationOptions(max_tokens=tokens, temperature=0.0)
    async with aclosing(engine.stream(messages, options)) as events:
        return [event async for event in events]


async def test_it_says_what_it_is(engine):
    assert engine.name
    assert engine.slots >= 1
    assert engine.context_window >= 1024
    assert {type(engine.trusted), type(engine.quotes), type(engine.accepts_images)} == {bool}
    assert engine.languages is None or engine.languages <= {"en", "zh"}


async def test_an_answer_is_deltas_and_then_one_end_with_its_usage(engine):
    *deltas, end = await everything(engine, question())
    assert all(isinstance(event, EngineDelta) and event.text for event in deltas)
    assert isinstance(end, EngineFinished)
    assert end.usage.prompt_tokens > 0
    assert end.usage.completion_tokens >= len(deltas) > 0


async def test_it_counts_what_is_said_in_either_script(engine):
    short = await engine.count_tokens(question("Where?"))
    assert 0 < short < await engine.count_tokens(question("Where? " * 20))
    assert short < await engine.count_tokens(question("哈尔登的港口什么时候结冰，为什么？"))


@pytest.mark.parametrize("engine", [scripted, *MODELS], indirect=True)
async def test_the_count_is_that_of_the_answers_usage(engine):
    end = (await everything(engine, question()))[-1]
    assert end.usage.prompt_tokens == await engine.count_tokens(question())


@pytest.mark.parametrize("engine", [scripted, *MODELS], indirect=True)
async def test_an_answer_ends_at_its_longest_length(engine):
    *deltas, end = await everything(engine, question(), tokens=3)
    assert (end.reason, end.usage.completion_tokens) == ("length", 3)
    assert len(deltas) <= 3


async def test_after_leaving_early_it_answers_the_next(engine):
    for _ in range(engine.slots + 1):
        options = GenerationOptions(max_tokens=200)
        async with aclosing(engine.stream(question(), options)) as events:
            await anext(events)
    assert isinstance((await everything(engine, question()))[-1], EngineFinished)


async def test_after_a_cancellation_it_answers_the_next(engine):
    for turns in range(engine.slots + 1):
        task = asyncio.create_task(everything(engine, question(), 200))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    assert isinstance((await everything(engine, question()))[-1], EngineFinished)


async def test_a_stream_that_was_never_read_costs_nothing(engine):
    await engine.stream(question(), GenerationOptions()).aclose()


async def test_it_serves_as_many_at_once_as_it_says(engine):
    answers = await asyncio.gather(
        *(everything(engine, question(), 12) for _ in range(engine.slots))
    )
    assert all(isinstance(events[-1], EngineFinished) for events in answers)


async def test_no_task_outlives_its_answer(engine):
    before = asyncio.all_tasks()
    await everything(engine, question())
    async with aclosing(engine.stream(question(), GenerationOptions(max_tokens=200))) as events:
        await anext(events)
    for _ in range(3):  # generators that a client library drops are closed by the loop
        await asyncio.sleep(0)
    assert asyncio.all_tasks() - before == set()


@pytest.mark.parametrize("engine", MODELS, indirect=True)
async def test_a_prompt_over_the_window_is_told_with_both_figures(engine):
    long = question("word " * 3000)
    with pytest.raises(ContextTooLongError) as caught:
        await everything(engine, long)
    assert caught.value.tokens > caught.value.limit == 1024
    assert isinstance((await everything(engine, question()))[-1], EngineFinished)
