"""What the rows have of chunks: their texts, and the terms of these."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Final

from knowledge_base.models import BaseId, Chunk, ChunkId, DocumentId, chunk_id
from knowledge_base.rows.among import rows_among
from knowledge_base.splitter import searched
from knowledge_base.terms import TERMS_VERSION, Terms, pack_terms, terms_of, unpack_terms

_CHUNK: Final = "SELECT chunk_id, document_id, ordinal, text, heading, page FROM chunks"


class ChunkRows:
    """Live chunks; terms that an older version packed are made anew from the text."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def by_id(self, ids: Sequence[ChunkId]) -> dict[ChunkId, Chunk]:
        """Those of the ids that are there."""
        found: dict[ChunkId, Chunk] = {}
        for row in rows_among(self._connection, _CHUNK, "chunk_id", ids):
            found[row[0]] = Chunk(*row)
        return found

    def of(self, document_id: DocumentId) -> Iterator[Chunk]:
        """In their order."""
        statement = f"{_CHUNK} WHERE document_id = ? ORDER BY ordinal"
        for row in self._connection.execute(statement, (document_id,)):
            yield Chunk(*row)

    def terms_between(self, base_id: BaseId, low: int, high: int) -> Iterator[tuple[int, bytes]]:
        """(n, packed terms) of the chunks low <= n < high, in order."""
        statement = "SELECT chunk_id, terms FROM terms WHERE chunk_id >= ? AND chunk_id < ?"
        zero = chunk_id(base_id, 0)
        parameters = (zero + low, zero + high)
        for chunk, packed in self._connection.execute(f"{statement} ORDER BY chunk_id", parameters):
            if packed[0] != TERMS_VERSION:
                packed = self._terms_anew(chunk)
            yield chunk - zero, packed

    def terms_of(self, chunk: ChunkId) -> Terms:
        statement = "SELECT terms FROM terms WHERE chunk_id = ?"
        (packed,) = self._connection.execute(statement, (chunk,)).fetchone()
        return unpack_terms(packed if packed[0] == TERMS_VERSION else self._terms_anew(chunk))

    def packed_terms(self, chunk: ChunkId) -> bytes:
        """By this version."""
        return pack_terms(self.terms_of(chunk))

    def _terms_anew(self, chunk: ChunkId) -> bytes:
        statement = """SELECT text, heading, name FROM chunks JOIN documents USING (document_id)
            WHERE chunk_id = ?"""
        text, heading, name = self._connection.execute(statement, (chunk,)).fetchone()
        return pack_terms(terms_of(searched(text, heading, name)))
