"""Holding a base's parts against each other: rows, vectors, both legs, originals; and mending."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias, TypeVar

from knowledge_base.at_hand import Bases
from knowledge_base.errors import NoSuchBaseError
from knowledge_base.index_files import Leg, is_intact
from knowledge_base.models import BaseId, BaseStatistics, KnowledgeBase, Looked, Verification
from knowledge_base.offloop import blocking
from knowledge_base.open_bases import OpenBases
from knowledge_base.originals import Originals
from knowledge_base.problems import (
    Kept,
    LostIndexFile,
    LostOriginal,
    Miscounted,
    Problem,
    WithoutVectors,
)
from knowledge_base.rows import Rows
from knowledge_base.snapshots import save_segments
from knowledge_base.store import Store

T = TypeVar("T")


Told: TypeAlias = Callable[[Looked, int, int | None], None]
"""What is looked at, how much of it is done, and how much there is, where that is known."""


def _nobody(_looked: Looked, _done: int, _total: int | None) -> None:
    """Progress that nobody waits for."""


def _counted(things: Sequence[T], told: Callable[[int, int], None]) -> Iterator[T]:
    for done, thing in enumerate(things):
        told(done, len(things))
        yield thing
    told(len(things), len(things))


class Caretaker:
    """Verifies and measures out what is kept, and has it made anew. Every method blocks."""

    def __init__(self, store: Store, originals: Originals, bases: OpenBases, folder: Path) -> None:
        self._store = store
        self._originals = originals
        self._bases = bases
        self._folder = folder

    @blocking
    def verify(self, base_id: BaseId, told: Told = _nobody) -> Verification:
        """Compare the counts of everything, and the bytes of every original."""
        told(Looked.DATABASE, 0, None)
        with self._bases.views([base_id]) as (rows, (view,)):
            base = _require(rows, base_id)
            documents = rows.documents.live(base_id)
            problems: list[Problem] = [*rows.counts.damage(), *rows.counts.torn_documents(base_id)]
            totals = rows.counts.totals(base_id, partial(told, Looked.PASSAGES))
            spans = rows.documents.live_spans(base_id)
            used = {segment.file for segment in view.dense.segments}
            used |= {segment.file for segment in view.lexical.segments}
            files = [saved.written for leg in Leg for saved in rows.files.of(base_id, leg)]
        vectors = totals.vector_bytes // (4 * base.dimension) if base.dimension else 0
        expected = sum(span.count for span in spans if span.embedded)
        counts = (
            Miscounted(Kept.PASSAGES, totals.chunks, totals.passages),
            Miscounted(Kept.WORDS, totals.terms, totals.passages),
            Miscounted(Kept.VECTORS, vectors, expected),
            Miscounted(Kept.INDEXED_VECTORS, len(view.dense), expected),
            Miscounted(Kept.INDEXED_WORDS, len(view.lexical), totals.passages),
        )
        problems += [one for one in counts if one.found != one.wanted]
        problems += [
            LostOriginal(document.name)
            for document in _counted(documents, partial(told, Looked.ORIGINALS))
            if not self._originals.intact(document.sha256)
        ]
        files = [written for written in files if written.file in used]
        problems += [
            LostIndexFile(written.file)
            for written in _counted(files, partial(told, Looked.INDEX_FILES))
            if not is_intact(self._folder / "indexes", written)
        ]
        if base.fingerprint is not None and expected < totals.passages:
            problems.append(WithoutVectors(totals.passages - expected))
        return Verification(base.name, totals.documents, totals.passages, vectors, tuple(problems))

    @blocking
    def statistics(self, bases: Bases, base_id: BaseId) -> BaseStatistics:
        """Raises `NoSuchBaseError`."""
        with bases.views([base_id]) as (rows, (view,)):
            base = _require(rows, base_id)
            documents, size = rows.counts.extent_of(base_id)
            passages = rows.counts.passages(base_id)
            embedder = rows.bases.embedder_name(base_id)
            reembedded = rows.vectors.waiting_passages(base_id)
        return BaseStatistics(
            base=base.name,
            documents=documents,
            passages=passages,
            size=size,
            embedder=embedder,
            dimension=base.dimension,
            index=view.dense.kinds if base.dimension else "none",
            reembedded=reembedded,
        )

    @blocking
    def forget_caches(self, base_id: BaseId) -> None:
        """The next search makes both legs anew from the rows."""
        save_segments(self._store, base_id, ())
        self._bases.get(base_id).forget()


def _require(rows: Rows, base_id: BaseId) -> KnowledgeBase:
    base = rows.bases.find(base_id)
    if base is None:
        raise NoSuchBaseError(str(base_id))
    return base
