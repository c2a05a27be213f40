"""Every engine in the storm: whoever leaves, breaks, fails or is cut off, nothing of it is left."""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from core.engines.base import ChatEngine
from core.engines.llama_cpp import LlamaCppEngine
from core.engines.openai import OpenAIEngine
from core.settings import EngineSettings
from tests.support.scripted_engine import ScriptedEngine
from tests.support.scripted_server import (
    DONE,
    Asked,
    Scripted,
    answer,
    delta,
    scripted_server,
)
from tests.support.smollm2 import needs_smollm2
from tests.support.storm import own_threads, weathered

CHAT = "/v1/chat/completions"
REQUESTS = (300, pytest.param(2000, marks=[pytest.mark.soak, pytest.mark.timeout(1800)]))
ALWAYS = {
    "finished",
    "left",
    "cancelled",
    "ReaderBrokeError",
    "EngineRefusedError",
    "EngineTimeoutError",
    "ZeroDivisionError",
}


@pytest.fixture(autouse=True)
def _few_words(caplog):
    """pytest keeps what is logged, which would count as memory that is not given back."""
    caplog.set_level(logging.CRITICAL)


@asynccontextmanager
async def scripted(_tiny_models) -> AsyncGenerator[ChatEngine, None]:
    engine = ScriptedEngine("one two three four five", slots=4)
    engine.keep_calls = False
    yield engine


@asynccontextmanager
async def llama_cpp(_tiny_models) -> AsyncGenerator[ChatEngine, None]:
    needs_smollm2()
    yield await LlamaCppEngine.load(EngineSettings(max_concurrent=4, context_window=512), 1)


@asynccontextmanager
async def transformers(tiny_models) -> AsyncGenerator[ChatEngine, None]:
    from core.engines.transformers import TransformersEngine

    settings = EngineSettings(
        model=str(tiny_models("llama")),
        device="cpu",
        dtype="float32",
        max_concurrent=4,
        context_window=512,
    )
    yield await TransformersEngine.load(settings, 1)


@asynccontextmanager
async def openai(_tiny_models) -> AsyncGenerator[ChatEngine, None]:
    """Against a server that refuses, is overloaded, hangs, talks nonsense and drops the line."""
    chance = random.Random(7)

    def misbehaving(asked: Asked) -> Scripted:
        server.asked.clear()
        mood = chance.random()
        if len(json.dumps(asked.body)) > 8000:
            return Scripted(status=400, body='{"error": {"code": "context_length_exceeded"}}')
        if mood < 0.08:
            return Scripted(status=chance.choice((500, 503, 429, 401)), body='{"error": {}}')
        if mood < 0.16:
            return Scripted([delta("one "), delta("two ")], drop_at=chance.randrange(3))
        if mood < 0.20:
            return Scripted([delta("one "), "data: {nonsense\n\n", DONE])
        if mood < 0.22:
            return Scripted([delta("one ")], hold={chance.randrange(2): asyncio.Event()})
        return answer("one ", "two ", "three ", "four")

    async def no_sleep(_seconds: float) -> None:
        await asyncio.sleep(0)

    async with scripted_server() as server:
        server.script(CHAT, misbehaving)
        settings = EngineSettings(model="m", base_url=server.address, max_concurrent=4)
        yield OpenAIEngine(settings, sleep=no_sleep)


@pytest.mark.parametrize("requests", REQUESTS)
@pytest.mark.parametrize(
    ("opened", "timeout_seconds", "most_tokens", "more"),
    [
        (scripted, 0.2, 8, set()),
        (openai, 1.0, 8, {"EngineUnavailableError"}),
        (llama_cpp, 2.0, 8, {"ContextTooLongError"}),
        pytest.param(
            transformers,
            2.0,
            16,
            {"ContextTooLongError"},
            marks=pytest.mark.local,
        ),
    ],
    ids=["scripted", "openai", "llama_cpp", "transformers"],
)
async def test_after_a_storm_of_requests_no_slot_task_thread_handle_or_memory_is_left(
    opened, timeout_seconds, most_tokens, more, requests, tiny_models
):
    threads = own_threads()
    async with opened(tiny_models) as engine:
        outcomes = await weathered(
            engine, requests, timeout_seconds=timeout_seconds, most_tokens=most_tokens
        )
    assert own_threads() == threads
    assert set(outcomes) >= ALWAYS | more
    assert not [outcome for outcome in outcomes if outcome.startswith("defect")]
    assert outcomes.total() == requests
