"""Sealed segments of the lexical leg: made of chunks' terms, and merged when there are many.

Segments never change; the index that has them replaces one by another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from knowledge_base.packing import packed
from knowledge_base.postings import MAX_COUNT, Ids, Postings, TermArrays
from knowledge_base.terms import script_code, unpack_terms

MERGE_FACTOR = 8
"""Segments of about one size that are merged into one."""
_AT_ONCE = 1000
"""Chunks that are merged while they are added, in some tens of milliseconds."""
MOST_CHUNKS = 300_000
"""Chunks of a segment: merging larger ones would take more memory than searching all of them."""
_SORTED_AT_ONCE = 1 << 20
"""Postings."""
PACKED_FROM = 8192
"""Chunks from which on a segment is packed; smaller ones come and go quickly."""


@dataclass(frozen=True, slots=True, eq=False)
class TermSegment:
    """Postings, and which of their chunks died since."""

    arrays: Postings
    dead: NDArray[np.int64]
    """Ordinals, ascending."""
    length: int
    """Terms in all living chunks together, repeats included."""
    file: str | None = None
    """Where it lies in the folder of indexes, once it does."""

    @classmethod
    def of(cls, arrays: Postings, file: str | None = None) -> TermSegment:
        """With all its chunks alive."""
        length = int(arrays.lengths.sum(dtype=np.float64))
        return cls(arrays, np.zeros(0, np.int64), length, file)

    @property
    def chunks(self) -> int:
        """The dead ones too."""
        return len(self.arrays.chunk_ids)

    @property
    def living(self) -> int:
        return self.chunks - len(self.dead)

    @property
    def high(self) -> int:
        """The id after its last."""
        return int(self.arrays.chunk_ids[-1]) + 1

    def without(self, gone: NDArray[np.int64]) -> TermSegment:
        """With these ordinals, ascending, among the dead."""
        dead = np.union1d(self.dead, gone)
        new = np.setdiff1d(gone, self.dead, assume_unique=True)
        length = self.length - int(self.arrays.lengths[new].sum(dtype=np.float64))
        return replace(self, dead=dead, length=length)

    def alive(self) -> NDArray[np.bool_]:
        """Of each chunk."""
        alive = np.ones(self.chunks, np.bool_)
        alive[self.dead] = False
        return alive


def built(chunk_ids: Ids, packed: Sequence[bytes]) -> TermSegment:
    """A segment of one chunk or more, by their packed terms."""
    order = np.argsort(chunk_ids, kind="stable")
    chunks = [unpack_terms(packed[i]) for i in order]
    terms = np.concatenate([c.hashes for c in chunks])
    counts = np.concatenate([c.counts for c in chunks])
    ordinals = np.repeat(np.arange(len(chunks), dtype=np.int32), [len(c) for c in chunks])
    by_term = np.argsort(terms, kind="stable")
    hashes, first = np.unique(terms[by_term], return_index=True)
    return _segment(
        TermArrays(
            chunk_ids=np.asarray(chunk_ids, np.int64)[order],
            lengths=np.array([c.total for c in chunks], np.float32),
            scripts=np.array([script_code(c.script) for c in chunks], np.uint8),
            hashes=hashes,
            offsets=np.append(first, len(terms)).astype(np.int64),
            ordinals=ordinals[by_term],
            counts=np.minimum(counts[by_term], MAX_COUNT).astype(np.uint8),
        )
    )


def _segment(arrays: TermArrays) -> TermSegment:
    many = len(arrays.chunk_ids) >= PACKED_FROM
    return TermSegment.of(packed(arrays) if many else arrays)


def without_chunks(segment: TermSegment, gone: Ids) -> TermSegment | None:
    """The segment without these chunks, as far as it has them; None when nothing in it is alive."""
    own = segment.arrays.chunk_ids
    at = np.minimum(np.searchsorted(own, gone), len(own) - 1)
    there = at[own[at] == gone]
    if not len(there):
        return segment
    left = segment.without(there)
    return left if left.living else None


def _tier(segment: TermSegment) -> int:
    return segment.chunks.bit_length() // (MERGE_FACTOR.bit_length() - 1)


def compacted(segments: tuple[TermSegment, ...]) -> tuple[TermSegment, ...]:
    """Merge the newest segments for as long as eight small ones are of about one size."""
    while len(segments) >= MERGE_FACTOR:
        newest = segments[-MERGE_FACTOR:]
        if not are_alike(newest) or sum(s.chunks for s in newest) > _AT_ONCE:
            return segments
        fresh = merged(newest)
        segments = (*segments[:-MERGE_FACTOR], *((fresh,) if fresh.living else ()))
    return segments


def are_alike(segments: Sequence[TermSegment]) -> bool:
    """Whether they are of about one size, and together not too many for one segment."""
    few = sum(segment.living for segment in segments) <= MOST_CHUNKS
    return few and max(map(_tier, segments)) <= _tier(segments[-1])


def merged(segments: Sequence[TermSegment]) -> TermSegment:
    """One segment of what is alive in several; linear in their postings where their ids ascend."""
    parts = [_living(segment) for segment in segments]
    hashes = np.unique(np.concatenate([part.hashes for part in parts]))
    sizes = np.zeros(len(hashes), np.int64)
    places = [np.searchsorted(hashes, part.hashes) for part in parts]
    for part, place in zip(parts, places, strict=True):
        sizes[place] += np.diff(part.offsets)
    offsets = np.append(0, np.cumsum(sizes))
    ordinals = np.empty(int(offsets[-1]), np.int32)
    counts = np.empty(len(ordinals), np.uint8)
    # Within a term, the postings of one part follow those of the parts before it.
    free = offsets[:-1].copy()
    chunks = 0
    for part, place in zip(parts, places, strict=True):
        each = np.diff(part.offsets)
        to = np.repeat(free[place] - part.offsets[:-1], each)
        to += np.arange(len(to))
        ordinals[to] = part.ordinals + np.int32(chunks)
        counts[to] = part.counts
        free[place] += each
        chunks += len(part.chunk_ids)
    used = sizes > 0
    arrays = TermArrays(
        chunk_ids=np.concatenate([part.chunk_ids for part in parts]),
        lengths=np.concatenate([part.lengths for part in parts]),
        scripts=np.concatenate([part.scripts for part in parts]),
        hashes=hashes[used],
        offsets=np.append(0, np.cumsum(sizes[used])).astype(np.int64),
        ordinals=ordinals,
        counts=counts,
    )
    return _segment(_ascending(arrays))


def _ascending(arrays: TermArrays) -> TermArrays:
    """The same in the order of the chunks' ids."""
    order = np.argsort(arrays.chunk_ids, kind="stable")
    if np.array_equal(order, np.arange(len(order))):
        return arrays
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    ordinals, counts = place[arrays.ordinals], arrays.counts.copy()
    at, offsets = 0, arrays.offsets
    while at < len(arrays.hashes):
        # So many terms at a time: sorting takes several times the memory of what is sorted.
        end = int(np.searchsorted(offsets, offsets[at] + _SORTED_AT_ONCE, "right")) - 1
        end = max(at + 1, end)
        here = slice(int(offsets[at]), int(offsets[end]))
        term = np.repeat(np.arange(end - at), np.diff(offsets[at : end + 1]))
        by_chunk = np.lexsort((ordinals[here], term))
        ordinals[here], counts[here] = ordinals[here][by_chunk], counts[here][by_chunk]
        at = end
    return replace(
        arrays,
        chunk_ids=arrays.chunk_ids[order],
        lengths=arrays.lengths[order],
        scripts=arrays.scripts[order],
        ordinals=ordinals,
        counts=counts,
    )


def _living(segment: TermSegment) -> TermArrays:
    """The postings without those of the dead; a term that is left without any stays."""
    arrays = segment.arrays.loose()
    if not len(segment.dead):
        return arrays
    alive = segment.alive()
    living = alive[arrays.ordinals]
    kept = np.append(0, np.cumsum(living, dtype=np.int64))
    renumbered = np.cumsum(alive, dtype=np.int32) - np.int32(1)
    return TermArrays(
        chunk_ids=arrays.chunk_ids[alive],
        lengths=arrays.lengths[alive],
        scripts=arrays.scripts[alive],
        hashes=arrays.hashes,
        offsets=kept[arrays.offsets],
        ordinals=renumbered[arrays.ordinals[living]],
        counts=arrays.counts[living],
    )
