"""Documents in and out of the store, each whole in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from knowledge_base.claims import Claim
from knowledge_base.embedders.base import Vectors
from knowledge_base.errors import (
    EmbedderMismatchError,
    NameTakenError,
    NoSuchDocumentError,
    NotRestingError,
)
from knowledge_base.index_files import Leg
from knowledge_base.models import (
    BaseId,
    ChunkId,
    Document,
    DocumentId,
    ParsedDocument,
    RestKind,
    Upload,
    chunk_id,
)
from knowledge_base.offloop import blocking
from knowledge_base.rows import Rows
from knowledge_base.rows.times import microseconds
from knowledge_base.store import Store
from knowledge_base.versions import (
    Committed,
    let_replaced_rest,
    let_rest,
    next_generation,
    take_out,
)

_BIND_EMBEDDER = "UPDATE bases SET fingerprint = ?, embedder = ?, dimension = ? WHERE base_id = ?"


@dataclass(frozen=True, slots=True)
class MadeBy:
    """The embedder that made a document's vectors."""

    fingerprint: str
    name: str


@blocking
def commit(
    store: Store,
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
    with store.write() as connection:
        if vectors is not None and made_by is not None:
            _require_embedder(connection, claim.base_id, made_by, vectors.shape[1])
        count = len(parsed.chunks)
        generation, after = connection.execute(
            """UPDATE bases SET generation = generation + 1, next_chunk = next_chunk + ?
            WHERE base_id = ? RETURNING generation, next_chunk""",
            (count, claim.base_id),
        ).fetchone()
        first = after - count
        at = microseconds(store.now)
        old = Rows(connection).documents.named(claim.base_id, claim.upload.name)
        _lift(connection, claim.upload, old)
        removed: tuple[tuple[int, int], ...] = ()
        dropped: tuple[str, ...] = ()
        if old is not None:
            removed = (take_out(connection, old, generation),)
            dropped = let_replaced_rest(connection, old, claim.upload, at)
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
                at,
                claim.document_id,
            ),
        ).rowcount
        if changed != 1:
            # Only when our lock file was swept from under us: somebody else adds it now.
            raise LookupError(claim.upload.name)
        _insert(connection, claim, first, parsed, vectors)
        document = Rows(connection).documents.find(claim.document_id)
    if document is None:
        raise LookupError(claim.upload.name)
    return Committed(document, first, generation, old, removed, dropped)


@blocking
def remove(store: Store, base_id: BaseId, name: str, batch: str | None = None) -> Committed:
    """With a batch it rests. Raises `NoSuchDocumentError`, which names the nearest."""
    with store.write() as connection:
        rows = Rows(connection)
        document = rows.documents.named(base_id, name)
        if document is None:
            raise NoSuchDocumentError(name, _near(name, rows.documents.live(base_id)))
        generation = next_generation(connection, base_id)
        span = take_out(connection, document, generation)
        if batch is not None:
            at = microseconds(store.now)
            let_rest(connection, document, batch, at, RestKind.REMOVED)
        gone = rows.documents.find(document.document_id)
    return Committed(gone or document, span[0], generation, removed=(span,))


@blocking
def add_vectors(
    store: Store, base_id: BaseId, document_id: DocumentId, vectors: Vectors, made_by: MadeBy
) -> None:
    """Give a live document that has none its vectors. Raises `EmbedderMismatchError`.

    The saved vectors of the base lose their worth: they miss what is older than they are.
    """
    with store.write() as connection:
        _require_embedder(connection, base_id, made_by, vectors.shape[1])
        generation = next_generation(connection, base_id)
        changed = connection.execute(
            """UPDATE documents SET embedded = 1, generation = ?
            WHERE document_id = ? AND state = 'ready' AND embedded = 0""",
            (generation, document_id),
        ).rowcount
        if changed:
            connection.execute("INSERT INTO vectors VALUES (?, ?)", (document_id, _blob(vectors)))
        connection.execute(
            "DELETE FROM segments WHERE base_id = ? AND leg = ?", (base_id, Leg.DENSE)
        )


def _require_embedder(
    connection: sqlite3.Connection, base_id: BaseId, made_by: MadeBy, dimension: int
) -> None:
    """The base's first vectors say which embedder it keeps, for as long as it has any."""
    parameters = (made_by.fingerprint, made_by.name, dimension, base_id)
    rows = Rows(connection)
    base = rows.bases.find(base_id)
    if base is None:
        raise LookupError(base_id)
    if base.fingerprint is None:
        connection.execute(_BIND_EMBEDDER, parameters)
    elif (base.fingerprint, base.dimension) != (made_by.fingerprint, dimension):
        if not rows.vectors.has_any(base_id):
            connection.execute(_BIND_EMBEDDER, parameters)
            return
        stored = rows.bases.embedder_name(base_id) or base.fingerprint
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
