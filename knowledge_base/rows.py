"""Reading `knowledge.db`: everything here sees one state of it, that of its transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowledge_base.embedders.base import Vectors
from knowledge_base.hints import Hint, with_terms
from knowledge_base.index_files import Leg, SavedSegment, Written
from knowledge_base.models import (
    BaseId,
    Chunk,
    ChunkId,
    Document,
    DocumentId,
    DocumentState,
    Extent,
    KnowledgeBase,
    Passage,
    Unready,
    chunk_id,
)
from knowledge_base.originals import Fate
from knowledge_base.splitter import searched
from knowledge_base.terms import TERMS_VERSION, Terms, pack_terms, terms_of, unpack_terms

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
VARIABLES = 500
"""Ids in one statement; SQLite allows more, but compiles each length anew."""

_BASE = "SELECT base_id, name, fingerprint, dimension, generation FROM bases"
_DOCUMENT = """SELECT document_id, base_id, name, state, version, sha256, size, media_type,
    passages, added_at, uploader, pages, uploader_id, expires_at, source FROM documents"""
_CHUNK = "SELECT chunk_id, document_id, ordinal, text, heading, page FROM chunks"


@dataclass(frozen=True, slots=True)
class Span:
    """Which chunks a document has: first <= n < first + count."""

    document_id: DocumentId
    first: int
    count: int
    live: bool
    embedded: bool
    """Whether they have vectors."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts of what a base's live documents say they have, and of what is there."""

    documents: int
    passages: int
    size: int
    chunks: int
    terms: int
    vector_bytes: int


