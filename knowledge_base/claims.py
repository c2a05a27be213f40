"""Who adds what: the claims on bytes, and the originals that nobody claims any more.

A claim is a PENDING row, one for the same bytes in a base, whichever process has it. Originals are
deleted inside a write transaction: so nobody can claim one meanwhile.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from knowledge_base.models import BaseId, Document, DocumentId, Upload
from knowledge_base.offloop import blocking
from knowledge_base.originals import Fate
from knowledge_base.rows import Rows
from knowledge_base.rows.times import microseconds
from knowledge_base.store import Store
from knowledge_base.versions import Committed, let_replaced_rest, next_generation, take_out


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


ClaimOutcome: TypeAlias = "Claim | Claimed | Held"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who claims, and how one tells whether another who did is alive."""

    name: str
    alive: Callable[[str], bool]


@blocking
def claim(
    store: Store, base_id: BaseId, upload: Upload, sha256: str, size: int, holder: Holder
) -> ClaimOutcome:
    """Say that these bytes are being added, unless they are there or somebody is at it.

    Where they are there under another name, what this name stood for until now is taken out: it is
    not what the file says any more. The claim of a holder that is no longer alive is taken over.
    """
    with store.write() as connection:
        row = connection.execute(
            """SELECT document_id, state, holder FROM documents
            WHERE base_id = ? AND sha256 = ? AND state IN ('pending', 'ready')""",
            (base_id, sha256),
        ).fetchone()
        if row is not None:
            document_id, state, other = row
            if state == "ready":
                document = Rows(connection).documents.find(document_id)
                if document is not None:
                    outdated = _outdated(connection, upload, document, microseconds(store.now))
                    return Held(document, outdated)
            if holder.alive(other):
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
                microseconds(store.now),
                upload.uploader,
                upload.uploader_id,
                holder.name,
                microseconds(upload.expires_at) if upload.expires_at else None,
                upload.source,
            ),
        )
        return Claim(DocumentId(cursor.lastrowid or 0), base_id, upload, sha256)


def _outdated(
    connection: sqlite3.Connection, upload: Upload, held: Document, at: int
) -> Committed | None:
    if upload.name == held.name or upload.rest is not None:
        return None
    old = Rows(connection).documents.named(held.base_id, upload.name)
    if old is None:
        return None
    generation = next_generation(connection, held.base_id)
    span = take_out(connection, old, generation)
    dropped = let_replaced_rest(connection, old, upload, at)
    return Committed(old, span[0], generation, removed=(span,), dropped=dropped)


@blocking
def is_pending(store: Store, document_id: DocumentId, alive: Callable[[str], bool]) -> bool:
    """Whether somebody who is alive is still adding it."""
    with store.read() as rows:
        return rows.documents.is_pending(document_id, alive)


@blocking
def release(store: Store, own: Claim, delete_original: Callable[[str], None]) -> None:
    """Take a claim back: nothing of it stays. Harmless once it is committed."""
    with store.write() as connection:
        connection.execute(
            "DELETE FROM documents WHERE document_id = ? AND state = 'pending'",
            (own.document_id,),
        )
        if not Rows(connection).resting.is_wanted(own.sha256):
            delete_original(own.sha256)


@blocking
def fail_interrupted(store: Store, alive: Callable[[str], bool]) -> tuple[str, ...]:
    """Mark what processes that died were adding; the names, for the log."""
    with store.write() as connection:
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
def collect(store: Store, sha256: str, delete_original: Callable[[str], None]) -> None:
    """Delete an original that no row refers to."""
    with store.write() as connection:
        if not Rows(connection).resting.is_wanted(sha256):
            delete_original(sha256)
        connection.execute("DELETE FROM unwanted WHERE sha256 = ?", (sha256,))


@blocking
def sweep(store: Store, sweep_originals: Callable[[Callable[[str], Fate]], int]) -> int:
    """Have originals that no document has taken away."""
    with store.write() as connection:
        swept = sweep_originals(Rows(connection).resting.fate_of)
        connection.execute("DELETE FROM unwanted")
        return swept
