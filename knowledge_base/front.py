"""What the sides of a library have in common: its workshop, and what works in the background."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from knowledge_base.embedders.base import Vectors
from knowledge_base.enrichment import Enrichment
from knowledge_base.ingest import Ingestion, Workshop
from knowledge_base.measuring import Measuring
from knowledge_base.models import IngestProgress, KnowledgeBase
from knowledge_base.settings import KnowledgeSettings
from knowledge_base.snapshots import write_snapshots
from knowledge_base.threads import run
from knowledge_base.uploads import Unpacking
from knowledge_base.verification import Caretaker
from knowledge_base.watching import UNWATCHED, Watcher
from knowledge_base.web import WebPages


def unreported(_progress: IngestProgress) -> None:
    """Where nobody wants to know how far it has come."""


class Front:
    """The root of the sides that make up a `Library`, each of which is in a module of its own."""

    def __init__(
        self, workshop: Workshop, folder: Path, settings: KnowledgeSettings, pages: WebPages
    ) -> None:
        self._at = workshop
        self._settings = settings
        self._pages = pages
        self._ingestion = Ingestion(workshop)
        self._unpacking = Unpacking(
            workshop.reader, workshop.originals, workshop.threads, workshop.lease.holder
        )
        self._measuring = Measuring(
            workshop.store,
            workshop.bases,
            workshop.embedder,
            workshop.threads,
            self._ingestion.is_near,
        )
        self.enrichment = Enrichment(workshop, self._ingestion)
        self._caretaker = Caretaker(workshop.store, workshop.originals, workshop.bases, folder)
        self._indexes = folder / "indexes"
        self._asked: dict[tuple[str, str], Vectors] = {}
        """Questions by the fingerprint of their embedder: what is searched for is quoted for."""
        self.watcher: Watcher = UNWATCHED

    @property
    def embeds(self) -> bool:
        """Whether an embedder was given; whether it serves is another question."""
        return self._at.embedder is not None

    def serves(self, base: KnowledgeBase) -> bool:
        """Whether its vectors, if it has any, are those of the configured embedder."""
        embedder = self._at.embedder
        return embedder is None or base.fingerprint in (None, embedder.fingerprint)

    @property
    def embedder_name(self) -> str | None:
        """Whose vectors these are, for people; None: words alone serve."""
        embedder = self._at.embedder
        return None if embedder is None else embedder.name

    async def snapshot(self) -> None:
        """Write index files, so that the next start reads them instead of every vector."""
        write = partial(write_snapshots, self._at.store, self._at.bases, self._indexes)
        await run(self._at.threads.files, write)