class Rows:
    """One read transaction; only valid inside it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def bases(self) -> tuple[KnowledgeBase, ...]:
        # A base that was erased keeps its number, and nobody asks it.
        rows = self._connection.execute(f"{_BASE} WHERE name NOT LIKE 'erased:%' ORDER BY name")
        return tuple(KnowledgeBase(*row) for row in rows)

    def extent(self) -> Extent:
        """Of all bases together."""
        row = self._connection.execute(
            """SELECT COUNT(DISTINCT base_id), COUNT(*), COALESCE(SUM(passages), 0),
            COALESCE(SUM(size), 0) FROM documents WHERE state = 'ready'"""
        ).fetchone()
        return Extent(*row)

    def base(self, base_id: BaseId) -> KnowledgeBase | None:
        row = self._connection.execute(f"{_BASE} WHERE base_id = ?", (base_id,)).fetchone()
        return KnowledgeBase(*row) if row else None

    def base_named(self, name: str) -> KnowledgeBase | None:
        row = self._connection.execute(f"{_BASE} WHERE name = ?", (name,)).fetchone()
        return KnowledgeBase(*row) if row else None

    def embedder_name(self, base_id: BaseId) -> str | None:
        """Of the embedder that made the base's vectors."""
        statement = "SELECT embedder FROM bases WHERE base_id = ?"
        row = self._connection.execute(statement, (base_id,)).fetchone()
        return row[0] if row else None

    def recipe(self, fingerprint: str) -> str | None:
        """How the embedder was opened that makes these vectors."""
        statement = "SELECT recipe FROM embedders WHERE fingerprint = ?"
        row = self._connection.execute(statement, (fingerprint,)).fetchone()
        return row[0] if row else None

    def generation(self, base_id: BaseId) -> int:
        statement = "SELECT generation FROM bases WHERE base_id = ?"
        row = self._connection.execute(statement, (base_id,)).fetchone()
        return int(row[0]) if row else 0

    def erased(self, base_id: BaseId) -> int:
        """The generation at which something was erased last."""
        statement = "SELECT erased FROM bases WHERE base_id = ?"
        row = self._connection.execute(statement, (base_id,)).fetchone()
        return int(row[0]) if row else 0

    def added_by(self, uploader_id: str) -> tuple[Document, ...]:
        """What somebody added and can be found, in all bases, by base and name."""
        statement = f"{_DOCUMENT} WHERE uploader_id = ? AND state = 'ready' ORDER BY base_id, name"
        return tuple(map(document_of, self._connection.execute(statement, (uploader_id,))))

    def documents(self, base_id: BaseId) -> tuple[Document, ...]:
        """The live ones, sorted by name."""
        statement = f"{_DOCUMENT} WHERE base_id = ? AND state = 'ready' ORDER BY name"
        return tuple(document_of(row) for row in self._connection.execute(statement, (base_id,)))

    def unready(self, base_id: BaseId) -> Unready:
        """What is on its way or was broken off, and what has no vectors yet."""
        where = "WHERE base_id = ? AND state IN ('pending', 'failed') ORDER BY name"
        unfinished = self._connection.execute(f"{_DOCUMENT} {where}", (base_id,))
        bare = self._connection.execute(
            "SELECT document_id FROM documents"
            " WHERE base_id = ? AND state = 'ready' AND embedded = 0",
            (base_id,),
        )
        return Unready(
            tuple(document_of(row) for row in unfinished),
            frozenset(DocumentId(document_id) for (document_id,) in bare),
        )

    def document_named(self, base_id: BaseId, name: str) -> Document | None:
        statement = f"{_DOCUMENT} WHERE base_id = ? AND name = ? AND state = 'ready'"
        row = self._connection.execute(statement, (base_id, name)).fetchone()
        return document_of(row) if row else None

    def names(
        self,
        base_id: BaseId,
        limit: int,
        begin: str = "",
        *,
        end: str = "",
        uploader_id: str | None = None,
    ) -> Iterator[str]:
        """At most so many names of live documents that begin and end like this, in order.

        Of what somebody added, where that is told. Reads the names that it gives.
        """
        whose = "" if uploader_id is None else "AND uploader_id = ?"
        statement = f"""SELECT name FROM documents WHERE base_id = ? AND state = 'ready'
            AND name >= ? AND name < ? AND substr(name, ?) = ? {whose} ORDER BY name LIMIT ?"""  # noqa: S608 - our own
        given = () if uploader_id is None else (uploader_id,)
        # No text comes after the last code point, since none has it.
        between = (begin, f"{begin}\U0010ffff")
        # From a place behind the last letter on there is nothing.
        ending = (-len(end) if end else 1 << 30, end)
        for row in self._connection.execute(statement, (base_id, *between, *ending, *given, limit)):
            yield row[0]

    def document(self, document_id: DocumentId) -> Document | None:
        """In whatever state it is."""
        statement = f"{_DOCUMENT} WHERE document_id = ?"
        row = self._connection.execute(statement, (document_id,)).fetchone()
        return document_of(row) if row else None

    def is_pending(self, document_id: DocumentId, alive: Callable[[str], bool]) -> bool:
        """Whether a holder that is alive is adding it."""
        statement = "SELECT holder FROM documents WHERE document_id = ? AND state = 'pending'"
        row = self._connection.execute(statement, (document_id,)).fetchone()
        return row is not None and alive(row[0])

    def changes(self, base_id: BaseId, after: int) -> tuple[Span, ...]:
        """What became live or was removed after a generation, in the order of n."""
        statement = """SELECT document_id, first_chunk, passages, state = 'ready', embedded
            FROM documents
            WHERE base_id = ? AND generation > ? AND state IN ('ready', 'removed')
            ORDER BY first_chunk"""
        return self._spans(statement, (base_id, after))

    def live_spans(self, base_id: BaseId, low: int = 0, high: int = 1 << 32) -> tuple[Span, ...]:
        """Of the live documents whose chunks lie in low <= n < high, in the order of n."""
        statement = """SELECT document_id, first_chunk, passages, 1, embedded FROM documents
            WHERE base_id = ? AND state = 'ready' AND first_chunk >= ? AND first_chunk < ?
            ORDER BY first_chunk"""
        return self._spans(statement, (base_id, low, high))

    def _spans(self, statement: str, parameters: tuple[int, ...]) -> tuple[Span, ...]:
        rows = self._connection.execute(statement, parameters)
        return tuple(
            Span(document_id, first, count, bool(live), bool(embedded))
            for document_id, first, count, live, embedded in rows
        )

    def vectors_between(
        self, base_id: BaseId, dimension: int, low: int = 0, high: int = 1 << 32
    ) -> Iterator[tuple[int, Vectors]]:
        """(first n, vectors) of the live documents that have some, in the order of n."""
        statement = """SELECT first_chunk, vectors FROM documents JOIN vectors USING (document_id)
            WHERE base_id = ? AND state = 'ready' AND first_chunk >= ? AND first_chunk < ?
            ORDER BY first_chunk"""
        for first, blob in self._connection.execute(statement, (base_id, low, high)):
            yield first, _unpacked(blob, dimension)

    def next_vectors(
        self, base_id: BaseId, fingerprint: str, dimension: int, low: int, high: int
    ) -> Iterator[tuple[int, Vectors]]:
        """As `vectors_between`, of those that wait to take the place of the others."""
        statement = """SELECT first_chunk, vectors FROM documents
            JOIN next_vectors USING (document_id)
            WHERE base_id = ? AND state = 'ready' AND fingerprint = ?
            AND first_chunk >= ? AND first_chunk < ? ORDER BY first_chunk"""
        for first, blob in self._connection.execute(statement, (base_id, fingerprint, low, high)):
            yield first, _unpacked(blob, dimension)

    def terms_between(self, base_id: BaseId, low: int, high: int) -> Iterator[tuple[int, bytes]]:
        """(n, packed terms) of the chunks low <= n < high, in order.

        Terms that an older version packed are made anew from the text.
        """
        statement = "SELECT chunk_id, terms FROM terms WHERE chunk_id >= ? AND chunk_id < ?"
        zero = chunk_id(base_id, 0)
        parameters = (zero + low, zero + high)
        for chunk, packed in self._connection.execute(f"{statement} ORDER BY chunk_id", parameters):
            if packed[0] != TERMS_VERSION:
                packed = self._terms_anew(chunk)
            yield chunk - zero, packed

    def terms_of_chunk(self, chunk: ChunkId) -> Terms:
        """Of a live chunk."""
        statement = "SELECT terms FROM terms WHERE chunk_id = ?"
        (packed,) = self._connection.execute(statement, (chunk,)).fetchone()
        return unpack_terms(packed if packed[0] == TERMS_VERSION else self._terms_anew(chunk))

    def _terms_anew(self, chunk: ChunkId) -> bytes:
        statement = """SELECT text, heading, name FROM chunks JOIN documents USING (document_id)
            WHERE chunk_id = ?"""
        text, heading, name = self._connection.execute(statement, (chunk,)).fetchone()
        return pack_terms(terms_of(searched(text, heading, name)))

    def vectors(self, document_id: DocumentId, dimension: int) -> Vectors | None:
        """Shape (passages, dimension); None for a document that was stored without."""
        statement = "SELECT vectors FROM vectors WHERE document_id = ?"
        row = self._connection.execute(statement, (document_id,)).fetchone()
        return None if row is None else _unpacked(row[0], dimension)

    def calibration(self, base_id: BaseId) -> str | None:
        """What was measured of the base last."""
        statement = "SELECT calibration FROM calibrations WHERE base_id = ?"
        row = self._connection.execute(statement, (base_id,)).fetchone()
        return row[0] if row else None

    def chunks(self, ids: Sequence[ChunkId]) -> dict[ChunkId, Chunk]:
        """Those of the ids that are there."""
        found: dict[ChunkId, Chunk] = {}
        for row in self._in(_CHUNK, "chunk_id", ids):
            found[row[0]] = Chunk(*row)
        return found

    def chunks_of(self, document_id: DocumentId) -> Iterator[Chunk]:
        statement = f"{_CHUNK} WHERE document_id = ? ORDER BY ordinal"
        for row in self._connection.execute(statement, (document_id,)):
            yield Chunk(*row)

    def documents_by_id(self, ids: Iterable[DocumentId]) -> dict[DocumentId, Document]:
        """The live ones of the ids."""
        rows = self._in(_DOCUMENT, "document_id", sorted(set(ids)))
        documents = (document_of(row) for row in rows)
        return {d.document_id: d for d in documents if d.state is DocumentState.READY}

    def segments(self, base_id: BaseId, leg: Leg) -> tuple[SavedSegment, ...]:
        statement = """SELECT low, high, generation, file, sha256, size, modified, kind, count
            FROM segments WHERE base_id = ? AND leg = ? ORDER BY low"""
        return tuple(
            SavedSegment(leg, low, high, generation, Written(*written), kind, count)
            for low, high, generation, *written, kind, count in self._connection.execute(
                statement, (base_id, leg)
            )
        )

    def segment_files(self) -> set[str]:
        return {row[0] for row in self._connection.execute("SELECT file FROM segments")}

    def referenced(self, sha256: str) -> bool:
        """Whether a document that is live, being added, or rests, has these bytes."""
        statement = """SELECT 1 FROM documents WHERE sha256 = ? AND state IN ('pending', 'ready')
            UNION ALL SELECT 1 FROM resting WHERE sha256 = ? LIMIT 1"""
        return self._connection.execute(statement, (sha256, sha256)).fetchone() is not None

    def fate_of(self, sha256: str) -> Fate:
        """What is to become of an original that lies in place."""
        if self.referenced(sha256):
            return "wanted"
        statement = """SELECT 1 FROM documents WHERE sha256 = ?
            UNION ALL SELECT 1 FROM unwanted WHERE sha256 = ? LIMIT 1"""
        known = self._connection.execute(statement, (sha256, sha256)).fetchone()
        return "unknown" if known is None else "unwanted"

    def rests(self, since: int) -> Iterator[tuple[DocumentId, str, int, str]]:
        """(document, batch, when, kind) of what was removed from then on and rests, the last
        first."""
        statement = """SELECT document_id, batch, removed_at, kind FROM resting
            WHERE removed_at >= ? ORDER BY removed_at DESC, document_id DESC"""
        yield from self._connection.execute(statement, (since,))

    def names_at_rest(self) -> set[tuple[BaseId, str]]:
        """By base and name, of whatever rests."""
        statement = """SELECT DISTINCT base_id, name FROM resting
            CROSS JOIN documents USING (document_id)"""
        return set(self._connection.execute(statement))

    def has_vectors(self, base_id: BaseId) -> bool:
        """Whether any live document of the base has vectors."""
        statement = """SELECT 1 FROM documents
            WHERE base_id = ? AND state = 'ready' AND embedded = 1 LIMIT 1"""
        return self._connection.execute(statement, (base_id,)).fetchone() is not None

    def without_next(self, base_id: BaseId, fingerprint: str, most: int) -> tuple[DocumentId, ...]:
        """Live documents of which no vectors of that embedder wait yet, in the order of n."""
        statement = """SELECT document_id FROM documents WHERE base_id = ? AND state = 'ready'
            AND NOT EXISTS (SELECT 1 FROM next_vectors AS waiting
                WHERE waiting.document_id = documents.document_id AND fingerprint = ?)
            ORDER BY first_chunk LIMIT ?"""
        rows = self._connection.execute(statement, (base_id, fingerprint, most))
        return tuple(row[0] for row in rows)

    def next_passages(self, base_id: BaseId, fingerprint: str | None = None) -> int:
        """Live passages whose vectors of that embedder, or of any, wait for the others."""
        statement = """SELECT coalesce(sum(passages), 0) FROM documents JOIN next_vectors
            USING (document_id) WHERE base_id = ? AND state = 'ready'
            AND (? IS NULL OR fingerprint = ?)"""
        row = self._connection.execute(statement, (base_id, fingerprint, fingerprint)).fetchone()
        return int(row[0])

    def passages_in(self, base_id: BaseId) -> int:
        """Of its live documents."""
        statement = """SELECT coalesce(sum(passages), 0) FROM documents
            WHERE base_id = ? AND state = 'ready'"""
        return int(self._connection.execute(statement, (base_id,)).fetchone()[0])

    def totals(self, base_id: BaseId) -> Totals:
        documents, passages, size = self._connection.execute(
            """SELECT count(*), total(passages), total(size) FROM documents
            WHERE base_id = ? AND state = 'ready'""",
            (base_id,),
        ).fetchone()
        low, high = chunk_id(base_id, 0), chunk_id(base_id, 0) + (1 << 32)
        chunks, terms = (
            int(self._connection.execute(statement, (low, high)).fetchone()[0])
            for statement in (
                "SELECT count(*) FROM chunks WHERE chunk_id >= ? AND chunk_id < ?",
                "SELECT count(*) FROM terms WHERE chunk_id >= ? AND chunk_id < ?",
            )
        )
        vector_bytes = self._connection.execute(
            """SELECT total(length(vectors)) FROM vectors JOIN documents USING (document_id)
            WHERE base_id = ?""",
            (base_id,),
        ).fetchone()[0]
        return Totals(documents, int(passages), int(size), chunks, terms, int(vector_bytes))

    def extent_of(self, base_id: BaseId) -> tuple[int, int]:
        """Live documents, and the bytes of their originals."""
        documents, size = self._connection.execute(
            """SELECT count(*), coalesce(sum(size), 0) FROM documents
            WHERE base_id = ? AND state = 'ready'""",
            (base_id,),
        ).fetchone()
        return int(documents), int(size)

    def torn_documents(self, base_id: BaseId) -> tuple[str, ...]:
        """Live documents that have not as many chunks as they say."""
        rows = self._connection.execute(
            """SELECT name, passages, count(chunk_id) FROM documents
            LEFT JOIN chunks USING (document_id)
            WHERE base_id = ? AND state = 'ready'
            GROUP BY document_id HAVING count(chunk_id) != passages""",
            (base_id,),
        )
        return tuple(f"{name} has {found} of {said} chunks" for name, said, found in rows)

    def damage(self) -> tuple[str, ...]:
        """What SQLite's own check of the file finds."""
        found = [row[0] for row in self._connection.execute("PRAGMA quick_check(20)")]
        found += [
            f"{table}: row {row} refers to a missing {parent}"
            for table, row, parent, _ in self._connection.execute("PRAGMA foreign_key_check")
        ]
        return tuple(line for line in found if line != "ok")

    def hinted(self, base_id: BaseId) -> int:
        """Raised by whatever changes the hints of a base; 0: there never were any."""
        statement = "SELECT hinted FROM bases WHERE base_id = ?"
        row = self._connection.execute(statement, (base_id,)).fetchone()
        return int(row[0]) if row else 0

    def hints(self, base_id: BaseId) -> tuple[Hint, ...]:
        """Of the passages that have some, in their order."""
        statement = """SELECT chunk_id, terms, texts, fingerprint, vectors FROM hints
            WHERE chunk_id >= ? AND chunk_id < ? AND texts <> '[]' ORDER BY chunk_id"""
        span = chunk_id(base_id, 0), chunk_id(base_id, 0) + (1 << 32)
        return tuple(
            Hint(
                chunk,
                packed if packed[0] == TERMS_VERSION
                else with_terms(self.packed_terms(chunk), json.loads(texts)),
                tuple(json.loads(texts)),
                fingerprint,
                vectors,
            )
            for chunk, packed, texts, fingerprint, vectors in self._connection.execute(
                statement, span
            )
        )  # fmt: skip

    def unhinted(self, base_id: BaseId, most: int) -> tuple[Passage, ...]:
        """Live passages that nobody wrote hints for, those of the newest documents first."""
        found: list[ChunkId] = []
        spans = self._connection.execute(
            """SELECT first_chunk, passages FROM documents
            WHERE base_id = ? AND state = 'ready' ORDER BY added_at DESC, document_id DESC""",
            (base_id,),
        )
        for first, count in spans:
            low = chunk_id(base_id, first)
            rows = self._connection.execute(
                """SELECT chunk_id FROM chunks WHERE chunk_id >= ? AND chunk_id < ?
                AND NOT EXISTS (SELECT 1 FROM hints WHERE hints.chunk_id = chunks.chunk_id)
                ORDER BY chunk_id LIMIT ?""",
                (low, low + count, most - len(found)),
            )
            found += (row[0] for row in rows)
            if len(found) >= most:
                break
        chunks = self.chunks(found)
        documents = self.documents_by_id(chunk.document_id for chunk in chunks.values())
        return tuple(
            Passage(chunks[own], documents[chunks[own].document_id], 0.0)
            for own in found
            if own in chunks and chunks[own].document_id in documents
        )

    def stale_hints(
        self, base_id: BaseId, fingerprint: str, most: int
    ) -> tuple[tuple[Chunk, tuple[str, ...], str], ...]:
        """(passage, texts, whose words they are) where the vectors are of another embedder, or
        there are none."""
        statement = """SELECT chunk_id, texts, engine FROM hints
            WHERE chunk_id >= ? AND chunk_id < ? AND texts <> '[]' AND fingerprint IS NOT ?
            ORDER BY chunk_id LIMIT ?"""
        span = chunk_id(base_id, 0), chunk_id(base_id, 0) + (1 << 32)
        rows = list(self._connection.execute(statement, (*span, fingerprint, most)))
        chunks = self.chunks([row[0] for row in rows])
        return tuple(
            (chunks[chunk], tuple(json.loads(texts)), str(engine)) for chunk, texts, engine in rows
        )

    def hint_counts(self, base_id: BaseId) -> tuple[int, int]:
        """Passages that were looked at for hints, and the texts that were kept."""
        statement = """SELECT count(*), coalesce(sum(json_array_length(texts)), 0) FROM hints
            WHERE chunk_id >= ? AND chunk_id < ?"""
        span = chunk_id(base_id, 0), chunk_id(base_id, 0) + (1 << 32)
        passages, texts = self._connection.execute(statement, span).fetchone()
        return int(passages), int(texts)

    def packed_terms(self, chunk: ChunkId) -> bytes:
        """Of a live chunk, by this version."""
        return pack_terms(self.terms_of_chunk(chunk))

    def _in(self, select: str, column: str, ids: Sequence[int]) -> Iterator[tuple[Any, ...]]:
        for at in range(0, len(ids), VARIABLES):
            part = ids[at : at + VARIABLES]
            marks = ",".join("?" * len(part))
            yield from self._connection.execute(f"{select} WHERE {column} IN ({marks})", part)


def document_of(row: tuple[Any, ...]) -> Document:
    """The value of a row of `_DOCUMENT`."""
    (
        document_id, base_id, name, state, version, sha256, size, media_type,
        passages, added_at, uploader, pages, uploader_id, expires_at, source,
    ) = row  # fmt: skip
    return Document(
        document_id=document_id,
        base_id=base_id,
        name=name,
        state=DocumentState(state),
        version=version,
        sha256=sha256,
        size=size,
        media_type=media_type,
        passages=passages,
        added_at=EPOCH + timedelta(microseconds=added_at),
        uploader=uploader,
        pages=pages,
        uploader_id=uploader_id,
        expires_at=None if expires_at is None else EPOCH + timedelta(microseconds=expires_at),
        source=source,
    )


def numbers_of(spans: Iterable[Span]) -> NDArray[np.int64]:
    """Every n of the spans, in their order."""
    runs = [np.arange(span.first, span.first + span.count, dtype=np.int64) for span in spans]
    return np.concatenate(runs) if runs else np.empty(0, dtype=np.int64)


def _unpacked(blob: bytes, dimension: int) -> Vectors:
    vectors = np.frombuffer(blob, dtype="<f4").reshape(-1, dimension)
    return vectors.astype(np.float32, copy=False)
