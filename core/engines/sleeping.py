"""An engine that is loaded when it is asked, and gives its memory back when nobody asks."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Final

from core.engines.base import ChatEngine, ChatMessage, EngineEvent, GenerationOptions
from core.errors import EngineError, EngineUnavailableError
from core.shielding import to_the_end

_log = logging.getLogger(__name__)

_FIRST_WAIT_SECONDS: Final = 30.0
_LONGEST_WAIT_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What is known of an engine while it is not loaded."""

    name: str
    context_window: int
    slots: int
    trusted: bool = True
    languages: frozenset[str] | None = None
    accepts_images: bool = False

    @classmethod
    def of(cls, engine: ChatEngine) -> EngineFacts:
        return cls(
            engine.name,
            engine.context_window,
            engine.slots,
            engine.trusted,
            engine.languages,
            engine.accepts_images,
        )


async def _give_card_back() -> None:
    """What torch keeps of a card's memory for later: to others on the card it looks taken."""
    cuda = sys.modules.get("torch.cuda")
    if cuda is not None and cuda.is_initialized():
        await asyncio.to_thread(cuda.empty_cache)


class SleepingEngine:
    """Stands for an engine that costs memory only while somebody asks it something.

    It is never unloaded with a request in it. One that cannot be loaded is off for a while, for
    ever longer: questions meanwhile fail at once, the first one after that loads it again.
    """

    def __init__(
        self,
        facts: EngineFacts,
        load: Callable[[], Awaitable[ChatEngine]],
        *,
        idle_seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """None: what is loaded stays."""
        self._facts = facts
        self._load = load
        self._idle_seconds = idle_seconds
        self._clock = clock
        self._changing = asyncio.Lock()
        self._engine: ChatEngine | None = None
        self._uses = 0
        self._timer: asyncio.TimerHandle | None = None
        self._unloading: asyncio.Task[None] | None = None
        self._off_until = float("-inf")
        self._wait = 0.0
        self._closed = False

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
        return self._facts.accepts_images

    @property
    def trusted(self) -> bool:
        return self._facts.trusted

    @property
    def quotes(self) -> bool:
        return False

    @property
    def languages(self) -> frozenset[str] | None:
        return self._facts.languages

    @property
    def is_asleep(self) -> bool:
        """Whether the next question will wait for it to be loaded."""
        return self._engine is None and not self._is_off

    @property
    def is_loaded(self) -> bool:
        return self._engine is not None

    async def rest(self) -> bool:
        """Give its memory back now; False where somebody asks it something at this moment."""
        self._keep_awake()
        async with self._changing:
            if self._uses or self._closed:
                return False
            if self._engine is not None:
                # To the end: one that is closed by half is nobody's, and holds its memory.
                await to_the_end(self._let_go())
                _log.info("%s is unloaded, as was asked for", self.name)
            return True

    async def wake(self) -> None:
        """Load it. Raises `EngineError` where that cannot be; it is off for a while then."""
        with self._used():
            await self._loaded()

    async def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        with self._used():
            return await (await self._loaded()).count_tokens(messages)

    async def stream(
        self, messages: Sequence[ChatMessage], options: GenerationOptions
    ) -> AsyncGenerator[EngineEvent, None]:
        with self._used():
            engine = await self._loaded()
            async with aclosing(engine.stream(messages, options)) as events:
                async for event in events:
                    yield event

    async def aclose(self) -> None:
        self._closed = True
        self._keep_awake()
        if self._unloading is not None:
            await asyncio.wait([self._unloading])
        async with self._changing:
            if self._engine is not None:
                await self._engine.aclose()
                self._engine = None

    @property
    def _is_off(self) -> bool:
        return self._clock() < self._off_until

    @contextmanager
    def _used(self) -> Generator[None, None, None]:
        self._uses += 1
        self._keep_awake()
        try:
            yield
        finally:
            self._uses -= 1
            if not self._uses and self._engine is not None and self._idle_seconds:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(self._idle_seconds, self._begin_unloading)

    def _keep_awake(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _begin_unloading(self) -> None:
        self._timer = None
        self._unloading = asyncio.create_task(self._unload(), name=f"unload {self.name}")

    async def _unload(self) -> None:
        async with self._changing:
            if self._uses or self._engine is None or self._closed:
                return
            await self._let_go()
            _log.info("%s is unloaded: nobody asked it for a while", self.name)

    async def _let_go(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.aclose()
        del engine  # nobody has it any more: its memory is free by now
        await _give_card_back()

    async def _loaded(self) -> ChatEngine:
        async with self._changing:
            if self._engine is None:
                if self._is_off or self._closed:
                    raise EngineUnavailableError(self.name)
                # To the end: a model that nobody kept could not be closed, only loaded again.
                await to_the_end(self._keep())
            assert self._engine is not None  # noqa: S101 (kept, or an error was raised)
            return self._engine

    async def _keep(self) -> None:
        try:
            self._engine = await self._load()
        except EngineError as error:
            self._wait = min(max(self._wait * 2, _FIRST_WAIT_SECONDS), _LONGEST_WAIT_SECONDS)
            self._off_until = self._clock() + self._wait
            _log.warning(
                "%s cannot be loaded and is off for %.0f seconds: %r", self.name, self._wait, error
            )
            raise
        if self._wait:
            _log.warning("%s is loaded again", self.name)
        self._wait = 0.0
        self._facts = EngineFacts.of(self._engine)
