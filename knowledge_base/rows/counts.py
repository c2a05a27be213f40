"""How much there is, and whether it adds up."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from knowledge_base.models import BaseId, Extent, chunk_id
from knowledge_base.problems import Damage, TornDocument

_AT_ONCE: Final = 10_000
"""Chunks between two reports."""


def _nobody(_done: int, _total: int) -> None:
    """Progress that nobody waits for."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts of what a base's live documents say they have, and of what is there."""

    documents: int
    passages: int
    size: int
    chunks: int
    terms: int
    vector_bytes: int


class Counts:
    """Of live documents."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def extent(self) -> Extent:
        """Of all bases together."""
        row = self._connection.execute(
            """SELECT COUNT(DISTINCT base_id), COUNT(*), COALESCE(SUM(passages), 0),
            COALESCE(SUM(size), 0) FROM documents WHERE state = 'ready'"""
        ).fetchone()
        return Extent(*row)

    def extent_of(self, base_id: BaseId) -> tuple[int, int]:
        """Documents, and the bytes of their originals."""
        documents, size = self._connection.execute(
            """SELECT count(*), coalesce(sum(size), 0) FROM documents
            WHERE base_id = ? AND state = 'ready'""",
            (base_id,),
        ).fetchone()
        return int(documents), int(size)

    def passages(self, base_id: BaseId) -> int:
        statement = """SELECT coalesce(sum(passages), 0) FROM documents
            WHERE base_id = ? AND state = 'ready'"""
        return int(self._connection.execute(statement, (base_id,)).fetchone()[0])

    def totals(self, base_id: BaseId, told: Callable[[int, int], None] = _nobody) -> Totals:
        """Also of rows that no document knows of. `told`: passages counted, of how many."""
        documents, passages, size = self._connection.execute(
            """SELECT count(*), total(passages), total(size) FROM documents
            WHERE base_id = ? AND state = 'ready'""",
            (base_id,),
        ).fetchone()
        chunks = terms = 0
        for span in self._spans(base_id):
            told(min(chunks, int(passages)), int(passages))
            (here,) = self._connection.execute(
                "SELECT count(*) FROM chunks WHERE chunk_id >= ? AND chunk_id < ?", span
            ).fetchone()
            (also,) = self._connection.execute(
                "SELECT count(*) FROM terms WHERE chunk_id >= ? AND chunk_id < ?", span
            ).fetchone()
            chunks, terms = chunks + here, terms + also
        told(int(passages), int(passages))
        vector_bytes = self._connection.execute(
            """SELECT total(length(vectors)) FROM vectors JOIN documents USING (document_id)
            WHERE base_id = ?""",
            (base_id,),
        ).fetchone()[0]
        return Totals(documents, int(passages), int(size), chunks, terms, int(vector_bytes))

    def _spans(self, base_id: BaseId) -> Iterator[tuple[int, int]]:
        """Chunk ids, low <= id < high, of the base: all there may be, some at a time."""
        row = self._connection.execute(
            "SELECT next_chunk FROM bases WHERE base_id = ?", (base_id,)
        ).fetchone()
        known = 0 if row is None else int(row[0])
        for low in range(0, known, _AT_ONCE):
            yield chunk_id(base_id, low), chunk_id(base_id, min(low + _AT_ONCE, known))
        yield chunk_id(base_id, known), chunk_id(base_id, 0) + (1 << 32)

    def torn_documents(self, base_id: BaseId) -> tuple[TornDocument, ...]:
        """Those that have not as many chunks as they say."""
        rows = self._connection.execute(
            """SELECT name, passages, count(chunk_id) FROM documents
            LEFT JOIN chunks USING (document_id)
            WHERE base_id = ? AND state = 'ready'
            GROUP BY document_id HAVING count(chunk_id) != passages""",
            (base_id,),
        )
        return tuple(TornDocument(name, found, said) for name, said, found in rows)

    def damage(self) -> tuple[Damage, ...]:
        """What SQLite's own check of the file finds."""
        found = [row[0] for row in self._connection.execute("PRAGMA quick_check(20)")]
        found += [
            f"{table}: row {row} refers to a missing {parent}"
            for table, row, parent, _ in self._connection.execute("PRAGMA foreign_key_check")
        ]
        return tuple(Damage(line) for line in found if line != "ok")
