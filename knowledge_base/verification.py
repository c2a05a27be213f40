"""Holding a base's parts against each other: rows, vectors, both legs, originals; and mending."""

from __future__ import annotations

import logging
from pathlib import Path

from knowledge_base.bases import OpenBase, OpenBases, View
from knowledge_base.errors import NoSuchBaseError, StorageBusyError
from knowledge_base.leases import locked
from knowledge_base.models import BaseId, BaseStatistics, KnowledgeBase, Verification
from knowledge_base.offloop import blocking
from knowledge_base.originals import Originals
from knowledge_base.rows import Rows, SavedSegment
from knowledge_base.segments import Segment, save
from knowledge_base.store import Store

log = logging.getLogger(__name__)


class Caretaker:
    """Verifies, measures out and mends what is kept. Every method blocks."""

    def __init__(self, store: Store, originals: Originals, bases: OpenBases, folder: Path) -> None:
        self._store = store
        self._originals = originals
        self._bases = bases
        self._folder = folder

    @blocking
    def verify(self, base_id: BaseId) -> Verification:
        """Compare the counts of everything, and the bytes of every original."""
        with self._bases.views([base_id]) as (rows, (view,)):
            base = _require(rows, base_id)
            documents = rows.documents(base_id)
            totals = rows.totals(base_id)
            problems = [*rows.damage(), *rows.torn_documents(base_id)]
            spans = rows.live_spans(base_id)
        vectors = totals.vector_bytes // (4 * base.dimension) if base.dimension else 0
        expected = sum(span.count for span in spans if span.embedded)
        counts = (
            ("chunks", totals.chunks, totals.passages),
            ("lexical rows", totals.terms, totals.passages),
            ("vectors", vectors, expected),
            ("vectors in the index", len(view.dense), expected),
            ("chunks in the lexical index", len(view.lexical), totals.passages),
        )
        problems += [
            f"{found} {what} where {wanted} should be"
            for what, found, wanted in counts
            if found != wanted
        ]
        problems += [
            f"the original of {document.name} is missing or damaged"
            for document in documents
            if not self._originals.intact(document.sha256)
        ]
        if base.fingerprint is not None and expected < totals.passages:
            problems.append(f"{totals.passages - expected} passages were added without vectors")
        return Verification(base.name, totals.documents, totals.passages, vectors, tuple(problems))

    @blocking
    def statistics(self, base_id: BaseId) -> BaseStatistics:
        with self._bases.views([base_id]) as (rows, (view,)):
            base = _require(rows, base_id)
            totals = rows.totals(base_id)
            embedder = rows.embedder_name(base_id)
        return BaseStatistics(
            base=base.name,
            documents=totals.documents,
            passages=totals.passages,
            size=totals.size,
            embedder=embedder,
            dimension=base.dimension,
            index=view.dense.kinds if base.dimension else "none",
        )

    @blocking
    def forget_caches(self, base_id: BaseId) -> None:
        """The next search makes both legs anew from the rows."""
        self._store.save_segments(base_id, ())
        self._bases.get(base_id).forget()

    @blocking
    def snapshot(self) -> None:
        """Write the sealed segments that have no file yet; one process at a time does."""
        indexes = self._folder / "indexes"
        try:
            with locked(indexes / "lock", wait_seconds=0):
                for base in self._bases.opened():
                    self._snapshot(base, indexes)
                with self._store.read() as rows:
                    wanted = rows.segment_files()
                for path in indexes.iterdir():
                    if path.name not in wanted and path.name != "lock":
                        path.unlink(missing_ok=True)
        except StorageBusyError:
            log.info("another process is writing index files")

    def _snapshot(self, base: OpenBase, indexes: Path) -> None:
        view = base.view
        if view is None or not view.dense.segments:
            return
        with self._store.read() as rows:
            kept = {saved.file: saved for saved in rows.segments(base.base_id)}
            stored = rows.base(base.base_id)
            erased = rows.erased(base.base_id)
        if all(segment.file in kept for segment in view.dense.segments):
            return
        if stored is None or stored.fingerprint != view.fingerprint or view.generation < erased:
            return
        reach = view.dense.segments[-1].high
        if any(saved.high > reach for saved in kept.values()):
            return  # another process has sealed more than we know of
        files: dict[Segment, str] = {}
        saved_segments = []
        for segment in view.dense.segments:
            saved = kept.get(segment.file or "")
            if saved is None:
                name, sha256 = save(segment, indexes)
                files[segment] = name
                saved = _saved(segment, view, name, sha256)
            saved_segments.append(saved)
        self._store.save_segments(base.base_id, saved_segments)
        base.note_files(files)


def _saved(segment: Segment, view: View, name: str, sha256: str) -> SavedSegment:
    return SavedSegment(
        low=segment.low,
        high=segment.high,
        generation=view.generation,
        file=name,
        sha256=sha256,
        kind=segment.kind,
        count=len(segment),
    )


def _require(rows: Rows, base_id: BaseId) -> KnowledgeBase:
    base = rows.base(base_id)
    if base is None:
        raise NoSuchBaseError(str(base_id))
    return base
