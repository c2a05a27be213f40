"""The vectors in the rows: those that serve, and those that wait to take their place."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import numpy as np

from knowledge_base.embedders.base import Vectors
from knowledge_base.models import BaseId, DocumentId


class VectorRows:
    """Vectors of live documents."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def of(self, document_id: DocumentId, dimension: int) -> Vectors | None:
        """Shape (passages, dimension); None for a document that was stored without."""
        statement = "SELECT vectors FROM vectors WHERE document_id = ?"
        row = self._connection.execute(statement, (document_id,)).fetchone()
        return None if row is None else _unpacked(row[0], dimension)

    def between(
        self, base_id: BaseId, dimension: int, low: int = 0, high: int = 1 << 32
    ) -> Iterator[tuple[int, Vectors]]:
        """(first n, vectors) of the documents that have some, in the order of n."""
        statement = """SELECT first_chunk, vectors FROM documents JOIN vectors USING (document_id)
            WHERE base_id = ? AND state = 'ready' AND first_chunk >= ? AND first_chunk < ?
            ORDER BY first_chunk"""
        for first, blob in self._connection.execute(statement, (base_id, low, high)):
            yield first, _unpacked(blob, dimension)

    def has_any(self, base_id: BaseId) -> bool:
        """Whether any document of the base has vectors."""
        statement = """SELECT 1 FROM documents
            WHERE base_id = ? AND state = 'ready' AND embedded = 1 LIMIT 1"""
        return self._connection.execute(statement, (base_id,)).fetchone() is not None

    def waiting_between(
        self, base_id: BaseId, fingerprint: str, dimension: int, low: int, high: int
    ) -> Iterator[tuple[int, Vectors]]:
        """As `between`, of those that wait to take the place of the others."""
        statement = """SELECT first_chunk, vectors FROM documents
            JOIN next_vectors USING (document_id)
            WHERE base_id = ? AND state = 'ready' AND fingerprint = ?
            AND first_chunk >= ? AND first_chunk < ? ORDER BY first_chunk"""
        for first, blob in self._connection.execute(statement, (base_id, fingerprint, low, high)):
            yield first, _unpacked(blob, dimension)

    def without_waiting(
        self, base_id: BaseId, fingerprint: str, most: int
    ) -> tuple[DocumentId, ...]:
        """Documents of which no vectors of that embedder wait yet, in the order of n."""
        statement = """SELECT document_id FROM documents WHERE base_id = ? AND state = 'ready'
            AND NOT EXISTS (SELECT 1 FROM next_vectors AS waiting
                WHERE waiting.document_id = documents.document_id AND fingerprint = ?)
            ORDER BY first_chunk LIMIT ?"""
        rows = self._connection.execute(statement, (base_id, fingerprint, most))
        return tuple(row[0] for row in rows)

    def abandoned(self, fingerprint: str) -> tuple[DocumentId, ...]:
        """Documents for which vectors wait, though their bases have those of that embedder."""
        statement = """SELECT DISTINCT document_id FROM next_vectors
            JOIN documents USING (document_id) JOIN bases USING (base_id)
            WHERE bases.fingerprint = ?"""
        return tuple(row[0] for row in self._connection.execute(statement, (fingerprint,)))

    def waiting_passages(self, base_id: BaseId, fingerprint: str | None = None) -> int:
        """Passages whose vectors of that embedder, or of the one that has most, wait for others."""
        statement = """SELECT coalesce(max(waiting), 0) FROM (
            SELECT sum(passages) AS waiting FROM documents JOIN next_vectors
            USING (document_id) WHERE base_id = ? AND state = 'ready'
            AND (? IS NULL OR fingerprint = ?) GROUP BY fingerprint)"""
        row = self._connection.execute(statement, (base_id, fingerprint, fingerprint)).fetchone()
        return int(row[0])


def _unpacked(blob: bytes, dimension: int) -> Vectors:
    vectors = np.frombuffer(blob, dtype="<f4").reshape(-1, dimension)
    return vectors.astype(np.float32, copy=False)
