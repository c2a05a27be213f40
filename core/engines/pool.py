"""Several servers of one model as one engine: who is free answers, who fails is left alone."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

import tenacity

from core.distance import EnginePlace, place_of
from core.engines.base import ChatEngine, ChatMessage, EngineEvent, GenerationOptions
from core.engines.breaker import Breaker
from core.engines.openai import ATTEMPTS, OpenAIEngine, is_worth_another_try, wait_before_next
from core.errors import (
    EngineAccessError,
    EngineError,
    EngineRateLimitedError,
    EngineTimeoutError,
    EngineUnavailableError,
)
from core.settings import EngineSettings

_log = logging.getLogger(__name__)

_JITTER: Final = 0.2
_FIRST_LOOK_SECONDS: Final = 1.0
"""After a failure; then ever later, until it is as rare as for servers that are well."""
_REST_SECONDS: Final = 1.0
"""For a server that is overloaded and does not say for how long."""
_LONGEST_REST_SECONDS: Final = 600.0
"""Then one question finds out whether it meant what it said, which may have been days."""


class Server(ChatEngine, Protocol):
    """One of the servers."""

    async def probe(self) -> None:
        """Raises `EngineError` where the server would not answer."""
        ...


@dataclass(eq=False)
class Endpoint:
    """A server with what is known of it."""

    address: str
    server: Server
    breaker: Breaker
    place: EnginePlace = "local"
    in_flight: int = 0
    rests_until: float = 0.0
    last_used: int = 0
    looks_failed: int = 0
    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it is to be looked at now."""


class _NobodyThereError(EngineUnavailableError):
    """No server may be asked at this moment: waiting a second would not help."""


