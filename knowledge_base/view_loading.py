"""Reading a base whole: from its index files as far as they fit its rows, from the rows else."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from knowledge_base import lexical_files
from knowledge_base.embedders.base import Vectors
from knowledge_base.index import DEAD_SHARE, TAIL, FaissIndex
from knowledge_base.index_files import (
    DamagedSegmentError,
    Leg,
    SavedSegment,
    Written,
    is_intact,
    require,
)
from knowledge_base.lexical import LexicalIndex
from knowledge_base.row_parts import PART, RowParts
from knowledge_base.rows import Rows
from knowledge_base.rows.documents import numbers_of
from knowledge_base.segments import Ids, Parts, Segment, among, build, kind_for, load
from knowledge_base.term_segments import MOST_CHUNKS, TermSegment, built, merged
from knowledge_base.views import Samples, View

log = logging.getLogger(__name__)

Loaded = TypeVar("Loaded", Segment, TermSegment)


class ViewLoading:
    """Of one base; remembers which files it took on trust."""

    def __init__(self, parts: RowParts, folder: Path) -> None:
        self._parts = parts
        self._folder = folder
        self._unchecked: list[Written] = []

    def load(self, rows: Rows, generation: int) -> View:
        """The view of the rows' generation."""
        known = self._parts.known(rows)
        spans = rows.documents.live_spans(self._parts.base_id)
        self._unchecked.clear()
        dense = FaissIndex(0)
        if known.dimension is not None:
            alive = self._parts.ids(numbers_of(span for span in spans if span.embedded))
            dense = self._load_dense(rows, known.dimension, alive)
        return View(
            generation=generation,
            next_chunk=max((span.first + span.count for span in spans), default=0),
            dense=dense,
            lexical=self._load_lexical(rows, self._parts.ids(numbers_of(spans))),
            fingerprint=known.fingerprint,
            measured=known.measured,
            samples=Samples(),
        )

    def prepared(self, rows: Rows, fingerprint: str, dimension: int) -> FaissIndex:
        """An index of the vectors that wait to take the place of the others."""
        alive = self._parts.ids(numbers_of(rows.documents.live_spans(self._parts.base_id)))
        source = partial(self._parts.waiting, rows, fingerprint, dimension)
        return _indexed(dimension, alive, source)

    @property
    def has_unchecked(self) -> bool:
        """Whether there are files whose bytes nobody has looked at."""
        return bool(self._unchecked)

    def check_files(self, rest: Callable[[float], None]) -> bool:
        """Read every byte of the files that were taken on trust, with rests (see `is_intact`); one
        that fails goes. False where one did: what was read from it is of no use."""
        sound = True
        while self._unchecked:
            written = self._unchecked[0]  # Until it was read, nothing is made of it.
            path = self._folder / written.file
            if not is_intact(self._folder, written, rest) and path.exists():
                log.warning("index file %s is damaged: built anew", written.file)
                path.unlink(missing_ok=True)
                sound = False
            with contextlib.suppress(ValueError):  # the base was read anew meanwhile
                self._unchecked.remove(written)
        return sound

    def _load_dense(self, rows: Rows, dimension: int, alive: Ids) -> FaissIndex:
        """From the newest valid files and the rows after them, minus the dead."""
        segments: list[Segment] = []
        sealed_to = 0
        for saved in rows.files.of(self._parts.base_id, Leg.DENSE):
            if saved.low != sealed_to:
                break
            here = alive[(alive >= saved.low) & (alive < saved.high)]
            segment = self._from_file(saved, load)
            if segment is None or not among(here, segment.ids).all():
                log.warning("index file %s does not fit its rows: built anew", saved.written.file)
                again = partial(self._parts.vectors, rows, dimension, saved.low, saved.high)
                kind = kind_for(len(here), dimension)
                segment = build(saved.low, saved.high, Parts(again), kind)
            segments.append(segment)
            sealed_to = saved.high
        source = partial(self._parts.vectors, rows, dimension)
        return _indexed(dimension, alive, source, segments, sealed_to)

    def _load_lexical(self, rows: Rows, alive: Ids) -> LexicalIndex:
        """As `_load_dense`."""
        segments: list[TermSegment] = []
        again = [np.empty(0, dtype=np.int64)]
        sealed_to = 0
        for saved in rows.files.of(self._parts.base_id, Leg.LEXICAL):
            if saved.low != sealed_to or saved.kind != lexical_files.KIND:
                break
            here = alive[(alive >= saved.low) & (alive < saved.high)]
            segment = self._from_file(saved, lexical_files.load)
            if segment is not None:
                own = segment.arrays.chunk_ids
                renamed = rows.documents.renamed(self._parts.base_id, saved.generation)
                kept = here[~among(here, self._parts.ids(numbers_of(renamed)))]
                segment = segment.without(np.flatnonzero(~among(own, kept)))
                # Of documents that had got another name, or have got one since.
                amended = here[~among(here, own[segment.alive()])]
                if len(segment.dead) + len(amended) > DEAD_SHARE * len(own):
                    segment = None
                else:
                    again.append(amended)
            if segment is None and len(here):
                log.warning("index file %s does not fit its rows: built anew", saved.written.file)
                terms = self._parts.terms(rows, saved.low, saved.high)
                segment = merged([built(*part) for part in terms])
            if segment is not None and segment.living:
                segments.append(segment)
            sealed_to = saved.high
        # As large ones at once: each costs every question something.
        terms = self._parts.terms(rows, sealed_to, 1 << 62)
        while parts := [built(*part) for part in islice(terms, MOST_CHUNKS // PART)]:
            segments.append(parts[0] if len(parts) == 1 else merged(parts))
        newer = self._parts.terms_of(rows, np.concatenate(again))
        return LexicalIndex(segments, [built(*part) for part in newer])

    def _from_file(
        self, saved: SavedSegment, read: Callable[[Path, SavedSegment], Loaded]
    ) -> Loaded | None:
        """None where the file is damaged or gone."""
        try:
            checked = require(self._folder, saved.written)
            segment = read(self._folder, saved)
        except DamagedSegmentError:
            return None
        if not checked:
            self._unchecked.append(saved.written)
        return segment


def _indexed(
    dimension: int,
    alive: Ids,
    source: Callable[[int, int], Iterator[tuple[Ids, Vectors]]],
    segments: Sequence[Segment] = (),
    sealed_to: int = 0,
) -> FaissIndex:
    """The living of the segments, and what comes after them from the source."""
    segments = list(segments)
    after = alive[alive >= sealed_to]
    if len(after) >= TAIL:
        high = int(after[-1]) + 1
        parts = Parts(partial(source, sealed_to, high))
        segments.append(build(sealed_to, high, parts, kind_for(len(after), dimension)))
        sealed_to = high
    index = FaissIndex(dimension, tuple(segment for segment in segments if len(segment)))
    held = [segment.ids for segment in segments]
    stored = np.concatenate(held) if held else np.empty(0, dtype=np.int64)
    index.remove(stored[~among(stored, alive)])
    for ids, vectors in source(sealed_to, 1 << 62):
        index.add(ids, vectors)
    return index
