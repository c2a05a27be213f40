"""What becomes of a version of a document that serves no more: it rests, or it is gone.

All of it happens inside the transaction of whoever takes it out.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from knowledge_base.models import BaseId, Document, RestKind, Upload, chunk_id

VERSIONS_RESTING: Final = 5
"""Of one name, that newer or older ones took the place of."""


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


def next_generation(connection: sqlite3.Connection, base_id: BaseId) -> int:
    """Each commit that changes what a base finds has one of its own."""
    (generation,) = connection.execute(
        "UPDATE bases SET generation = generation + 1 WHERE base_id = ? RETURNING generation",
        (base_id,),
    ).fetchone()
    return int(generation)


def take_out(
    connection: sqlite3.Connection, document: Document, generation: int
) -> tuple[int, int]:
    """(first, count) of its chunks. The row stays, so that other processes learn which chunks
    died; its content goes."""
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


def let_rest(
    connection: sqlite3.Connection, document: Document, batch: str, at: int, kind: RestKind
) -> None:
    """It can be brought back, with all that the same act took out."""
    connection.execute(
        "INSERT INTO resting VALUES (?, ?, ?, ?, ?)",
        (document.document_id, document.sha256, batch, at, kind),
    )


def let_replaced_rest(
    connection: sqlite3.Connection, old: Document, upload: Upload, at: int
) -> tuple[str, ...]:
    """Let a version rest that was replaced by one that somebody added, and the oldest of many go,
    whose hashes these are."""
    if upload.batch is None:
        return ()
    kind = RestKind.REPLACED if upload.rest is None else RestKind.UNDONE
    let_rest(connection, old, upload.batch, at, kind)
    dropped = connection.execute(
        """DELETE FROM resting WHERE document_id IN (
            SELECT document_id FROM resting CROSS JOIN documents USING (document_id)
            WHERE base_id = ? AND name = ? AND kind <> 'removed'
            ORDER BY removed_at DESC, document_id DESC LIMIT -1 OFFSET ?
        ) RETURNING sha256""",
        (old.base_id, old.name, VERSIONS_RESTING),
    )
    return tuple(str(sha256) for (sha256,) in dropped.fetchall())


def discard(connection: sqlite3.Connection, hashes: Sequence[str]) -> None:
    """Originals that go although no row will say whose they were."""
    connection.executemany(
        "INSERT OR IGNORE INTO unwanted VALUES (?)", [(sha256,) for sha256 in hashes if sha256]
    )