class EnginePool:
    """Servers that all have the same model.

    A question goes to the server that has the fewest under way, and stays there. Where a server
    fails before the first word, another one is asked; after it the error stands. One that failed
    several times is left alone until it is seen to be there again. A server outside is looked at
    only then: before a question goes there, it hears nothing of us.
    """

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        *,
        slots: int,
        health_seconds: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """All servers are as the first one in name, window and what they can."""
        if not endpoints:
            raise ValueError(endpoints)
        self.endpoints = tuple(endpoints)
        self._slots = slots
        self._health_seconds = health_seconds
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._used = 0
        self._watching: set[asyncio.Task[None]] = set()

    @classmethod
    def of(
        cls,
        settings: EngineSettings,
        proxy: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> EnginePool:
        """As configured; connects to nothing yet."""
        if not settings.addresses:
            raise EngineUnavailableError(settings.name or "openai", "engine.base_url")
        made = [
            Endpoint(
                address,
                OpenAIEngine(replace(settings, base_url=address, base_urls=()), proxy, attempts=1),
                Breaker(clock),
                place_of(settings.place, [address]),
            )
            for address in settings.addresses
        ]
        slots = settings.max_concurrent or sum(one.server.slots for one in made)
        return cls(made, slots=slots, health_seconds=settings.health_seconds, clock=clock)

    @property
    def name(self) -> str:
        return self._first.name

    @property
    def context_window(self) -> int:
        return self._first.context_window

    @property
    def slots(self) -> int:
        return self._slots

    @property
    def accepts_images(self) -> bool:
        return self._first.accepts_images

    @property
    def trusted(self) -> bool:
        return self._first.trusted

    @property
    def quotes(self) -> bool:
        return self._first.quotes

    @property
    def languages(self) -> frozenset[str] | None:
        return self._first.languages

    def watch(self) -> None:
        """Look at the servers now and then, until closed."""
        for endpoint in self.endpoints:
            task = asyncio.create_task(
                self._watch(endpoint), name=f"watch {self.name} at {endpoint.address}"
            )
            self._watching.add(task)

    async def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """By a server that answers now. Raises `EngineUnavailableError` where none does."""
        endpoint = self._pick(())
        # Counting decides nothing about a server: it knows to estimate where that one is gone.
        return await endpoint.server.count_tokens(messages)

    async def stream(
        self, messages: Sequence[ChatMessage], options: GenerationOptions
    ) -> AsyncGenerator[EngineEvent, None]:
        tried: list[Endpoint] = []
        attempts = tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(max(ATTEMPTS, len(self.endpoints))),
            wait=lambda state: 0.0 if self._others(tried) else wait_before_next(state),
            retry=tenacity.retry_if_exception(lambda error: self._may_retry(error, tried)),
            sleep=self._sleep,
            reraise=True,
        )
        began: tuple[EngineEvent, AsyncGenerator[EngineEvent, None]]
        began = await attempts(self._begin, messages, options, tried)
        first, rest = began
        async with aclosing(rest):
            yield first
            async for event in rest:
                yield event

    async def aclose(self) -> None:
        """Look no more, close all connections."""
        for task in self._watching:
            task.cancel()
        if self._watching:
            await asyncio.wait(self._watching)
        for endpoint in self.endpoints:
            await endpoint.server.aclose()

    @property
    def _first(self) -> Server:
        return self.endpoints[0].server

    async def _begin(
        self,
        messages: Sequence[ChatMessage],
        options: GenerationOptions,
        tried: list[Endpoint],
    ) -> tuple[EngineEvent, AsyncGenerator[EngineEvent, None]]:
        """One attempt, up to the first word."""
        endpoint = self._pick(tried)
        tried.append(endpoint)
        events = self._asked(endpoint, messages, options)
        return await anext(events), events

    async def _asked(
        self,
        endpoint: Endpoint,
        messages: Sequence[ChatMessage],
        options: GenerationOptions,
    ) -> AsyncGenerator[EngineEvent, None]:
        """What this server says; how it goes decides what it is asked later."""
        endpoint.in_flight += 1
        self._used += 1
        endpoint.last_used = self._used
        endpoint.breaker.enter()
        settled = False
        try:
            async with aclosing(endpoint.server.stream(messages, options)) as events:
                async for event in events:
                    if not settled:
                        settled = True
                        self._is_well(endpoint)
                    yield event
        except EngineError as error:
            settled = True
            self._failed(endpoint, error)
            raise
        finally:
            endpoint.in_flight -= 1
            if not settled:
                endpoint.breaker.left()

    def _pick(self, tried: Sequence[Endpoint]) -> Endpoint:
        """The one with the fewest answers under way, of those not tried yet if there are any.

        Raises `EngineError` where none may be asked.
        """
        now = self._clock()
        there = [one for one in self.endpoints if one.breaker.admits]
        if not there:
            hosts = ", ".join(one.address for one in self.endpoints)
            raise _NobodyThereError(self.name, hosts)
        awake = [one for one in there if one.rests_until <= now]
        if not awake:
            wait = min(one.rests_until for one in there) - now
            raise EngineRateLimitedError(self.name, wait)
        fresh = [one for one in awake if one not in tried] or awake
        return min(fresh, key=lambda one: (one.in_flight, one.last_used))

    def _others(self, tried: Sequence[Endpoint]) -> bool:
        now = self._clock()
        return any(
            one.breaker.admits and one.rests_until <= now
            for one in self.endpoints
            if one not in tried
        )

    def _may_retry(self, error: BaseException, tried: Sequence[Endpoint]) -> bool:
        match error:
            case _NobodyThereError():
                return False
            case EngineAccessError() | EngineRateLimitedError() if self._others(tried):
                return True
            case _:
                return is_worth_another_try(error)

    def _failed(self, endpoint: Endpoint, error: EngineError) -> None:
        match error:
            case EngineRateLimitedError(retry_after=seconds):
                endpoint.breaker.left()
                rest = min(seconds or _REST_SECONDS, _LONGEST_REST_SECONDS)
                endpoint.rests_until = self._clock() + rest
            case EngineUnavailableError() | EngineTimeoutError() | EngineAccessError():
                endpoint.hurry.set()
                if endpoint.breaker.failed(surely=isinstance(error, EngineAccessError)):
                    self._log_lost(endpoint, error)
            case _:
                # It was there and said no: the question's fault.
                self._is_well(endpoint)

    def _is_well(self, endpoint: Endpoint) -> None:
        endpoint.looks_failed = 0
        if endpoint.breaker.succeeded():
            _log.warning("%s answers again at %s", self.name, endpoint.address)

    def _log_lost(self, endpoint: Endpoint, error: EngineError) -> None:
        _log.warning("%s does not answer at %s: %r", self.name, endpoint.address, error)

    async def _watch(self, endpoint: Endpoint) -> None:
        while True:
            await self._until_next_look(endpoint)
            try:
                await endpoint.server.probe()
            except EngineRateLimitedError:
                continue
            except EngineError as error:
                endpoint.looks_failed += 1
                # One look may have come at a bad moment; the next one follows soon.
                if endpoint.breaker.failed(surely=endpoint.looks_failed > 1):
                    self._log_lost(endpoint, error)
            else:
                self._is_well(endpoint)

    async def _until_next_look(self, endpoint: Endpoint) -> None:
        if endpoint.hurry.is_set():
            endpoint.hurry.clear()
            return
        failed = endpoint.looks_failed
        seconds: float | None = self._health_seconds
        if failed:
            later = _FIRST_LOOK_SECONDS * 2.0 ** (failed - 1)
            seconds = min(self._health_seconds, later)
        elif endpoint.place == "outside" and endpoint.breaker.is_closed:
            seconds = None
        if seconds is not None:
            seconds *= self._jitter(1 - _JITTER, 1 + _JITTER)
        try:
            async with asyncio.timeout(seconds):
                await endpoint.hurry.wait()
        except TimeoutError:
            return
        endpoint.hurry.clear()
