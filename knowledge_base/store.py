"""The truth: bases, documents, chunks, terms and vectors in SQLite.

A commit here is what makes a document added, replaced or removed; everything else is a cache.
Every method blocks, and none may be called on an event loop's thread.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

import numpy as np

from knowledge_base.copying import keep_copy
from knowledge_base.embedders.base import Vectors
from knowledge_base.errors import (
    EmbedderMismatchError,
    NameTakenError,
    NoSuchDocumentError,
    NotRestingError,
    StorageBusyError,
    StorageFullError,
)
from knowledge_base.index_files import Leg, SavedSegment
from knowledge_base.models import (
    BaseId,
    ChunkId,
    Document,
    DocumentId,
    KnowledgeBase,
    ParsedDocument,
    RestKind,
    Upload,
    chunk_id,
)
from knowledge_base.offloop import blocking
from knowledge_base.originals import Fate
from knowledge_base.rows import EPOCH, MICROSECOND, Rows
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
VERSIONS_RESTING = 5
"""Of one name, that newer or older ones took the place of."""
_NEXT_GENERATION = (
    "UPDATE bases SET generation = generation + 1 WHERE base_id = ? RETURNING generation"
)
_BIND_EMBEDDER = "UPDATE bases SET fingerprint = ?, embedder = ?, dimension = ? WHERE base_id = ?"


@dataclass(frozen=True, slots=True)
class Claim:
    """Ours: nobody else adds these bytes to this base until it is committed or released."""

    document_id: DocumentId
    base_id: BaseId
    upload: Upload
    sha256: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """Somebody else's, who is alive and at it."""

    document_id: DocumentId


@dataclass(frozen=True, slots=True)
class Held:
    """Live in the base already, perhaps under another name."""

    document: Document
    outdated: Committed | None = None
    """Where it is under another name: the commit that took out what had this one until now."""


@dataclass(frozen=True, slots=True)
class MadeBy:
    """The embedder that made a document's vectors."""

    fingerprint: str
    name: str


@dataclass(frozen=True, slots=True)
class Committed:
    """What a commit did to its base."""

    document: Document
    first: int
    """The n of its first chunk."""
    generation: int
    replaced: Document | None = None
    """The version that it took the place of."""
    removed: tuple[tuple[int, int], ...] = ()
    """(first, count) of the chunks that the same commit removed."""
    dropped: tuple[str, ...] = ()
    """Hashes of originals of older versions that rest no more."""


