"""The segments of a lexical index: in the order of their chunks, and above them those with newer
words of some chunks, as of documents that were renamed. Values: what changes is another one.

A chunk with newer words is dead in the segment that has its older ones, and alive above it. Where
many are, both are made one segment by whoever keeps the index.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from knowledge_base.postings import Ids, Postings
from knowledge_base.term_segments import (
    MERGE_FACTOR,
    TermSegment,
    are_alike,
    compacted,
    merged,
    without_chunks,
)

AMENDED_SHARE: Final = 0.25
"""Of the chunks of a segment; past it the segment is made anew with their newer words."""
_NO_END: Final = 1 << 62


@dataclass(frozen=True, slots=True, eq=False)
class Merge:
    """Segments to make one of, in the background."""

    segments: tuple[TermSegment, ...]
    base: tuple[TermSegment, ...]
    """Segments of the lower layer whose place it takes."""
    amended: tuple[TermSegment, ...]
    """Segments of the upper layer that it takes chunks out of."""
    low: int = 0
    high: int = _NO_END
    """Which chunks it takes out of those: low <= id < high."""
    stays_above: bool = False
    """Whether what it makes belongs to the upper layer too."""

    def run(self) -> TermSegment:
        """The slow part; the index is not touched."""
        return merged(self.segments)


@dataclass(frozen=True, slots=True, eq=False)
class Layers:
    """Segments, each chunk alive in one of them."""

    base: tuple[TermSegment, ...]
    """Their ids ascend."""
    amended: tuple[TermSegment, ...] = ()
    """Their ids may lie among each other."""

    @property
    def all(self) -> tuple[TermSegment, ...]:
        return self.base + self.amended

    def with_added(self, segment: TermSegment) -> Layers:
        """Raises `ValueError` where its ids do not come after all others."""
        if self.base and segment.arrays.chunk_ids[0] < self.base[-1].high:
            raise ValueError("ids must ascend")
        return replace(self, base=compacted((*self.base, segment)))

    def with_amended(self, segment: TermSegment) -> Layers:
        """Its words instead of those that its chunks have had."""
        own = segment.arrays.chunk_ids
        # What is dead as a whole keeps its place in the order until both are made one.
        base = tuple(without_chunks(below, own) or _buried(below) for below in self.base)
        above = _without(self.amended, own)
        return Layers(base, compacted((*above, segment)))

    def without(self, gone: Ids) -> Layers:
        """Without these chunks, as far as there are any."""
        return Layers(_without(self.base, gone), _without(self.amended, gone))

    def with_files(self, saved: Mapping[Postings, TermSegment]) -> Layers:
        """The same postings where they lie now."""
        base = tuple(
            replace(saved[s.arrays], dead=s.dead, length=s.length) if s.arrays in saved else s
            for s in self.base
        )
        return replace(self, base=base)

    def older_in(self, segment: TermSegment) -> Ids:
        """Ids of the chunks whose older words are in that segment of the lower layer."""
        dead = segment.arrays.chunk_ids[segment.dead]
        newer = [above.arrays.chunk_ids[above.alive()] for above in self.amended]
        return np.intersect1d(dead, np.concatenate(newer)) if newer else dead[:0]

    def merge(self) -> Merge | None:
        """A merge that is due, but takes too long to be done while somebody waits."""
        if window := _alike(self.base):
            return Merge(window, base=window, amended=())
        if (grown := self._grown()) is not None:
            return grown
        if window := _alike(self.amended):
            return Merge(window, base=(), amended=window, stays_above=True)
        return None

    def adopt(self, merge: Merge, merged: TermSegment) -> Layers | None:
        """With the result of a merge in place; None where they are no longer the merge's."""
        start = _place_of(merge.base, self.base)
        theirs = [any(own is one for own in self.amended) for one in merge.amended]
        if start is None or not all(theirs):
            return None
        fresh = (merged,) if merged.living else ()
        above = tuple(
            left
            for own in self.amended
            if (left := _outside(own, merge) if own in merge.amended else own).living
        )
        if merge.stays_above:
            return replace(self, amended=(*above, *fresh))
        after = self.base[start + len(merge.base) :]
        return Layers((*self.base[:start], *fresh, *after), above)

    def _grown(self) -> Merge | None:
        """Where the newer words of a segment's chunks are many, to be made one with it."""
        if not self.amended:
            return None
        low = 0
        for at, segment in enumerate(self.base):
            high = _NO_END if at == len(self.base) - 1 else segment.high
            if found := self._grown_between((segment,), low, high):
                return found
            low = high
        return None if self.base else self._grown_between((), 0, _NO_END)

    def _grown_between(self, base: tuple[TermSegment, ...], low: int, high: int) -> Merge | None:
        taken = tuple(above for above in self.amended if _living_between(above, low, high))
        newer = sum(_living_between(above, low, high) for above in taken)
        if newer <= AMENDED_SHARE * (newer + sum(segment.living for segment in base)):
            return None
        parts = tuple(_inside(above, low, high) for above in taken)
        return Merge((*base, *parts), base, taken, low, high)


def _without(segments: Sequence[TermSegment], gone: Ids) -> tuple[TermSegment, ...]:
    return tuple(left for left in (without_chunks(s, gone) for s in segments) if left)


def _buried(segment: TermSegment) -> TermSegment:
    return replace(segment, dead=np.arange(segment.chunks), length=0)


def _bounds(segment: TermSegment, low: int, high: int) -> tuple[int, int]:
    """Ordinals of its chunks low <= id < high."""
    first, after = np.searchsorted(segment.arrays.chunk_ids, (low, high))
    return int(first), int(after)


def _living_between(segment: TermSegment, low: int, high: int) -> int:
    first, after = _bounds(segment, low, high)
    dead_first, dead_after = np.searchsorted(segment.dead, (first, after))
    return after - first - int(dead_after - dead_first)


def _inside(segment: TermSegment, low: int, high: int) -> TermSegment:
    first, after = _bounds(segment, low, high)
    return segment.without(np.append(np.arange(first), np.arange(after, segment.chunks)))


def _outside(segment: TermSegment, merge: Merge) -> TermSegment:
    return segment.without(np.arange(*_bounds(segment, merge.low, merge.high)))


def _alike(segments: tuple[TermSegment, ...]) -> tuple[TermSegment, ...]:
    for end in range(MERGE_FACTOR, len(segments) + 1):
        if are_alike(window := segments[end - MERGE_FACTOR : end]):
            return window
    return ()


def _place_of(window: Sequence[TermSegment], segments: Sequence[TermSegment]) -> int | None:
    for start in range(len(segments) - len(window) + 1):
        here = segments[start : start + len(window)]
        if all(one is other for one, other in zip(here, window, strict=True)):
            return start
    return None
