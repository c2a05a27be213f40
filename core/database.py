"""`lorekeeper.db`: one writer behind `transaction()`, readers beside it (WAL)."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiosqlite

from core.migrations import MIGRATIONS, Migration, number_of
from core.shielding import to_the_end
from knowledge_base.copying import keep_copy
from knowledge_base.errors import (
    StorageBusyError,
    StorageFullError,
    StoreCorruptError,
    StoreTooNewError,
)
from knowledge_base.schema import note_program

READERS = 2
BUSY_SECONDS = 10.0
_FULL = {
    # A quota, or a limit on the size of files, is told as a failed write.
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_TRUNCATE,
    sqlite3.SQLITE_IOERR_SHMSIZE,
}
_ROOM = 2.2
"""Of its size must be free for the file to be rewritten: a copy, and the log of the copying."""


class Database:
    """Rows of the core. What `transaction()` has left without an error survives a power cut."""

    def __init__(
        self, path: Path, writer: aiosqlite.Connection, readers: Sequence[aiosqlite.Connection]
    ) -> None:
        self.path = path
        self._writer = writer
        self._writing = asyncio.Lock()
        self._idle: asyncio.LifoQueue[aiosqlite.Connection] = asyncio.LifoQueue()
        for reader in readers:
            self._idle.put_nowait(reader)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        path: Path,
        *,
        busy_seconds: float = BUSY_SECONDS,
        migrations: Sequence[Migration] = MIGRATIONS,
    ) -> AsyncGenerator[Database, None]:
        """Make or migrate the file. A file written by a newer program is refused, untouched."""
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        async with AsyncExitStack() as stack:
            with _translating(path):
                writer = await stack.enter_async_context(_connect(path, busy_seconds))
                await _refuse_newer(writer, path, migrations)
                await _use_wal(writer, busy_seconds)
                await _set_up(writer)
                readers = [
                    await stack.enter_async_context(_connect(path, busy_seconds))
                    for _ in range(READERS)
                ]
                for reader in readers:
                    await _set_up(reader)
                    await reader.execute("PRAGMA query_only = ON")
            database = cls(path, writer, readers)
            await database._migrate(migrations)
            yield database

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[aiosqlite.Connection, None]:
        """The one writer. Leaving commits; an error or a cancellation rolls everything back.

        A cancellation that arrives during the commit is raised when the commit has ended.
        """
        async with self._writing:
            with _translating(self.path):
                try:
                    # BEGIN may still be queued when we are cancelled: hence the roll-back also
                    # where it did not return. Outside a transaction it does nothing.
                    await self._writer.execute("BEGIN IMMEDIATE")
                    yield self._writer
                    await to_the_end(self._writer.commit())
                except BaseException:
                    await to_the_end(self._writer.rollback())
                    raise

    @asynccontextmanager
    async def reader(self) -> AsyncGenerator[aiosqlite.Connection, None]:
        """A connection that sees one state of the database until it is left; it cannot write."""
        connection = await self._idle.get()
        try:
            with _translating(self.path):
                await connection.execute("BEGIN")
                yield connection
        finally:
            try:
                await to_the_end(connection.rollback())
            finally:
                self._idle.put_nowait(connection)

    async def scrub(self) -> bool:
        """Rewrite the file and empty its log: pages that were split keep copies of what was on
        them, and what was erased may stand there. Writers wait; False: not now."""
        async with self._writing:
            with _translating(self.path):
                size = (await asyncio.to_thread(self.path.stat)).st_size
                room = (await asyncio.to_thread(shutil.disk_usage, self.path.parent)).free
                has_room = room > _ROOM * size
                if has_room:
                    await to_the_end(self._execute("VACUUM"))
                rows = await to_the_end(self._execute("PRAGMA wal_checkpoint(TRUNCATE)"))
        busy = any(row[0] for row in rows)
        return has_room and not busy

    async def _execute(self, statement: str) -> list[sqlite3.Row]:
        return list(await self._writer.execute_fetchall(statement))

    async def _migrate(self, migrations: Sequence[Migration]) -> None:
        async with self.transaction() as connection:
            # Nobody else migrates while this is held: what is kept is what it was before.
            recorded, program = await _recorded(connection), await _program(connection)
            known = max((migration.number for migration in migrations), default=0)
            behind = any(migration.name not in recorded for migration in migrations)
            if recorded and behind:
                written = max(map(number_of, recorded))
                await to_the_end(asyncio.to_thread(keep_copy, self.path, written, known, program))
            if behind or program is None:
                for statement in note_program():
                    await connection.execute(statement)
        for migration in migrations:
            # One transaction each: what ran is recorded with it, also when two processes start.
            async with self.transaction() as connection:
                await connection.execute(
                    "CREATE TABLE IF NOT EXISTS migrations"
                    " (name TEXT PRIMARY KEY, applied_at TEXT NOT NULL) STRICT"
                )
                if migration.name in await _recorded(connection):
                    continue
                for statement in migration.statements:
                    await connection.execute(statement)
                await connection.execute(
                    "INSERT INTO migrations VALUES (?, ?)",
                    (migration.name, datetime.now(UTC).isoformat()),
                )


def _connect(path: Path, busy_seconds: float) -> aiosqlite.Connection:
    return aiosqlite.connect(path, timeout=busy_seconds, isolation_level=None)


async def _set_up(connection: aiosqlite.Connection) -> None:
    await connection.execute("PRAGMA synchronous = FULL")
    await connection.execute("PRAGMA foreign_keys = ON")
    await connection.execute("PRAGMA secure_delete = ON")


async def _use_wal(connection: aiosqlite.Connection, busy_seconds: float) -> None:
    # The switch does not wait for locks as statements do: of two first starts one would fail.
    loop = asyncio.get_running_loop()
    give_up = loop.time() + busy_seconds
    while True:
        try:
            await connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or loop.time() > give_up:
                raise
            await asyncio.sleep(0.02)
        else:
            return


async def _recorded(connection: aiosqlite.Connection) -> frozenset[str]:
    tables = await connection.execute_fetchall(
        "SELECT 1 FROM sqlite_master WHERE name = 'migrations'"
    )
    if not list(tables):
        return frozenset()
    rows = await connection.execute_fetchall("SELECT name FROM migrations")
    return frozenset(str(row[0]) for row in rows)


async def _refuse_newer(
    connection: aiosqlite.Connection, path: Path, migrations: Sequence[Migration]
) -> None:
    unknown = await _recorded(connection) - {migration.name for migration in migrations}
    if unknown:
        known = max((migration.number for migration in migrations), default=0)
        program = await _program(connection)
        raise StoreTooNewError(str(path), max(map(number_of, unknown)), known, program)


async def _program(connection: aiosqlite.Connection) -> str | None:
    """The version of the program that brought the tables to what they are, if it said so."""
    tables = await connection.execute_fetchall(
        "SELECT 1 FROM sqlite_master WHERE name = 'written_by'"
    )
    if not list(tables):
        return None
    rows = await connection.execute_fetchall("SELECT program FROM written_by")
    return next((str(row[0]) for row in rows), None)


@contextmanager
def _translating(path: Path) -> Generator[None, None, None]:
    """What a storage error means for the operator; faults of ours pass as they are."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0)
        if code in _FULL:
            raise StorageFullError from error
        match code & 0xFF:
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                raise StorageBusyError from error
            case sqlite3.SQLITE_FULL:
                raise StorageFullError from error
            case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
                raise StoreCorruptError(str(path)) from error
            case _:
                raise
