"""What is stored, by name, for a shell that completes words: read beside whoever has it open."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from knowledge_base.rows import Rows

_SECONDS = 1.0
_MOST = 1000


def names_in(data_dir: Path, base: str | None) -> tuple[str, ...]:
    """Names of bases, or of a base's documents. Nothing is made, migrated or locked.

    Raises `sqlite3.Error` where there is no database, or one of another time.
    """
    address = f"{(data_dir / 'knowledge.db').resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, timeout=_SECONDS, uri=True)) as connection:
        rows = Rows(connection)
        if base is None:
            found = [own.name for own in rows.bases.all()]
        else:
            own_base = rows.bases.named(base)
            found = [] if own_base is None else list(rows.documents.names(own_base.base_id, _MOST))
    # A shell takes what is suggested as it stands: one name a line, and nothing that acts.
    return tuple(name for name in found if name.isprintable())
