"""What was written about passages so that they are found by other words than their own.

One line of context and some questions for each passage, as vectors and terms that lead to it. They
are never quoted and never shown as what a document says: a search maps them to their passages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from knowledge_base.calibration import DenseProfile, highest_of, standardise
from knowledge_base.lexical import LexicalIndex
from knowledge_base.terms import Terms, pack_terms, script_code, script_of, terms_of, unpack_terms

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]
Floats = NDArray[np.float64]
Scripts = NDArray[np.uint8]

MOST_VECTORS: Final = 200_000
"""Of a base; those of its first passages serve where there are more. They are searched exactly."""
SAMPLE: Final = 512
_LEAST_SAMPLE: Final = 8
"""Vectors in a script below which nobody knows how near unrelated ones are."""


@dataclass(frozen=True, slots=True)
class Hint:
    """As it is stored: of one passage."""

    chunk_id: int
    terms: bytes
    """Packed: of the passage and of what was written about it, together."""
    texts: tuple[str, ...]
    fingerprint: str | None
    """Of the embedder that made the vectors; None where there are none."""
    vectors: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Hints:
    """Of one base, ready to be searched; it never changes."""

    owners: Ids
    """Whose each vector is; ascending, several for a passage."""
    vectors: Vectors
    """Shape (n, dimension), unit length; none where they are another embedder's."""
    scripts: Scripts
    """What each of the texts is written in."""
    lexical: LexicalIndex
    """Passages by their own terms and those of their hints together."""

    def nearest(self, vector: Vectors, limit: int) -> Ids:
        """The passages that the nearest hints lead to, each once."""
        if not len(self.owners):
            return np.zeros(0, np.int64)
        cosines = self.vectors @ vector
        count = min(limit, len(cosines))
        best = np.argpartition(-cosines, count - 1)[:count]
        return np.unique(self.owners[best])

    def speak(self, ids: Ids, script: int) -> NDArray[np.bool_]:
        """Which of the passages have hints in a script."""
        return np.isin(ids, self.owners[self.scripts == script])

    def standardised(self, vector: Vectors, ids: Ids, rivals: Floats) -> Floats:
        """The best hint's cosine of each passage, in deviations above unrelated ones of its script;
        minus infinity where there is none.

        Questions lie nearer to questions than to passages: hints are held against hints. Of
        several the best is rather high by chance, and so much is taken off.
        """
        best = np.full(len(ids), -np.inf)
        if not len(self.owners) or not len(ids):
            return best
        cosines = (self.vectors @ vector).astype(np.float64)
        z = np.full(len(cosines), -np.inf)
        for script in np.unique(self.scripts):
            rows = np.flatnonzero(self.scripts == script)
            if len(rows) >= _LEAST_SAMPLE:
                among = cosines[rows[:: max(1, len(rows) // SAMPLE)]]
                spread = max(1e-3, float(among.std()))
                unrelated = DenseProfile("", float(np.median(among)), spread, 1.0)
                z[rows] = standardise(cosines[rows], among, unrelated)
        at = np.searchsorted(ids, self.owners)
        here = (at < len(ids)) & (ids[np.minimum(at, len(ids) - 1)] == self.owners)
        np.maximum.at(best, at[here], z[here])
        each = len(self.owners) / max(1, len(self.lexical))
        return best - (highest_of(np.maximum(1.0, rivals) * each) - highest_of(rivals))


def hints_of(found: Sequence[Hint], fingerprint: str | None, dimension: int) -> Hints:
    """`found` ascends by passage. Vectors of another embedder than the base's are left out."""
    owners: list[int] = []
    vectors: list[Vectors] = []
    scripts: list[int] = []
    for hint in found:
        if hint.fingerprint is None or hint.fingerprint != fingerprint:
            continue
        own = np.frombuffer(hint.vectors, "<f4").reshape(-1, dimension)
        if len(owners) + len(own) > MOST_VECTORS:
            break
        owners += [hint.chunk_id] * len(own)
        scripts += [script_code(script_of(text)) for text in hint.texts[: len(own)]]
        vectors.append(own)
    lexical = LexicalIndex()
    if found:
        lexical.add(np.array([hint.chunk_id for hint in found]), [hint.terms for hint in found])
    return Hints(
        np.array(owners, np.int64),
        np.concatenate(vectors) if vectors else np.zeros((0, dimension), np.float32),
        np.array(scripts, np.uint8),
        lexical,
    )


def with_terms(packed: bytes, texts: Sequence[str]) -> bytes:
    """A passage's packed terms with those of what was written about it."""
    own, more = unpack_terms(packed), terms_of("\n".join(texts))
    hashes, place = np.unique(np.concatenate([own.hashes, more.hashes]), return_inverse=True)
    counts = np.bincount(place, np.concatenate([own.counts, more.counts]), minlength=len(hashes))
    together = Terms(hashes, np.minimum(counts, 0xFFFF).astype(np.uint16), own.script)
    return pack_terms(together)
