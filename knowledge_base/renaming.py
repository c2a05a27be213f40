"""Documents under other names: rows, passages, vectors and originals stay as they are, and so does
whatever cites them.

A document's name is part of what the lexical leg counts. Its words are written anew with the
name, and the row says since when, so that whoever has older ones in memory or in a file takes these
instead: it costs what the documents hold, whatever else the base does.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from knowledge_base.errors import NameTakenError, NoSuchDocumentError
from knowledge_base.models import BaseId, ChunkId, Document, chunk_id
from knowledge_base.offloop import blocking
from knowledge_base.rows import Rows
from knowledge_base.splitter import searched
from knowledge_base.store import Store
from knowledge_base.terms import pack_terms, terms_of
from knowledge_base.versions import next_generation, take_out

AT_ONCE: Final = 2000
"""Passages whose words are written in one transaction, in which nobody else writes."""

_Words: TypeAlias = "list[tuple[bytes, ChunkId]]"


@dataclass(frozen=True, slots=True)
class Renaming:
    """A live document, its new name, and the other one that has that name until now: it goes,
    unless it is renamed in its turn."""

    document: Document
    name: str
    over: Document | None = None


@dataclass(frozen=True, slots=True)
class Renamed:
    """What one transaction did."""

    documents: tuple[Document, ...]
    """As they are now."""
    hashes: tuple[str, ...]
    """Of originals of those that were taken out because another one has their name now."""
    is_found_otherwise: bool
    """Whether searches find something else from now on."""


def parts(renamings: Sequence[Renaming]) -> Iterator[list[Renaming]]:
    """Some at a time; those that take each other's names stay together."""
    left = {renaming.document.name: renaming for renaming in renamings}
    heirs = {renaming.name: renaming.document.name for renaming in renamings}
    part: list[Renaming] = []
    while left:
        _name, renaming = left.popitem()
        together = [renaming]
        while (after := left.pop(together[-1].name, None)) is not None:
            together.append(after)
        while (before := left.pop(heirs.get(together[0].document.name, ""), None)) is not None:
            together.insert(0, before)
        if part and _passages(part) + _passages(together) > AT_ONCE:
            yield part
            part = []
        part += together
    if part:
        yield part


def _passages(part: Sequence[Renaming]) -> int:
    return sum(renaming.document.passages for renaming in part)


@blocking
def rename(store: Store, base_id: BaseId, part: Sequence[Renaming]) -> Renamed:
    """All of the part, or nothing. Raises `NoSuchDocumentError` where a document is not any more
    what it was, `NameTakenError` where another one than was told has its new name."""
    with store.read() as rows:
        words = [(own.document, _words(rows, own)) for own in part if _speaks_otherwise(own)]
    with store.write() as connection:
        rows = Rows(connection)
        _require(rows, base_id, part)
        over = _in_the_way(rows, base_id, part)
        changes = bool(words or over)
        generation = next_generation(connection, base_id) if changes else 0
        for document in over:
            take_out(connection, document, generation)
        connection.executemany(
            "UPDATE documents SET name = ? WHERE document_id = ?",
            # Nothing else is called so: two may take each other's name.
            [(f"\0{own.document.document_id}", own.document.document_id) for own in part],
        )
        connection.executemany(
            "UPDATE documents SET name = ?, version = max(version, ?) WHERE document_id = ?",
            [
                (own.name, own.over.version + 1 if own.over else 1, own.document.document_id)
                for own in part
            ],
        )
        for document, terms in words:
            connection.executemany("UPDATE terms SET terms = ? WHERE chunk_id = ?", terms)
            connection.execute(
                "UPDATE documents SET renamed = ? WHERE document_id = ?",
                (generation, document.document_id),
            )
            _hint_anew(connection, base_id, document)
        found = [rows.documents.find(own.document.document_id) for own in part]
    hashes = [own.over.sha256 for own in part if own.over is not None]
    return Renamed(tuple(one for one in found if one is not None), tuple(hashes), changes)


def _speaks_otherwise(renaming: Renaming) -> bool:
    return searched("", None, renaming.name) != searched("", None, renaming.document.name)


def _words(rows: Rows, renaming: Renaming) -> _Words:
    return [
        (pack_terms(terms_of(searched(chunk.text, chunk.heading, renaming.name))), chunk.chunk_id)
        for chunk in rows.chunks.of(renaming.document.document_id)
    ]


def _require(rows: Rows, base_id: BaseId, part: Sequence[Renaming]) -> None:
    moving = {own.document.document_id for own in part}
    for own in part:
        held = rows.documents.named(base_id, own.document.name)
        if held is None or held.document_id != own.document.document_id:
            raise NoSuchDocumentError(own.document.name)
        other = rows.documents.named(base_id, own.name)
        expected = moving | ({own.over.document_id} if own.over else set())
        if other is not None and other.document_id not in expected:
            raise NameTakenError(own.name)


def _in_the_way(rows: Rows, base_id: BaseId, part: Sequence[Renaming]) -> list[Document]:
    over = [own.over for own in part if own.over is not None]
    return [own for own in over if rows.documents.named(base_id, own.name) == own]


def _hint_anew(connection: sqlite3.Connection, base_id: BaseId, document: Document) -> None:
    """What was written about its passages is counted with their words; no version of the terms is
    the zeroth, so they are made anew when they are read."""
    low = connection.execute(
        "SELECT first_chunk FROM documents WHERE document_id = ?", (document.document_id,)
    ).fetchone()[0]
    span = chunk_id(base_id, low), chunk_id(base_id, low + document.passages)
    changed = connection.execute(
        "UPDATE hints SET terms = x'00' WHERE chunk_id >= ? AND chunk_id < ?", span
    ).rowcount
    if changed:
        connection.execute("UPDATE bases SET hinted = hinted + 1 WHERE base_id = ?", (base_id,))
