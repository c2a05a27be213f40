"""Work for an engine that nobody waits for: in the background lane, given up when somebody comes.

Summaries of conversations, documents that are read through and passages that are made easier to
find share this lane; members take turns in it as in the other.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from typing import Final, assert_never

from core.engines.base import ChatMessage, EngineDelta, EngineFinished, GenerationOptions
from core.engines.queue import Asker
from core.engines.queued import QueuedEngine
from core.replies import Queued, Usage
from core.shielding import to_the_end

_log = logging.getLogger(__name__)

_LEAVING_SECONDS: Final = 5.0
_HOUR: Final = 3600.0


async def undisturbed(
    served: QueuedEngine, prompt: tuple[ChatMessage, ...], options: GenerationOptions, asker: Asker
) -> tuple[str, Usage | None]:
    """What the engine says; no usage: somebody came who has to wait, so it was stopped.

    `asker` waits in `Lane.BACKGROUND`. Raises `EngineError`.
    """
    writing = asyncio.create_task(_written(served, prompt, options, asker), name="write idly")
    crowd = asyncio.create_task(served.queue.crowded(), name="watch queue")
    try:
        await asyncio.wait({writing, crowd}, return_when=asyncio.FIRST_COMPLETED)
        return writing.result() if writing.done() else ("", None)
    finally:
        for task in (writing, crowd):
            task.cancel()
            await to_the_end(ended(task), patience=_LEAVING_SECONDS)


class Allowance:
    """Tokens of an hour."""

    def __init__(self, hourly: int, clock: Callable[[], float]) -> None:
        self._hourly = hourly
        self._clock = clock
        self._taken: deque[tuple[float, int]] = deque()

    def has(self, tokens: int) -> bool:
        """Whether so many are left."""
        since = self._clock() - _HOUR
        while self._taken and self._taken[0][0] <= since:
            self._taken.popleft()
        return sum(taken for _at, taken in self._taken) + tokens <= self._hourly

    def take(self, tokens: int) -> None:
        """They were used."""
        self._taken.append((self._clock(), tokens))


@asynccontextmanager
async def at_work(work: Coroutine[None, None, None], name: str, gone: str) -> AsyncGenerator[None]:
    """Work that goes on until this is left. `gone`: what the log says where it failed before."""

    def tell_of_end(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            _log.error(gone, exc_info=task.exception())

    task = asyncio.create_task(work, name=name)
    task.add_done_callback(tell_of_end)
    try:
        yield
    finally:
        task.cancel()
        await to_the_end(ended(task))


async def ended(task: asyncio.Task[object]) -> None:
    """Until a task is over, however that is."""
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()


async def _written(
    served: QueuedEngine, prompt: tuple[ChatMessage, ...], options: GenerationOptions, asker: Asker
) -> tuple[str, Usage]:
    text, usage = "", Usage(0, 0)
    async with aclosing(served.generate(prompt, options, asker)) as events:
        async for event in events:
            match event:
                case EngineDelta(more):
                    text += more
                case EngineFinished(usage=used):
                    usage = used
                case Queued():
                    pass
                case _:
                    assert_never(event)
    return text, usage
