"""Postings kept tightly: a third of what they take as plain arrays, read nearly as fast.

Every term is kept in whichever of four ways takes the least: one posting of count one as itself;
gaps between chunks in two bytes each, or in one; half a byte for every chunk of the segment. In
gaps, a zero counts the posting before it once more (most counts are one), and the largest value
goes on without a posting. What is read is read by whole arrays, never one posting at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowledge_base.postings import (
    Counts,
    Found,
    Hashes,
    Ids,
    Ordinals,
    TermArrays,
    joined,
    places,
)
from knowledge_base.reading_ahead import MappedArray

STEP = 64
"""Gaps of one byte after which the ordinal that was reached is noted, to begin there."""
ESCAPE = 15
"""Of half bytes: the count stands beside."""

Postings = tuple[Ordinals, Counts]
"""Of one term."""
Lists = tuple[Ids, Ordinals, Counts]
"""Sizes of some terms, and their postings one term after the other."""


@dataclass(frozen=True, slots=True, eq=False)
class Once:
    """Terms with one posting of count one."""

    hashes: Hashes
    ordinals: Ordinals

    def whole(self) -> Lists:
        """Of all terms."""
        many = len(self.hashes)
        return np.ones(many, np.int64), self.ordinals, np.ones(many, np.uint8)

    def read(self, at: Ids) -> Lists:
        return np.ones(len(at), np.int64), self.ordinals[at], np.ones(len(at), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Gaps:
    """Terms by their first ordinal and the gaps to the others."""

    hashes: Hashes
    sizes: NDArray[np.unsignedinteger]
    """Postings of each."""
    first: Ordinals
    begin: NDArray[np.uint32]
    """Gaps of term t: [begin[t], begin[t + 1])."""
    gaps: NDArray[np.unsignedinteger]
    mapped: MappedArray | None = None
    """Of the gaps, where they lie in a file."""

    @property
    def top(self) -> int:
        """The widest gap of one entry; the value after it goes on by as much."""
        return int(np.iinfo(self.gaps.dtype).max) - 1

    def read(self, at: Ids) -> Lists:
        """All at once: what is best for short lists."""
        begin, end = self.begin[at].astype(np.int64), self.begin[at + 1].astype(np.int64)
        self.soon(begin, end)
        slices = [self.gaps[low:high] for low, high in zip(begin, end, strict=True)]
        gaps = joined(slices, self.gaps.dtype)
        sizes = self.sizes[at].astype(np.int64)
        return _ungapped(gaps, end - begin, self.first[at], sizes, self.top)

    def each(self, at: Ids) -> list[Postings]:
        """One by one: what is best for long lists."""
        self.soon(self.begin[at], self.begin[at + 1])
        return [
            _one(self.gaps[low:high], first, size, self.top)
            for low, high, first, size in zip(
                self.begin[at].tolist(), self.begin[at + 1].tolist(),
                self.first[at].tolist(), self.sizes[at].tolist(), strict=True,
            )
        ]  # fmt: skip

    def soon(self, begin: NDArray[Any], end: NDArray[Any]) -> None:
        """These gaps are read next."""
        if self.mapped is not None:
            for low, high in zip(begin.tolist(), end.tolist(), strict=True):
                self.mapped.soon(low, high)

    def whole(self) -> Lists:
        """Of all terms."""
        begin = self.begin.astype(np.int64)
        return _ungapped(
            self.gaps, np.diff(begin), self.first, self.sizes.astype(np.int64), self.top
        )


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """Where a term's gaps can be gone into: what was reached before every `STEP` of them."""

    begin: NDArray[np.uint32]
    """Of term t: [begin[t], begin[t + 1])."""
    reached: Ordinals


@dataclass(frozen=True, slots=True, eq=False)
class Halves:
    """Terms by half a byte for every chunk: the count there."""

    hashes: Hashes
    sizes: NDArray[np.uint32]
    counts: Counts
    """Shape (terms, bytes); the lower half of a byte is the even ordinal's."""
    begin: NDArray[np.uint32]
    """Counts of term t that are too large: [begin[t], begin[t + 1])."""
    ordinals: Ordinals
    large: Counts

    def each(self, at: Ids) -> list[Postings]:
        found = []
        for t in at:
            halves = self.counts[t]
            row = np.empty(2 * len(halves), np.uint8)
            row[::2], row[1::2] = halves & ESCAPE, halves >> 4
            low, high = self.begin[t], self.begin[t + 1]
            row[self.ordinals[low:high]] = self.large[low:high]
            here = np.flatnonzero(row)
            found.append((here.astype(np.int32), row[here]))
        return found

    def counts_at(self, t: int, ordinals: Ids, into: Counts) -> None:
        into[:] = self.counts[t][ordinals >> 1] >> ((ordinals & 1) << 2).astype(np.uint8) & ESCAPE
        large = np.flatnonzero(into == ESCAPE)
        low, high = self.begin[t], self.begin[t + 1]
        into[large] = self.large[low:high][
            np.searchsorted(self.ordinals[low:high], ordinals[large])
        ]


