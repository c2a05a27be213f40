"""Copies of a database as it stands at one moment, also while others write to it."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sqlite3
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Final

from knowledge_base.errors import NoRoomError, StoreCorruptError
from knowledge_base.offloop import blocking
from knowledge_base.originals import full_disk_told, sync_folder
from knowledge_base.schema import translated

log = logging.getLogger(__name__)

COPIES: Final = "before-upgrade"
"""The folder beside a database that holds what it was before it was upgraded."""
COPIES_KEPT: Final = 2
"""Of each database: of so many earlier versions."""
COPIES_DAYS: Final = 30
"""After which a copy goes in any case: whoever was forgotten since stands in it."""
SPARE: Final = 16 << 20
"""Bytes that must stay free beside what is written."""
_PAGES: Final = 1024
_BUSY_SECONDS: Final = 10.0
_BYTES_A_SECOND: Final = 40 << 20
"""Of a slow disk, for copying and changing: an estimate told before it begins."""
_DAY: Final = 86_400


def _unwatched(_done: int, _total: int) -> None:
    return None


def size_of(path: Path) -> int:
    """Bytes of a database with its log; 0 where there is none."""
    total = 0
    for part in (path, path.with_name(path.name + "-wal")):
        with contextlib.suppress(FileNotFoundError):
            total += part.stat().st_size
    return total


def require_room(folder: Path, needed: int) -> None:
    """Raises `NoRoomError` where the disk of the folder has less free, and some to spare."""
    free = shutil.disk_usage(folder).free
    if free < needed + SPARE:
        raise NoRoomError(str(folder), needed + SPARE, free)


@blocking
def copy_database(
    source: Path, target: Path, watch: Callable[[int, int], None] = _unwatched
) -> None:
    """Copy what is committed at this moment to a new file, which is checked and on disk when this
    returns. Nobody waits for it: in WAL mode who writes goes on meanwhile.

    `watch` is told bytes and total; what it raises ends the copying. Raises `StorageFullError`,
    `StorageBusyError`, and `StoreCorruptError` for a source that is damaged.
    """
    with full_disk_told(), contextlib.ExitStack() as open_ones:
        with translated(source):
            given = open_ones.enter_context(contextlib.closing(_connect(source, "rw")))
            copy = open_ones.enter_context(
                contextlib.closing(sqlite3.connect(target, isolation_level=None))
            )
            # The file is synced once, at the end, and is nobody's until then.
            copy.execute("PRAGMA journal_mode = OFF")
            copy.execute("PRAGMA synchronous = OFF")
            # Without a transaction of its own, every commit meanwhile would start it anew.
            given.execute("BEGIN")
            given.execute("SELECT count(*) FROM sqlite_master").fetchone()
            (page,) = given.execute("PRAGMA page_size").fetchone()

            def told(_status: int, remaining: int, total: int) -> None:
                watch((total - remaining) * page, total * page)

            given.backup(copy, pages=_PAGES, progress=told)
            given.execute("ROLLBACK")
        with target.open("rb+") as file:
            os.fsync(file.fileno())
    _check(target, source)


def _check(copy: Path, source: Path) -> None:
    with translated(source), contextlib.closing(_connect(copy, "ro&immutable=1")) as connection:
        if damage_in(connection):
            raise StoreCorruptError(str(source))


@blocking
def damage_in(connection: sqlite3.Connection) -> list[str]:
    """What SQLite finds wrong with a database; empty where it is whole."""
    found = [str(row[0]) for row in connection.execute("PRAGMA quick_check")]
    # SQLite 3.40 takes other columns for those of a key that is not the table's first columns.
    return [told for told in found if told != "ok" and not told.startswith("NULL value in ")]


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?mode={mode}",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )


@blocking
def keep_copy(path: Path, written: int, known: int, program: str | None) -> Path:
    """Keep a database of an earlier version beside it, before it is upgraded from `written` to
    `known`. Nobody else may write to it meanwhile.

    Raises `NoRoomError` before anything is done; what `copy_database` raises.
    """
    size = size_of(path)
    folder = path.parent / COPIES
    kept = folder / f"{path.stem}-{written:03}{path.suffix}"
    # What a process that was killed left unfinished may be what there is no room for now.
    for unfinished in folder.glob(f".{kept.name}-*"):
        unfinished.unlink(missing_ok=True)
    require_room(path.parent, 2 * size)
    log.warning(
        "%s is upgraded from format %d%s to %d, which takes about %d s; as it was, it is kept as"
        " %s",
        path.name,
        written,
        f" (of version {program})" if program else "",
        known,
        max(1, round(2 * size / _BYTES_A_SECOND)),
        kept,
    )
    with full_disk_told():
        folder.mkdir(mode=0o700, exist_ok=True)
    new = folder / f".{kept.name}-{uuid.uuid4().hex}"
    try:
        copy_database(path, new)
        with full_disk_told():
            new.replace(kept)
            sync_folder(folder)
            sync_folder(path.parent)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    ours = sorted(folder.glob(f"{path.stem}-[0-9]*{path.suffix}"))
    for old in ours[:-COPIES_KEPT]:
        old.unlink(missing_ok=True)
    return kept


@blocking
def prune_copies(folder: Path, now: float | None = None) -> int:
    """Remove the copies below a data directory that are past their time; how many went."""
    oldest = (time.time() if now is None else now) - COPIES_DAYS * _DAY
    gone = 0
    for path in (folder / COPIES).glob("*"):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest:
                path.unlink()
                gone += 1
    return gone
