"""The lexical leg: BM25 over 64-bit term hashes, in sealed segments of numpy arrays.

Statistics are those of the bases that are searched, and only of what is alive in them: joint over
several bases, exact after a removal. Adding makes a small segment; eight of a size become one,
small ones at once and large ones when whoever keeps the index runs `merge`, so that adding costs
what it adds (times the logarithm of what is there).
One thread may add or remove while others search: readers take a tuple of segments that never
change.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from knowledge_base.terms import Terms, script_code, unpack_terms

K1 = 1.2
B = 0.75
"""BM25's saturation and length weights, as everywhere (Robertson and Zaragoza 2009)."""

COMMON_SHARE = 0.1
"""Terms in more than this share of the chunks find nothing while rarer ones are left."""
COMMON_FROM = 2000
"""Chunks from which on that holds; in smaller bases looking at every posting costs nothing."""

SMOOTHING = 10
"""Chunks without the term that every base is taken to have besides its own: in a base of three,
a word they all share still counts for something, and an unknown one not for everything."""

_MERGE_FACTOR = 8
_AT_ONCE = 1000
"""Chunks that are merged while they are added, in some tens of milliseconds."""
_MAX_COUNT = 255

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class TermStatistics:
    """What BM25 needs to know of a base, or of several added up."""

    chunks: int
    length: int
    """Terms in all chunks together, repeats included."""
    frequencies: NDArray[np.int64]
    """In how many chunks each term of the query occurs, shape (terms,)."""

    def __add__(self, other: TermStatistics) -> TermStatistics:
        return TermStatistics(
            self.chunks + other.chunks,
            self.length + other.length,
            self.frequencies + other.frequencies,
        )


@dataclass(frozen=True, slots=True, eq=False)
class LexicalQuery:
    """A question's terms, weighed by the statistics of the bases that will be searched."""

    hashes: NDArray[np.uint64]
    weights: Floats
    """Inverse document frequencies; a term that no chunk has weighs most."""
    finding: NDArray[np.bool_]
    """Which terms find chunks; all of them count where a chunk is scored."""
    average_length: float
    known: float
    """Share of the weight that belongs to terms that some chunk has, in [0, 1]."""


@dataclass(frozen=True, slots=True, eq=False)
class LexicalMatch:
    """How well given chunks match a query; every array has the shape of the ids."""

    scores: Floats
    """BM25."""
    coverage: Floats
    """BM25 as a share of what a chunk with every term many times over would have, in [0, 1]."""
    matched: Floats
    """Share of the query's weight whose terms occur at all, in [0, 1]."""
    scripts: NDArray[np.uint8]
    """Codes of the scripts that the chunks are written in, see `terms.SCRIPTS`."""


@dataclass(frozen=True, slots=True, eq=False)
class _Segment:
    chunk_ids: Ids  # ascending
    alive: NDArray[np.bool_]
    lengths: NDArray[np.float32]
    scripts: NDArray[np.uint8]
    hashes: NDArray[np.uint64]  # ascending
    offsets: NDArray[np.int64]  # postings of term t: [offsets[t], offsets[t + 1])
    ordinals: NDArray[np.int32]  # ascending within a term
    counts: NDArray[np.uint8]

    def ranges(self, hashes: NDArray[np.uint64]) -> tuple[Ids, Ids]:
        """Where each term's postings begin and end; an empty range for unknown terms."""
        if not len(self.hashes):
            nothing = np.zeros(len(hashes), np.int64)
            return nothing, nothing
        at = np.minimum(np.searchsorted(self.hashes, hashes), len(self.hashes) - 1)
        known = self.hashes[at] == hashes
        return np.where(known, self.offsets[at], 0), np.where(known, self.offsets[at + 1], 0)


_Taken = tuple[tuple[_Segment, ...], int, tuple[Ids, NDArray[np.uint8]]]


@dataclass(frozen=True, slots=True, eq=False)
class Merge:
    """Segments to make one of, in the background."""

    segments: tuple[_Segment, ...]

    def run(self) -> _Segment:
        """The slow part; the index is not touched."""
        return _merge(self.segments)


