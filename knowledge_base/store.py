"""The truth: bases, documents, chunks, terms and vectors in SQLite.

A commit here is what makes a document added, replaced or removed; everything else is a cache.
Every method blocks, and none may be called on an event loop's thread. What is written stands in
modules by purpose (`claims`, `documents`, `versions`, `resting`, `erasing` and others), what is
read in `rows`; here are the transactions that they all go through.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from knowledge_base.copying import keep_copy
from knowledge_base.errors import StorageBusyError, StorageFullError
from knowledge_base.offloop import blocking
from knowledge_base.rows import Rows
from knowledge_base.schema import (
    MIGRATIONS,
    connect,
    migrate,
    program_of,
    translated,
    version_of,
)

IDLE_READERS = 8
LOG_BYTES = 4 << 20
"""Up to that the log keeps its file, which the next writes use again."""


class Store:
    """`knowledge.db`. Safe for several threads; writers queue for one connection."""

    def __init__(self, path: Path, busy_seconds: float, clock: Callable[[], datetime]) -> None:
        self.path = path
        self._busy_seconds = busy_seconds
        self._clock = clock
        self._writer = connect(path, busy_seconds)
        self._writing = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._idle_lock = threading.Lock()
        self._closed = False

    @classmethod
    @blocking
    def open(cls, path: Path, busy_seconds: float, clock: Callable[[], datetime]) -> Store:
        """The caller holds the directory's lock: migrations run here."""
        with translated(path):
            store = cls(path, busy_seconds, clock)
            try:
                written = version_of(store._writer)
                if 0 < written < len(MIGRATIONS):
                    keep_copy(path, written, len(MIGRATIONS), program_of(store._writer))
                migrate(store._writer, path)
            except BaseException:
                store._writer.close()
                raise
        return store

    @blocking
    def close(self) -> None:
        with self._idle_lock:
            self._closed = True
            readers, self._idle = self._idle, []
        for connection in readers:
            connection.close()
        with self._writing:
            self._writer.close()

    @contextlib.contextmanager
    def read(self) -> Iterator[Rows]:
        """A read transaction: all rows of one moment, however long it lasts."""
        connection = self._borrow()
        try:
            with translated(self.path):
                connection.execute("BEGIN")
                yield Rows(connection)
        finally:
            self._give_back(connection)

    @contextlib.contextmanager
    def alone(self) -> Iterator[sqlite3.Connection]:
        """The writer's connection outside any transaction; others wait."""
        _refuse_on_loop()
        with self._writing:
            yield self._writer

    @contextlib.contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A write transaction: committed and on disk at the end, or as if it had not been.

        Raises `StorageBusyError` when another process writes for too long, `StorageFullError`.
        """
        _refuse_on_loop()
        with self._writing, translated(self.path):
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    @blocking
    def settle(self) -> None:
        """Bring what was committed from the log to the database itself, as far as nobody reads
        what was there before: a log that is damaged or lost later takes nothing with it."""
        not_now = contextlib.suppress(StorageBusyError, StorageFullError)
        with self.alone() as connection, not_now, translated(self.path):
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    @blocking
    def shorten_log(self) -> None:
        """Give the disk back what the log takes, where nobody reads from it just now."""
        log = self.path.with_name(f"{self.path.name}-wal")
        if not log.exists() or log.stat().st_size <= LOG_BYTES:
            return
        # What was to be done is done: nobody is told where this is not.
        not_now = contextlib.suppress(StorageBusyError, StorageFullError)
        with self.alone() as connection, not_now, translated(self.path):
            connection.execute("PRAGMA busy_timeout = 0")
            try:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                connection.execute(f"PRAGMA busy_timeout = {round(self._busy_seconds * 1000)}")

    @property
    def now(self) -> datetime:
        """By the clock that stamps documents."""
        return self._clock()

    def _borrow(self) -> sqlite3.Connection:
        _refuse_on_loop()
        with self._idle_lock:
            if self._idle:
                return self._idle.pop()
        with translated(self.path):
            connection = connect(self.path, self._busy_seconds)
            connection.execute("PRAGMA query_only = ON")
        return connection

    def _give_back(self, connection: sqlite3.Connection) -> None:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        with self._idle_lock:
            if not self._closed and len(self._idle) < IDLE_READERS:
                self._idle.append(connection)
                return
        connection.close()


@blocking
def _refuse_on_loop() -> None:
    return None
