"""Giving a base the vectors of another model, in the background.

The new vectors wait in rows of their own, document by document: a run that is killed goes on where
it was. Until all are there the old ones serve; then one transaction puts the new in their place.
Processes with different embedders let theirs wait side by side: the last to have all has its way.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, TypeAlias

from knowledge_base.documents import MadeBy
from knowledge_base.embedders.base import Embedder, Vectors
from knowledge_base.errors import EmbeddingUnavailableError, KnowledgeError
from knowledge_base.ingest import Ingestion, Workshop, embed_chunks
from knowledge_base.models import BaseId, DocumentId, KnowledgeBase
from knowledge_base.offloop import blocking
from knowledge_base.open_base import Prepared
from knowledge_base.rows import Rows
from knowledge_base.store import Store
from knowledge_base.threads import run

log = logging.getLogger(__name__)

TOLD_EVERY_SECONDS: Final = 60.0
AGAIN_AFTER_SECONDS: Final = 60.0
"""Where the embedder did not answer, or the disk was full."""

Told: TypeAlias = Callable[[int, int], None]
"""Passages that have their new vectors, and all of them."""

_SWAP: Final = (
    """DELETE FROM vectors
    WHERE document_id IN (SELECT document_id FROM documents WHERE base_id = :base)""",
    """INSERT INTO vectors SELECT document_id, vectors FROM next_vectors
    WHERE document_id IN (SELECT document_id FROM documents WHERE base_id = :base)
    AND fingerprint = :fingerprint""",
    """DELETE FROM next_vectors
    WHERE document_id IN (SELECT document_id FROM documents WHERE base_id = :base)
    AND (:alone OR fingerprint = :fingerprint)""",
    "DELETE FROM segments WHERE base_id = :base AND leg = 'dense'",
    "DELETE FROM calibrations WHERE base_id = :base",
)


def _untold(_done: int, _total: int) -> None:
    return None


def _tell_of_end(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error(
            "bases keep the vectors they have until the next start", exc_info=task.exception()
        )


class Reembedding:
    """Brings bases to the embedder that is configured; owns the task that does so by itself."""

    def __init__(
        self, workshop: Workshop, ingestion: Ingestion, swapped: Callable[[], Awaitable[None]]
    ) -> None:
        """`swapped` is called after each base that has its new vectors."""
        self._at = workshop
        self._swapped = swapped
        self._ingestion = ingestion
        self._task: asyncio.Task[None] | None = None
        self._turns: defaultdict[BaseId, asyncio.Lock] = defaultdict(asyncio.Lock)

    def start(self) -> None:
        """All bases, one after the other, for as long as the library is open."""
        if self._task is None and self._at.embedder is not None:
            self._task = asyncio.create_task(self._all(), name="re-embed bases")
            self._task.add_done_callback(_tell_of_end)

    async def aclose(self) -> None:
        """What is made already is kept."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _all(self) -> None:
        # Also those whose turn has not come: what is added there meanwhile is found by its words.
        waiting: set[BaseId] = set()
        try:
            while True:
                try:
                    await run(self._at.threads.write, self._let_go)
                    near = await self._near()
                    waiting |= set(near)
                    self._ingestion.changing |= waiting
                    for base_id in near:
                        await self.run(base_id)
                        waiting.discard(base_id)
                        self._ingestion.changing.discard(base_id)
                except (KnowledgeError, OSError):
                    log.warning("re-embedding waits and is tried again", exc_info=True)
                else:
                    return
                self._ingestion.changing |= waiting
                await asyncio.sleep(AGAIN_AFTER_SECONDS)
        finally:
            self._ingestion.changing -= waiting

    async def run(self, base_id: BaseId, told: Told = _untold) -> bool:
        """Whether the base has the configured embedder's vectors at the end. False where its texts
        may not go there: it keeps what it has.

        Meanwhile what is added is found by its words. Raises `EmbeddingUnavailableError`,
        `StorageBusyError`, `StorageFullError`.
        """
        embedder = self._at.embedder
        if embedder is None or not await self._ingestion.is_near(base_id):
            return False
        # Whoever comes second finds it done: two at once would make every vector twice.
        async with self._turns[base_id]:
            return await self._brought(base_id, embedder, told)

    async def _brought(self, base_id: BaseId, embedder: Embedder, told: Told) -> bool:
        files = self._at.threads.files
        if await run(files, partial(self._serves, base_id, embedder)):
            return True
        self._ingestion.changing.add(base_id)
        try:
            while True:
                await self._embed(base_id, embedder, told)
                made_by = MadeBy(embedder.fingerprint, embedder.name)
                dimension = await _dimension(embedder)
                # Made while the old one serves, so that nobody waits for it afterwards.
                prepare = partial(
                    self._at.bases.get(base_id).prepared, made_by.fingerprint, dimension
                )
                index = await run(files, prepare)
                swap = partial(self._swap, base_id, made_by, dimension, index)
                if await run(self._at.threads.write, swap):
                    log.info("base %d is searched by %s now", base_id, embedder.name)
                    await self._swapped()
                    return True
        finally:
            self._ingestion.changing.discard(base_id)

    @blocking
    def _swap(
        self, base_id: BaseId, made_by: MadeBy, dimension: int, index: Prepared | None
    ) -> bool:
        alone = self._at.lease.is_alone()
        generation = swap_vectors(self._at.store, base_id, made_by, dimension, alone=alone)
        if generation is not None:
            self._at.bases.get(base_id).swapped(generation, made_by.fingerprint, index)
            self._at.store.shorten_log()
        return generation is not None

    async def _embed(self, base_id: BaseId, embedder: Embedder, told: Told) -> None:
        files, write = self._at.threads.files, self._at.threads.write
        count = partial(self._count, base_id, embedder.fingerprint)
        done, total = await run(files, count)
        begun = at = time.monotonic()
        before = done
        while missing := await run(files, partial(self._missing, base_id, embedder.fingerprint)):
            for document_id in missing:
                told(done, total)
                chunks = await run(files, partial(self._ingestion.chunks, document_id))
                if not chunks:
                    continue  # removed meanwhile
                vectors = await embed_chunks(embedder, chunks, lambda _: None)
                keep = partial(
                    keep_vectors, self._at.store, document_id, embedder.fingerprint, vectors
                )
                await run(write, keep)
                done += len(chunks)
                if time.monotonic() - at > TOLD_EVERY_SECONDS:
                    at = time.monotonic()
                    left = (total - done) * (at - begun) / max(1, done - before)
                    log.info(
                        "base %d: %d of %d passages re-embedded, about %d minutes left",
                        base_id, done, total, left // 60,
                    )  # fmt: skip
        told(total, total)

    @blocking
    def _let_go(self) -> None:
        """Where the operator went back to a base's own embedder, what another one made of the base
        waits for nobody any more."""
        assert self._at.embedder is not None  # noqa: S101 - `start` asked
        own = self._at.embedder.fingerprint
        with self._at.store.read() as rows:
            abandoned = rows.vectors.abandoned(own)
        if abandoned and self._at.lease.is_alone():
            with self._at.store.write() as connection:
                connection.executemany(
                    "DELETE FROM next_vectors WHERE document_id = ?",
                    [(document_id,) for document_id in abandoned],
                )

    async def _near(self) -> list[BaseId]:
        """Of the others, those whose texts may go to the embedder."""
        others = [base.base_id for base in await run(self._at.threads.files, self._others)]
        return [base_id for base_id in others if await self._ingestion.is_near(base_id)]

    @blocking
    def _others(self) -> tuple[KnowledgeBase, ...]:
        """Bases whose vectors another embedder made."""
        own = self._at.embedder.fingerprint if self._at.embedder else None
        with self._at.store.read() as rows:
            bases = [base for base in rows.bases.all() if base.fingerprint not in {None, own}]
            return tuple(base for base in bases if rows.vectors.has_any(base.base_id))

    @blocking
    def _serves(self, base_id: BaseId, embedder: Embedder) -> bool:
        with self._at.store.read() as rows:
            base = rows.bases.find(base_id)
            vectors = rows.vectors.has_any(base_id)
        return base is None or not vectors or base.fingerprint == embedder.fingerprint

    @blocking
    def _missing(self, base_id: BaseId, fingerprint: str) -> tuple[DocumentId, ...]:
        with self._at.store.read() as rows:
            return rows.vectors.without_waiting(base_id, fingerprint, 100)

    @blocking
    def _count(self, base_id: BaseId, fingerprint: str) -> tuple[int, int]:
        with self._at.store.read() as rows:
            done = rows.vectors.waiting_passages(base_id, fingerprint)
            return done, rows.counts.passages(base_id)