ClaimOutcome: TypeAlias = "Claim | Claimed | Held"


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

    @blocking
    def ensure_base(self, name: str) -> KnowledgeBase:
        with self.read() as rows:
            base = rows.base_named(name)
        if base is not None:
            return base
        with self.write() as connection:
            connection.execute("INSERT OR IGNORE INTO bases (name) VALUES (?)", (name,))
            created = Rows(connection).base_named(name)
        if created is None:
            raise LookupError(name)
        return created

    @blocking
    def rename(self, name: str, new: str) -> bool:
        """False where no base has the old name, or one has the new."""
        with self.write() as connection:
            cursor = connection.execute(
                "UPDATE OR IGNORE bases SET name = ? WHERE name = ?", (new, name)
            )
            return cursor.rowcount > 0

    @blocking
    def claim(
        self,
        base_id: BaseId,
        upload: Upload,
        sha256: str,
        size: int,
        holder: str,
        alive: Callable[[str], bool],
    ) -> ClaimOutcome:
        """Say that these bytes are being added, unless they are there or somebody is at it.

        Where they are there under another name, what this name stood for until now is taken out:
        it is not what the file says any more. The claim of a holder that is no longer alive is
        taken over.
        """
        with self.write() as connection:
            row = connection.execute(
                """SELECT document_id, state, holder FROM documents
                WHERE base_id = ? AND sha256 = ? AND state IN ('pending', 'ready')""",
                (base_id, sha256),
            ).fetchone()
            if row is not None:
                document_id, state, other = row
                if state == "ready":
                    document = Rows(connection).document(document_id)
                    if document is not None:
                        return Held(document, self._outdated(connection, upload, document))
                if alive(other):
                    return Claimed(document_id)
                connection.execute("DELETE FROM documents WHERE document_id = ?", (document_id,))
            connection.execute(
                "DELETE FROM documents WHERE base_id = ? AND sha256 = ? AND state = 'failed'",
                (base_id, sha256),
            )
            cursor = connection.execute(
                """INSERT INTO documents
                (base_id, name, state, sha256, size, added_at, uploader, uploader_id, holder,
                expires_at, source)
                VALUES (?, ?, 'pending', ?, ?, ?, ?, ?, ?, ?, ?)""",
                (
                    base_id,
                    upload.name,
                    sha256,
                    size,
                    self._now(),
                    upload.uploader,
                    upload.uploader_id,
                    holder,
                    _microseconds(upload.expires_at) if upload.expires_at else None,
                    upload.source,
                ),
            )
            return Claim(DocumentId(cursor.lastrowid or 0), base_id, upload, sha256)

    @blocking
    def pending(self, document_id: DocumentId, alive: Callable[[str], bool]) -> bool:
        """Whether somebody who is alive is still adding it."""
        with self.read() as rows:
            return rows.is_pending(document_id, alive)

    @blocking
    def release(self, claim: Claim, delete_original: Callable[[str], None]) -> None:
        """Take a claim back: nothing of it stays. Harmless once it is committed."""
        with self.write() as connection:
            connection.execute(
                "DELETE FROM documents WHERE document_id = ? AND state = 'pending'",
                (claim.document_id,),
            )
            if not Rows(connection).referenced(claim.sha256):
                delete_original(claim.sha256)

    @blocking
    def collect(self, sha256: str, delete_original: Callable[[str], None]) -> None:
        """Delete an original that no row refers to; nobody can claim it meanwhile."""
        with self.write() as connection:
            if not Rows(connection).referenced(sha256):
                delete_original(sha256)
            connection.execute("DELETE FROM unwanted WHERE sha256 = ?", (sha256,))

    @blocking
    def sweep(self, sweep_originals: Callable[[Callable[[str], Fate]], int]) -> int:
        """Have originals that no document has taken away; nobody can claim one meanwhile."""
        with self.write() as connection:
            swept = sweep_originals(Rows(connection).fate_of)
            connection.execute("DELETE FROM unwanted")
            return swept

    @blocking
    def settle(self) -> None:
        """Bring what was committed from the log to the database itself, as far as nobody reads
        what was there before: a log that is damaged or lost later takes nothing with it."""
        not_now = contextlib.suppress(StorageBusyError, StorageFullError)
        with self.alone() as connection, not_now, translated(self.path):
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    @blocking
    def commit(
        self,
        claim: Claim,
        parsed: ParsedDocument,
        vectors: Vectors | None,
        made_by: MadeBy | None,
    ) -> Committed:
        """Store a claimed document whole and make it the live version of its name.

        `vectors` has shape (len(parsed.chunks), dimension). Raises `EmbedderMismatchError`; for
        what is brought back `NameTakenError`, and `NotRestingError` where it was erased meanwhile
        or somebody else was faster.
        """
        with self.write() as connection:
            if vectors is not None and made_by is not None:
                _require_embedder(connection, claim.base_id, made_by, vectors.shape[1])
            count = len(parsed.chunks)
            generation, after = connection.execute(
                """UPDATE bases SET generation = generation + 1, next_chunk = next_chunk + ?
                WHERE base_id = ? RETURNING generation, next_chunk""",
                (count, claim.base_id),
            ).fetchone()
            first = after - count
            old = Rows(connection).document_named(claim.base_id, claim.upload.name)
            _lift(connection, claim.upload, old)
            removed: tuple[tuple[int, int], ...] = ()
            dropped: tuple[str, ...] = ()
            if old is not None:
                removed = (take_out(connection, old, generation),)
                dropped = self._rest(connection, old, claim.upload)
            version = 1 if old is None else old.version + 1
            changed = connection.execute(
                """UPDATE documents SET state = 'ready', version = ?, media_type = ?, pages = ?,
                first_chunk = ?, passages = ?, embedded = ?, generation = ?, added_at = ?,
                holder = NULL
                WHERE document_id = ? AND state = 'pending'""",
                (
                    version,
                    parsed.media_type,
                    parsed.pages,
                    first,
                    count,
                    vectors is not None,
                    generation,
                    self._now(),
                    claim.document_id,
                ),
            ).rowcount
            if changed != 1:
                # Only when our lock file was swept from under us: somebody else adds it now.
                raise LookupError(claim.upload.name)
            _insert(connection, claim, first, parsed, vectors)
            document = Rows(connection).document(claim.document_id)
        if document is None:
            raise LookupError(claim.upload.name)
        return Committed(document, first, generation, old, removed, dropped)

    def _outdated(
        self, connection: sqlite3.Connection, upload: Upload, held: Document
    ) -> Committed | None:
        if upload.name == held.name or upload.rest is not None:
            return None
        old = Rows(connection).document_named(held.base_id, upload.name)
        if old is None:
            return None
        (generation,) = connection.execute(_NEXT_GENERATION, (held.base_id,)).fetchone()
        span = take_out(connection, old, generation)
        dropped = self._rest(connection, old, upload)
        return Committed(old, span[0], generation, removed=(span,), dropped=dropped)

    def _rest(
        self, connection: sqlite3.Connection, old: Document, upload: Upload
    ) -> tuple[str, ...]:
        """Let a version rest that was replaced by one that somebody added, and the oldest of many
        go, whose hashes these are."""
        if upload.batch is None:
            return ()
        kind = RestKind.REPLACED if upload.rest is None else RestKind.UNDONE
        connection.execute(
            "INSERT INTO resting VALUES (?, ?, ?, ?, ?)",
            (old.document_id, old.sha256, upload.batch, self._now(), kind),
        )
        dropped = connection.execute(
            """DELETE FROM resting WHERE document_id IN (
                SELECT document_id FROM resting CROSS JOIN documents USING (document_id)
                WHERE base_id = ? AND name = ? AND kind <> 'removed'
                ORDER BY removed_at DESC, document_id DESC LIMIT -1 OFFSET ?
            ) RETURNING sha256""",
            (old.base_id, old.name, VERSIONS_RESTING),
        )
        return tuple(str(sha256) for (sha256,) in dropped.fetchall())

    @blocking
    def remove(self, base_id: BaseId, name: str, batch: str | None = None) -> Committed:
        """With a batch it rests. Raises `NoSuchDocumentError`, which names the nearest."""
        with self.write() as connection:
            rows = Rows(connection)
            document = rows.document_named(base_id, name)
            if document is None:
                raise NoSuchDocumentError(name, _near(name, rows.documents(base_id)))
            (generation,) = connection.execute(_NEXT_GENERATION, (base_id,)).fetchone()
            span = take_out(connection, document, generation)
            if batch is not None:
                connection.execute(
                    "INSERT INTO resting VALUES (?, ?, ?, ?, ?)",
                    (
                        document.document_id,
                        document.sha256,
                        batch,
                        self._now(),
                        RestKind.REMOVED,
                    ),
                )
            gone = rows.document(document.document_id)
        return Committed(gone or document, span[0], generation, removed=(span,))

    @blocking
    def empty(self, base_id: BaseId) -> tuple[str, ...]:
        """Take out all that a base has, names included; the hashes of what its originals were.

        The base stays, so that its number is never another one's.
        """
        with self.write() as connection:
            rows = Rows(connection)
            hashes = connection.execute(
                "SELECT DISTINCT sha256 FROM documents WHERE base_id = ?", (base_id,)
            ).fetchall()
            (generation,) = connection.execute(_NEXT_GENERATION, (base_id,)).fetchone()
            for document in rows.documents(base_id):
                take_out(connection, document, generation)
            connection.execute(
                "DELETE FROM resting WHERE document_id IN"
                " (SELECT document_id FROM documents WHERE base_id = ?)",
                (base_id,),
            )
            discard(connection, [sha256 for (sha256,) in hashes])
            # Other processes learn from these rows which chunks died, and nothing else.
            connection.execute(
                """UPDATE documents SET name = '', uploader = NULL, uploader_id = NULL,
                failure = NULL, sha256 = '', size = 0, source = NULL
                WHERE base_id = ? AND state = 'removed'""",
                (base_id,),
            )
            connection.execute(
                "DELETE FROM documents WHERE base_id = ? AND state = 'failed'", (base_id,)
            )
            connection.execute("DELETE FROM segments WHERE base_id = ?", (base_id,))
            connection.execute("DELETE FROM calibrations WHERE base_id = ?", (base_id,))
            connection.execute("UPDATE bases SET erased = generation WHERE base_id = ?", (base_id,))
        return tuple(str(sha256) for (sha256,) in hashes if sha256)

    @blocking
    def add_vectors(
        self, base_id: BaseId, document_id: DocumentId, vectors: Vectors, made_by: MadeBy
    ) -> None:
        """Give a live document that has none its vectors. Raises `EmbedderMismatchError`.

        The saved vectors of the base lose their worth: they miss what is older than they are.
        """
        with self.write() as connection:
            _require_embedder(connection, base_id, made_by, vectors.shape[1])
            (generation,) = connection.execute(_NEXT_GENERATION, (base_id,)).fetchone()
            changed = connection.execute(
                """UPDATE documents SET embedded = 1, generation = ?
                WHERE document_id = ? AND state = 'ready' AND embedded = 0""",
                (generation, document_id),
            ).rowcount
            if changed:
                connection.execute(
                    "INSERT INTO vectors VALUES (?, ?)", (document_id, _blob(vectors))
                )
            connection.execute(
                "DELETE FROM segments WHERE base_id = ? AND leg = ?", (base_id, Leg.DENSE)
            )

    @blocking
    def save_calibration(self, base_id: BaseId, calibration: str) -> None:
        with self.write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO calibrations VALUES (?, ?)", (base_id, calibration)
            )

    @blocking
    def fail_interrupted(self, alive: Callable[[str], bool]) -> tuple[str, ...]:
        """Mark what processes that died were adding; the names, for the log."""
        with self.write() as connection:
            rows = connection.execute(
                "SELECT document_id, name, holder FROM documents WHERE state = 'pending'"
            ).fetchall()
            dead = [(document_id, name) for document_id, name, holder in rows if not alive(holder)]
            connection.executemany(
                """UPDATE documents SET state = 'failed', failure = 'interrupted', holder = NULL
                WHERE document_id = ?""",
                [(document_id,) for document_id, _ in dead],
            )
        return tuple(name for _, name in dead)

    @blocking
    def save_segments(self, base_id: BaseId, segments: Sequence[SavedSegment]) -> None:
        """Vouch for these files and for no others of the base.

        For none, where something was erased since they were made.
        """
        with self.write() as connection:
            erased = Rows(connection).erased(base_id)
            if any(segment.generation < erased for segment in segments):
                return
            connection.execute("DELETE FROM segments WHERE base_id = ?", (base_id,))
            connection.executemany(
                "INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        base_id,
                        s.leg,
                        s.low,
                        s.high,
                        s.generation,
                        *astuple(s.written),
                        s.kind,
                        s.count,
                    )
                    for s in segments
                ],
            )

    def _now(self) -> int:
        return _microseconds(self._clock())

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


