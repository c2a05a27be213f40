"""Discord's limit over all channels: requests beyond it are not sent, but wait."""

from __future__ import annotations

import asyncio
from collections import deque
from types import SimpleNamespace
from typing import Final
from urllib.parse import urlsplit

import aiohttp

MOST: Final = 40
"""In `SECONDS`; Discord takes 50, counted when they arrive and not when they leave."""
SECONDS: Final = 1.0
_EXEMPT: Final = ("/interactions/", "/webhooks/")
"""Answers to interactions count for nobody, and would come too late if they waited."""


class Pace:
    """Lets at most so many requests pass in any window, the rest in their order.

    The SDK knows the limit of each route, and learns of this one only by being refused; whoever is
    refused often is banned for an hour.
    """

    def __init__(self, base: str, *, most: int = MOST, seconds: float = SECONDS) -> None:
        """`base`: the API's address; requests to others are not held up."""
        address = urlsplit(base)
        self._host, self._path = address.netloc, address.path
        self._seconds = seconds
        self._passed: deque[float] = deque(maxlen=most)
        self._order = asyncio.Lock()

    def trace(self) -> aiohttp.TraceConfig:
        """What makes the requests of a session wait, right before each leaves."""
        config = aiohttp.TraceConfig()
        config.on_request_start.append(self._starts)
        return config

    async def turn(self) -> None:
        """Return when one more may go."""
        async with self._order:
            loop = asyncio.get_running_loop()
            if len(self._passed) == self._passed.maxlen:
                await asyncio.sleep(self._passed[0] + self._seconds - loop.time())
            self._passed.append(loop.time())

    async def _starts(
        self,
        _session: aiohttp.ClientSession,
        _context: SimpleNamespace,
        params: aiohttp.TraceRequestStartParams,
    ) -> None:
        url = params.url
        path = url.path.removeprefix(self._path)
        here = url.raw_authority == self._host and path != url.path
        if here and not path.startswith(_EXEMPT):
            await self.turn()
