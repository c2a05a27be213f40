"""Work that must come to its end although its owner is cancelled meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def to_the_end(work: Coroutine[Any, Any, T], *, patience: float | None = None) -> T:
    """The result of `work`; a cancellation that arrives meanwhile is raised when it has ended.

    After a cancellation, `work` gets `patience` more seconds (None: as long as it takes) and is
    then cancelled itself.
    """
    task = asyncio.ensure_future(work)
    cancelled = False
    timer: asyncio.TimerHandle | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            if not cancelled and patience is not None:
                timer = asyncio.get_running_loop().call_later(patience, task.cancel)
            cancelled = True
    if timer is not None:
        timer.cancel()  # Else the loop keeps the task until then.
    if cancelled:
        if not task.cancelled():
            task.exception()  # Read, so that nobody warns: the cancellation is what counts.
        raise asyncio.CancelledError
    return task.result()