def _microseconds(at: datetime) -> int:
    return (at - EPOCH) // MICROSECOND


@blocking
def _refuse_on_loop() -> None:
    return None


def _require_embedder(
    connection: sqlite3.Connection, base_id: BaseId, made_by: MadeBy, dimension: int
) -> None:
    """The base's first vectors say which embedder it keeps, for as long as it has any."""
    parameters = (made_by.fingerprint, made_by.name, dimension, base_id)
    base = Rows(connection).base(base_id)
    if base is None:
        raise LookupError(base_id)
    if base.fingerprint is None:
        connection.execute(_BIND_EMBEDDER, parameters)
    elif (base.fingerprint, base.dimension) != (made_by.fingerprint, dimension):
        if not Rows(connection).has_vectors(base_id):
            connection.execute(_BIND_EMBEDDER, parameters)
            return
        stored = Rows(connection).embedder_name(base_id) or base.fingerprint
        raise EmbedderMismatchError(base.name, stored, made_by.name)


def _lift(connection: sqlite3.Connection, upload: Upload, held: Document | None) -> None:
    """What is brought back rests no more; both in one transaction, so that it is never nowhere."""
    if upload.rest is None:
        return
    lifted = connection.execute(
        "DELETE FROM resting WHERE document_id = ? RETURNING kind", (upload.rest,)
    ).fetchone()
    if held is not None and (lifted is None or lifted == (RestKind.REMOVED,)):
        raise NameTakenError(upload.name)
    if lifted is None:
        raise NotRestingError(upload.name)


