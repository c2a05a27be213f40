"""The index files that the rows vouch for."""

from __future__ import annotations

import sqlite3

from knowledge_base.index_files import Leg, SavedSegment, Written
from knowledge_base.models import BaseId


class FileRows:
    """Index files by base and leg."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def of(self, base_id: BaseId, leg: Leg) -> tuple[SavedSegment, ...]:
        """In the order of the chunks that are in them."""
        statement = """SELECT low, high, generation, file, sha256, size, modified, kind, count
            FROM segments WHERE base_id = ? AND leg = ? ORDER BY low"""
        return tuple(
            SavedSegment(leg, low, high, generation, Written(*written), kind, count)
            for low, high, generation, *written, kind, count in self._connection.execute(
                statement, (base_id, leg)
            )
        )

    def names(self) -> set[str]:
        """Of all bases."""
        return {row[0] for row in self._connection.execute("SELECT file FROM segments")}
