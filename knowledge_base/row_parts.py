"""What the rows have of one base as its legs want it: by chunk ids, in order, some at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from knowledge_base.calibration import Calibration
from knowledge_base.embedders.base import Vectors
from knowledge_base.models import BaseId, chunk_id
from knowledge_base.rows import Rows
from knowledge_base.segments import Ids

PART = 4096
"""Chunks whose terms or vectors are in memory at once beside the index that they go into."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the rows say of a base beside its documents."""

    fingerprint: str | None
    """Of the embedder that made its vectors."""
    dimension: int | None
    measured: Calibration | None


class RowParts:
    """Of one base: terms and vectors of the chunks low <= id < high."""

    def __init__(self, base_id: BaseId) -> None:
        self.base_id = base_id

    def ids(self, numbers: Ids) -> Ids:
        """Of the chunks with these n."""
        return numbers.astype(np.int64) + chunk_id(self.base_id, 0)

    def number(self, chunk: int) -> int:
        """The n of a chunk."""
        return chunk - chunk_id(self.base_id, 0)

    def known(self, rows: Rows) -> Known:
        base, stored = rows.bases.find(self.base_id), rows.bases.calibration(self.base_id)
        try:
            measured = None if stored is None else Calibration.from_json(stored)
        except ValueError:
            measured = None  # another version's: it will be measured again
        if base is None:
            return Known(None, None, measured)
        return Known(base.fingerprint, base.dimension, measured)

    def terms(self, rows: Rows, low: int, high: int) -> Iterator[tuple[Ids, list[bytes]]]:
        """(ids, packed terms)"""
        return self._in_terms(rows.chunks.terms_between(self.base_id, *self._range(low, high)))

    def _in_terms(self, terms: Iterator[tuple[int, bytes]]) -> Iterator[tuple[Ids, list[bytes]]]:
        while part := list(islice(terms, PART)):
            yield self.ids(np.array([n for n, _ in part])), [packed for _, packed in part]

    def terms_of(self, rows: Rows, ids: Ids) -> Iterator[tuple[Ids, list[bytes]]]:
        """(ids, packed terms) of these chunks alone; the ids ascend, in runs as documents have."""
        runs = np.split(ids, np.flatnonzero(np.diff(ids) > 1) + 1) if len(ids) else []
        found = (
            pair
            for run in runs
            for pair in rows.chunks.terms_between(
                self.base_id, *self._range(int(run[0]), int(run[-1]) + 1)
            )
        )
        return self._in_terms(found)

    def vectors(
        self, rows: Rows, dimension: int, low: int, high: int
    ) -> Iterator[tuple[Ids, Vectors]]:
        """Of several documents at a time."""
        between = self._range(low, high)
        return self._in_parts(rows.vectors.between(self.base_id, dimension, *between))

    def waiting(
        self, rows: Rows, fingerprint: str, dimension: int, low: int, high: int
    ) -> Iterator[tuple[Ids, Vectors]]:
        """As `vectors`, of those that wait to take the place of the others."""
        between = self._range(low, high)
        found = rows.vectors.waiting_between(self.base_id, fingerprint, dimension, *between)
        return self._in_parts(found)

    def _range(self, low: int, high: int) -> tuple[int, int]:
        return max(0, self.number(low)), min(self.number(high), 1 << 32)

    def _in_parts(self, found: Iterable[tuple[int, Vectors]]) -> Iterator[tuple[Ids, Vectors]]:
        numbers: list[Ids] = []
        vectors: list[Vectors] = []
        waiting = 0
        for first, part in found:
            numbers.append(np.arange(first, first + len(part)))
            vectors.append(part)
            waiting += len(part)
            if waiting >= PART:
                yield self.ids(np.concatenate(numbers)), np.concatenate(vectors)
                numbers, vectors, waiting = [], [], 0
        if waiting:
            yield self.ids(np.concatenate(numbers)), np.concatenate(vectors)