def discard(connection: sqlite3.Connection, hashes: Sequence[str]) -> None:
    """Originals that go although no row will say whose they were."""
    connection.executemany(
        "INSERT OR IGNORE INTO unwanted VALUES (?)", [(sha256,) for sha256 in hashes if sha256]
    )


def take_out(
    connection: sqlite3.Connection, document: Document, generation: int
) -> tuple[int, int]:
    """The row stays, so that other processes learn which chunks died; its content goes."""
    (first,) = connection.execute(
        """UPDATE documents SET state = 'removed', generation = ? WHERE document_id = ?
        RETURNING first_chunk""",
        (generation, document.document_id),
    ).fetchone()
    low = chunk_id(document.base_id, first)
    span = (low, low + document.passages)
    hints = connection.execute("DELETE FROM hints WHERE chunk_id >= ? AND chunk_id < ?", span)
    if hints.rowcount:
        connection.execute(
            "UPDATE bases SET hinted = hinted + 1 WHERE base_id = ?", (document.base_id,)
        )
    connection.execute("DELETE FROM terms WHERE chunk_id >= ? AND chunk_id < ?", span)
    connection.execute("DELETE FROM chunks WHERE chunk_id >= ? AND chunk_id < ?", span)
    connection.execute("DELETE FROM vectors WHERE document_id = ?", (document.document_id,))
    connection.execute("DELETE FROM next_vectors WHERE document_id = ?", (document.document_id,))
    return int(first), document.passages


