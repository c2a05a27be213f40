"""What the rows say of bases themselves."""

from __future__ import annotations

import sqlite3
from typing import Final

from knowledge_base.models import BaseId, KnowledgeBase

_BASE: Final = "SELECT base_id, name, fingerprint, dimension, generation FROM bases"


class BaseRows:
    """Bases by name and number, where they stand, and what was measured of them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def all(self) -> tuple[KnowledgeBase, ...]:
        """By name."""
        # A base that was erased keeps its number, and nobody asks it.
        rows = self._connection.execute(f"{_BASE} WHERE name NOT LIKE 'erased:%' ORDER BY name")
        return tuple(KnowledgeBase(*row) for row in rows)

    def find(self, base_id: BaseId) -> KnowledgeBase | None:
        row = self._connection.execute(f"{_BASE} WHERE base_id = ?", (base_id,)).fetchone()
        return KnowledgeBase(*row) if row else None

    def named(self, name: str) -> KnowledgeBase | None:
        row = self._connection.execute(f"{_BASE} WHERE name = ?", (name,)).fetchone()
        return KnowledgeBase(*row) if row else None

    def generation(self, base_id: BaseId) -> int:
        statement = "SELECT generation FROM bases WHERE base_id = ?"
        row = self._connection.execute(statement, (base_id,)).fetchone()
        return int(row[0]) if row else 0

    def erased(self, base_id: BaseId) -> int:
        """The generation at which something was erased last."""
        statement = "SELECT erased FROM bases WHERE base_id = ?"
        row = self._connection.execute(statement, (base_id,)).fetchone()
        return int(row[0]) if row else 0

    def embedder_name(self, base_id: BaseId) -> str | None:
        """Of the embedder that made the base's vectors."""
        statement = "SELECT embedder FROM bases WHERE base_id = ?"
        row = self._connection.execute(statement, (base_id,)).fetchone()
        return row[0] if row else None

    def recipe(self, fingerprint: str) -> str | None:
        """How the embedder was opened that makes these vectors."""
        statement = "SELECT recipe FROM embedders WHERE fingerprint = ?"
        row = self._connection.execute(statement, (fingerprint,)).fetchone()
        return row[0] if row else None

    def calibration(self, base_id: BaseId) -> str | None:
        """What was measured of the base last."""
        statement = "SELECT calibration FROM calibrations WHERE base_id = ?"
        row = self._connection.execute(statement, (base_id,)).fetchone()
        return row[0] if row else None
