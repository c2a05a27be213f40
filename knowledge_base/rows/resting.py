"""What the rows say of that which was removed and rests, and of originals that nothing wants."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from knowledge_base.models import BaseId, DocumentId
from knowledge_base.originals import Fate


class RestingRows:
    """Removed documents that can come back, and which originals are wanted still."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def since(self, when: int) -> Iterator[tuple[DocumentId, str, int, str]]:
        """(document, batch, when, kind) of what was removed from then on and rests, the last
        first."""
        statement = """SELECT document_id, batch, removed_at, kind FROM resting
            WHERE removed_at >= ? ORDER BY removed_at DESC, document_id DESC"""
        yield from self._connection.execute(statement, (when,))

    def names(self) -> set[tuple[BaseId, str]]:
        """By base and name, of whatever rests."""
        statement = """SELECT DISTINCT base_id, name FROM resting
            CROSS JOIN documents USING (document_id)"""
        return set(self._connection.execute(statement))

    def is_wanted(self, sha256: str) -> bool:
        """Whether a document that is live, being added, or rests, has these bytes."""
        statement = """SELECT 1 FROM documents WHERE sha256 = ? AND state IN ('pending', 'ready')
            UNION ALL SELECT 1 FROM resting WHERE sha256 = ? LIMIT 1"""
        return self._connection.execute(statement, (sha256, sha256)).fetchone() is not None

    def fate_of(self, sha256: str) -> Fate:
        """What is to become of an original that lies in place."""
        if self.is_wanted(sha256):
            return "wanted"
        statement = """SELECT 1 FROM documents WHERE sha256 = ?
            UNION ALL SELECT 1 FROM unwanted WHERE sha256 = ? LIMIT 1"""
        known = self._connection.execute(statement, (sha256, sha256)).fetchone()
        return "unknown" if known is None else "unwanted"