def _insert(
    connection: sqlite3.Connection,
    claim: Claim,
    first: int,
    parsed: ParsedDocument,
    vectors: Vectors | None,
) -> None:
    ids: list[ChunkId] = [chunk_id(claim.base_id, first + at) for at in range(len(parsed.chunks))]
    connection.executemany(
        "INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?)",
        [
            (chunk, claim.document_id, ordinal, draft.text, draft.heading, draft.page)
            for ordinal, (chunk, draft) in enumerate(zip(ids, parsed.chunks, strict=True))
        ],
    )
    connection.executemany(
        "INSERT INTO terms VALUES (?, ?)",
        [(chunk, draft.terms) for chunk, draft in zip(ids, parsed.chunks, strict=True)],
    )
    if vectors is not None:
        if vectors.shape[0] != len(ids):
            raise ValueError(f"{vectors.shape[0]} vectors for {len(ids)} chunks")
        connection.execute("INSERT INTO vectors VALUES (?, ?)", (claim.document_id, _blob(vectors)))


def _blob(vectors: Vectors) -> bytes:
    return np.ascontiguousarray(vectors, dtype="<f4").tobytes()


def _near(name: str, documents: Sequence[Document]) -> tuple[str, ...]:
    import difflib

    names = [document.name for document in documents]
    return tuple(difflib.get_close_matches(name, names, n=3, cutoff=0.5))
