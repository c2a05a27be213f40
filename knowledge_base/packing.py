"""Postings -> packed postings: every term to the way of keeping it that takes the least."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knowledge_base.packed import ESCAPE, STEP, Gaps, Halves, Once, PackedTerms, Steps
from knowledge_base.postings import Counts, Hashes, Ids, Ordinals, TermArrays, joined

_SLICE = 1 << 20
"""Postings that are packed at once; it bounds the memory that packing takes."""
_MOST_WIDE = 0xFFFF
_ORDINAL, _COUNT = np.dtype(np.int32), np.dtype(np.uint8)


def packed(arrays: TermArrays) -> PackedTerms:
    """The same postings, packed; terms without any are left out."""
    chunks = len(arrays.chunk_ids)
    once, wide, narrow, halves = _Made(), _Made(), _Made(), _Made()
    for part in _parts(arrays):
        part.sort_out(once, wide, narrow, halves, chunks)
    gaps = narrow.gaps(np.uint32, np.uint8)
    return PackedTerms(
        arrays.chunk_ids,
        arrays.lengths,
        arrays.scripts,
        Once(once.hashes(), once.first()),
        wide.gaps(np.uint16, np.uint16),
        gaps,
        _steps(gaps),
        halves.halves(chunks),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Some terms and their postings, and what each way would take."""

    hashes: Hashes
    sizes: Ids
    ordinals: Ordinals
    counts: Counts

    def sort_out(self, once: _Made, wide: _Made, narrow: _Made, halves: _Made, chunks: int) -> None:
        """Every term to the way that takes the least."""
        begin = np.cumsum(self.sizes) - self.sizes
        gaps = np.diff(self.ordinals, prepend=np.int32(0))
        gaps[begin] = 0
        entries = self.counts.astype(np.int32) - (gaps == 0)  # The first one has no gap.
        by_two, by_one = (entries + _further(gaps, top) for top in _TOPS)
        two = 2 * np.add.reduceat(by_two, begin)
        one = np.add.reduceat(by_one, begin) * (STEP + 4) // STEP
        half = chunks // 2 + 5 * np.add.reduceat((self.counts >= ESCAPE).astype(np.int64), begin)
        is_once = (self.sizes == 1) & (self.counts[begin] == 1)
        is_half = ~is_once & (half < np.minimum(one, two))
        is_wide = ~is_once & ~is_half & (two <= one) & (self.sizes <= _MOST_WIDE)
        is_narrow = ~(is_once | is_half | is_wide)
        once.take(self, is_once)
        wide.take(self, is_wide, gaps, by_two)
        narrow.take(self, is_narrow, gaps, by_one)
        halves.take(self, is_half)


def _further(gaps: Ordinals, top: int) -> Ordinals:
    """Entries that go on without a posting before each gap's own."""
    further = np.zeros(len(gaps), np.int32)
    far = np.flatnonzero(gaps > top)
    further[far] = (gaps[far] - 1) // top
    return further


_TOPS = (np.iinfo(np.uint16).max - 1, np.iinfo(np.uint8).max - 1)


def _parts(arrays: TermArrays) -> Iterator[_Part]:
    sizes = np.diff(arrays.offsets)
    begin = 0
    while begin < len(sizes):
        most = arrays.offsets[begin] + _SLICE
        end = max(begin + 1, int(np.searchsorted(arrays.offsets, most, "right")) - 1)
        those = slice(arrays.offsets[begin], arrays.offsets[end])
        some = np.flatnonzero(sizes[begin:end]) + begin
        if len(some):
            yield _Part(
                arrays.hashes[some], sizes[some], arrays.ordinals[those], arrays.counts[those]
            )
        begin = end


class _Made:
    """What was sorted out to one way so far."""

    def __init__(self) -> None:
        self._taken: list[tuple[Hashes, Ids, Ordinals, Counts]] = []
        self._gaps: list[tuple[Ordinals, Ordinals, Ids]] = []

    def take(
        self,
        part: _Part,
        terms: NDArray[np.bool_],
        gaps: Ordinals | None = None,
        entries: Ordinals | None = None,
    ) -> None:
        those = np.repeat(terms, part.sizes)
        self._taken.append(
            (part.hashes[terms], part.sizes[terms], part.ordinals[those], part.counts[those])
        )
        if gaps is not None and entries is not None:
            self._gaps.append((gaps[those], entries[those], part.sizes[terms]))

    def hashes(self) -> Hashes:
        return joined([hashes for hashes, _, _, _ in self._taken], np.dtype(np.uint64))

    def sizes(self) -> Ids:
        return joined([sizes for _, sizes, _, _ in self._taken], np.dtype(np.int64))

    def first(self) -> Ordinals:
        each = [own[np.cumsum(sizes) - sizes] for _, sizes, own, _ in self._taken]
        return joined(each, _ORDINAL)

    def gaps(self, sizes: type[np.unsignedinteger], kind: type[np.unsignedinteger]) -> Gaps:
        """`sizes` and `kind` are the types of postings' numbers and of gaps."""
        top = int(np.iinfo(kind).max) - 1
        made = [np.zeros(0, kind)]
        each = [np.zeros(0, np.int64)]
        for gaps, entries, own in self._gaps:
            start = np.cumsum(entries, dtype=np.int64) - entries
            out = np.zeros(int(entries.sum()), kind)
            others = np.flatnonzero(gaps)
            further = _further(gaps, top)
            out[(start + further)[others]] = (gaps - further * top)[others]
            far = np.flatnonzero(further)
            times = further[far]
            start = start[far] - (np.cumsum(times) - times)
            out[np.repeat(start, times) + np.arange(int(times.sum()))] = top + 1
            made.append(out)
            if len(own):
                each.append(np.add.reduceat(entries, np.cumsum(own) - own).astype(np.int64))
        begin = np.append(0, np.cumsum(np.concatenate(each)))
        return Gaps(
            self.hashes(),
            self.sizes().astype(sizes),
            self.first(),
            begin.astype(np.uint32),
            np.concatenate(made),
        )

    def halves(self, chunks: int) -> Halves:
        rows, ordinals, large, each = [], [], [], [np.zeros(1, np.int64)]
        for _, sizes, own, counts in self._taken:
            for end, size in zip(np.cumsum(sizes), sizes, strict=True):
                here, often = own[end - size : end], counts[end - size : end]
                row = np.zeros(chunks + chunks % 2, np.uint8)
                row[here] = np.minimum(often, ESCAPE)
                rows.append(row[::2] | row[1::2] << 4)
                many = often >= ESCAPE
                ordinals.append(here[many])
                large.append(often[many])
                each.append(np.array([np.count_nonzero(many)]))
        return Halves(
            self.hashes(),
            self.sizes().astype(np.uint32),
            np.stack(rows) if rows else np.zeros((0, (chunks + 1) // 2), np.uint8),
            np.cumsum(np.concatenate(each)).astype(np.uint32),
            joined(ordinals, _ORDINAL),
            joined(large, _COUNT),
        )


def _steps(gaps: Gaps) -> Steps:
    begin = gaps.begin.astype(np.int64)
    each = -(-np.diff(begin) // STEP)
    ends = np.cumsum(each)
    term = np.repeat(np.arange(len(each)), each)
    at = begin[term] + STEP * (np.arange(len(term)) - (ends - each)[term])
    moved = np.append(0, np.cumsum(np.minimum(gaps.gaps, gaps.top), dtype=np.int64))
    reached = gaps.first[term] + moved[at] - moved[begin[term]]
    return Steps(np.append(0, ends).astype(np.uint32), reached.astype(np.int32))