class LexicalIndex:
    """The lexical leg of one base."""

    def __init__(self) -> None:
        self._segments: tuple[_Segment, ...] = ()
        self._taken: _Taken | None = None
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return sum(int(np.count_nonzero(s.alive)) for s in self._segments)

    @property
    def nbytes(self) -> int:
        """Memory that the postings take."""
        return sum(
            s.chunk_ids.nbytes
            + s.lengths.nbytes
            + s.scripts.nbytes
            + s.hashes.nbytes
            + s.offsets.nbytes
            + s.ordinals.nbytes
            + s.counts.nbytes
            for s in self._segments
        )

    def add(self, chunk_ids: Ids, packed: Sequence[bytes]) -> None:
        """Add chunks by their packed terms; the ids must not be in the index."""
        if len(chunk_ids) != len(packed):
            raise ValueError(f"{len(chunk_ids)} ids for {len(packed)} chunks")
        if not len(packed):
            return
        segment = _build(chunk_ids, [unpack_terms(p) for p in packed])
        with self._lock:
            self._segments = _compact((*self._segments, segment))

    def merge(self) -> Merge | None:
        """A merge that is due, but takes too long to be done while somebody waits."""
        segments = self._segments
        for end in range(_MERGE_FACTOR, len(segments) + 1):
            if _alike(window := segments[end - _MERGE_FACTOR : end]):
                return Merge(window)
        return None

    def adopt(self, merge: Merge, merged: _Segment) -> bool:
        """Put the result of a merge in place; False where the index is no longer the merge's."""
        count = len(merge.segments)
        with self._lock:
            for start in range(len(self._segments) - count + 1):
                here = self._segments[start : start + count]
                if all(one is other for one, other in zip(here, merge.segments, strict=True)):
                    after = self._segments[start + count :]
                    self._segments = (*self._segments[:start], merged, *after)
                    return True
        return False

    def remove(self, chunk_ids: Ids) -> None:
        """Take chunks out of every later search and out of the statistics; unknown ids pass."""
        gone = np.unique(np.asarray(chunk_ids, np.int64))
        with self._lock:
            self._segments = tuple(s for s in (_without(s, gone) for s in self._segments) if s)

    def statistics(self, terms: Terms) -> TermStatistics:
        """The base's part of the joint statistics; constant in time for each term."""
        segments = self._segments
        frequencies = np.zeros(len(terms), np.int64)
        chunks = length = 0
        if not len(terms):
            return TermStatistics(chunks, length, frequencies)
        for segment in segments:
            begin, end = segment.ranges(terms.hashes)
            frequencies += end - begin
            dead = np.flatnonzero(~segment.alive)
            if len(dead):
                frequencies -= _tally(segment, begin, end, dead)
            chunks += len(segment.alive) - len(dead)
            length += int(segment.lengths[segment.alive].sum(dtype=np.float64))
        return TermStatistics(chunks, length, frequencies)

    def search(self, query: LexicalQuery, limit: int) -> tuple[Ids, Floats]:
        """The best chunks by the query's finding terms, best first; only ones that have a term."""
        found_ids: list[Ids] = []
        found_scores: list[Floats] = []
        for segment in self._segments:
            scores = _scores(segment, query)
            ordinals = np.flatnonzero(scores)
            if len(ordinals) > limit:
                last = np.partition(scores[ordinals], -limit)[-limit]
                ordinals = ordinals[scores[ordinals] >= last]  # ties stay: ids decide below
            found_ids.append(segment.chunk_ids[ordinals])
            found_scores.append(scores[ordinals])
        if not found_ids:
            return np.zeros(0, np.int64), np.zeros(0)
        ids, scores = np.concatenate(found_ids), np.concatenate(found_scores)
        order = np.lexsort((ids, -scores))[:limit]
        return ids[order], scores[order]

    def match(self, query: LexicalQuery, chunk_ids: Ids) -> LexicalMatch:
        """Score given chunks by all terms; those that are not in the index score zero."""
        scores, matched = np.zeros(len(chunk_ids)), np.zeros(len(chunk_ids))
        scripts = np.zeros(len(chunk_ids), np.uint8)
        missing = len(chunk_ids)
        for segment in self._segments:
            if not missing:
                break
            at = np.minimum(
                np.searchsorted(segment.chunk_ids, chunk_ids), len(segment.chunk_ids) - 1
            )
            rows = np.flatnonzero((segment.chunk_ids[at] == chunk_ids) & segment.alive[at])
            if not len(rows):
                continue
            missing -= len(rows)
            ordinals = at[rows]
            scripts[rows] = segment.scripts[ordinals]
            norms = _norm(segment.lengths[ordinals], query.average_length)
            begin, end = segment.ranges(query.hashes)
            for weight, low, high in zip(query.weights, begin, end, strict=True):
                if low == high:
                    continue
                place = np.searchsorted(segment.ordinals[low:high], ordinals)
                place = np.minimum(place + low, high - 1)
                counts = segment.counts[place] * (segment.ordinals[place] == ordinals)
                scores[rows] += weight * _saturation(counts, norms)
                matched[rows] += weight * (counts > 0)
        total = float(query.weights.sum()) or 1.0
        return LexicalMatch(scores, scores / (total * (K1 + 1)), matched / total, scripts)

    def sample(self, most: int) -> tuple[Ids, NDArray[np.uint8]]:
        """About `most` chunks taken evenly, all where there are fewer, and their scripts."""
        segments, taken = self._segments, self._taken
        if taken is None or taken[0] is not segments or taken[1] != most:
            taken = self._taken = (segments, most, _sample(segments, most))
        return taken[2]


