"""What can go wrong between a bot and Telegram, when a test says so."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from tests.platforms.telegram_server.errors import ApiError


class LostAnswer(Exception):  # noqa: N818 (an order to the server, not an error)
    """The call is done; the connection is cut before the answer."""


class Faults:
    """Errors, lost answers and delays, by method."""

    def __init__(self, announce: Callable[[], None]) -> None:
        self._announce = announce
        self._failing: dict[str, list[ApiError]] = defaultdict(list)
        self._losing: dict[str, int] = defaultdict(int)
        self._held: dict[str, asyncio.Event] = {}
        self.waiting: dict[str, int] = defaultdict(int)
        """How many calls are held back, by method in lower case."""

    def fail(
        self, method: str, code: int = 502, description: str = "Bad Gateway", times: int = 1
    ) -> None:
        """Refuse the next calls of a method, which then do nothing."""
        self._failing[method.lower()] += [ApiError(code, description)] * times

    def lose_answer(self, method: str, times: int = 1) -> None:
        """Do what the next calls ask, but cut the connection instead of answering."""
        self._losing[method.lower()] += times

    @asynccontextmanager
    async def hold(self, method: str) -> AsyncGenerator[None]:
        """Let calls of a method wait, undone, until the block ends."""
        released = self._held[method.lower()] = asyncio.Event()
        try:
            yield
        finally:
            self._held.pop(method.lower(), None)
            released.set()

    async def before(self, method: str) -> None:
        """What happens to a call before it is done."""
        name = method.lower()
        if (held := self._held.get(name)) is not None:
            self.waiting[name] += 1
            self._announce()
            try:
                await held.wait()
            finally:
                self.waiting[name] -= 1
                self._announce()
        if self._failing[name]:
            raise self._failing[name].pop(0)

    def after(self, method: str) -> None:
        """What happens to a call that is done."""
        name = method.lower()
        if self._losing[name] > 0:
            self._losing[name] -= 1
            raise LostAnswer