@dataclass(frozen=True, slots=True, eq=False)
class PackedTerms:
    """The postings of a segment; they may lie in a file."""

    chunk_ids: Ids
    """Ascending."""
    lengths: NDArray[np.float32]
    scripts: NDArray[np.uint8]
    once: Once
    wide: Gaps
    narrow: Gaps
    steps: Steps
    """Of the narrow ones."""
    halves: Halves

    @property
    def nbytes(self) -> int:
        chunks = self.chunk_ids.nbytes + self.lengths.nbytes + self.scripts.nbytes
        parts = (self.once, self.wide, self.narrow, self.steps, self.halves)
        arrays = [getattr(part, field.name) for part in parts for field in fields(part)]
        return chunks + sum(own.nbytes for own in arrays if isinstance(own, np.ndarray))

    def frequencies(self, hashes: Hashes) -> Ids:
        counted = np.zeros(len(hashes), np.int64)
        at, known = places(self.once.hashes, hashes)
        counted[known] = 1
        for kind in (self.wide, self.narrow, self.halves):
            at, known = places(kind.hashes, hashes)
            counted[known] = kind.sizes[at[known]]
        return counted

    def of(self, hashes: Hashes) -> Found:
        found: list[Postings] = [_NONE] * len(hashes)
        for short in (self.once, self.wide):
            at, known = places(short.hashes, hashes)
            for t, postings in zip(
                np.flatnonzero(known), _apart(*short.read(at[known])), strict=True
            ):
                found[t] = postings
        for long in (self.narrow, self.halves):
            at, known = places(long.hashes, hashes)
            for t, postings in zip(np.flatnonzero(known), long.each(at[known]), strict=True):
                found[t] = postings
        return Found(*_listed(found))

    def counts_at(self, hashes: Hashes, ordinals: Ids) -> Counts:
        asked, back = np.unique(ordinals, return_inverse=True)
        counted = np.zeros((len(hashes), len(asked)), np.uint8)
        column = np.full(len(self.chunk_ids), -1, np.int32)
        column[asked] = np.arange(len(asked))
        for kind in (self.once, self.wide):
            at, known = places(kind.hashes, hashes)
            sizes, those, often = kind.read(at[known])
            columns = column[those]
            here = np.flatnonzero(columns >= 0)
            counted[np.repeat(np.flatnonzero(known), sizes)[here], columns[here]] = often[here]
        at, known = places(self.narrow.hashes, hashes)
        if known.any():
            counted[known] = self._narrow_at(at[known], asked, column)
        at, known = places(self.halves.hashes, hashes)
        for t in np.flatnonzero(known):
            self.halves.counts_at(int(at[t]), asked, counted[t])
        return np.take(counted, back, axis=1)  # in C order, as sums are taken over the rows

    def loose(self) -> TermArrays:
        kinds = (self.once, self.wide, self.narrow, self.halves)
        lists = (
            self.once.whole(),
            self.wide.whole(),
            self.narrow.whole(),
            _listed(self.halves.each(np.arange(len(self.halves.hashes)))),
        )
        hashes = np.concatenate([kind.hashes for kind in kinds])
        order = np.argsort(hashes, kind="stable")
        sizes = np.concatenate([own for own, _, _ in lists])
        offsets = np.append(0, np.cumsum(sizes[order]))
        ordinals = np.empty(int(offsets[-1]), np.int32)
        counts = np.empty(len(ordinals), np.uint8)
        to = np.empty(len(hashes), np.int64)
        to[order] = offsets[:-1]
        done = 0
        for own, those, often in lists:
            begin = to[done : done + len(own)]
            at = np.repeat(begin - (np.cumsum(own) - own), own) + np.arange(len(those))
            ordinals[at], counts[at] = those, often
            done += len(own)
        return TermArrays(
            self.chunk_ids, self.lengths, self.scripts, hashes[order], offsets, ordinals, counts
        )

    def _narrow_at(self, terms: Ids, asked: Ids, column: NDArray[np.int32]) -> Counts:
        """Reads only the steps of each term that the asked ordinals, ascending, are in."""
        self.narrow.soon(self.narrow.begin[terms], self.narrow.begin[terms + 1])
        begin = self.steps.begin[terms].astype(np.int64)
        many = self.steps.begin[terms + 1] - begin
        reached = np.concatenate(
            [self.steps.reached[low : low + n] for low, n in zip(begin, many, strict=True)]
        ).astype(np.int64)
        term = np.repeat(np.arange(len(terms)), many)
        start = np.cumsum(many) - many
        # From the step that gets to an ordinal to the last one that begins there: a count may go
        # on from one into the next.
        keys = reached + (term << 32)
        wanted = asked + (np.arange(len(terms)) << 32)[:, None]
        low = np.maximum(np.searchsorted(keys, wanted, "left") - 1, start[:, None])
        high = np.searchsorted(keys, wanted, "right")
        marks = np.bincount(low.ravel(), minlength=len(keys) + 1)
        marks -= np.bincount(high.ravel(), minlength=len(keys) + 1)
        read = np.flatnonzero(np.cumsum(marks[:-1]))
        own = term[read]
        first = self.narrow.begin[terms].astype(np.int64)[own] + STEP * (read - start[own])
        at = first[:, None] + np.arange(STEP)
        ends = self.narrow.begin[terms + 1].astype(np.int64)[own, None]
        gaps = self.narrow.gaps[np.minimum(at, ends - 1)]
        top = self.narrow.top
        to = np.cumsum(np.minimum(gaps, top), axis=1, dtype=np.int32) + reached[read, None]
        counts = (gaps <= top) & (at < ends)
        columns = column[to[counts]]
        here = columns >= 0
        rows = np.repeat(own, np.count_nonzero(counts, axis=1))[here]
        where = rows * len(asked) + columns[here]
        counted = np.bincount(where, minlength=len(terms) * len(asked))
        counted = counted.reshape(len(terms), len(asked))
        counted += asked == reached[start][:, None]  # The first posting has no gap.
        return counted.astype(np.uint8)


