"""Long work in a thread that ends soon when whoever waits for it is cancelled."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeAlias, TypeVar

from core.shielding import to_the_end

Watch: TypeAlias = "Callable[[int, int], None]"
"""Is told how much is done, and of how much."""

T = TypeVar("T")


class _StoppedError(Exception):
    """Whoever asked for it does not want it any more."""


async def stoppable(work: Callable[[Watch], T], watch: Watch) -> T:
    """Run `work` in a thread with something to report to: after a cancellation that raises there,
    and the cancellation goes on when the thread has ended."""
    stop = threading.Event()

    def look(done: int, total: int) -> None:
        if stop.is_set():
            raise _StoppedError
        watch(done, total)

    task = asyncio.ensure_future(asyncio.to_thread(work, look))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        stop.set()
        await to_the_end(_ended(task))
        raise


async def _ended(task: asyncio.Future[T]) -> None:
    """However it ended: the cancellation is what counts."""
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()
