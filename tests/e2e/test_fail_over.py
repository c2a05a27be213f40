"""Two real model servers, one of them killed in mid answer: seen through the whole chat."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from core.chat import Chat
from core.database import Database
from core.engines.choice import EngineChoice
from core.engines.extractive import ExtractiveEngine
from core.engines.pool import EnginePool
from core.engines.queued import QueuedEngine
from core.errors import EngineBrokeOffError
from core.history import History
from core.knowledge import Knowledge
from core.prompts import Prompts
from core.replies import Notice, TextDelta
from core.settings import ChatSettings, EngineSettings
from tests.support.messages import group
from tests.support.model_servers import llama_process, transformers_process
from tests.support.places import open_places
from tests.support.shelf import Shelf
from tests.support.smollm2 import needs_smollm2

ASKED = "When does the gate of the garden open? Tell me all that you know about it."


def settings_of(name: str, address: str, model: str) -> EngineSettings:
    return EngineSettings(
        kind="openai", name=name, model=model, base_url=address, context_window=1024,
        health_seconds=1.0, max_concurrent=2,
    )  # fmt: skip


@pytest.mark.local
async def test_one_of_two_real_servers_is_killed_in_mid_answer_and_comes_back(
    tmp_path, tiny_models
):
    needs_smollm2()
    folder = tiny_models("llama")
    shelf = Shelf()
    shelf.put("shared", "garden.md", "The gate of the garden does open at nine.")
    async with (
        llama_process() as llama,
        transformers_process(folder) as serve,
        Database.open(tmp_path / "lorekeeper.db") as database,
    ):
        given = [
            settings_of("llama", llama.address, "smollm2"),
            settings_of("serve", serve.address, str(folder)),
        ]
        pools = [EnginePool.of(own) for own in given]
        for pool in pools:
            pool.watch()
        queues = [QueuedEngine.of(p, own) for p, own in zip(pools, given, strict=True)]
        quoting = QueuedEngine.of(ExtractiveEngine(shelf.quote), EngineSettings())
        places = open_places(database, shelf)
        choice = EngineChoice(
            {"llama": queues[0], "serve": queues[1]}, "llama", quoting,
            fallbacks={"llama": ("serve",)},
        )  # fmt: skip
        chat = Chat(
            Knowledge(shelf, places.access, places.channels), choice, History(database),
            Prompts(), ChatSettings(passages=1), 300,
        )  # fmt: skip

        async def ask(number: int) -> tuple[str, list[str]]:
            async with aclosing(chat.answer(group(ASKED, str(number)))) as events:
                heard = [event async for event in events]
            words = "".join(event.text for event in heard if isinstance(event, TextDelta))
            return words, [event.text for event in heard if isinstance(event, Notice)]

        try:
            words, told = await ask(1)
            assert words.strip()
            assert not any("does not answer" in notice for notice in told)
            shown = ""
            with pytest.raises(EngineBrokeOffError):  # noqa: PT012 - what was shown until then
                async with aclosing(chat.answer(group(ASKED, "2"))) as events:
                    async for event in events:
                        if isinstance(event, TextDelta):
                            shown += event.text
                            await llama.kill()
            assert shown.strip()
            words, told = await ask(3)
            assert "The model `llama` does not answer; `serve` answers." in told
            assert words.strip()
            await llama.start()
            while not pools[0].endpoints[0].breaker.is_closed:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.1)
            words, told = await ask(4)
            assert words.strip()
            assert not any("does not answer" in notice for notice in told)
        finally:
            for queued in [*queues, quoting]:
                await queued.aclose()
