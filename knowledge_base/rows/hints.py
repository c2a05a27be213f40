"""The hints in the rows: what was written about passages, so that they are found by it too."""

from __future__ import annotations

import json
import sqlite3

from knowledge_base.hints import Hint, with_terms
from knowledge_base.models import BaseId, Chunk, ChunkId, Passage, chunk_id
from knowledge_base.rows.chunks import ChunkRows
from knowledge_base.rows.documents import DocumentRows
from knowledge_base.terms import TERMS_VERSION


class HintRows:
    """Hints of a base's passages, and the passages that have none or stale ones."""

    def __init__(
        self, connection: sqlite3.Connection, documents: DocumentRows, chunks: ChunkRows
    ) -> None:
        self._connection = connection
        self._documents = documents
        self._chunks = chunks

    def state(self, base_id: BaseId) -> int:
        """Raised by whatever changes the hints of a base; 0: there never were any."""
        statement = "SELECT hinted FROM bases WHERE base_id = ?"
        row = self._connection.execute(statement, (base_id,)).fetchone()
        return int(row[0]) if row else 0

    def of(self, base_id: BaseId) -> tuple[Hint, ...]:
        """Of the passages that have some, in their order."""
        statement = """SELECT chunk_id, terms, texts, fingerprint, vectors FROM hints
            WHERE chunk_id >= ? AND chunk_id < ? AND texts <> '[]' ORDER BY chunk_id"""
        return tuple(
            Hint(
                chunk,
                packed if packed[0] == TERMS_VERSION
                else with_terms(self._chunks.packed_terms(chunk), json.loads(texts)),
                tuple(json.loads(texts)),
                fingerprint,
                vectors,
            )
            for chunk, packed, texts, fingerprint, vectors in self._connection.execute(
                statement, _span(base_id)
            )
        )  # fmt: skip

    def missing(self, base_id: BaseId, most: int) -> tuple[Passage, ...]:
        """Live passages that nobody wrote hints for, those of the newest documents first."""
        found: list[ChunkId] = []
        spans = self._connection.execute(
            """SELECT first_chunk, passages FROM documents
            WHERE base_id = ? AND state = 'ready' ORDER BY added_at DESC, document_id DESC""",
            (base_id,),
        )
        for first, count in spans:
            low = chunk_id(base_id, first)
            rows = self._connection.execute(
                """SELECT chunk_id FROM chunks WHERE chunk_id >= ? AND chunk_id < ?
                AND NOT EXISTS (SELECT 1 FROM hints WHERE hints.chunk_id = chunks.chunk_id)
                ORDER BY chunk_id LIMIT ?""",
                (low, low + count, most - len(found)),
            )
            found += (row[0] for row in rows)
            if len(found) >= most:
                break
        chunks = self._chunks.by_id(found)
        documents = self._documents.by_id(chunk.document_id for chunk in chunks.values())
        return tuple(
            Passage(chunks[own], documents[chunks[own].document_id], 0.0)
            for own in found
            if own in chunks and chunks[own].document_id in documents
        )

    def stale(
        self, base_id: BaseId, fingerprint: str, most: int
    ) -> tuple[tuple[Chunk, tuple[str, ...], str], ...]:
        """(passage, texts, whose words they are) where the vectors are of another embedder, or
        there are none."""
        statement = """SELECT chunk_id, texts, engine FROM hints
            WHERE chunk_id >= ? AND chunk_id < ? AND texts <> '[]' AND fingerprint IS NOT ?
            ORDER BY chunk_id LIMIT ?"""
        rows = list(self._connection.execute(statement, (*_span(base_id), fingerprint, most)))
        chunks = self._chunks.by_id([row[0] for row in rows])
        return tuple(
            (chunks[chunk], tuple(json.loads(texts)), str(engine)) for chunk, texts, engine in rows
        )

    def counts(self, base_id: BaseId) -> tuple[int, int]:
        """Passages that were looked at for hints, and the texts that were kept."""
        statement = """SELECT count(*), coalesce(sum(json_array_length(texts)), 0) FROM hints
            WHERE chunk_id >= ? AND chunk_id < ?"""
        passages, texts = self._connection.execute(statement, _span(base_id)).fetchone()
        return int(passages), int(texts)


def _span(base_id: BaseId) -> tuple[int, int]:
    return chunk_id(base_id, 0), chunk_id(base_id, 0) + (1 << 32)
