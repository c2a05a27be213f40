"""Postings of a lexical segment: which terms occur in which of its chunks, and how often.

`TermArrays` keeps them loosely, as they are made and merged; `packed.PackedTerms` tightly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

MAX_COUNT = 255
"""Of one term in one chunk; BM25 tells larger ones apart no more."""

MANY = 1 << 16
"""Hashes from which on where one stands is guessed first."""

Ids = NDArray[np.int64]
Hashes = NDArray[np.uint64]
Ordinals = NDArray[np.int32]
Counts = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The postings of several terms, one term after the other as they were asked for."""

    sizes: Ids
    """How many each term has; 0 for unknown ones."""
    ordinals: Ordinals
    """Ascending within a term."""
    counts: Counts


class Postings(Protocol):
    """What a search needs; used by many threads at once, never changed."""

    @property
    def chunk_ids(self) -> Ids:
        """Ascending; a chunk's ordinal is its place here."""
        ...

    @property
    def lengths(self) -> NDArray[np.float32]: ...

    @property
    def scripts(self) -> NDArray[np.uint8]: ...

    @property
    def nbytes(self) -> int: ...

    def frequencies(self, hashes: Hashes) -> Ids:
        """In how many chunks each term occurs."""
        ...

    def of(self, hashes: Hashes) -> Found:
        """All postings of these terms."""
        ...

    def counts_at(self, hashes: Hashes, ordinals: Ids) -> Counts:
        """How often each term occurs in these chunks; shape (terms, ordinals)."""
        ...

    def loose(self) -> TermArrays:
        """The same, made for being merged."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class TermArrays:
    """Postings one after the other, as arrays of the plainest types."""

    chunk_ids: Ids
    lengths: NDArray[np.float32]
    scripts: NDArray[np.uint8]
    hashes: Hashes
    """Ascending."""
    offsets: Ids
    """Postings of term t: [offsets[t], offsets[t + 1])."""
    ordinals: Ordinals
    """Ascending within a term."""
    counts: Counts

    @property
    def nbytes(self) -> int:
        chunks = self.chunk_ids.nbytes + self.lengths.nbytes + self.scripts.nbytes
        terms = self.hashes.nbytes + self.offsets.nbytes
        return chunks + terms + self.ordinals.nbytes + self.counts.nbytes

    def frequencies(self, hashes: Hashes) -> Ids:
        begin, end = self._ranges(hashes)
        return end - begin

    def of(self, hashes: Hashes) -> Found:
        begin, end = self._ranges(hashes)
        slices = [slice(low, high) for low, high in zip(begin, end, strict=True)]
        ordinals = joined([self.ordinals[s] for s in slices], np.dtype(np.int32))
        return Found(end - begin, ordinals, joined([self.counts[s] for s in slices], _BYTE))

    def counts_at(self, hashes: Hashes, ordinals: Ids) -> Counts:
        counted = np.zeros((len(hashes), len(ordinals)), np.uint8)
        for row, low, high in zip(counted, *self._ranges(hashes), strict=True):
            look_up(self.ordinals[low:high], self.counts[low:high], ordinals, row)
        return counted

    def loose(self) -> TermArrays:
        return self

    def _ranges(self, hashes: Hashes) -> tuple[Ids, Ids]:
        """Where each term's postings begin and end; an empty range for unknown terms."""
        at, known = places(self.hashes, hashes)
        if not len(self.hashes):
            return at, at
        return np.where(known, self.offsets[at], 0), np.where(known, self.offsets[at + 1], 0)


_BYTE = np.dtype(np.uint8)


def places(own: Hashes, hashes: Hashes) -> tuple[Ids, NDArray[np.bool_]]:
    """Where the hashes stand in an ascending array, and which of them do."""
    if not len(own):
        return np.zeros(len(hashes), np.int64), np.zeros(len(hashes), np.bool_)
    found = np.searchsorted(own, hashes) if len(own) < MANY else _guessed(own, hashes)
    at = np.minimum(found, len(own) - 1)
    return at, own[at] == hashes


def _guessed(own: Hashes, hashes: Hashes) -> Ids:
    """`searchsorted` in an array of many that may lie in a file: hashes are evenly spread, so that
    where each stands is known nearly, and a page or two are read of it instead of ten."""
    spread = 4 * math.isqrt(len(own))
    low = np.maximum((hashes * (len(own) / 2.0**64)).astype(np.int64) - spread, 0)
    high = np.minimum(low + 2 * spread, len(own))
    found = np.empty(len(hashes), np.int64)
    bounds = zip(low.tolist(), high.tolist(), strict=True)
    for at, (begin, end) in enumerate(bounds):
        wanted = hashes[at]
        place = begin + int(own[begin:end].searchsorted(wanted))
        if (place == begin > 0) or (place == end < len(own)):
            place = int(own.searchsorted(wanted))  # never seen, and not to be relied on
        found[at] = place
    return found


def look_up(own: Ordinals, counts: Counts, ordinals: Ids, into: Counts) -> None:
    """The counts of a term's postings at these ordinals; zero where it has none."""
    if len(own):
        at = np.minimum(np.searchsorted(own, ordinals), len(own) - 1)
        np.multiply(counts[at], own[at] == ordinals, out=into)


def joined(parts: Sequence[NDArray[np.generic]], kind: np.dtype) -> NDArray:  # type: ignore[type-arg]
    """One array of the parts, of this type where there are none."""
    return np.concatenate(parts) if parts else np.zeros(0, kind)
