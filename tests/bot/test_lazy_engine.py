"""An engine that is loaded when it is needed, once, whoever leaves meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from bot.lazy_engine import EngineFacts, LazyEngine
from core.engines.base import ChatMessage
from tests.support.scripted_engine import ScriptedEngine

FACTS = EngineFacts("small", 2048, 2, trusted=False, languages=frozenset({"en"}))
HELLO = (ChatMessage("user", "hello"),)


async def test_a_model_is_kept_also_where_its_asker_left_while_it_was_loaded():
    loads = []
    begun, go = asyncio.Event(), asyncio.Event()

    async def load():
        loads.append(1)
        begun.set()
        await go.wait()
        return ScriptedEngine("hi")

    engine = LazyEngine(FACTS, load)
    first = asyncio.create_task(engine.count_tokens(HELLO))
    await begun.wait()
    first.cancel()
    await asyncio.sleep(0)
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await engine.count_tokens(HELLO)
    assert loads == [1]
    await engine.aclose()
