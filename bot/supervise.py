"""A chat platform's listener, kept alive: tried again while it is away, off where it is refused."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from types import TracebackType
from typing import Final

from core.events import IncomingMessage, Platform
from core.ports import (
    BadTokenError,
    Inbox,
    Listener,
    Outbox,
    Refetched,
    Unknown,
    UnreachableError,
)

FIRST_PAUSE_SECONDS: Final = 2.0
LONGEST_PAUSE_SECONDS: Final = 300.0
STEADY_SECONDS: Final = 120.0
"""A connection that ends sooner counts as one that failed: platforms count log-ins."""
LAST_WORDS_SECONDS: Final = 10.0
"""How long a listener may take to hand in what it has heard already."""

_log = logging.getLogger(__name__)


class Surface:
    """One platform. Entering starts it without waiting for the platform; exiting closes it.

    `deafen` or `silence` come between: nothing new is heard, but replies under way still go out.
    """

    def __init__(
        self,
        platform: Platform,
        make: Callable[[], Listener],
        inbox: Inbox,
        outboxes: MutableMapping[Platform, Outbox],
        resume: Callable[[Platform], Awaitable[object]],
    ) -> None:
        self.platform: Final = platform
        self._make = make
        self._inbox = inbox
        self._outboxes = outboxes
        self._resume = resume
        self._deaf = asyncio.Event()
        self._closed = asyncio.Event()
        self._listener: Listener | None = None
        self._state = "connecting"
        self._settled = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._listening: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Surface:
        self._task = asyncio.create_task(self._keep(), name=f"surface {self.platform.value}")
        self._task.add_done_callback(self._ended)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.deafen()
        self._closed.set()
        if self._task is not None:
            if self._listener is None:
                self._task.cancel()
            await asyncio.wait({self._task})

    @property
    def state(self) -> str:
        """How it stands now: "on", "connecting", "away", "off (…)"."""
        return self._state

    @property
    def is_on(self) -> bool:
        """Whether it is connected, as far as the SDK has told."""
        return self._state == "on"

    @property
    def is_off(self) -> bool:
        """Whether it will not come up before somebody changes the configuration."""
        return self._task is not None and self._task.done()

    async def standing(self, patience_seconds: float) -> str:
        """How it stands, once that is known: "on", "connecting", "off (…)"."""
        try:
            async with asyncio.timeout(patience_seconds):
                await self._settled.wait()
        except TimeoutError:
            pass
        return self._state

    async def refetch(self, message: IncomingMessage) -> Refetched:
        """See `Listener.refetch`."""
        return await self._listener.refetch(message) if self._listener is not None else Unknown()

    def deafen(self) -> None:
        """Hear nothing from now on."""
        self._deaf.set()

    async def silence(self) -> None:
        """Hear nothing from now on; what was heard before is handed in when this returns."""
        self.deafen()
        if self._listening is not None:
            await asyncio.wait({self._listening}, timeout=LAST_WORDS_SECONDS)

    async def _keep(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        loop = asyncio.get_running_loop()
        while not self._deaf.is_set():
            start = loop.time()
            try:
                async with self._make() as listener:
                    await self._serve(listener)
            except BadTokenError:
                _log.error("%s does not take the token: this surface is off", self.platform.value)
                self._settle("off (bad token)")
                return
            except UnreachableError as error:
                _log.warning("%s: %s; next try in %.0f s", self.platform.value, error, pause)
                self._settle("away")
            finally:
                self._listener = None
            if not self._deaf.is_set():
                if loop.time() - start >= STEADY_SECONDS:
                    pause = FIRST_PAUSE_SECONDS
                await _first(asyncio.sleep(pause), self._deaf.wait())
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _serve(self, listener: Listener) -> None:
        self._listener = listener
        self._outboxes[self.platform] = listener.outbox
        # Before anything new is heard: what an earlier run still owes comes first.
        await self._resume(self.platform)
        self._settle("on")
        listening = self._listening = asyncio.create_task(
            listener.listen(self._inbox), name=f"listen {self.platform.value}"
        )
        try:
            await _first(listening, self._deaf.wait())
        finally:
            listening.cancel()
            await asyncio.wait({listening})
        if not listening.cancelled() and (error := listening.exception()) is not None:
            raise error
        if self._deaf.is_set():
            await self._closed.wait()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("%s failed: this surface is off", self.platform.value, exc_info=error)
            self._settle("off (failed, see the log)")

    def _settle(self, state: str) -> None:
        self._state = state
        self._settled.set()


async def _first(*awaited: Awaitable[object]) -> None:
    """Wait for one of them; the others are cancelled unless they are tasks of somebody's own."""
    futures = [asyncio.ensure_future(one) for one in awaited]
    try:
        await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for future, one in zip(futures, awaited, strict=True):
            if future is not one:
                future.cancel()