async def _dimension(embedder: Embedder) -> int:
    """A server says it with its first answer; all vectors may have been made in a run before."""
    with contextlib.suppress(EmbeddingUnavailableError):
        return embedder.dimension
    return len(await embedder.embed_query("?"))


@blocking
def keep_vectors(store: Store, document_id: DocumentId, fingerprint: str, vectors: Vectors) -> None:
    """Let them wait for the others; nothing, where the document is gone."""
    blob = vectors.astype("<f4").tobytes()
    with store.write() as connection:
        connection.execute(
            """INSERT OR REPLACE INTO next_vectors SELECT document_id, ?, ? FROM documents
            WHERE document_id = ? AND state = 'ready'""",
            (fingerprint, blob, document_id),
        )


@blocking
def swap_vectors(
    store: Store, base_id: BaseId, made_by: MadeBy, dimension: int, *, alone: bool
) -> int | None:
    """All at once; the base's generation since. None while a document still has none. `alone`: what
    other embedders made waits for nobody any more."""
    with store.write() as connection:
        if Rows(connection).vectors.without_waiting(base_id, made_by.fingerprint, 1):
            return None
        (generation,) = connection.execute(
            """UPDATE bases SET fingerprint = ?, embedder = ?, dimension = ?,
            generation = generation + 1 WHERE base_id = ? RETURNING generation""",
            (made_by.fingerprint, made_by.name, dimension, base_id),
        ).fetchone()
        for statement in _SWAP:
            connection.execute(
                statement, {"base": base_id, "fingerprint": made_by.fingerprint, "alone": alone}
            )
        # Whoever has the base open sees that old chunks have changed, and reads it anew.
        connection.execute(
            """UPDATE documents SET embedded = 1, generation = ?
            WHERE base_id = ? AND state = 'ready'""",
            (generation, base_id),
        )
    return int(generation)
