"""A base that is open: its newest view in this process, kept up with the store.

A search opens a read transaction and takes, under the base's lock, the view of exactly the
generation that the transaction sees: so it finds the documents of one moment, each whole, whatever
other threads and processes write meanwhile.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from knowledge_base.calibration import Calibration
from knowledge_base.embedders.base import Vectors
from knowledge_base.index import FaissIndex
from knowledge_base.models import BaseId
from knowledge_base.offloop import blocking
from knowledge_base.postings import Postings
from knowledge_base.row_parts import RowParts
from knowledge_base.rows import Rows
from knowledge_base.segments import Segment
from knowledge_base.store import Store
from knowledge_base.term_segments import TermSegment
from knowledge_base.versions import Committed
from knowledge_base.view_changes import caught_up, changed
from knowledge_base.view_loading import ViewLoading
from knowledge_base.views import Samples, View


@dataclass(frozen=True, slots=True, eq=False)
class Mapped:
    """Segments that were in memory, and the same ones where they lie in files now."""

    dense: dict[Segment, Segment] = field(default_factory=dict)
    lexical: dict[Postings, TermSegment] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """The index that is to take the place of another."""

    generation: int
    """Of the base, when what is in it was read."""
    dense: FaissIndex


class OpenBase:
    """One base's newest view in this process."""

    def __init__(self, base_id: BaseId, store: Store, folder: Path) -> None:
        self.base_id = base_id
        self.lock = threading.Lock()
        """Held while the view is read or replaced; never while a leg is searched."""
        self._store = store
        self._parts = RowParts(base_id)
        self._loading = ViewLoading(self._parts, folder)
        self._view: View | None = None
        self._upkeep = threading.Lock()
        self._warming = threading.Lock()

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
        with self._warming:
            if self.view is not lost:
                return False  # somebody read it while this one waited
            with self._store.read() as rows:
                view = self._loading.load(rows, rows.bases.generation(self.base_id))
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
        generation = rows.bases.generation(self.base_id)
        if view is None or view.generation < rows.bases.erased(self.base_id):
            # Or its segments still hold what was erased, if only as dead.
            newer = None
        elif view.generation != generation:
            newer = caught_up(view, self._parts, rows, generation)
        else:
            return view
        if newer is None:
            if not at_any_cost:
                return None
            newer = self._loading.load(rows, generation)
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
            ids = self._parts.ids(np.arange(committed.first, committed.first + len(packed)))
            gone = [np.arange(first, first + count) for first, count in committed.removed]
            self._view = changed(
                replace(
                    view,
                    generation=committed.generation,
                    fingerprint=fingerprint or view.fingerprint,
                ),
                self._parts,
                added=(ids, packed) if len(packed) else None,
                vectors=None if vectors is None else (ids, vectors),
                removed=self._parts.ids(np.concatenate(gone)) if gone else None,
            )

    def forget(self) -> None:
        """Read everything anew at the next search."""
        with self.lock:
            self._view = None

    def prepared(self, fingerprint: str, dimension: int) -> Prepared | None:
        """An index of the vectors that wait to take the place of the others; None where the base
        is not in memory: whoever asks it next reads it anyway."""
        if self._view is None:
            return None
        with self._store.read() as rows:
            generation = rows.bases.generation(self.base_id)
            return Prepared(generation, self._loading.prepared(rows, fingerprint, dimension))

    def swapped(self, generation: int, fingerprint: str, prepared: Prepared | None) -> None:
        """Take over that the store has other vectors now; what was prepared serves at once."""
        with self.lock:
            view = self._view
            if (
                view is None
                or prepared is None
                or not view.generation == prepared.generation == generation - 1
            ):
                self._view = None  # something was removed or added meanwhile: the next search reads
                return
            self._view = replace(
                view,
                generation=generation,
                dense=prepared.dense,
                fingerprint=fingerprint,
                measured=None,
                samples=Samples(),
            )

    @property
    def due(self) -> bool:
        view = self._view
        if view is None:
            return False
        if self.is_unchecked:
            return True
        return view.dense.compaction() is not None or view.lexical.merge() is not None

    @property
    def is_unchecked(self) -> bool:
        """Whether it was read from files whose bytes nobody has looked at; until that is done
        nothing new is made of them."""
        return self._view is not None and self._loading.has_unchecked

    @blocking
    def check(self, rest: Callable[[float], None]) -> None:
        """Look at them, with rests (see `index_files.is_intact`). Where one is damaged, the next
        search makes it anew from the rows."""
        if not self._loading.check_files(rest):
            self.forget()

    @blocking
    def compact(self) -> None:
        """Seal and merge in the background, with one pointer swap at the end."""
        with self._upkeep:
            if self.is_unchecked:
                return
            self._merge_terms()
            view = self._view
            plan = view.dense.compaction() if view else None
            if view is None or plan is None:
                return
            dimension = view.dense.dimension
            with self._store.read() as rows:
                sealed = plan.run(lambda low, high: self._parts.vectors(rows, dimension, low, high))
            with self.lock:
                newer = self._view
                if newer is None:
                    return
                twin = newer.dense.copy()
                if twin.adopt(plan, sealed):
                    self._view = replace(newer, dense=twin)

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
