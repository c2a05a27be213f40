"""Keep what the databases look like today as SQL text, for the tests of upgrading.

`python tools/keep_schemas.py` writes `tests/schemas/core-NNN.sql` and `knowledge-NNN.sql` for every
migration that has none yet: the schema before it, with its rows, and the migration. What is kept
never changes. A table that is new has no rows there; write some into the file by hand.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
KEPT = ROOT / "tests" / "schemas"


def main() -> None:
    """Write what is missing, and name it."""
    from core.migrations import MIGRATIONS as CORE
    from knowledge_base.schema import MIGRATIONS as KNOWLEDGE

    def of_core(number: int) -> Sequence[str]:
        migration = CORE[number - 1]
        # Our own names.
        noted = f"INSERT INTO migrations VALUES ('{migration.name}', '2026-03-01T12:00:00')"  # noqa: S608
        return (*migration.statements, noted)

    def of_knowledge(number: int) -> Sequence[str]:
        return (*KNOWLEDGE[number - 1], f"PRAGMA user_version = {number}")

    _keep("core", len(CORE), of_core)
    _keep("knowledge", len(KNOWLEDGE), of_knowledge)


def _keep(name: str, newest: int, migration: Callable[[int], Sequence[str]]) -> None:
    for number in range(2, newest + 1):
        path = KEPT / f"{name}-{number:03}.sql"
        if path.exists():
            continue
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
            before = (KEPT / f"{name}-{number - 1:03}.sql").read_text(encoding="utf-8")
            connection.executescript(before)
            for statement in migration(number):
                connection.execute(statement)
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            first = [f"PRAGMA user_version = {version};"] if version else []
            text = "\n".join([*first, *connection.iterdump()]) + "\n"
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