_ORDINAL, _COUNT = np.dtype(np.int32), np.dtype(np.uint8)
_NONE: Postings = (np.zeros(0, np.int32), np.zeros(0, np.uint8))


def _listed(each: Sequence[Postings]) -> Lists:
    sizes = np.array([len(own) for own, _ in each], np.int64)
    ordinals = joined([own for own, _ in each], _ORDINAL)
    return sizes, ordinals, joined([often for _, often in each], _COUNT)


def _apart(sizes: Ids, ordinals: Ordinals, counts: Counts) -> list[Postings]:
    ends = np.cumsum(sizes).tolist()
    slices = [slice(end - size, end) for end, size in zip(ends, sizes.tolist(), strict=True)]
    return [(ordinals[part], counts[part]) for part in slices]


def _one(gaps: NDArray[np.unsignedinteger], first: int, size: int, top: int) -> Postings:
    """The postings of one term."""
    ordinals, counts = np.empty(size, np.int32), np.ones(size, np.uint8)
    ordinals[0] = first
    if len(gaps) == size - 1:  # No count above one and no gap above the top.
        np.cumsum(gaps, dtype=np.int32, out=ordinals[1:])
        ordinals[1:] += first
        return ordinals, counts
    further = bool((gaps > top).any())
    reached = np.cumsum(np.minimum(gaps, top) if further else gaps, dtype=np.int32)
    postings = np.flatnonzero(gaps - gaps.dtype.type(1) < top)
    np.add(reached[postings], first, out=ordinals[1:])
    again = np.searchsorted(postings, np.flatnonzero(gaps == 0))
    counts += np.bincount(again, minlength=size).astype(np.uint8)
    return ordinals, counts


def _ungapped(
    gaps: NDArray[np.unsignedinteger], entries: Ids, first: Ordinals, sizes: Ids, top: int
) -> Lists:
    """`_one` of many terms at once, whose gaps stand one after the other; `entries` for each."""
    reached = np.cumsum(np.minimum(gaps, top), dtype=np.int32)
    ends = np.cumsum(entries)
    before = np.where(ends > entries, reached[np.maximum(ends - entries, 1) - 1], 0)
    reached += np.repeat(first - before, entries).astype(np.int32)
    postings = np.flatnonzero(gaps - gaps.dtype.type(1) < top)
    ordinals = np.empty(int(sizes.sum()), np.int32)
    others = np.ones(len(ordinals), np.bool_)
    others[np.cumsum(sizes) - sizes] = False
    ordinals[~others] = first
    ordinals[others] = reached[postings]
    counts = np.ones(len(ordinals), np.uint8)
    again = np.flatnonzero(gaps == 0)
    owner = np.searchsorted(postings, again) + np.searchsorted(ends, again, "right")
    counts += np.bincount(owner, minlength=len(counts)).astype(np.uint8)
    return sizes, ordinals, counts
