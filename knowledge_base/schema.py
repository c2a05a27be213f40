"""The tables of `knowledge.db`, and connections to it."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from knowledge_base.errors import (
    StorageBusyError,
    StorageFullError,
    StoreCorruptError,
    StoreTooNewError,
)

PROGRAM: Final = "0.1.0"
"""The version of this program, as databases tell which one wrote them."""
FULL = {
    sqlite3.SQLITE_FULL,
    # A quota, or a limit on the size of files, is told as a failed write.
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_TRUNCATE,
    sqlite3.SQLITE_IOERR_SHMSIZE,
}
BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what SQLite reports of disk, locks and damage into errors of this package."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0)
        primary = code & 0xFF
        if code in FULL or primary == sqlite3.SQLITE_FULL:
            raise StorageFullError from error
        if primary in BUSY:
            raise StorageBusyError from error
        if primary in CORRUPT:
            raise StoreCorruptError(str(path)) from error
        raise


def connect(path: Path, busy_seconds: float) -> sqlite3.Connection:
    """A connection for explicit transactions, usable from any one thread at a time."""
    connection = sqlite3.connect(
        path, timeout=busy_seconds, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the tables up to date, each step in one transaction.

    Raises `StoreTooNewError` for a file of a later version.
    """
    connection.execute("PRAGMA journal_mode = WAL")
    written = version_of(connection)
    if written > len(MIGRATIONS):
        raise StoreTooNewError(str(path), written, len(MIGRATIONS), program_of(connection))
    for version, statements in enumerate(MIGRATIONS[written:], start=written + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {version}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    if written < len(MIGRATIONS) or program_of(connection) is None:
        connection.executescript(f"BEGIN IMMEDIATE; {';'.join(note_program())}; COMMIT;")


def version_of(connection: sqlite3.Connection) -> int:
    """The number of the last migration that ran; 0 for a new file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def program_of(connection: sqlite3.Connection) -> str | None:
    """The version of the program that brought the tables to what they are, if it said so."""
    tables = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'written_by'")
    if tables.fetchone() is None:
        return None
    row = connection.execute("SELECT program FROM written_by").fetchone()
    return None if row is None else str(row[0])


def note_program() -> tuple[str, ...]:
    """Statements that record this program as the one that wrote the tables; of any database."""
    return (
        "CREATE TABLE IF NOT EXISTS written_by (program TEXT NOT NULL) STRICT",
        "DELETE FROM written_by",
        f"INSERT INTO written_by VALUES ('{PROGRAM}')",  # noqa: S608 - our own constant
    )


M001_SPINE = (
    """
    CREATE TABLE bases (
        base_id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        -- Of the embedder that made the vectors; null until there is one.
        fingerprint TEXT,
        embedder TEXT,
        dimension INTEGER,
        -- Raised by every commit that changes what a search finds.
        generation INTEGER NOT NULL DEFAULT 0,
        -- The n of the next chunk; never goes back.
        next_chunk INTEGER NOT NULL DEFAULT 0
    ) STRICT
    """,
    """
    CREATE TABLE documents (
        document_id INTEGER PRIMARY KEY,
        base_id INTEGER NOT NULL REFERENCES bases,
        name TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('pending', 'ready', 'failed', 'removed')),
        version INTEGER NOT NULL DEFAULT 1,
        sha256 TEXT NOT NULL,
        size INTEGER NOT NULL,
        media_type TEXT NOT NULL DEFAULT '',
        pages INTEGER,
        -- Its chunks are base << 32 | n for n from first_chunk on.
        first_chunk INTEGER NOT NULL DEFAULT 0,
        passages INTEGER NOT NULL DEFAULT 0,
        -- Whether its chunks have vectors.
        embedded INTEGER NOT NULL DEFAULT 0,
        -- Of the base, at the commit that made it ready or removed it.
        generation INTEGER NOT NULL DEFAULT 0,
        added_at INTEGER NOT NULL,
        uploader TEXT,
        -- While pending: who is adding it.
        holder TEXT,
        failure TEXT
    ) STRICT
    """,
    # One claim on the same bytes, and one live version of a name.
    "CREATE UNIQUE INDEX documents_by_hash ON documents (base_id, sha256)"
    " WHERE state IN ('pending', 'ready')",
    "CREATE UNIQUE INDEX documents_by_name ON documents (base_id, name) WHERE state = 'ready'",
    "CREATE INDEX documents_by_chunk ON documents (base_id, first_chunk) WHERE state = 'ready'",
    "CREATE INDEX documents_by_generation ON documents (base_id, generation)",
    "CREATE INDEX documents_by_original ON documents (sha256) WHERE state IN ('pending', 'ready')",
    "CREATE INDEX documents_in_work ON documents (state) WHERE state = 'pending'",
    """
    CREATE TABLE chunks (
        chunk_id INTEGER PRIMARY KEY,
        document_id INTEGER NOT NULL REFERENCES documents,
        ordinal INTEGER NOT NULL,
        text TEXT NOT NULL,
        heading TEXT,
        page INTEGER
    ) STRICT
    """,
    # Foreign keys look up a parent's children when it goes.
    "CREATE INDEX chunks_by_document ON chunks (document_id)",
    """
    CREATE TABLE terms (
        chunk_id INTEGER PRIMARY KEY REFERENCES chunks,
        terms BLOB NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE vectors (
        -- A document's vectors lie together, in the order of its chunks: float32, little endian.
        document_id INTEGER PRIMARY KEY REFERENCES documents,
        vectors BLOB NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE segments (
        base_id INTEGER NOT NULL REFERENCES bases,
        -- Holds the chunks low <= n < high that were alive at the generation.
        low INTEGER NOT NULL,
        high INTEGER NOT NULL,
        generation INTEGER NOT NULL,
        file TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        kind TEXT NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (base_id, low)
    ) STRICT
    """,
    """
    CREATE TABLE calibrations (
        base_id INTEGER PRIMARY KEY REFERENCES bases,
        calibration TEXT NOT NULL
    ) STRICT
    """,
)
M002_UPLOADERS = (
    # Names change and are not unique: what somebody added is found by this.
    "ALTER TABLE documents ADD COLUMN uploader_id TEXT",
)
M003_EXPIRY = (
    # From then on no search finds it; microseconds, as added_at.
    "ALTER TABLE documents ADD COLUMN expires_at INTEGER",
)
M004_ERASING = (
    # The generation at which something was erased last: no older vector may come back from the
    # memory or the files of a process that has not looked since.
    "ALTER TABLE bases ADD COLUMN erased INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX documents_by_uploader ON documents (uploader_id) WHERE uploader_id IS NOT NULL",
)
M005_SOURCES = (
    # Address of the page of the web that it was fetched from.
    "ALTER TABLE documents ADD COLUMN source TEXT",
)
M006_RESTING = (
    """
    CREATE TABLE resting (
        -- Removed, and to be brought back: its original stays.
        document_id INTEGER PRIMARY KEY REFERENCES documents,
        sha256 TEXT NOT NULL,
        -- The same for all that one act removed.
        batch TEXT NOT NULL,
        removed_at INTEGER NOT NULL
    ) STRICT
    """,
    "CREATE INDEX resting_by_original ON resting (sha256)",
    "CREATE INDEX resting_by_time ON resting (removed_at)",
)
M007_INDEX_FILES = (
    # It speaks of files that can be made again, which are laid out otherwise from now on.
    "DROP TABLE segments",
    """
    CREATE TABLE segments (
        base_id INTEGER NOT NULL REFERENCES bases,
        leg TEXT NOT NULL CHECK (leg IN ('dense', 'lexical')),
        -- Holds the chunks low <= id < high that were alive at the generation.
        low INTEGER NOT NULL,
        high INTEGER NOT NULL,
        generation INTEGER NOT NULL,
        file TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        size INTEGER NOT NULL,
        -- When it was written, in nanoseconds, as the file system tells it.
        modified INTEGER NOT NULL,
        kind TEXT NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (base_id, leg, low)
    ) STRICT
    """,
)
M008_REEMBEDDING = (
    """
    CREATE TABLE next_vectors (
        -- Of another embedder than the base's; they wait until all of its documents have some.
        document_id INTEGER PRIMARY KEY REFERENCES documents,
        fingerprint TEXT NOT NULL,
        vectors BLOB NOT NULL
    ) STRICT
    """,
)
M009_VERSIONS = (
    # Versions that were replaced rest as well: an older one may take the place of its successor.
    """ALTER TABLE resting ADD COLUMN kind TEXT NOT NULL DEFAULT 'removed'
    CHECK (kind IN ('removed', 'replaced', 'undone'))""",
)
M010_EMBEDDERS = (
    """
    CREATE TABLE embedders (
        fingerprint TEXT PRIMARY KEY,
        -- How it was opened, as the program around wrote it: bases whose vectors it made are
        -- searched by it until they have others.
        recipe TEXT NOT NULL
    ) STRICT
    """,
)
M011_HINTS = (
    """
    CREATE TABLE hints (
        -- What an engine wrote about a passage, so that it is found by other words too; it is
        -- never quoted. No texts: it was looked at, and nothing was kept.
        chunk_id INTEGER PRIMARY KEY REFERENCES chunks,
        document_id INTEGER NOT NULL REFERENCES documents,
        texts TEXT NOT NULL,
        -- Of the passage and of the texts together.
        terms BLOB NOT NULL,
        -- Of the embedder; null: there are no vectors.
        fingerprint TEXT,
        -- One for each text: float32, little endian.
        vectors BLOB NOT NULL,
        -- Who wrote them.
        engine TEXT NOT NULL
    ) STRICT
    """,
    # Foreign keys look up a parent's children when it goes.
    "CREATE INDEX hints_by_document ON hints (document_id)",
    # Raised by whatever changes them, so that whoever has them in memory reads them anew.
    "ALTER TABLE bases ADD COLUMN hinted INTEGER NOT NULL DEFAULT 0",
)
M012_UNWANTED = (
    """
    CREATE TABLE unwanted (
        -- An original that is to be deleted, and no row says any more whose it was. Any other file
        -- without a row is one that the database has lost, and is kept.
        sha256 TEXT PRIMARY KEY
    ) STRICT
    """,
)
M013_WAITING_VECTORS = (
    # Two processes with different embedders let theirs wait side by side.
    """
    CREATE TABLE waiting_vectors (
        document_id INTEGER NOT NULL REFERENCES documents,
        -- Of another embedder than the base's; they wait until all of its documents have some.
        fingerprint TEXT NOT NULL,
        vectors BLOB NOT NULL,
        PRIMARY KEY (document_id, fingerprint)
    ) STRICT
    """,
    "INSERT INTO waiting_vectors SELECT document_id, fingerprint, vectors FROM next_vectors",
    "DROP TABLE next_vectors",
    "ALTER TABLE waiting_vectors RENAME TO next_vectors",
)
M014_RENAMING = (
    # Generation of the base at the commit that gave it another name: what was made of its words
    # before that knows it by its old one.
    "ALTER TABLE documents ADD COLUMN renamed INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX documents_by_renaming ON documents (base_id, renamed) WHERE renamed > 0",
)
MIGRATIONS = (
    M001_SPINE, M002_UPLOADERS, M003_EXPIRY, M004_ERASING, M005_SOURCES, M006_RESTING,
    M007_INDEX_FILES, M008_REEMBEDDING, M009_VERSIONS, M010_EMBEDDERS,
    M011_HINTS, M012_UNWANTED, M013_WAITING_VECTORS, M014_RENAMING,
)  # fmt: skip