def weigh(terms: Terms, statistics: TermStatistics) -> LexicalQuery:
    """Weigh a question's terms by the joint statistics of the bases that will be searched."""
    frequencies = statistics.frequencies
    chunks = statistics.chunks + SMOOTHING
    weights = np.log1p((chunks - frequencies + 0.5) / (frequencies + 0.5))
    rare = frequencies <= COMMON_SHARE * statistics.chunks
    some_rare = statistics.chunks >= COMMON_FROM and bool((rare & (frequencies > 0)).any())
    return LexicalQuery(
        hashes=terms.hashes,
        weights=weights,
        finding=rare if some_rare else np.ones(len(terms), bool),
        average_length=max(1.0, statistics.length / max(1, statistics.chunks)),
        known=float(weights[frequencies > 0].sum() / weights.sum()) if len(terms) else 0.0,
    )


def _norm(lengths: NDArray[np.float32], average: float) -> NDArray[np.float32]:
    return K1 * (1 - B + B * lengths / np.float32(average))


def _saturation(counts: NDArray[np.uint8], norms: NDArray[np.float32]) -> NDArray[np.float32]:
    counted = counts.astype(np.float32)
    saturated: NDArray[np.float32] = counted * np.float32(K1 + 1) / (counted + norms)
    return saturated


def _scores(segment: _Segment, query: LexicalQuery) -> Floats:
    """BM25 of every chunk of the segment by the finding terms; zero for the dead."""
    begin, end = segment.ranges(query.hashes[query.finding])
    some = np.flatnonzero(end > begin)
    if not len(some):
        return np.zeros(len(segment.chunk_ids))
    slices = [slice(begin[t], end[t]) for t in some]
    ordinals = np.concatenate([segment.ordinals[s] for s in slices])
    counts = np.concatenate([segment.counts[s] for s in slices])
    weights = np.repeat(query.weights[query.finding][some], (end - begin)[some])
    norms = _norm(segment.lengths, query.average_length)[ordinals]
    scores = np.bincount(
        ordinals, weights * _saturation(counts, norms), minlength=len(segment.chunk_ids)
    )
    return np.where(segment.alive, scores, 0.0)


def _tally(segment: _Segment, begin: Ids, end: Ids, ordinals: Ids) -> Ids:
    """How many of the given chunks have each term."""
    counted = np.zeros(len(begin), np.int64)
    for t, (low, high) in enumerate(zip(begin, end, strict=True)):
        if low < high:
            place = np.searchsorted(segment.ordinals[low:high], ordinals) + low
            place = np.minimum(place, high - 1)
            counted[t] = np.count_nonzero(segment.ordinals[place] == ordinals)
    return counted


def _build(chunk_ids: Ids, chunks: Sequence[Terms]) -> _Segment:
    order = np.argsort(chunk_ids, kind="stable")
    chunks = [chunks[i] for i in order]
    terms = np.concatenate([c.hashes for c in chunks])
    counts = np.concatenate([c.counts for c in chunks])
    ordinals = np.repeat(np.arange(len(chunks), dtype=np.int32), [len(c) for c in chunks])
    by_term = np.argsort(terms, kind="stable")
    hashes, first = np.unique(terms[by_term], return_index=True)
    return _Segment(
        chunk_ids=np.asarray(chunk_ids, np.int64)[order],
        alive=np.ones(len(chunks), bool),
        lengths=np.array([c.total for c in chunks], np.float32),
        scripts=np.array([script_code(c.script) for c in chunks], np.uint8),
        hashes=hashes,
        offsets=np.append(first, len(terms)).astype(np.int64),
        ordinals=ordinals[by_term],
        counts=np.minimum(counts[by_term], _MAX_COUNT).astype(np.uint8),
    )


