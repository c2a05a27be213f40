"""Databases as earlier versions of the program wrote them, from SQL text that never changes."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

KEPT = Path(__file__).resolve().parents[1] / "schemas"
ORIGINALS = (
    "The harbour gate opens at nine and closes at five.\n\n"
    "The lighthouse keeper is called Amara.\n",
    "港口大门上午九点开门，下午五点关门。\n\n灯塔看守人名叫阿玛拉。\n",
    "The ferry to the old island no longer runs.\n",
)
"""Of the documents in `knowledge-NNN.sql`, embedded by `HashEmbedder`."""


def numbers(name: str) -> list[int]:
    """The kept versions of "core" or "knowledge"."""
    return sorted(int(path.stem.rpartition("-")[2]) for path in KEPT.glob(f"{name}-*.sql"))


def write(name: str, number: int, path: Path) -> None:
    """The database of that version, with its rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = (KEPT / f"{name}-{number:03}.sql").read_text(encoding="utf-8")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(text)


def data_directory(core: int, knowledge: int, folder: Path) -> None:
    """All of a data directory of those versions."""
    write("core", core, folder / "lorekeeper.db")
    write("knowledge", knowledge, folder / "knowledge.db")
    for text in ORIGINALS:
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        path = folder / "originals" / sha256[:2] / sha256
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


def columns(path: Path) -> dict[str, list[tuple[str, str]]]:
    """Tables with the names and types of their columns."""
    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        ).fetchall()
        return {
            table: [(row[1], row[2]) for row in connection.execute(f"PRAGMA table_info({table})")]
            for (table,) in tables
        }


def indexes(path: Path) -> set[str]:
    """The names of all indexes that were made as such."""
    with closing(sqlite3.connect(path)) as connection:
        return {
            name
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
            )
        }


def content(path: Path, of: dict[str, list[tuple[str, str]]]) -> dict[str, list[object]]:
    """The rows of those tables, as far as those columns go."""
    with closing(sqlite3.connect(path)) as connection:
        return {
            table: sorted(
                connection.execute(f"SELECT {', '.join(n for n, _ in names)} FROM {table}"),
                key=repr,
            )
            for table, names in of.items()
        }
