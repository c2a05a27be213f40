"""The lexical leg: BM25 over 64-bit term hashes, in sealed segments of numpy arrays.

Statistics are those of the bases that are searched, and only of what is alive in them: joint over
several bases, exact after a removal. Adding makes a small segment; eight of a size become one,
small ones at once and large ones when whoever keeps the index runs `merge`, so that adding costs
what it adds (times the logarithm of what is there). Chunks that get other words, as with the new
name of their document, have these in segments of their own until they are many (`term_layers`).
One thread may add or remove while others search: readers take a tuple of segments that never
change.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knowledge_base.postings import Ids, Postings
from knowledge_base.term_layers import Layers, Merge
from knowledge_base.term_segments import TermSegment, built
from knowledge_base.terms import Terms

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


_Taken = tuple[Layers, int, tuple[Ids, NDArray[np.uint8]]]


class LexicalIndex:
    """The lexical leg of one base."""

    def __init__(
        self, segments: Sequence[TermSegment] = (), amended: Sequence[TermSegment] = ()
    ) -> None:
        """`amended`: newer words of chunks whose older ones are dead in the others."""
        self._layers = Layers(tuple(segments), tuple(amended))
        self._taken: _Taken | None = None
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return sum(segment.living for segment in self._layers.all)

    @property
    def nbytes(self) -> int:
        """Memory that the postings take."""
        return sum(segment.arrays.nbytes + segment.dead.nbytes for segment in self._layers.all)

    @property
    def segments(self) -> tuple[TermSegment, ...]:
        """Those whose ids ascend."""
        return self._layers.base

    def older_in(self, segment: TermSegment) -> Ids:
        """Ids of the chunks of which one of `segments` has older words."""
        return self._layers.older_in(segment)

    def with_files(self, saved: Mapping[Postings, TermSegment]) -> None:
        """Use the same postings where they lie now."""
        with self._lock:
            self._layers = self._layers.with_files(saved)

    def add(self, chunk_ids: Ids, packed: Sequence[bytes]) -> None:
        """Add chunks by their packed terms; the ids ascend, also over calls."""
        if (segment := _built(chunk_ids, packed)) is not None:
            with self._lock:
                self._layers = self._layers.with_added(segment)

    def amend(self, chunk_ids: Ids, packed: Sequence[bytes]) -> None:
        """Give chunks that are there other words; it costs what these do."""
        if (segment := _built(chunk_ids, packed)) is not None:
            with self._lock:
                self._layers = self._layers.with_amended(segment)

    def merge(self) -> Merge | None:
        """A merge that is due, but takes too long to be done while somebody waits."""
        return self._layers.merge()

    def adopt(self, merge: Merge, merged: TermSegment) -> bool:
        """Put the result of a merge in place; False where the index is no longer the merge's."""
        with self._lock:
            layers = self._layers.adopt(merge, merged)
            if layers is not None:
                self._layers = layers
        return layers is not None

    def remove(self, chunk_ids: Ids) -> None:
        """Take chunks out of every later search and out of the statistics; unknown ids pass."""
        gone = np.unique(np.asarray(chunk_ids, np.int64))
        with self._lock:
            self._layers = self._layers.without(gone)

    def statistics(self, terms: Terms) -> TermStatistics:
        """The base's part of the joint statistics; constant in time for each term."""
        frequencies = np.zeros(len(terms), np.int64)
        chunks = length = 0
        if not len(terms):
            return TermStatistics(chunks, length, frequencies)
        for segment in self._layers.all:
            frequencies += segment.arrays.frequencies(terms.hashes)
            if len(segment.dead):
                dead = segment.arrays.counts_at(terms.hashes, segment.dead)
                frequencies -= np.count_nonzero(dead, axis=1)
            chunks += segment.living
            length += segment.length
        return TermStatistics(chunks, length, frequencies)

    def search(self, query: LexicalQuery, limit: int) -> tuple[Ids, Floats]:
        """The best chunks by the query's finding terms, best first; only ones that have a term."""
        found_ids: list[Ids] = []
        found_scores: list[Floats] = []
        floor = 0.0
        for segment in self._layers.all:
            scores = _scores(segment, query)
            # Flatnonzero of truths is many times as fast. Ties stay: ids decide below.
            ordinals = np.flatnonzero(scores >= floor if floor else scores > 0)
            if len(ordinals) > limit:
                last = np.partition(scores[ordinals], -limit)[-limit]
                ordinals = ordinals[scores[ordinals] >= last]
                floor = max(floor, float(last))  # What scores less in another one is not found.
            found_ids.append(segment.arrays.chunk_ids[ordinals])
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
        for segment in self._layers.all:
            if not missing:
                break
            arrays = segment.arrays
            at = np.minimum(np.searchsorted(arrays.chunk_ids, chunk_ids), segment.chunks - 1)
            there = arrays.chunk_ids[at] == chunk_ids
            rows = np.flatnonzero(there & ~np.isin(at, segment.dead))
            if not len(rows):
                continue
            missing -= len(rows)
            ordinals = at[rows]
            scripts[rows] = arrays.scripts[ordinals]
            if not len(query.hashes):
                continue  # The dense leg alone asks for scripts only.
            norms = _norm(arrays.lengths[ordinals], query.average_length)
            counts = arrays.counts_at(query.hashes, ordinals)
            weights = query.weights[:, None]
            scores[rows] = (weights * _saturation(counts, norms)).sum(axis=0)
            matched[rows] = (weights * (counts > 0)).sum(axis=0)
        total = float(query.weights.sum()) or 1.0
        return LexicalMatch(scores, scores / (total * (K1 + 1)), matched / total, scripts)

    def sample(self, most: int) -> tuple[Ids, NDArray[np.uint8]]:
        """About `most` chunks taken evenly, all where there are fewer, and their scripts."""
        layers, taken = self._layers, self._taken
        if taken is None or taken[0] is not layers or taken[1] != most:
            taken = self._taken = (layers, most, _sample(layers.all, most))
        return taken[2]


def _built(chunk_ids: Ids, packed: Sequence[bytes]) -> TermSegment | None:
    if len(chunk_ids) != len(packed):
        raise ValueError(f"{len(chunk_ids)} ids for {len(packed)} chunks")
    return built(chunk_ids, packed) if len(packed) else None


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


def _scores(segment: TermSegment, query: LexicalQuery) -> Floats:
    """BM25 of every chunk of the segment by the finding terms; zero for the dead."""
    found = segment.arrays.of(query.hashes[query.finding])
    if not len(found.ordinals):
        return np.zeros(segment.chunks)
    weights = np.repeat(query.weights[query.finding], found.sizes)
    norms = _norm(segment.arrays.lengths[found.ordinals], query.average_length)
    weighed = weights * _saturation(found.counts, norms)
    scores = np.bincount(found.ordinals, weighed, segment.chunks).astype(np.float64, copy=False)
    scores[segment.dead] = 0.0
    return scores


def _sample(segments: Sequence[TermSegment], most: int) -> tuple[Ids, NDArray[np.uint8]]:
    step = max(1, sum(segment.living for segment in segments) // most)
    ids = [np.zeros(0, np.int64)]
    scripts = [np.zeros(0, np.uint8)]
    start = 0
    for segment in segments:
        # Every so many-th living one, counted through all segments.
        at = np.flatnonzero(segment.alive())[-start % step :: step]
        ids.append(segment.arrays.chunk_ids[at])
        scripts.append(segment.arrays.scripts[at])
        start += segment.living
    return np.concatenate(ids), np.concatenate(scripts)
