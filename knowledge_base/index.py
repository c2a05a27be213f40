"""The dense leg: exact or nearly exact nearest neighbours by inner product.

A `FaissIndex` is a value that changes by pointer swaps: a tuple of sealed segments, an open tail of
the newest vectors, and the ids of what was removed since. Searches take what they find and are
never waited for. One thread at a time may change it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import numpy as np

from knowledge_base.embedders.base import Vectors
from knowledge_base.models import ChunkId, Hit
from knowledge_base.offloop import blocking
from knowledge_base.segments import Ids, Parts, Segment, among, build, kind_for

TAIL = 10_000
"""Vectors from which on the tail is sealed."""
GROWTH = 256
DEAD_SHARE = 0.25
"""Of a segment's vectors; past it the segment is built anew without them."""

Source = Callable[[int, int], Iterable[tuple[Ids, Vectors]]]
"""(low, high) -> ids, ascending, and vectors of what lives in low <= id < high, in parts."""


class VectorIndex(Protocol):
    """Vectors by id. May be searched by many threads while one changes it."""

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Shape (n,) and (n, dimension); ids ascend, also over calls. Visible all at once."""
        ...

    def remove(self, ids: Ids) -> None:
        """Found no longer once this returns; unknown ids are passed over."""
        ...

    def nearest(self, vector: Vectors, limit: int) -> tuple[Ids, Vectors]:
        """(ids, inner products) of the best, best first; shapes (m,), m <= limit."""
        ...

    def search(self, vector: Vectors, limit: int) -> list[Hit]:
        """The same as hits."""
        ...

    def match(self, vector: Vectors, ids: Ids) -> Vectors:
        """Inner products with the given ids, NaN for those that are not there; shape (n,)."""
        ...

    def vectors(self, ids: Ids) -> Vectors:
        """Of the given ids, NaN for those that are not there; shape (n, dimension)."""
        ...

    def __len__(self) -> int: ...


@dataclass(frozen=True, slots=True, eq=False)
class _Tail:
    """The first `count` rows are set and never change; rows after them nobody reads."""

    ids: Ids
    vectors: Vectors
    count: int = 0

    def extended(self, ids: Ids, vectors: Vectors) -> _Tail:
        after = self.count + len(ids)
        tail = self
        if after > len(self.ids):
            room = max(GROWTH, 2 * after)
            tail = _Tail(
                np.empty(room, dtype=np.int64),
                np.empty((room, self.vectors.shape[1]), dtype=np.float32),
                self.count,
            )
            tail.ids[: self.count] = self.ids[: self.count]
            tail.vectors[: self.count] = self.vectors[: self.count]
        tail.ids[self.count : after] = ids
        tail.vectors[self.count : after] = vectors
        return replace(tail, count=after)

    def from_row(self, start: int) -> _Tail:
        left = slice(start, self.count)
        return _Tail(self.ids[left].copy(), self.vectors[left].copy(), self.count - start)


def _empty_tail(dimension: int) -> _Tail:
    return _Tail(np.empty(0, dtype=np.int64), np.empty((0, dimension), dtype=np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    segments: tuple[Segment, ...]
    tail: _Tail
    dead: Ids
    """Ascending; ids that are still in a segment or in the tail."""

    @property
    def sealed_to(self) -> int:
        return self.segments[-1].high if self.segments else 0


@dataclass(frozen=True, slots=True, eq=False)
class Compaction:
    """A plan to replace the segments from `start` on, and the tail as it was, by one segment."""

    start: int
    state: _State

    @blocking
    def run(self, source: Source) -> Segment:
        """The slow part; `source` is asked for what a quantised segment no longer has exactly."""
        old = self.state.segments[self.start :]
        tail = self.state.tail
        low = old[0].low if old else self.state.sealed_to
        high = int(tail.ids[tail.count - 1]) + 1 if tail.count else self.state.sealed_to
        count = sum(map(len, old)) + tail.count
        return build(
            low,
            high,
            Parts(partial(self._living, old, source)),
            kind_for(count, tail.vectors.shape[1]),
        )

    def _living(self, old: tuple[Segment, ...], source: Source) -> Iterator[tuple[Ids, Vectors]]:
        tail = self.state.tail
        for segment in old:
            if segment.lossless:
                for at in range(0, len(segment), TAIL):
                    rows = np.arange(at, min(at + TAIL, len(segment)))
                    yield self._without_dead(segment.ids[rows], segment.vectors(rows))
            else:
                for ids, vectors in source(segment.low, segment.high):
                    yield self._without_dead(ids, vectors)
        yield self._without_dead(tail.ids[: tail.count], tail.vectors[: tail.count])

    def _without_dead(self, ids: Ids, vectors: Vectors) -> tuple[Ids, Vectors]:
        live = ~among(ids, self.state.dead)
        return (ids, vectors) if live.all() else (ids[live], vectors[live])


class FaissIndex:
    """`VectorIndex` over FAISS. `copy` is free: whoever publishes a copy swaps one pointer."""

    def __init__(self, dimension: int, segments: tuple[Segment, ...] = ()) -> None:
        self._state = _State(segments, _empty_tail(dimension), np.empty(0, dtype=np.int64))
        self.dimension = dimension

    def copy(self) -> FaissIndex:
        """The same content. Only one of the two may be changed from now on."""
        twin = FaissIndex(self.dimension)
        twin._state = self._state
        return twin

    def __len__(self) -> int:
        state = self._state
        return sum(map(len, state.segments)) + state.tail.count - len(state.dead)

    @property
    def nbytes(self) -> int:
        state = self._state
        tail = state.tail.vectors.nbytes + state.tail.ids.nbytes
        return sum(segment.nbytes for segment in state.segments) + tail + state.dead.nbytes

    @property
    def segments(self) -> tuple[Segment, ...]:
        return self._state.segments

    @property
    def kinds(self) -> str:
        """For people: how the vectors are kept, such as "flat" or "fp16 + flat"."""
        kinds = [segment.kind for segment in self._state.segments]
        return " + ".join(dict.fromkeys((*kinds, "flat")))

    @blocking
    def add(self, ids: Ids, vectors: Vectors) -> None:
        state = self._state
        if len(ids) != len(vectors) or vectors.shape[1:] != (self.dimension,):
            raise ValueError(f"{vectors.shape} for {len(ids)} ids of {self.dimension} dimensions")
        if not len(ids):
            return
        tail = state.tail
        last = int(tail.ids[tail.count - 1]) if tail.count else state.sealed_to - 1
        if int(ids[0]) <= last or not (np.diff(ids) > 0).all():
            raise ValueError("ids must ascend")
        self._state = replace(state, tail=tail.extended(ids, vectors))

    @blocking
    def remove(self, ids: Ids) -> None:
        state = self._state
        there = [ids[among(ids, segment.ids)] for segment in state.segments]
        there.append(ids[among(ids, state.tail.ids[: state.tail.count])])
        self._state = replace(state, dead=np.union1d(state.dead, np.concatenate(there)))

    @blocking
    def nearest(self, vector: Vectors, limit: int) -> tuple[Ids, Vectors]:
        state = self._state
        if limit < 1 or not len(self):
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        vector = np.ascontiguousarray(vector, dtype=np.float32)
        found = [_nearest_living(part, vector, limit, state.dead) for part in _parts(state)]
        ids = np.concatenate([ids for ids, _ in found])
        scores = np.concatenate([scores for _, scores in found])
        # Equal scores in the order of ids: the same question gives the same answer.
        best = np.lexsort((ids, -scores))[:limit]
        return ids[best], scores[best]

    @blocking
    def search(self, vector: Vectors, limit: int) -> list[Hit]:
        ids, scores = self.nearest(vector, limit)
        pairs = zip(ids.tolist(), scores.tolist(), strict=True)
        return [Hit(ChunkId(chunk), score) for chunk, score in pairs]

    @blocking
    def match(self, vector: Vectors, ids: Ids) -> Vectors:
        products: Vectors = self.vectors(ids) @ vector
        return products

    @blocking
    def vectors(self, ids: Ids) -> Vectors:
        state = self._state
        found = np.full((len(ids), self.dimension), np.nan, dtype=np.float32)
        living = ~among(ids, state.dead)
        for part in _parts(state):
            here = np.flatnonzero(among(ids, part.ids) & living)
            if len(here):
                found[here] = part.vectors(np.searchsorted(part.ids, ids[here]))
        return found

    @blocking
    def sample(self, most: int) -> tuple[Ids, Vectors]:
        """Up to `most` living ids and vectors, spread evenly; all where there are fewer.

        Which they are depends on the content alone, not on how it is laid out.
        """
        state = self._state
        stride = 1
        while stride * most < len(self):
            stride *= 2
        ids = [np.empty(0, dtype=np.int64)]
        vectors = [np.empty((0, self.dimension), dtype=np.float32)]
        for part in _parts(state):
            at = np.flatnonzero(part.ids % stride == 0)
            at = at[~among(part.ids[at], state.dead)]
            ids.append(part.ids[at])
            vectors.append(part.vectors(at))
        return np.concatenate(ids)[:most], np.concatenate(vectors)[:most]

    def compaction(self) -> Compaction | None:
        """What there is to do in the background, if anything."""
        state = self._state
        start = len(state.segments)
        due = state.tail.count >= TAIL
        for at, segment in enumerate(state.segments):
            if np.count_nonzero(among(state.dead, segment.ids)) > DEAD_SHARE * len(segment):
                start, due = at, True
                break
        if not due:
            return None
        size = state.tail.count + sum(map(len, state.segments[start:]))
        # Merging a segment only into at least half of its like keeps their number logarithmic.
        while start and len(state.segments[start - 1]) < 2 * size:
            start -= 1
            size += len(state.segments[start])
        return Compaction(start, state)

    @blocking
    def adopt(self, plan: Compaction, sealed: Segment) -> bool:
        """Put a plan's result in place; False where the index is no longer the plan's."""
        state, then = self._state, plan.state
        old = then.tail.ids[: then.tail.count]
        if state.segments != then.segments or not np.array_equal(state.tail.ids[: len(old)], old):
            return False
        segments = (*then.segments[: plan.start], sealed) if len(sealed) else ()
        if not len(sealed):
            segments = then.segments[: plan.start]
        tail = state.tail.from_row(then.tail.count)
        swapped = replace(state, segments=segments, tail=tail)
        held = [among(state.dead, part.ids) for part in _parts(swapped)]
        dead = state.dead[np.logical_or.reduce(held)] if held else state.dead[:0]
        self._state = replace(swapped, dead=dead)
        return True

    def with_files(self, saved: Mapping[Segment, Segment]) -> None:
        """Use the same segments where they lie now."""
        state = self._state
        segments = tuple(saved.get(segment, segment) for segment in state.segments)
        self._state = replace(state, segments=segments)


class _OpenPart:
    """The tail as a part that is searched: FAISS over the rows themselves, nothing to lock."""

    def __init__(self, tail: _Tail) -> None:
        self.ids = tail.ids[: tail.count]
        self._rows = tail.vectors[: tail.count]

    def nearest(self, vector: Vectors, limit: int) -> tuple[Vectors, Ids]:
        import faiss

        scores, at = faiss.knn(
            vector[None, :], self._rows, min(limit, len(self.ids)), faiss.METRIC_INNER_PRODUCT
        )
        return scores[0], at[0]

    def vectors(self, at: Ids) -> Vectors:
        return self._rows[at]


def _parts(state: _State) -> list[Segment | _OpenPart]:
    parts: list[Segment | _OpenPart] = list(state.segments)
    if state.tail.count:
        parts.append(_OpenPart(state.tail))
    return parts


def _nearest_living(
    part: Segment | _OpenPart, vector: Vectors, limit: int, dead: Ids
) -> tuple[Ids, Vectors]:
    """Asks for more than needed where some are dead, and again for more where too many were."""
    fetch = limit if not len(dead) else limit + min(limit, len(dead)) + 8
    while True:
        scores, at = part.nearest(vector, fetch)
        ids = part.ids[at]
        live = ~among(ids, dead)
        if fetch >= len(part.ids) or np.count_nonzero(live) >= min(limit, len(part.ids)):
            return ids[live][:limit], scores[live][:limit]
        fetch *= 4
