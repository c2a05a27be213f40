"""The threads that blocking work runs on, and waiting for it from an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

R = TypeVar("R")

SEARCHES = 4
FILES = 2


class Threads:
    """A few threads for each kind of work, so that no kind waits for another."""

    def __init__(self) -> None:
        self.search = ThreadPoolExecutor(SEARCHES, "search", initializer=one_faiss_thread)
        self.files = ThreadPoolExecutor(FILES, "files")
        self.write = ThreadPoolExecutor(1, "write", initializer=one_faiss_thread)

    async def aclose(self) -> None:
        """Let what runs finish, and end them."""
        for pool in (self.search, self.files, self.write):
            await asyncio.to_thread(pool.shutdown)


def one_faiss_thread() -> None:
    """FAISS keeps the number for each calling thread; a single query gains nothing from more."""
    import faiss

    faiss.omp_set_num_threads(1)


async def run(
    pool: ThreadPoolExecutor, call: Callable[[], R], undo: Callable[[R], None] | None = None
) -> R:
    """Wait for a call in the pool. Cancelled, it waits all the same, and undoes what came of it:
    threads cannot be stopped. Calls are bounded by the store's own wait for locks."""
    loop = asyncio.get_running_loop()
    future = loop.run_in_executor(pool, call)
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait({future})
        except asyncio.CancelledError as error:
            cancelled = error
            if undo is not None:
                future.add_done_callback(partial(_undo, pool, undo))
                undo = None
    if cancelled is not None:
        if not future.cancelled():
            future.exception()  # looked at, so that it is not reported as forgotten
        raise cancelled
    return future.result()


def _undo(pool: ThreadPoolExecutor, undo: Callable[[R], None], future: asyncio.Future[R]) -> None:
    if not future.cancelled() and future.exception() is None:
        pool.submit(undo, future.result())
