"""Hints of passages in the store: which passages have none yet, and keeping what was written.

A hint goes with its passage, whatever takes that out: a removal, a new version, an erasure. It is
part of a backup, and of no export. Whoever writes them is above this package.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

from knowledge_base.embedders.base import Vectors
from knowledge_base.hints import with_terms
from knowledge_base.ingest import Ingestion, Workshop
from knowledge_base.models import BaseId, Chunk, ChunkId, Passage
from knowledge_base.offloop import blocking
from knowledge_base.rows import Rows
from knowledge_base.store import Store
from knowledge_base.threads import run

PORTION: Final = 64
"""Passages that are read together."""
MOST_TEXTS: Final = 9
"""Of one passage: a line of context and questions."""
LONGEST_TEXT: Final = 300


StaleHints: TypeAlias = "tuple[tuple[Chunk, tuple[str, ...], str], ...]"


@dataclass(frozen=True, slots=True)
class Enriched:
    """How far the enrichment of a base has come."""

    passages: int
    """That have hints."""
    total: int
    texts: int


class Enrichment:
    """Keeps hints of a library's passages."""

    def __init__(self, workshop: Workshop, ingestion: Ingestion) -> None:
        self._at = workshop
        self._ingestion = ingestion

    async def missing(self, base: BaseId, most: int) -> tuple[Passage, ...]:
        """Passages of a base that have no hints, the newest documents first."""

        def read() -> tuple[Passage, ...]:
            with self._at.store.read() as rows:
                return rows.hints.missing(base, most)

        return await run(self._at.threads.files, read)

    async def keep(self, chunk: Chunk, base: BaseId, texts: Sequence[str], engine: str) -> bool:
        """Let a passage be found by these texts too; none: it is not looked at again. False where
        it is gone. Their vectors are made where the base's texts may go to the embedder, and left
        out where another embedder made the base's.

        Raises `EmbeddingUnavailableError`, `StorageBusyError`, `StorageFullError`.
        """
        kept = tuple(text.strip()[:LONGEST_TEXT] for text in texts if text.strip())[:MOST_TEXTS]
        embedder = self._at.embedder
        vectors: Vectors | None = None
        if kept and embedder is not None and await self._ingestion.is_near(base):
            vectors = await embedder.embed_documents(kept)
        made_by = embedder.fingerprint if embedder is not None and vectors is not None else None
        store = partial(
            keep_hint, self._at.store, base, chunk.chunk_id, kept, made_by, vectors, engine
        )
        return await run(self._at.threads.write, store)

    async def renew(self, base: BaseId) -> int:
        """Give hints the vectors of our embedder where they have another's, or none; how many
        passages' it were. Raises what `keep` raises."""
        embedder = self._at.embedder
        if embedder is None:
            return 0

        def read(made_by: str = embedder.fingerprint) -> StaleHints:
            with self._at.store.read() as rows:
                return rows.hints.stale(base, made_by, PORTION)

        count = 0
        # Asked each time: what is kept without vectors, as its texts may go there no more, is stale
        # for ever.
        while await self._ingestion.is_near(base):
            stale = await run(self._at.threads.files, read)
            if not stale:
                break
            for chunk, texts, engine in stale:
                await self.keep(chunk, base, texts, engine)
            count += len(stale)
        return count

    async def forget(self, base: BaseId) -> int:
        """Take out all hints of a base; how many passages had some."""
        return await run(self._at.threads.write, partial(forget_hints, self._at.store, base))

    async def progress(self, base: BaseId) -> Enriched:
        """How many passages have hints."""

        def read() -> Enriched:
            with self._at.store.read() as rows:
                passages, texts = rows.hints.counts(base)
                return Enriched(passages, rows.counts.passages(base), texts)

        return await run(self._at.threads.files, read)


@blocking
def keep_hint(  # noqa: PLR0913 (the columns of a row)
    store: Store,
    base: BaseId,
    chunk: ChunkId,
    texts: Sequence[str],
    fingerprint: str | None,
    vectors: Vectors | None,
    engine: str,
) -> bool:
    """In one transaction; False where the passage is gone."""
    with store.write() as connection:
        row = connection.execute(
            "SELECT document_id FROM chunks WHERE chunk_id = ?", (chunk,)
        ).fetchone()
        if row is None:
            return False
        terms = with_terms(Rows(connection).chunks.packed_terms(chunk), texts)
        blob = b"" if vectors is None else vectors.astype("<f4").tobytes()
        connection.execute(
            "INSERT OR REPLACE INTO hints VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                chunk,
                row[0],
                json.dumps(list(texts), ensure_ascii=False),
                terms,
                fingerprint,
                blob,
                engine,
            ),
        )
        connection.execute("UPDATE bases SET hinted = hinted + 1 WHERE base_id = ?", (base,))
    return True


@blocking
def forget_hints(store: Store, base: BaseId) -> int:
    """All of a base's."""
    with store.write() as connection:
        count = connection.execute(
            """DELETE FROM hints
            WHERE document_id IN (SELECT document_id FROM documents WHERE base_id = ?)""",
            (base,),
        ).rowcount
        connection.execute("UPDATE bases SET hinted = hinted + 1 WHERE base_id = ?", (base,))
    return int(count)
