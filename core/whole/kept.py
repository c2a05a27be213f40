"""Summaries of documents, kept for whoever asks next: one for each version, engine and prompt.

A summary is of one version of one document: another version has another number, and what is kept of
the old one goes. It goes with the document, with its uploader's wish to be forgotten
(`core.forgetting`) and with its base (`core.leaving`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.database import Database
from core.text import storable
from knowledge_base.models import BaseId, ChunkId, Document

if TYPE_CHECKING:
    from knowledge_base.library import Library

_KEY: Final = "base_id = ? AND document_id = ? AND sha256 = ? AND language = ? AND engine = ?"


@dataclass(frozen=True, slots=True)
class Maker:
    """What a summary follows from besides the document."""

    language: str
    engine: str
    prompt: str
    """A fingerprint of what the model was asked."""


@dataclass(frozen=True, slots=True)
class KeptSummary:
    """A text, and the passages that its numbers mean, from number 1 on."""

    text: str
    chunks: tuple[ChunkId, ...]
    covered: int
    """Passages that were read for it, from the first on."""
    made_at: float


class KeptSummaries:
    """Rows in the core's database; the documents lie elsewhere."""

    def __init__(
        self, database: Database, library: Library, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._library = library
        self._clock = clock

    async def of(self, document: Document, maker: Maker) -> KeptSummary | None:
        """What is kept of this very version, made in this very way."""
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT text, chunks, covered, made_at FROM document_summaries"  # noqa: S608 - ours
                f" WHERE {_KEY} AND prompt = ?",
                (*_key(document, maker), maker.prompt),
            )
        for text, chunks, covered, made_at in rows:
            ids = tuple(ChunkId(own) for own in json.loads(chunks))
            return KeptSummary(str(text), ids, int(covered), float(made_at))
        return None

    async def keep(
        self,
        document: Document,
        maker: Maker,
        text: str,
        chunks: tuple[ChunkId, ...],
        covered: int,
    ) -> bool:
        """Keep it instead of those of other versions; False: that version is gone by now."""
        async with self._database.transaction() as connection:
            # Within it: whoever is forgotten meanwhile waits, and finds the row.
            if await self._gone(document.base_id, document.name, document.document_id):
                return False
            await connection.execute(
                "DELETE FROM document_summaries WHERE base_id = ? AND document = ?"
                " AND (document_id <> ? OR (language = ? AND engine = ?))",
                (
                    document.base_id,
                    storable(document.name),
                    document.document_id,
                    maker.language,
                    storable(maker.engine),
                ),
            )
            await connection.execute(
                "INSERT INTO document_summaries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    document.base_id,
                    document.document_id,
                    storable(document.name),
                    document.sha256,
                    maker.language,
                    storable(maker.engine),
                    maker.prompt,
                    storable(text),
                    json.dumps(list(chunks)),
                    covered,
                    self._clock(),
                ),
            )
        return True

    async def drop(self, document: Document) -> None:
        """Let go of all that is kept of it."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "DELETE FROM document_summaries WHERE base_id = ? AND document = ?",
                (document.base_id, storable(document.name)),
            )

    async def prune(self) -> int:
        """Let go of summaries of versions that are not there any more; how many."""
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT DISTINCT base_id, document_id, document FROM document_summaries"
            )
        gone = [
            (base_id, document_id)
            for base_id, document_id, name in rows
            if await self._gone(BaseId(base_id), str(name), document_id)
        ]
        async with self._database.transaction() as connection:
            await connection.executemany(
                "DELETE FROM document_summaries WHERE base_id = ? AND document_id = ?", gone
            )
        return len(gone)

    async def _gone(self, base: BaseId, name: str, document_id: int) -> bool:
        now = await self._library.document(base, name)
        return now is None or now.document_id != document_id


def _key(document: Document, maker: Maker) -> tuple[int, int, str, str, str]:
    return (
        document.base_id,
        document.document_id,
        document.sha256,
        maker.language,
        storable(maker.engine),
    )
