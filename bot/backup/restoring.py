"""The way back: a backup becomes a data directory.

Everything is copied and checked beside the data that is there; only then that is moved aside, and
the new put in its place. Between these two a mark stands in the directory, and nobody opens it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bot.backup.manifest import Manifest, read
from bot.backup.repository import Repository, copy_file
from bot.backup.stopping import Watch, stoppable
from bot.backup.taking import CORE, KNOWLEDGE, REVIEWS
from bot.errors import (
    BackupFolderError,
    DamagedBackupError,
    DirectoryInUseError,
    DirectoryNotEmptyError,
)
from core.database import Database
from core.events import MemberRef, Platform
from core.forgetting import Wish, put_on_record
from core.migrations import MIGRATIONS, number_of
from core.shielding import to_the_end
from knowledge_base.copying import COPIES, require_room
from knowledge_base.errors import StorageBusyError, StoreTooNewError
from knowledge_base.leases import Lease, locked
from knowledge_base.offloop import blocking
from knowledge_base.originals import FOUND, full_disk_told, sync_folder
from knowledge_base.schema import MIGRATIONS as KNOWLEDGE_MIGRATIONS

log = logging.getLogger(__name__)

OURS: Final = (
    *(name + end for name in (CORE, KNOWLEDGE) for end in ("", "-wal", "-shm")),
    "originals",
    "indexes",
    FOUND,
    REVIEWS,
    COPIES,
)
"""What a data directory holds that a backup takes the place of; models, caches and backups stay."""
_STAGED: Final = ".restoring"
_MOVING: Final = "restore-unfinished"
_ASIDE: Final = "before-restore-"


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored, and where that is which was there before."""

    backup: Path
    manifest: Manifest
    into: Path
    aside: Path | None
    wishes: int
    """People who asked to be forgotten since; they are, at the next start."""


def is_whole(data: Path) -> bool:
    """Whether no restoring was broken off while files were being moved."""
    return not (data / _MOVING).exists()


async def restore(path: Path, into: Path, *, agreed: bool, watch: Watch) -> Restored:
    """Make `into` the data directory that was backed up. `agreed`: what is there may be moved
    aside. `watch` is told bytes and total, in another thread.

    Raises `NoBackupError`, `DamagedBackupError` for the first file that is not what it was,
    `StoreTooNewError`, `DirectoryNotEmptyError`, `DirectoryInUseError`, `NoRoomError`,
    `StorageFullError`.
    """
    repository, backup = await asyncio.to_thread(Repository.at, path)
    manifest = await asyncio.to_thread(read, backup)
    _refuse_newer(manifest)
    into = await asyncio.to_thread(into.resolve)
    await asyncio.to_thread(_refuse_data, into, agreed=agreed)
    held = await to_the_end(asyncio.to_thread(_held, into))
    try:
        await stoppable(lambda look: _stage(repository, backup, manifest, into, look), watch)
        wishes = await asyncio.to_thread(_wishes, repository, backup, manifest, into)
        if wishes:
            async with Database.open(into / _STAGED / CORE) as database:
                await put_on_record(database, wishes)
        aside = await to_the_end(asyncio.to_thread(_swap, into))
    except OSError as error:
        where = str(error.filename or into)
        raise BackupFolderError(where, error.strerror or "") from error
    finally:
        await to_the_end(asyncio.to_thread(_let_go, into, held))
    return Restored(backup, manifest, into, aside, len(wishes))


def _refuse_newer(manifest: Manifest) -> None:
    known = {migration.name for migration in MIGRATIONS}
    unknown = [name for name in manifest.migrations if name not in known]
    if unknown:
        newest = max(migration.number for migration in MIGRATIONS)
        raise StoreTooNewError(CORE, max(map(number_of, unknown)), newest, manifest.program)
    if manifest.schema > len(KNOWLEDGE_MIGRATIONS):
        raise StoreTooNewError(
            KNOWLEDGE, manifest.schema, len(KNOWLEDGE_MIGRATIONS), manifest.program
        )


def _refuse_data(into: Path, *, agreed: bool) -> None:
    if not agreed and any((into / name).exists() for name in (*OURS, _MOVING)):
        raise DirectoryNotEmptyError(str(into))


