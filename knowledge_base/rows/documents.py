"""What the rows say of documents, and of which chunks are theirs."""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from knowledge_base.models import BaseId, Document, DocumentId, DocumentState, Unready
from knowledge_base.rows.among import rows_among
from knowledge_base.rows.times import moment

_DOCUMENT: Final = """SELECT document_id, base_id, name, state, version, sha256, size, media_type,
    passages, added_at, uploader, pages, uploader_id, expires_at, source FROM documents"""


@dataclass(frozen=True, slots=True)
class Span:
    """Which chunks a document has: first <= n < first + count."""

    document_id: DocumentId
    first: int
    count: int
    live: bool
    embedded: bool
    """Whether they have vectors."""


def numbers_of(spans: Iterable[Span]) -> NDArray[np.int64]:
    """Every n of the spans, in their order."""
    runs = [np.arange(span.first, span.first + span.count, dtype=np.int64) for span in spans]
    return np.concatenate(runs) if runs else np.empty(0, dtype=np.int64)


class DocumentRows:
    """Documents by name, number, state and uploader, and the spans of their chunks."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def live(self, base_id: BaseId) -> tuple[Document, ...]:
        """Sorted by name."""
        statement = f"{_DOCUMENT} WHERE base_id = ? AND state = 'ready' ORDER BY name"
        return tuple(map(_document, self._connection.execute(statement, (base_id,))))

    def named(self, base_id: BaseId, name: str) -> Document | None:
        """The live one."""
        statement = f"{_DOCUMENT} WHERE base_id = ? AND name = ? AND state = 'ready'"
        row = self._connection.execute(statement, (base_id, name)).fetchone()
        return _document(row) if row else None

    def find(self, document_id: DocumentId) -> Document | None:
        """In whatever state it is."""
        statement = f"{_DOCUMENT} WHERE document_id = ?"
        row = self._connection.execute(statement, (document_id,)).fetchone()
        return _document(row) if row else None

    def by_id(self, ids: Iterable[DocumentId]) -> dict[DocumentId, Document]:
        """The live ones of the ids."""
        rows = rows_among(self._connection, _DOCUMENT, "document_id", sorted(set(ids)))
        documents = map(_document, rows)
        return {d.document_id: d for d in documents if d.state is DocumentState.READY}

    def added_by(self, uploader_id: str) -> tuple[Document, ...]:
        """What somebody added and can be found, in all bases, by base and name."""
        statement = f"{_DOCUMENT} WHERE uploader_id = ? AND state = 'ready' ORDER BY base_id, name"
        return tuple(map(_document, self._connection.execute(statement, (uploader_id,))))

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
            tuple(map(_document, unfinished)),
            frozenset(DocumentId(document_id) for (document_id,) in bare),
        )

    def is_pending(self, document_id: DocumentId, alive: Callable[[str], bool]) -> bool:
        """Whether a holder that is alive is adding it."""
        statement = "SELECT holder FROM documents WHERE document_id = ? AND state = 'pending'"
        row = self._connection.execute(statement, (document_id,)).fetchone()
        return row is not None and alive(row[0])

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

    def renamed(self, base_id: BaseId, after: int = 0) -> tuple[Span, ...]:
        """Of the live documents that got their names after a generation, in the order of n."""
        statement = """SELECT document_id, first_chunk, passages, 1, embedded FROM documents
            WHERE base_id = ? AND renamed > ? AND renamed > 0 AND state = 'ready'
            ORDER BY first_chunk"""
        return self._spans(statement, (base_id, after))

    def first_renamed(self, base_id: BaseId, numbers: Sequence[int]) -> int | None:
        """The generation at which the first of the live documents that have these chunks got its
        name; None where none of them ever got another."""
        statement = """SELECT first_chunk, passages, renamed FROM documents
            WHERE base_id = ? AND renamed > 0 AND state = 'ready'"""
        found = self._connection.execute(statement, (base_id,))
        ordered = sorted(numbers)
        return min(
            (
                renamed
                for first, count, renamed in found
                if bisect_left(ordered, first) < bisect_left(ordered, first + count)
            ),
            default=None,
        )

    def _spans(self, statement: str, parameters: tuple[int, ...]) -> tuple[Span, ...]:
        rows = self._connection.execute(statement, parameters)
        return tuple(
            Span(document_id, first, count, bool(live), bool(embedded))
            for document_id, first, count, live, embedded in rows
        )


def _document(row: tuple[Any, ...]) -> Document:
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
        added_at=moment(added_at),
        uploader=uploader,
        pages=pages,
        uploader_id=uploader_id,
        expires_at=None if expires_at is None else moment(expires_at),
        source=source,
    )
