"""A base at one generation: both its legs, and what is known of them.

A `View` never changes; a newer one takes its place by one pointer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from knowledge_base.calibration import Calibration
from knowledge_base.embedders.base import Vectors
from knowledge_base.index import FaissIndex
from knowledge_base.lexical import LexicalIndex
from knowledge_base.retrieval import SAMPLE, Scripts
from knowledge_base.segments import Ids
from knowledge_base.yardstick import usual


class Samples:
    """Samples of a base, taken when they are first asked for.

    They depend on its content alone. Two threads may take one twice, which is harmless.
    """

    def __init__(self) -> None:
        self._dense: tuple[FaissIndex, tuple[Ids, Vectors]] | None = None
        self._both: tuple[FaissIndex, LexicalIndex, tuple[Vectors, Scripts]] | None = None

    def of(self, dense: FaissIndex) -> tuple[Ids, Vectors]:
        """Of the chunks that have vectors."""
        taken = self._dense
        if taken is None or taken[0] is not dense:
            taken = self._dense = (dense, dense.sample(SAMPLE))
        return taken[1]

    def of_both(self, dense: FaissIndex, lexical: LexicalIndex) -> tuple[Vectors, Scripts]:
        """Of all chunks: the vectors of those that have one, and their scripts."""
        taken = self._both
        if taken is None or taken[0] is not dense or taken[1] is not lexical:
            ids, scripts = lexical.sample(SAMPLE)
            vectors = dense.vectors(ids)
            there = ~np.isnan(vectors).any(axis=1)
            taken = self._both = (dense, lexical, (vectors[there], scripts[there]))
        return taken[2]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """Both legs at one generation."""

    generation: int
    next_chunk: int
    """The first n that neither leg has ever seen."""
    dense: FaissIndex
    lexical: LexicalIndex
    fingerprint: str | None
    """Of the embedder that made the vectors; None until there are some."""
    measured: Calibration | None
    """Its own; None until there is one."""
    samples: Samples

    @property
    def calibration(self) -> Calibration | None:
        """Its own; until that is there, what is known of its embedder, if anything."""
        return self.measured or usual(self.fingerprint)

    @property
    def sample(self) -> tuple[Vectors, Scripts]:
        """Vectors of about `retrieval.SAMPLE` chunks, taken evenly, and their scripts."""
        return self.samples.of_both(self.dense, self.lexical)
