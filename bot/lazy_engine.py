"""An engine that is loaded when the first question reaches it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from core.engines.base import ChatEngine, ChatMessage, EngineEvent, GenerationOptions
from core.shielding import to_the_end


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What is known of an engine before it is loaded."""

    name: str
    context_window: int
    slots: int
    trusted: bool
    languages: frozenset[str] | None


class LazyEngine:
    """Stands for an engine that costs memory only once somebody has asked it something."""

    def __init__(self, facts: EngineFacts, load: Callable[[], Awaitable[ChatEngine]]) -> None:
        self._facts = facts
        self._load = load
        self._loading = asyncio.Lock()
        self._engine: ChatEngine | None = None

    @property
    def name(self) -> str:
        return self._facts.name

    @property
    def context_window(self) -> int:
        return self._engine.context_window if self._engine else self._facts.context_window

    @property
    def slots(self) -> int:
        return self._facts.slots

    @property
    def accepts_images(self) -> bool:
        return False

    @property
    def trusted(self) -> bool:
        return self._facts.trusted

    @property
    def quotes(self) -> bool:
        return False

    @property
    def languages(self) -> frozenset[str] | None:
        return self._facts.languages

    async def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        return await (await self._loaded()).count_tokens(messages)

    async def stream(
        self, messages: Sequence[ChatMessage], options: GenerationOptions
    ) -> AsyncGenerator[EngineEvent, None]:
        engine = await self._loaded()
        async with aclosing(engine.stream(messages, options)) as events:
            async for event in events:
                yield event

    async def aclose(self) -> None:
        async with self._loading:
            if self._engine is not None:
                await self._engine.aclose()

    async def _loaded(self) -> ChatEngine:
        async with self._loading:
            if self._engine is None:
                # To the end: a model that nobody kept could not be closed, only loaded again.
                await to_the_end(self._keep())
            assert self._engine is not None  # noqa: S101 (kept, or an error was raised)
            return self._engine

    async def _keep(self) -> None:
        self._engine = await self._load()