@blocking
def _stage(
    repository: Repository, backup: Path, manifest: Manifest, into: Path, watch: Watch
) -> None:
    """All files of the backup beside the data, each what it was."""
    staged = into / _STAGED
    shutil.rmtree(staged, ignore_errors=True)
    require_room(into, manifest.size)
    done = 0

    def told(size: int) -> None:
        nonlocal done
        done += size
        watch(done, manifest.size)

    with full_disk_told():
        staged.mkdir(mode=0o700)
    for path, entry in repository.files(backup, manifest):
        if Path(entry.path).parts[0] not in OURS:
            # What is put beside the data is moved over it: nothing but what is a backup's.
            raise DamagedBackupError(str(backup), entry.path)
        target = staged / entry.path
        with full_disk_told():
            target.parent.mkdir(parents=True, exist_ok=True)
        try:
            digest, _size = copy_file(path, target, told)
        except FileNotFoundError:
            digest = ""
        if digest != entry.sha256:
            raise DamagedBackupError(str(backup), str(path.relative_to(repository.folder)))
    _without_index_files(staged / KNOWLEDGE)
    _without_sessions(staged / CORE)
    for folder in (staged, *(path for path in staged.rglob("*") if path.is_dir())):
        sync_folder(folder)


def _without_index_files(path: Path) -> None:
    """They are no part of a backup: the first search makes them anew from the rows."""
    if path.exists():
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("DELETE FROM segments")


def _without_sessions(path: Path) -> None:
    """Who was logged in at the console then is not again: they may have been put out since."""
    if path.exists():
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            table = "SELECT 1 FROM sqlite_master WHERE name = 'console_sessions'"
            if connection.execute(table).fetchone() is not None:
                connection.execute("DELETE FROM console_sessions")


def _wishes(
    repository: Repository, backup: Path, manifest: Manifest, into: Path
) -> tuple[Wish, ...]:
    """Who asked to be forgotten after the backup was made, as far as it is known here."""
    since = manifest.began_at.timestamp()
    found: dict[MemberRef, Wish] = {}
    newer = [kept.path / CORE for kept in repository.kept()[-1:] if kept.path != backup]
    for path, mode in (*((path, "ro&immutable=1") for path in newer), (into / CORE, "rw")):
        try:
            for wish in _read_wishes(path, mode, since):
                found[wish.member] = wish
        except sqlite3.DatabaseError:
            log.warning("%s cannot be read: who was forgotten since is not known from it", path)
    return tuple(found.values())


def _read_wishes(path: Path, mode: str, since: float) -> Iterator[Wish]:
    if not path.exists():
        return
    with contextlib.closing(
        sqlite3.connect(f"{path.as_uri()}?mode={mode}", uri=True)
    ) as connection:
        table = "SELECT 1 FROM sqlite_master WHERE name = 'forgotten'"
        if connection.execute(table).fetchone() is None:
            return
        columns = [name for (name,) in connection.execute(
            "SELECT name FROM pragma_table_info('forgotten')"
        )]  # fmt: skip
        # An earlier version did not note until when.
        until = "heard_until" if "heard_until" in columns else "0"
        rows = connection.execute(
            f"SELECT platform, user_id, uploads, asked_at, {until} FROM forgotten"  # noqa: S608 - ours
            " WHERE asked_at >= ? ORDER BY asked_at",
            (since,),
        )
        for platform, user_id, uploads, asked_at, heard_until in rows:
            member = MemberRef(Platform(platform), user_id)
            yield Wish(member, bool(uploads), asked_at, heard_until)


@contextlib.contextmanager
def _nobody_else(into: Path) -> Iterator[None]:
    """Nobody has the directory open, nor opens it meanwhile. Raises `DirectoryInUseError`."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(into / "knowledge.lock", wait_seconds=0))
        except StorageBusyError as error:
            raise DirectoryInUseError(str(into)) from error
        lease = Lease.take(into / "processes")
        stack.callback(lease.release)
        if any(
            path.name != lease.holder and lease.alive(path.name)
            for path in (into / "processes").iterdir()
        ):
            raise DirectoryInUseError(str(into))
        yield


@blocking
def _held(into: Path) -> contextlib.ExitStack:
    """The directory for us alone, until that is closed. Raises `DirectoryInUseError`."""
    try:
        into.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            stack.enter_context(_nobody_else(into))
            return stack.pop_all()
    except OSError as error:
        raise BackupFolderError(str(into), error.strerror or "") from error


@blocking
def _let_go(into: Path, held: contextlib.ExitStack) -> None:
    with held:
        shutil.rmtree(into / _STAGED, ignore_errors=True)


@blocking
def _swap(into: Path) -> Path | None:
    """Put what is staged in the place of what is there; where the latter is now."""
    old = [name for name in OURS if (into / name).exists()]
    mark = into / _MOVING
    mark.touch()
    sync_folder(into)
    aside = None
    if old:
        aside = into / f"{_ASIDE}{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
        aside.mkdir(mode=0o700)
        _move(into, aside, old)
    _move(into / _STAGED, into, [path.name for path in (into / _STAGED).iterdir()])
    mark.unlink()
    sync_folder(into)
    return aside


def _move(source: Path, target: Path, names: list[str]) -> None:
    for name in names:
        (source / name).rename(target / name)
    sync_folder(target)
    sync_folder(source)
