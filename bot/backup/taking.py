"""Making a backup of a data directory while it is in use.

The core's database is copied before the knowledge base's: what the first speaks of is in the
second. Originals are copied before and after that: those that were there before are many, those
that came meanwhile few.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bot.backup.manifest import Entry, Manifest, write_list
from bot.backup.repository import Repository, entry_of
from bot.backup.stopping import Watch, stoppable
from bot.errors import BackupFolderError, NothingToBackUpError
from knowledge_base.copying import copy_database, prune_copies, require_room, size_of
from knowledge_base.offloop import blocking
from knowledge_base.schema import PROGRAM, translated

log = logging.getLogger(__name__)

CORE: Final = "lorekeeper.db"
KNOWLEDGE: Final = "knowledge.db"
REVIEWS: Final = "reviews"
_TRIES: Final = 3
"""For a state in which no document is taken out while its original is copied."""


@dataclass(frozen=True, slots=True)
class Report:
    """A backup that was made."""

    path: Path
    documents: int
    size: int
    """Of all that it holds, in bytes."""
    new: int
    """Of what was not in the folder before."""
    seconds: float
    missing: tuple[str, ...] = ()
    """Documents whose originals are gone or damaged in the data directory itself."""
    removed: tuple[str, ...] = ()
    """Older backups that went for it."""

    @property
    def name(self) -> str:
        return self.path.name


def _unwatched(_done: int, _total: int) -> None:
    return None


async def back_up(data: Path, folder: Path, *, keep: int, watch: Watch = _unwatched) -> Report:
    """Make a backup of a data directory in a folder of backups, and let all but the newest `keep`
    go. `watch` is told bytes and total, in another thread.

    A cancellation ends it within a block; nothing of it stays. Raises `BackupBusyError`,
    `NothingToBackUpError`, `NoRoomError`, `StorageFullError`, `StorageBusyError`,
    `StoreCorruptError`, `BackupFolderError`.
    """
    return await stoppable(lambda look: take(data, folder, keep=keep, watch=look), watch)


@blocking
def take(data: Path, folder: Path, *, keep: int, watch: Watch = _unwatched) -> Report:
    """As `back_up`."""
    begun = time.monotonic()
    if not any((data / name).exists() for name in (CORE, KNOWLEDGE)):
        raise NothingToBackUpError(str(data))
    repository = Repository(folder)
    try:
        with repository.writing():
            taking = _Taking(data, repository, watch)
            path, manifest = taking.run()
            taking.new -= repository.share(path, manifest)
            removed = repository.rotate(keep, path.name)
    except OSError as error:
        where = str(error.filename or folder)
        raise BackupFolderError(where, error.strerror or "") from error
    except sqlite3.Error as error:
        raise BackupFolderError(str(data), str(error)) from error
    prune_copies(data)
    log.info("backup %s: %d bytes, %d of them new", path, manifest.size, taking.new)
    return Report(
        path,
        manifest.documents,
        manifest.size,
        taking.new,
        time.monotonic() - begun,
        manifest.missing,
        removed,
    )


@dataclass(frozen=True, slots=True)
class _Original:
    """What a row says of an original."""

    sha256: str
    size: int
    name: str
    is_live: bool
    """A document serves from it; else it was removed, and rests."""


class _Taking:
    """One backup on its way."""

    def __init__(self, data: Path, repository: Repository, watch: Watch) -> None:
        self._data = data
        self._repository = repository
        self._watch = watch
        self._done = 0
        self._total = 0
        self.new = 0

    def run(self) -> tuple[Path, Manifest]:
        began_at = datetime.now(UTC)
        wanted = _originals(self._data / KNOWLEDGE)
        self._require_room(wanted)
        self._store(wanted)
        unfinished = self._repository.begin()
        databases = [self._copy(CORE, unfinished)] if (self._data / CORE).exists() else []
        reviews = self._reviews(unfinished / CORE)
        originals: Mapping[str, _Original] = {}
        missing: frozenset[str] = frozenset()
        if (self._data / KNOWLEDGE).exists():
            entry, originals, missing = self._knowledge(unfinished)
            databases.append(entry)
        there = [_entry(one) for one in originals.values() if one.sha256 not in missing]
        manifest = Manifest(
            PROGRAM,
            began_at,
            datetime.now(UTC),
            tuple(databases),
            write_list(unfinished, (*there, *reviews)),
            sum(entry.size for entry in (*databases, *there, *reviews)),
            _migrations(unfinished / CORE),
            _schema(unfinished / KNOWLEDGE),
            _documents(unfinished / KNOWLEDGE),
            tuple(sorted(one.name for one in originals.values() if one.sha256 in missing)),
        )
        return self._repository.finish(unfinished, manifest), manifest

    def _require_room(self, wanted: Mapping[str, _Original]) -> None:
        databases = sum(size_of(self._data / name) for name in (CORE, KNOWLEDGE))
        needed = databases + sum(one.size for one in self._absent(wanted))
        require_room(self._repository.folder, needed)
        # Databases are copied, then read again for their sums.
        self._total = needed + databases

    def _absent(self, wanted: Mapping[str, _Original]) -> list[_Original]:
        return [one for one in wanted.values() if not self._repository.has(one.sha256, one.size)]

    def _store(self, wanted: Mapping[str, _Original]) -> frozenset[str]:
        """Store the originals that are not here yet; the hashes of those that cannot be had."""
        missing = set()
        for one in self._absent(wanted):
            source = self._data / _entry(one).path
            try:
                stored = self._repository.put(source, self._read, one.sha256)
            except (FileNotFoundError, ValueError):
                missing.add(one.sha256)
            else:
                self.new += stored.size
        return frozenset(missing)

    def _knowledge(self, unfinished: Path) -> tuple[Entry, Mapping[str, _Original], frozenset[str]]:
        """A copy all of whose originals are here, as far as they are in the data directory."""
        for _ in range(_TRIES):
            entry = self._copy(KNOWLEDGE, unfinished)
            originals = _originals(unfinished / KNOWLEDGE, copied=True)
            missing = self._store(originals)
            if not missing - _originals(self._data / KNOWLEDGE).keys():
                break
            # Documents were taken out meanwhile, their originals with them: once more.
            (unfinished / KNOWLEDGE).unlink()
        else:
            entry = self._copy(KNOWLEDGE, unfinished)
            originals = _originals(unfinished / KNOWLEDGE, copied=True)
            missing = self._store(originals)
        # One that rested, whose time was over just now, is no loss.
        return (
            entry,
            {key: one for key, one in originals.items() if one.is_live or key not in missing},
            missing,
        )

    def _copy(self, name: str, unfinished: Path) -> Entry:
        before, target = self._done, unfinished / name

        def told(done: int, _total: int) -> None:
            self._done = before + done
            self._watch(min(self._done, self._total), self._total)

        copy_database(self._data / name, target, told)
        entry = entry_of(target, self._read)
        self.new += entry.size
        return entry

    def _reviews(self, copy: Path) -> tuple[Entry, ...]:
        """Uploads that wait for review; those that were decided meanwhile are gone."""
        entries = []
        for token in _tokens(copy):
            folder = self._data / REVIEWS / token
            for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                with contextlib.suppress(FileNotFoundError):
                    stored = self._repository.put(path, self._read)
                    place = path.relative_to(self._data).as_posix()
                    entries.append(replace(stored, path=place))
        return tuple(entries)

    def _read(self, size: int) -> None:
        self._done += size
        self._watch(min(self._done, self._total), self._total)


def _entry(one: _Original) -> Entry:
    return Entry(f"originals/{one.sha256[:2]}/{one.sha256}", one.sha256, one.size)


def _rows(path: Path, *statements: str, copied: bool) -> Iterable[tuple[object, ...]]:
    """What the statements find, none where there is no file or no such table."""
    if not path.exists():
        return
    mode = "ro&immutable=1" if copied else "rw"
    with (
        translated(path),
        contextlib.closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True, timeout=10)
        ) as connection,
    ):
        for statement in statements:
            try:
                yield from connection.execute(statement).fetchall()
            except sqlite3.OperationalError as error:
                if "no such table" not in str(error):
                    raise


def _originals(path: Path, *, copied: bool = False) -> Mapping[str, _Original]:
    """The originals that the rows speak of, by hash."""
    found = _rows(
        path,
        "SELECT resting.sha256, documents.size, documents.name, 0"
        " FROM resting JOIN documents USING (document_id)",
        "SELECT sha256, size, name, 1 FROM documents WHERE state = 'ready'",
        copied=copied,
    )
    return {
        str(sha256): _Original(str(sha256), int(str(size)), str(name), bool(is_live))
        for sha256, size, name, is_live in found
    }


def _tokens(copy: Path) -> list[str]:
    return [str(token) for (token,) in _rows(copy, "SELECT token FROM reviews", copied=True)]


def _migrations(copy: Path) -> tuple[str, ...]:
    found = _rows(copy, "SELECT name FROM migrations ORDER BY name", copied=True)
    return tuple(str(name) for (name,) in found)


def _schema(copy: Path) -> int:
    return sum(int(str(n)) for (n,) in _rows(copy, "PRAGMA user_version", copied=True))


def _documents(copy: Path) -> int:
    count = "SELECT count(*) FROM documents WHERE state = 'ready'"
    return sum(int(str(n)) for (n,) in _rows(copy, count, copied=True))
