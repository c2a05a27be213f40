"""The bases that are open: both legs in memory, kept up with the store, within one budget.

A `View` is what one generation of a base looks like. It never changes; a newer one takes its place
by one pointer. A search opens a read transaction and takes, under the base's lock, the view of
exactly the generation that the transaction sees: so it finds the documents of one moment, each
whole, whatever other threads and processes write meanwhile.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from knowledge_base import lexical_files
from knowledge_base.calibration import Calibration
from knowledge_base.embedders.base import Vectors
from knowledge_base.hint_shelf import HintShelf
from knowledge_base.index import DEAD_SHARE, TAIL, FaissIndex
from knowledge_base.index_files import (
    DamagedSegmentError,
    Leg,
    SavedSegment,
    Written,
    is_intact,
    require,
)
from knowledge_base.lexical import MOST_CHUNKS, LexicalIndex, TermSegment, built, merged
from knowledge_base.models import BaseId, chunk_id
from knowledge_base.offloop import blocking
from knowledge_base.postings import Postings
from knowledge_base.retrieval import SAMPLE, Scripts
from knowledge_base.rows import Rows, Span, numbers_of
from knowledge_base.segments import Ids, Parts, Segment, among, build, kind_for, load
from knowledge_base.store import Committed, Store
from knowledge_base.yardstick import usual

log = logging.getLogger(__name__)

Loaded = TypeVar("Loaded", Segment, TermSegment)

ATTEMPTS = 3
"""How often a base is read without its lock, where so much is written meanwhile that what was read
is of no use; the last time nobody writes."""
PART = 4096
"""Chunks whose terms or vectors are in memory at once beside the index that they go into."""


class Samples:
    """Samples of a base, taken when they are first asked for.

    They depend on its content alone. Two threads may take one twice, which is harmless.
    """

    def __init__(self) -> None:
        self._dense: tuple[FaissIndex, tuple[Ids, Vectors]] | None = None
        self._both: tuple[FaissIndex, LexicalIndex, tuple[Vectors, Scripts]] | None = None

    def of(self, dense: FaissIndex) -> tuple[Ids, Vectors]:
        """Of the chunks that have vectors."""
        taken = self._dense
        if taken is None or taken[0] is not dense:
            taken = self._dense = (dense, dense.sample(SAMPLE))
        return taken[1]

    def of_both(self, dense: FaissIndex, lexical: LexicalIndex) -> tuple[Vectors, Scripts]:
        """Of all chunks: the vectors of those that have one, and their scripts."""
        taken = self._both
        if taken is None or taken[0] is not dense or taken[1] is not lexical:
            ids, scripts = lexical.sample(SAMPLE)
            vectors = dense.vectors(ids)
            there = ~np.isnan(vectors).any(axis=1)
            taken = self._both = (dense, lexical, (vectors[there], scripts[there]))
        return taken[2]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """Both legs at one generation."""

    generation: int
    next_chunk: int
    """The first n that neither leg has ever seen."""
    dense: FaissIndex
    lexical: LexicalIndex
    fingerprint: str | None
    """Of the embedder that made the vectors; None until there are some."""
    measured: Calibration | None
    """Its own; None until there is one."""
    samples: Samples

    @property
    def calibration(self) -> Calibration | None:
        """Its own; until that is there, what is known of its embedder, if anything."""
        return self.measured or usual(self.fingerprint)

    @property
    def sample(self) -> tuple[Vectors, Scripts]:
        """Vectors of about `retrieval.SAMPLE` chunks, taken evenly, and their scripts."""
        return self.samples.of_both(self.dense, self.lexical)


@dataclass(frozen=True, slots=True, eq=False)
class Mapped:
    """Segments that were in memory, and the same ones where they lie in files now."""

    dense: dict[Segment, Segment] = field(default_factory=dict)
    lexical: dict[Postings, TermSegment] = field(default_factory=dict)


class OpenBase:
    """One base's newest view in this process."""

    def __init__(self, base_id: BaseId, store: Store, folder: Path) -> None:
        self.base_id = base_id
        self.lock = threading.Lock()
        """Held while the view is read or replaced; never while a leg is searched."""
        self._store = store
        self._folder = folder
        self._view: View | None = None
        self._upkeep = threading.Lock()
        self._loading = threading.Lock()
        self._unchecked: list[Written] = []

    @property
    def nbytes(self) -> int:
        view = self._view
        if view is None:
            return 0
        return view.lexical.nbytes + view.dense.nbytes

    @property
    def view(self) -> View | None:
        """What is in memory, perhaps behind the store."""
        return self._view

    def warm(self, lost: View | None = None) -> bool:
        """Read what is not in memory, or is no more than that old view, without keeping anybody
        from writing; whether it was read.

        A large base takes its time. Whoever searches it meanwhile waits here.
        """
        if self._view is not lost:
            return False
        with self._loading:
            if self.view is not lost:
                return False  # somebody read it while this one waited
            with self._store.read() as rows:
                view = self._load(rows, rows.generation(self.base_id))
            with self.lock:
                if self._view is lost:
                    self._view = view
            return True

    def current(self, rows: Rows, *, at_any_cost: bool = True) -> View | None:
        """The view of the rows' generation. The caller holds the lock since before the rows'
        transaction saw anything, so the view cannot be ahead of them.

        None, unless `at_any_cost`, where all of it would have to be read anew: writers would wait
        for that. `warm` reads it without the lock.
        """
        view = self._view
        generation = rows.generation(self.base_id)
        if view is None or view.generation < rows.erased(self.base_id):
            # Or its segments still hold what was erased, if only as dead.
            newer = None
        elif view.generation != generation:
            newer = self._catch_up(view, rows, generation)
        else:
            return view
        if newer is None:
            if not at_any_cost:
                return None
            newer = self._load(rows, generation)
        self._view = newer
        return newer

    def apply(
        self,
        committed: Committed,
        packed: Sequence[bytes],
        vectors: Vectors | None,
        fingerprint: str | None,
    ) -> None:
        """Take over a commit of this process without reading it back."""
        with self.lock:
            view = self._view
            if view is None or view.generation != committed.generation - 1:
                # Not in memory, already there, or something came between: the next search reads.
                return
            ids = self._ids(np.arange(committed.first, committed.first + len(packed)))
            gone = [np.arange(first, first + count) for first, count in committed.removed]
            self._view = self._changed(
                replace(
                    view,
                    generation=committed.generation,
                    fingerprint=fingerprint or view.fingerprint,
                ),
                added=(ids, packed) if len(packed) else None,
                vectors=None if vectors is None else (ids, vectors),
                removed=self._ids(np.concatenate(gone)) if gone else None,
            )

    def forget(self) -> None:
        """Read everything anew at the next search."""
        with self.lock:
            self._view = None

    def prepared(self, fingerprint: str, dimension: int) -> FaissIndex | None:
        """An index of the vectors that wait to take the place of the others; None where the base
        is not in memory: whoever asks it next reads it anyway."""
        if self._view is None:
            return None
        with self._store.read() as rows:
            spans = rows.live_spans(self.base_id)
            source = partial(self._waiting, rows, fingerprint, dimension)
            return self._indexed(dimension, self._ids(numbers_of(spans)), source)

    def swapped(self, generation: int, fingerprint: str, prepared: FaissIndex | None) -> None:
        """Take over that the store has other vectors now; what was prepared serves at once."""
        with self.lock:
            view = self._view
            if (
                view is None
                or prepared is None
                or view.generation != generation - 1
                or len(prepared) != len(view.lexical)
            ):
                self._view = None  # something was removed meanwhile: the next search reads
                return
            self._view = replace(
                view,
                generation=generation,
                dense=prepared,
                fingerprint=fingerprint,
                measured=None,
                samples=Samples(),
            )

    @property
    def due(self) -> bool:
        view = self._view
        if view is None:
            return False
        if self._unchecked:
            return True
        return view.dense.compaction() is not None or view.lexical.merge() is not None

    @blocking
    def compact(self) -> None:
        """Seal and merge in the background, with one pointer swap at the end."""
        with self._upkeep:
            self._check_files()
            self._merge_terms()
            view = self._view
            plan = view.dense.compaction() if view else None
            if view is None or plan is None:
                return
            dimension = view.dense.dimension
            with self._store.read() as rows:
                sealed = plan.run(lambda low, high: self._vectors(rows, dimension, low, high))
            with self.lock:
                newer = self._view
                if newer is None:
                    return
                twin = newer.dense.copy()
                if twin.adopt(plan, sealed):
                    self._view = replace(newer, dense=twin)

    def _check_files(self) -> None:
        """Read every byte of the files that were taken on trust; one that fails goes, and the
        base is read anew at the next search."""
        while self._unchecked:
            written = self._unchecked.pop()
            if not is_intact(self._folder, written) and (self._folder / written.file).exists():
                log.warning("index file %s is damaged: built anew", written.file)
                (self._folder / written.file).unlink(missing_ok=True)
                self.forget()

    def _merge_terms(self) -> None:
        while (view := self._view) is not None and (due := view.lexical.merge()) is not None:
            merged = due.run()
            with self.lock:
                newer = self._view
                if newer is None:
                    return
                twin = copy.copy(newer.lexical)
                if not twin.adopt(due, merged):
                    return  # something was removed meanwhile: the next upkeep merges what is left
                self._view = replace(newer, lexical=twin)

    def measured(self, calibration: Calibration) -> None:
        """Take over a new calibration."""
        with self.lock:
            if self._view is not None:
                self._view = replace(self._view, measured=calibration)

    def use_files(self, mapped: Mapped) -> None:
        """Let go of the memory of what lies in files now."""
        with self.lock:
            view = self._view
            if view is not None:
                dense, lexical = view.dense.copy(), copy.copy(view.lexical)
                dense.with_files(mapped.dense)
                lexical.with_files(mapped.lexical)
                self._view = replace(view, dense=dense, lexical=lexical)

    def _ids(self, numbers: Ids) -> Ids:
        return numbers.astype(np.int64) + chunk_id(self.base_id, 0)

    def _changed(
        self,
        view: View,
        added: tuple[Ids, Sequence[bytes]] | None,
        vectors: tuple[Ids, Vectors] | None,
        removed: Ids | None,
    ) -> View:
        lexical = copy.copy(view.lexical)
        dense = view.dense.copy()
        next_chunk = view.next_chunk
        if removed is not None:
            lexical.remove(removed)
            dense.remove(removed)
        if added is not None:
            lexical.add(*added)
            next_chunk = int(added[0][-1]) + 1 - chunk_id(self.base_id, 0)
        if vectors is not None:
            if dense.dimension != vectors[1].shape[1]:  # the first ones, or all others are gone
                dense = FaissIndex(vectors[1].shape[1])
            dense.add(*vectors)
        return replace(view, next_chunk=next_chunk, dense=dense, lexical=lexical)

    def _catch_up(self, view: View, rows: Rows, generation: int) -> View | None:
        """None where too much has changed."""
        changes = rows.changes(self.base_id, view.generation)
        live = [span for span in changes if span.live]
        gone = [span for span in changes if not span.live]
        if any(span.first < view.next_chunk for span in live) or sum(s.count for s in live) > TAIL:
            # Old chunks that got vectors, or more than a tail should hold: from the rows.
            return None
        base = rows.base(self.base_id)
        dimension = base.dimension if base else None
        view = replace(
            view,
            generation=generation,
            fingerprint=base.fingerprint if base else None,
            measured=_calibration(rows, self.base_id),
        )
        packed: list[bytes] = []
        numbers: list[int] = []
        vectors: list[Vectors] = []
        embedded = [span for span in live if span.embedded]
        for span in live:
            for n, terms in rows.terms_between(self.base_id, span.first, span.first + span.count):
                numbers.append(n)
                packed.append(terms)
        for span in embedded:
            found = rows.vectors(span.document_id, dimension) if dimension else None
            if found is not None:
                vectors.append(found)
        return self._changed(
            view,
            added=(self._ids(np.array(numbers)), packed) if numbers else None,
            vectors=(
                (self._ids(numbers_of(embedded)), np.concatenate(vectors)) if vectors else None
            ),
            removed=self._ids(numbers_of(gone)) if gone else None,
        )

    def _load(self, rows: Rows, generation: int) -> View:
        base = rows.base(self.base_id)
        spans = rows.live_spans(self.base_id)
        self._unchecked.clear()
        dense = FaissIndex(0)
        if base is not None and base.dimension is not None:
            dense = self._load_dense(rows, base.dimension, [s for s in spans if s.embedded])
        return View(
            generation=generation,
            next_chunk=max((span.first + span.count for span in spans), default=0),
            dense=dense,
            lexical=self._load_lexical(rows, self._ids(numbers_of(spans))),
            fingerprint=base.fingerprint if base else None,
            measured=_calibration(rows, self.base_id),
            samples=Samples(),
        )

    def _load_lexical(self, rows: Rows, alive: Ids) -> LexicalIndex:
        """As `_load_dense`."""
        segments: list[TermSegment] = []
        sealed_to = 0
        for saved in rows.segments(self.base_id, Leg.LEXICAL):
            if saved.low != sealed_to or saved.kind != lexical_files.KIND:
                break
            here = alive[(alive >= saved.low) & (alive < saved.high)]
            segment = self._from_file(saved, lexical_files.load)
            if segment is not None:
                own = segment.arrays.chunk_ids
                segment = segment.without(np.flatnonzero(~among(own, here)))
                if segment.living != len(here) or len(segment.dead) > DEAD_SHARE * len(own):
                    segment = None
            if segment is None and len(here):
                log.warning("index file %s does not fit its rows: built anew", saved.written.file)
                made = [built(*part) for part in self._terms(rows, saved.low, saved.high)]
                segment = merged(made)
            if segment is not None and segment.living:
                segments.append(segment)
            sealed_to = saved.high
        # As large ones at once: each costs every question something.
        terms = self._terms(rows, sealed_to, 1 << 62)
        while parts := [built(*part) for part in islice(terms, MOST_CHUNKS // PART)]:
            segments.append(parts[0] if len(parts) == 1 else merged(parts))
        return LexicalIndex(segments)

    def _terms(self, rows: Rows, low: int, high: int) -> Iterator[tuple[Ids, list[bytes]]]:
        """Of the chunks low <= id < high, in order, some at a time."""
        zero = chunk_id(self.base_id, 0)
        terms = rows.terms_between(self.base_id, max(0, low - zero), min(high - zero, 1 << 32))
        while part := list(islice(terms, PART)):
            yield self._ids(np.array([n for n, _ in part])), [packed for _, packed in part]

    def _from_file(
        self, saved: SavedSegment, load: Callable[[Path, SavedSegment], Loaded]
    ) -> Loaded | None:
        """None where the file is damaged or gone."""
        try:
            checked = require(self._folder, saved.written)
            segment = load(self._folder, saved)
        except DamagedSegmentError:
            return None
        if not checked:
            self._unchecked.append(saved.written)
        return segment

    def _load_dense(self, rows: Rows, dimension: int, spans: Sequence[Span]) -> FaissIndex:
        """From the newest valid files and the rows after them, minus the dead."""
        alive = self._ids(numbers_of(spans))
        segments: list[Segment] = []
        sealed_to = 0
        for saved in rows.segments(self.base_id, Leg.DENSE):
            if saved.low != sealed_to:
                break
            here = alive[(alive >= saved.low) & (alive < saved.high)]
            segment = self._from_file(saved, load)
            if segment is None or not among(here, segment.ids).all():
                log.warning("index file %s does not fit its rows: built anew", saved.written.file)
                parts = Parts(partial(self._vectors, rows, dimension, saved.low, saved.high))
                segment = build(saved.low, saved.high, parts, kind_for(len(here), dimension))
            segments.append(segment)
            sealed_to = saved.high
        source = partial(self._vectors, rows, dimension)
        return self._indexed(dimension, alive, source, segments, sealed_to)

    def _indexed(
        self,
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

    def _vectors(
        self, rows: Rows, dimension: int, low: int, high: int
    ) -> Iterator[tuple[Ids, Vectors]]:
        """Of the ids low <= id < high, in order, several documents at a time."""
        return self._in_parts(
            rows.vectors_between(self.base_id, dimension, *self._range(low, high))
        )

    def _waiting(
        self, rows: Rows, fingerprint: str, dimension: int, low: int, high: int
    ) -> Iterator[tuple[Ids, Vectors]]:
        """As `_vectors`, of those that wait to take the place of the others."""
        between = self._range(low, high)
        return self._in_parts(rows.next_vectors(self.base_id, fingerprint, dimension, *between))

    def _range(self, low: int, high: int) -> tuple[int, int]:
        zero = chunk_id(self.base_id, 0)
        return max(0, low - zero), min(high - zero, 1 << 32)

    def _in_parts(self, found: Iterable[tuple[int, Vectors]]) -> Iterator[tuple[Ids, Vectors]]:
        numbers: list[Ids] = []
        vectors: list[Vectors] = []
        waiting = 0
        for first, part in found:
            numbers.append(np.arange(first, first + len(part)))
            vectors.append(part)
            waiting += len(part)
            if waiting >= PART:
                yield self._ids(np.concatenate(numbers)), np.concatenate(vectors)
                numbers, vectors, waiting = [], [], 0
        if waiting:
            yield self._ids(np.concatenate(numbers)), np.concatenate(vectors)


def _calibration(rows: Rows, base_id: BaseId) -> Calibration | None:
    stored = rows.calibration(base_id)
    if stored is None:
        return None
    try:
        return Calibration.from_json(stored)
    except ValueError:
        return None  # another version's: it will be measured again


class OpenBases:
    """The open bases, the least recently used of which are closed past the budget."""

    def __init__(self, store: Store, folder: Path, budget_mb: int) -> None:
        self._store = store
        self._folder = folder
        self.hints = HintShelf()
        self._budget = budget_mb << 20
        self._open: OrderedDict[BaseId, OpenBase] = OrderedDict()
        self._lock = threading.Lock()
        self._upkeep = ThreadPoolExecutor(1, thread_name_prefix="index upkeep")
        self._queued: set[BaseId] = set()
        self._sizes: dict[BaseId, int] = {}

    def close(self) -> None:
        """Wait for the upkeep that runs, drop what waits."""
        self._upkeep.shutdown(cancel_futures=True)

    def get(self, base_id: BaseId) -> OpenBase:
        """Opened if need be; what it holds is read at its first use."""
        with self._lock:
            base = self._open.get(base_id)
            if base is None:
                base = self._open[base_id] = OpenBase(base_id, self._store, self._folder)
            self._open.move_to_end(base_id)
            return base

    def opened(self) -> tuple[OpenBase, ...]:
        with self._lock:
            return tuple(self._open.values())

    def fingerprints(self, base_ids: Iterable[BaseId]) -> dict[BaseId, str | None]:
        """Of those that are in memory, without looking at the store."""
        with self._lock:
            opened = {base_id: self._open.get(base_id) for base_id in base_ids}
        views = {base_id: base.view for base_id, base in opened.items() if base is not None}
        return {base_id: view.fingerprint for base_id, view in views.items() if view is not None}

    @contextlib.contextmanager
    def views(self, base_ids: Iterable[BaseId]) -> Iterator[tuple[Rows, tuple[View, ...]]]:
        """One moment of the store, and the bases' views of that same moment, in order."""
        bases = [self.get(base_id) for base_id in sorted(base_ids)]
        lost: list[View | None] = [None] * len(bases)
        for left in reversed(range(ATTEMPTS)):
            for base, old in zip(bases, lost, strict=True):
                if base.warm(old):
                    self._look_after(base)
            with contextlib.ExitStack() as transaction:
                with contextlib.ExitStack() as locks:
                    for base in bases:
                        locks.enter_context(base.lock)
                    # The transaction sees its first rows only now, with the locks held.
                    rows = transaction.enter_context(self._store.read())
                    before = [base.view for base in bases]
                    found = [base.current(rows, at_any_cost=not left) for base in bases]
                for base, old, view in zip(bases, before, found, strict=True):
                    if view is not None and view is not old:
                        self._look_after(base)
                views = tuple(view for view in found if view is not None)
                if len(views) == len(bases):
                    yield rows, views
                    return
            lost = [old if view is None else None for old, view in zip(before, found, strict=True)]

    def apply(
        self,
        base_id: BaseId,
        committed: Committed,
        packed: Sequence[bytes] = (),
        vectors: Vectors | None = None,
        fingerprint: str | None = None,
    ) -> None:
        """Bring the base up to a commit of this process, if it is open."""
        with self._lock:
            base = self._open.get(base_id)
        if base is not None:
            base.apply(committed, packed, vectors, fingerprint)
            self._look_after(base)

    def _look_after(self, base: OpenBase) -> None:
        """Queue the upkeep that is due; close what the budget has no room for."""
        size, due = base.nbytes, base.due
        with self._lock:
            if base.base_id in self._open:
                self._sizes[base.base_id] = size
            while sum(self._sizes.values()) > self._budget and len(self._open) > 1:
                oldest, _ = self._open.popitem(last=False)
                self._sizes.pop(oldest, None)
            if not due or base.base_id in self._queued:
                return
            self._queued.add(base.base_id)
        with contextlib.suppress(RuntimeError):  # closing
            task = self._upkeep.submit(base.compact)
            task.add_done_callback(lambda done: self._kept_up(base, done))

    def _kept_up(self, base: OpenBase, done: Future[None]) -> None:
        with self._lock:
            self._queued.discard(base.base_id)
        if not done.cancelled() and (error := done.exception()) is not None:
            log.error("sealing the index of base %d failed", base.base_id, exc_info=error)
