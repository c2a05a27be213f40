"""Rows by many ids."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, Final

VARIABLES: Final = 500
"""Ids in one statement; SQLite allows more, but compiles each length anew."""


def rows_among(
    connection: sqlite3.Connection, select: str, column: str, ids: Sequence[int]
) -> Iterator[tuple[Any, ...]]:
    """What `select` gives where the column is one of the ids; `select` has no WHERE."""
    for at in range(0, len(ids), VARIABLES):
        part = ids[at : at + VARIABLES]
        marks = ",".join("?" * len(part))
        yield from connection.execute(f"{select} WHERE {column} IN ({marks})", part)
