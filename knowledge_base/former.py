"""Embedders that are configured no more: bases whose vectors they made are searched by them still.

How one was opened is kept beside the bases, so that it can be opened again after a restart. It is
loaded when a question needs it, and let go of when no base does any more.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

from knowledge_base.embedders.base import Embedder
from knowledge_base.errors import EmbeddingUnavailableError
from knowledge_base.offloop import blocking
from knowledge_base.store import Store
from knowledge_base.threads import Threads, run

log = logging.getLogger(__name__)

OPENING_SECONDS: Final = 20.0
"""How long questions wait for a former model to be loaded; then words alone answer meanwhile."""
SILENT_SECONDS: Final = 60.0
"""How long one that did not answer is not asked again."""

Reopen: TypeAlias = Callable[[str, str | None], Awaitable[Embedder | None]]
"""Opens the embedder of a fingerprint by its recipe, if one was kept; None where that cannot be, or
is not to be. What it gives may turn out to be another one."""


class FormerEmbedders:
    """Opens them at most once each; owns those that it has opened, and the tasks that do it."""

    def __init__(self, store: Store, threads: Threads, own: Embedder | None) -> None:
        self._store = store
        self._threads = threads
        self._own = own
        self._reopen: Reopen | None = None
        self._tasks: dict[str, asyncio.Task[Embedder | None]] = {}
        self._begun: dict[str, float] = {}
        self._silent: dict[str, float] = {}
        self._ahead: asyncio.Task[None] | None = None

    async def remember(self, recipe: str, reopen: Reopen) -> None:
        """Keep how the configured embedder was opened; from now on former ones are by `reopen`."""
        self._reopen = reopen
        if self._own is not None:
            keep = partial(keep_recipe, self._store, self._own.fingerprint, recipe)
            await run(self._threads.write, keep)

    def open_ahead(self) -> None:
        """Load what bases need before somebody asks."""
        if self._ahead is None and self._reopen is not None:
            self._ahead = asyncio.create_task(self._open_needed(), name="open former embedders")

    async def serving(self, fingerprints: Iterable[str]) -> list[Embedder]:
        """Those of them that can be asked now; what is being loaded is waited for a while."""
        found: list[Embedder] = []
        for fingerprint in sorted(fingerprints):
            task = self._opening(fingerprint)
            if task is None:
                continue
            left = self._begun[fingerprint] + OPENING_SECONDS - time.monotonic()
            if not task.done() and left > 0:
                await asyncio.wait({task}, timeout=left)
            embedder = task.result() if task.done() and not task.cancelled() else None
            if embedder and self._silent.get(fingerprint, 0.0) <= time.monotonic():
                found.append(embedder)
        return found

    def is_lost(self, fingerprint: str) -> bool:
        """Whether it is known that it will not serve."""
        task = self._tasks.get(fingerprint)
        return task is None or (task.done() and (task.cancelled() or task.result() is None))

    def failed(self, embedder: Embedder) -> None:
        """It did not answer: questions do not wait for it for a while."""
        self._silent[embedder.fingerprint] = time.monotonic() + SILENT_SECONDS

    async def let_go(self) -> None:
        """Close those that made the vectors of no base any more."""
        needed = await run(self._threads.files, self._needed)
        for fingerprint in self._tasks.keys() - needed:
            await self._close(self._tasks.pop(fingerprint))

    async def aclose(self) -> None:
        """Close all of them."""
        if self._ahead is not None:
            self._ahead.cancel()
            await asyncio.gather(self._ahead, return_exceptions=True)
        while self._tasks:
            _fingerprint, task = self._tasks.popitem()
            await self._close(task)

    async def _close(self, task: asyncio.Task[Embedder | None]) -> None:
        # Loading cannot be broken off in the middle: what comes of it would be nobody's.
        embedder = await asyncio.shield(task)
        if embedder is not None:
            await embedder.aclose()

    async def _open_needed(self) -> None:
        for fingerprint in await run(self._threads.files, self._needed):
            self._opening(fingerprint)

    def _opening(self, fingerprint: str) -> asyncio.Task[Embedder | None] | None:
        if self._reopen is None:
            return None
        if fingerprint not in self._tasks:
            self._begun[fingerprint] = time.monotonic()
            self._tasks[fingerprint] = asyncio.create_task(
                self._opened(fingerprint, self._reopen), name="open a former embedder"
            )
        return self._tasks[fingerprint]

    async def _opened(self, fingerprint: str, reopen: Reopen) -> Embedder | None:
        recipe = await run(self._threads.files, partial(self._recipe, fingerprint))
        try:
            embedder = await reopen(fingerprint, recipe)
        except EmbeddingUnavailableError:
            log.warning("a former embedding model cannot be loaded", exc_info=True)
            return None
        if embedder is None or embedder.fingerprint == fingerprint:
            return embedder
        log.warning("%s is not any more what made the vectors of some bases", embedder.name)
        await embedder.aclose()
        return None

    @blocking
    def _recipe(self, fingerprint: str) -> str | None:
        with self._store.read() as rows:
            return rows.bases.recipe(fingerprint)

    @blocking
    def _needed(self) -> set[str]:
        """By bases that have vectors."""
        own = self._own.fingerprint if self._own is not None else None
        with self._store.read() as rows:
            return {
                base.fingerprint
                for base in rows.bases.all()
                if base.fingerprint is not None
                and base.fingerprint != own
                and rows.vectors.has_any(base.base_id)
            }


@blocking
def keep_recipe(store: Store, fingerprint: str, recipe: str) -> None:
    """The newest counts; what made the vectors of no base is forgotten."""
    with store.read() as rows:
        if rows.bases.recipe(fingerprint) == recipe:
            return
    with store.write() as connection:
        connection.execute("INSERT OR REPLACE INTO embedders VALUES (?, ?)", (fingerprint, recipe))
        connection.execute(
            """DELETE FROM embedders WHERE fingerprint <> ? AND fingerprint NOT IN
            (SELECT fingerprint FROM bases WHERE fingerprint IS NOT NULL)""",
            (fingerprint,),
        )


def recipes_in(data_dir: Path) -> tuple[str, ...]:
    """How the embedders were opened whose vectors the bases of a data directory have, before it is
    opened: nothing is made, migrated or locked. None where that cannot be told."""
    address = f"{(data_dir / 'knowledge.db').resolve().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, timeout=1.0, uri=True)) as connection:
            found = connection.execute(
                """SELECT recipe FROM embedders WHERE fingerprint IN (
                    SELECT fingerprint FROM bases WHERE EXISTS (
                        SELECT 1 FROM documents WHERE documents.base_id = bases.base_id
                        AND state = 'ready' AND embedded = 1
                    )
                ) ORDER BY recipe"""
            )
            return tuple(str(recipe) for (recipe,) in found)
    except sqlite3.Error:
        return ()