def _without(segment: _Segment, gone: Ids) -> _Segment | None:
    """The segment without these chunks; None when nothing in it is alive."""
    dead = np.isin(segment.chunk_ids, gone, assume_unique=True)
    if not (dead & segment.alive).any():
        return segment
    alive = segment.alive & ~dead
    return replace(segment, alive=alive) if alive.any() else None


def _sample(segments: Sequence[_Segment], most: int) -> tuple[Ids, NDArray[np.uint8]]:
    ids = [np.zeros(0, np.int64), *(s.chunk_ids[s.alive] for s in segments)]
    scripts = [np.zeros(0, np.uint8), *(s.scripts[s.alive] for s in segments)]
    step = max(1, sum(map(len, ids)) // most)
    return np.concatenate(ids)[::step], np.concatenate(scripts)[::step]


def _tier(segment: _Segment) -> int:
    return len(segment.chunk_ids).bit_length() // (_MERGE_FACTOR.bit_length() - 1)


def _compact(segments: tuple[_Segment, ...]) -> tuple[_Segment, ...]:
    """Merge the newest segments for as long as eight small ones are of about one size."""
    while len(segments) >= _MERGE_FACTOR:
        newest = segments[-_MERGE_FACTOR:]
        if not _alike(newest) or sum(len(s.chunk_ids) for s in newest) > _AT_ONCE:
            return segments
        segments = (*segments[:-_MERGE_FACTOR], _merge(newest))
    return segments


def _alike(segments: Sequence[_Segment]) -> bool:
    return max(map(_tier, segments)) <= _tier(segments[-1])


def _merge(segments: Sequence[_Segment]) -> _Segment:
    """One segment of what is alive in several; linear in their postings."""
    kept = [_postings(s) for s in segments]
    ids = np.concatenate([s.chunk_ids[s.alive] for s in segments])
    order = np.argsort(ids, kind="stable")
    place = np.empty(len(ids), np.int32)
    place[order] = np.arange(len(ids), dtype=np.int32)
    hashes = np.unique(np.concatenate([s.hashes for s in segments]))
    sizes = np.zeros(len(hashes), np.int64)
    base = 0
    placed: list[tuple[Ids, NDArray[np.int32], NDArray[np.uint8]]] = []
    for segment, (terms, ordinals, counts) in zip(segments, kept, strict=True):
        where = np.searchsorted(hashes, segment.hashes)[terms]
        sizes += np.bincount(where, minlength=len(hashes))
        placed.append((where, place[ordinals + base], counts))
        base += int(np.count_nonzero(segment.alive))
    terms = np.concatenate([p[0] for p in placed])
    ordinals = np.concatenate([p[1] for p in placed])
    # By term, then chunk. The parts are sorted already, which a stable sort (timsort) makes use of.
    by_term = np.argsort(terms * np.int64(len(ids)) + ordinals, kind="stable")
    used = sizes > 0
    return _Segment(
        chunk_ids=ids[order],
        alive=np.ones(len(ids), bool),
        lengths=np.concatenate([s.lengths[s.alive] for s in segments])[order],
        scripts=np.concatenate([s.scripts[s.alive] for s in segments])[order],
        hashes=hashes[used],
        offsets=np.append(0, np.cumsum(sizes[used])).astype(np.int64),
        ordinals=ordinals[by_term],
        counts=np.concatenate([p[2] for p in placed])[by_term],
    )


def _postings(segment: _Segment) -> tuple[Ids, NDArray[np.int32], NDArray[np.uint8]]:
    """The living postings: index of the term, ordinal among the living, count."""
    terms = np.repeat(np.arange(len(segment.hashes)), np.diff(segment.offsets))
    living = segment.alive[segment.ordinals]
    renumbered = np.cumsum(segment.alive, dtype=np.int32) - np.int32(1)
    return terms[living], renumbered[segment.ordinals[living]], segment.counts[living]
