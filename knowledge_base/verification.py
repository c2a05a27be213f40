"""Holding a base's parts against each other: rows, vectors, both legs, originals; and mending."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from knowledge_base import lexical_files, segments
from knowledge_base.bases import Mapped, OpenBase, OpenBases
from knowledge_base.errors import NoSuchBaseError, StorageBusyError
from knowledge_base.index_files import Leg, SavedSegment, is_intact
from knowledge_base.leases import locked
from knowledge_base.lexical import TermSegment
from knowledge_base.models import BaseId, BaseStatistics, KnowledgeBase, Verification
from knowledge_base.offloop import blocking
from knowledge_base.originals import Originals
from knowledge_base.rows import Rows
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
            used = {segment.file for segment in view.dense.segments}
            used |= {segment.file for segment in view.lexical.segments}
            files = [saved.written for leg in Leg for saved in rows.segments(base_id, leg)]
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
            f"the original of {document.name} is missing or damaged: add the same file again"
            for document in documents
            if not self._originals.intact(document.sha256)
        ]
        problems += [
            f"the index file {written.file} is missing or damaged"
            for written in files
            if written.file in used and not is_intact(self._folder / "indexes", written)
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
            reembedded = rows.next_passages(base_id)
        return BaseStatistics(
            base=base.name,
            documents=totals.documents,
            passages=totals.passages,
            size=totals.size,
            embedder=embedder,
            dimension=base.dimension,
            index=view.dense.kinds if base.dimension else "none",
            reembedded=reembedded,
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
        if view is None:
            return
        dense, lexical = view.dense.segments, _worth_files(view.lexical.segments)
        with self._store.read() as rows:
            kept = {
                saved.written.file: saved
                for leg in Leg
                for saved in rows.segments(base.base_id, leg)
            }
            stored = rows.base(base.base_id)
            erased = rows.erased(base.base_id)
        if {segment.file for segment in dense} | {part.file for part in lexical} <= kept.keys():
            return
        if stored is None or stored.fingerprint != view.fingerprint or view.generation < erased:
            return
        reach = {
            Leg.DENSE: dense[-1].high if dense else 0,
            Leg.LEXICAL: lexical[-1].high if lexical else 0,
        }
        if any(saved.high > reach[saved.leg] for saved in kept.values()):
            return  # another process has sealed more than we know of
        mapped = Mapped()
        told: list[SavedSegment] = []
        for segment in dense:
            saved = kept.get(segment.file or "")
            if saved is None:
                saved = SavedSegment(
                    Leg.DENSE, segment.low, segment.high, view.generation,
                    segments.save(segment, indexes), segment.kind, len(segment),
                )  # fmt: skip
                mapped.dense[segment] = segments.load(indexes, saved)
            told.append(saved)
        low = 0
        for part in lexical:
            saved = kept.get(part.file or "")
            if saved is None:
                saved = SavedSegment(
                    Leg.LEXICAL, low, part.high, view.generation,
                    lexical_files.save(part, indexes), lexical_files.KIND, part.chunks,
                )  # fmt: skip
                mapped.lexical[part.arrays] = lexical_files.load(indexes, saved)
            told.append(replace(saved, low=low))
            low = part.high
        self._store.save_segments(base.base_id, told)
        base.use_files(mapped)


def _worth_files(own: tuple[TermSegment, ...]) -> tuple[TermSegment, ...]:
    """All up to the last large one: the rest is read from the rows."""
    large = [at for at, segment in enumerate(own) if segment.chunks >= lexical_files.LEAST]
    return own[: large[-1] + 1] if large else ()


def _require(rows: Rows, base_id: BaseId) -> KnowledgeBase:
    base = rows.base(base_id)
    if base is None:
        raise NoSuchBaseError(str(base_id))
    return base
