"""Cores and the card, shared out."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from bot.settings import Config
from bot.threads import ThreadShares, doing
from core.engines.base import ChatMessage, GenerationOptions
from core.engines.queue import Asker
from core.engines.queued import QueuedEngine
from core.events import ChannelRef, Platform
from core.settings import EngineSettings
from knowledge_base.embedders.pace import Beside
from knowledge_base.settings import EmbeddingSettings
from tests.support.scripted_engine import Script, ScriptedEngine

ASKER = Asker(ChannelRef(Platform.TERMINAL, "here"), "ann")


def test_before_there_are_engines_nobody_is_in_the_way():
    assert ThreadShares(Config()).beside() is Beside.IDLE


async def test_the_embedder_is_told_whether_a_first_word_is_awaited_or_words_are_written():
    first, last = asyncio.Event(), asyncio.Event()
    script = Script(pieces=("Halden ", "is."), gates={0: first, 1: last})
    idle = QueuedEngine.of(ScriptedEngine("Yes."), EngineSettings())
    engine = ScriptedEngine(script)
    busy = QueuedEngine.of(engine, EngineSettings())
    shares = ThreadShares(Config())
    shares.answered_by([idle, busy])
    seen = []
    question = (ChatMessage("user", "Which town?"),)
    async with aclosing(busy.generate(question, GenerationOptions(), ASKER)) as events:
        asking = asyncio.create_task(anext(events))
        await engine.begun(1)
        seen.append(shares.beside())
        first.set()
        await asking
        seen.append(shares.beside())
        last.set()
        async for _ in events:
            pass
    await busy.settle()
    seen.append(shares.beside())
    assert seen == [Beside.READING, Beside.WRITING, Beside.IDLE]
    assert doing([idle]) is Beside.IDLE
    await busy.aclose()
    await idle.aclose()


def test_cores_that_the_operator_gave_the_embedder_stay_its_own():
    config = Config(embedding=EmbeddingSettings(threads=1))
    shares, narrowed = ThreadShares(config), []
    shares.on_narrowing(narrowed.append)
    assert shares.for_engine() >= 1
    assert narrowed == []
