"""What was removed rests: no search finds it, but its original stays until its time is over."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from knowledge_base import notes
from knowledge_base.errors import StorageBusyError, StorageFullError
from knowledge_base.models import (
    ENTRY_TYPE,
    PAGE_TYPE,
    BaseId,
    Document,
    DocumentId,
    RestKind,
    Upload,
)
from knowledge_base.offloop import blocking
from knowledge_base.rows import Rows
from knowledge_base.rows.times import microseconds, moment
from knowledge_base.schema import translated
from knowledge_base.store import Store

LEAST_EMPTY: Final = 64 << 20
"""Bytes; for less nobody has to wait."""
EMPTY_SHARE: Final = 0.25
MOST_REWRITTEN: Final = 2 << 30
"""Bytes that are written within about half a minute."""
_ROOM: Final = 2.2
"""Of what stays must be free for it to be rewritten: a copy, and the log of the copying."""


@dataclass(frozen=True, slots=True)
class Rest:
    """A document that was removed and can be brought back."""

    document: Document
    batch: str
    """Of all that one act removed."""
    removed_at: datetime
    kind: RestKind = RestKind.REMOVED

    def upload(self, original: Path) -> Upload:
        """As it was added; whether it may still come back is decided when it is stored."""
        document = self.document
        vouched = document.media_type in (notes.MEDIA_TYPE, PAGE_TYPE, ENTRY_TYPE)
        return Upload(
            document.name,
            original,
            document.uploader,
            document.uploader_id,
            # What somebody vouched for once; all else is told by its content again.
            document.media_type if vouched else None,
            document.expires_at,
            document.source,
            document.document_id,
            # What it takes the place of, where it was replaced, rests in its turn.
            uuid.uuid4().hex,
        )


@dataclass(frozen=True, slots=True)
class Ended:
    """Documents that cannot be brought back any more."""

    documents: tuple[tuple[BaseId, str], ...]
    """By base and name, where nothing of that name rests any more."""
    hashes: tuple[str, ...]
    """Of originals that perhaps nothing refers to any more."""


@blocking
def resting(store: Store, bases: Sequence[BaseId], days: int) -> tuple[Rest, ...]:
    """What can be brought back, what was removed last first."""
    since = microseconds(store.now - timedelta(days=days))
    with store.read() as rows:
        found = [
            Rest(document, batch, moment(removed_at), RestKind(kind))
            for document_id, batch, removed_at, kind in rows.resting.since(since)
            if (document := rows.documents.find(document_id)) is not None
            and document.base_id in bases
        ]
    return tuple(found)


@blocking
def end(store: Store, document_id: DocumentId) -> Ended:
    """It need not come back: what it was is there."""
    with store.write() as connection:
        return _end(connection, "document_id = ?", (document_id,))


@blocking
def end_named(store: Store, base_id: BaseId, name: str) -> Ended:
    """Nothing of that name comes back."""
    with store.write() as connection:
        return _end(
            connection,
            "document_id IN (SELECT document_id FROM documents WHERE base_id = ? AND name = ?)",
            (base_id, name),
        )


@blocking
def reclaim(store: Store) -> bool:
    """Rewrite a database file of which much is empty, so that the disk has that back; whether it
    was. Writers wait meanwhile, so a very large one is left as it is: what is empty is used again.
    """
    not_now = contextlib.suppress(StorageBusyError, StorageFullError)
    with store.alone() as connection, not_now, translated(store.path):
        (page,) = connection.execute("PRAGMA page_size").fetchone()
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (free,) = connection.execute("PRAGMA freelist_count").fetchone()
        kept = (pages - free) * page
        if free * page < LEAST_EMPTY or free < pages * EMPTY_SHARE or kept > MOST_REWRITTEN:
            return False
        if shutil.disk_usage(store.path.parent).free < _ROOM * kept:
            return False
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return True
    return False


@blocking
def end_old(store: Store, days: int) -> Ended:
    """What was removed so many days ago does not come back."""
    before = microseconds(store.now - timedelta(days=days))
    with store.write() as connection:
        return _end(connection, "removed_at < ?", (before,))


def _end(connection: sqlite3.Connection, which: str, facts: tuple[int | str, ...]) -> Ended:
    rows = Rows(connection)
    ended = connection.execute(
        f"DELETE FROM resting WHERE {which} RETURNING document_id, sha256",  # noqa: S608 - our own
        facts,
    ).fetchall()
    found = [rows.documents.find(document_id) for document_id, _sha256 in ended]
    names = {(one.base_id, one.name) for one in found if one is not None and one.name}
    return Ended(
        tuple(sorted(names - rows.resting.names())),
        tuple(sorted({str(sha256) for _document_id, sha256 in ended})),
    )
