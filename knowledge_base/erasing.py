"""Erasing for good: what somebody added is gone from the rows, the originals, the index files, and
from the pages of the database that it stood on.

A removed document leaves its row, name included, so that other processes learn which chunks died.
Here only the numbers of the chunks stay.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from knowledge_base.models import BaseId, DocumentId
from knowledge_base.notes import MEDIA_TYPE
from knowledge_base.offloop import blocking
from knowledge_base.rows import Rows
from knowledge_base.schema import translated
from knowledge_base.store import Store
from knowledge_base.versions import discard, next_generation, take_out

SMALL: Final = 64 << 20
"""Bytes of a database file that is rewritten within a second."""
_Row: TypeAlias = "tuple[DocumentId, BaseId, str, str, str]"
_ROOM: Final = 2.2
"""Of its size must be free for a file to be rewritten: a copy, and the log of the copying."""


@dataclass(frozen=True, slots=True)
class Doomed:
    """What is to be erased of one person."""

    uploader_id: str
    uploads: bool
    """Also what they added to the bases of others; what they wrote as notes goes in any case."""
    bases: frozenset[BaseId] = frozenset()
    """Their own, which become empty and nameless."""
    documents: frozenset[tuple[BaseId, str]] = frozenset()
    """Others by name: what they wrote, whoever added it."""


Documents: TypeAlias = "tuple[tuple[BaseId, str], ...]"
"""Documents by base and name; removed ones too, as long as they have a name."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased, and the hashes of its originals."""

    documents: Documents
    hashes: tuple[str, ...]


@blocking
def erase(store: Store, doomed: Doomed) -> Erased:
    """In one transaction. Done twice, it finds nothing."""
    with store.write() as connection:
        found = _found(connection, doomed)
        rows = Rows(connection)
        for base_id in sorted({base_id for _id, base_id, *_rest in found} | doomed.bases):
            (generation,) = connection.execute(
                "UPDATE bases SET generation = generation + 1, erased = generation + 1"
                " WHERE base_id = ? RETURNING generation",
                (base_id,),
            ).fetchone()
            for document_id, of_base, _name, _sha256, state in found:
                document = rows.documents.find(document_id) if of_base == base_id else None
                if document is not None and state == "ready":
                    take_out(connection, document, generation)
            connection.execute("DELETE FROM segments WHERE base_id = ?", (base_id,))
            connection.execute("DELETE FROM calibrations WHERE base_id = ?", (base_id,))
        discard(connection, [sha256 for *_rest, sha256, _state in found])
        ids = [(document_id,) for document_id, *_rest in found]
        connection.executemany("DELETE FROM resting WHERE document_id = ?", ids)
        connection.executemany(
            "UPDATE documents SET name = '', uploader = NULL, uploader_id = NULL, failure = NULL,"
            " sha256 = '', size = 0, expires_at = NULL, source = NULL"
            " WHERE document_id = ? AND state = 'removed'",
            ids,
        )
        connection.executemany(
            "DELETE FROM documents WHERE document_id = ? AND state IN ('failed', 'pending')", ids
        )
        # What stays is nobody's from now on.
        connection.execute(
            "UPDATE documents SET uploader = NULL, uploader_id = NULL WHERE uploader_id = ?",
            (doomed.uploader_id,),
        )
        connection.executemany(
            # The number stays, so that it is never another base's; the name told whose it was.
            "UPDATE bases SET name = 'erased:' || base_id WHERE base_id = ?",
            [(base_id,) for base_id in doomed.bases],
        )
    return Erased(
        _named(found),
        tuple(sorted({sha256 for *_rest, sha256, _state in found if sha256})),
    )


@blocking
def documents(store: Store, doomed: Doomed) -> Documents:
    """What `erase` would erase."""
    with store.write() as connection:
        return _named(_found(connection, doomed))


@blocking
def empty(store: Store, base_id: BaseId) -> tuple[str, ...]:
    """Take out all that a base has, names included; the hashes of what its originals were.

    The base stays, so that its number is never another one's.
    """
    with store.write() as connection:
        hashes = connection.execute(
            "SELECT DISTINCT sha256 FROM documents WHERE base_id = ?", (base_id,)
        ).fetchall()
        generation = next_generation(connection, base_id)
        for document in Rows(connection).documents.live(base_id):
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
def scrub(store: Store, *, most_bytes: int | None = None) -> bool:
    """Rewrite the file, and empty its log: pages that were split keep copies of what was on them.

    False: not now, since it is larger than `most_bytes`, or the disk too full, or somebody reads.
    """
    with store.alone() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (page,) = connection.execute("PRAGMA page_size").fetchone()
        size = pages * page
        small = most_bytes is None or size <= most_bytes
        if small and shutil.disk_usage(store.path.parent).free > _ROOM * size:
            with translated(store.path):
                connection.execute("VACUUM")
        else:
            small = False
        with translated(store.path):
            busy, *_rest = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return small and not busy


def _named(found: Sequence[_Row]) -> Documents:
    return tuple(sorted({(base_id, name) for _id, base_id, name, *_rest in found if name}))


def _found(connection: sqlite3.Connection, doomed: Doomed) -> list[_Row]:
    """(document, base, name, hash, state), in whatever state they are."""
    columns = "SELECT document_id, base_id, name, sha256, state FROM documents"
    # What they took out or added in vain is erased even where what serves is to stay.
    gone = "(? OR media_type = ? OR state IN ('removed', 'failed'))"
    found = connection.execute(
        f"{columns} WHERE uploader_id = ? AND {gone}",
        (doomed.uploader_id, doomed.uploads, MEDIA_TYPE),
    ).fetchall()
    for base_id in doomed.bases:
        found += connection.execute(f"{columns} WHERE base_id = ?", (base_id,)).fetchall()
    for base_id, name in doomed.documents:
        found += connection.execute(
            f"{columns} WHERE base_id = ? AND name = ?", (base_id, name)
        ).fetchall()
    return sorted(set(found))
