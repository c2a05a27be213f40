"""The databases as they lie there, opened for reading alone: nothing is migrated or swept."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

SECONDS: Final = 30.0
_STEPS: Final = 100_000


@contextmanager
def reading(path: Path, seconds: float = SECONDS) -> Iterator[sqlite3.Connection]:
    """A connection that cannot write. Raises `sqlite3.Error`, also when the time is over."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        end = time.monotonic() + seconds
        connection.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
        yield connection
