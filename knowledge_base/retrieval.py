"""A question against several bases at once: two legs, one ranking, one probability.

Each leg proposes candidates; every candidate is then judged by both. What a leg may say follows
from evidence: the dense leg's from how well its embedder knows the question's script in this base
(`calibration`), the lexical leg's from how much of the question the searched bases know at all.
Nothing here reads files or waits: the caller hands in views of open bases.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from knowledge_base.calibration import (
    Calibration,
    DenseProfile,
    RelevanceModel,
    Signals,
    evidence,
    expected,
    rank_scores,
    relevance,
    shipped,
    standardise,
)
from knowledge_base.hints import Hints
from knowledge_base.lexical import (
    LexicalIndex,
    LexicalMatch,
    LexicalQuery,
    TermStatistics,
    weigh,
)
from knowledge_base.models import ChunkId, Legs
from knowledge_base.terms import NO_TERMS, Terms, script_code, script_of, terms_of

CANDIDATES = 50
"""Chunks that each leg proposes in each base."""

SAMPLE = 512
"""Chunks whose cosines to a question say where unrelated ones lie."""

HINTED = 0.5
"""What a hint that is nearer than its passage adds, of the way between the two: questions are put
alike also where they ask for different things."""

_LEAST_SAMPLE = 8
"""Below this a base without a calibration has nothing to standardise cosines by."""
_SAME_TERMS = 0.9
_ONE_SCRIPT = 0.95
_MIXED_FACTOR = 4

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]
Floats = NDArray[np.float64]
Scripts = NDArray[np.uint8]
"""Codes of scripts, see `terms.SCRIPTS`."""


class DenseIndex(Protocol):
    """The part of `index.VectorIndex` that a search needs."""

    def nearest(self, vector: Vectors, limit: int) -> tuple[Ids, Vectors]:
        """Ids and cosines of the best, best first."""
        ...

    def match(self, vector: Vectors, ids: Ids) -> Vectors:
        """Cosines of given chunks, NaN for those that are not there."""
        ...

    def vectors(self, ids: Ids) -> Vectors:
        """Of given chunks, NaN for those that are not there."""
        ...


class BaseView(Protocol):
    """One open base, as a search sees it; all of it may be used by several threads."""

    @property
    def fingerprint(self) -> str | None:
        """Of the embedder that made its vectors; None where it has none."""
        ...

    @property
    def dense(self) -> DenseIndex: ...

    @property
    def lexical(self) -> LexicalIndex: ...

    @property
    def calibration(self) -> Calibration | None:
        """Its own; a small base may show that of another base of the same embedder."""
        ...

    @property
    def sample(self) -> tuple[Vectors, Scripts]:
        """Vectors of about `SAMPLE` chunks, taken evenly, and the script that each is in."""
        ...


@dataclass(frozen=True, eq=False)
class Query:
    """A question made ready for searching."""

    text: str
    vectors: Mapping[str, Vectors]
    """The embedded question by embedder fingerprint; bases of other embedders do without."""

    @functools.cached_property
    def terms(self) -> Terms:
        return terms_of(self.text)

    @functools.cached_property
    def script(self) -> str:
        return script_of(self.text)


@dataclass(frozen=True, slots=True)
class Ranked:
    """A chunk in its place."""

    chunk_id: ChunkId
    relevance: float
    dense: float | None
    lexical: float | None
    score: float = 0.0
    """What it was ranked by; comparable within one question only."""
    trust: float = 1.0
    """The dense leg's say in it, in [0, 1]."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Candidates of one base; arrays of one shape."""

    ids: Ids
    cosines: Floats
    z: Floats
    scores: Floats
    evidence: Floats
    known: Floats
    foreign: NDArray[np.bool_]
    rivals: Floats
    trust: float


def search(
    query: Query,
    bases: Sequence[BaseView],
    limit: int,
    legs: Legs = Legs.BOTH,
    model: RelevanceModel | None = None,
    hints: Sequence[Hints | None] = (),
) -> list[Ranked]:
    """At most `limit` chunks of all bases together, best first; relevance never rises.

    `hints`: of each base, where its passages are to be found by those too.
    """
    judged = judge(query, bases, limit, legs, model, hints)
    return [] if judged is None else in_order(judged, limit)


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Candidates of all bases, before they are put in order."""

    found: Sequence[Candidates]
    ids: Ids
    scores: Floats
    probabilities: Floats
    weighed: LexicalQuery
    references: Mapping[str, Reference]


def judge(
    query: Query,
    bases: Sequence[BaseView],
    limit: int,
    legs: Legs = Legs.BOTH,
    model: RelevanceModel | None = None,
    hints: Sequence[Hints | None] = (),
) -> Judged | None:
    """What `search` goes by; None where the bases have nothing at all."""
    pairs = zip_longest(bases, hints)
    asked = [(base, hint) for base, hint in pairs if base is not None and len(base.lexical)]
    bases = [base for base, _hint in asked]
    if not bases:
        return None
    model = model or shipped(query.script)
    terms = NO_TERMS if legs is Legs.DENSE else query.terms
    parts = [_statistics(terms, *pair) for pair in asked]
    weighed = weigh(terms, sum(parts[1:], start=parts[0]))
    references = _references(query, bases)
    most = limit if legs is Legs.DENSE else max(limit, CANDIDATES)
    search = _Search(query, weighed, references, most, legs)
    found = [_candidates(search, base, hint) for base, hint in asked]
    scores = []
    probabilities = []
    for part in found:
        signals = Signals(part.z, part.evidence, part.known, part.foreign, part.trust, part.rivals)
        scores.append(rank_scores(signals, model))
        probabilities.append(relevance(signals, model))
    return Judged(
        found,
        np.concatenate([part.ids for part in found]),
        np.concatenate(scores),
        np.concatenate(probabilities),
        weighed,
        references,
    )


def distinct(texts: Iterable[tuple[str, Terms]], limit: int | None = None) -> list[int]:
    """Indices of the first `limit` passages that say something the ones before them do not.

    Near-duplicates share nine tenths of their terms and all their numbers: two versions of a table
    row differ in a figure, and that is the point of it. A passage comes with its terms.
    """
    kept: list[int] = []
    outlines: list[tuple[str, Terms]] = []
    for index, outline in enumerate(texts):
        if len(kept) == limit:
            break
        if not any(_same(outline, other) for other in outlines):
            kept.append(index)
            outlines.append(outline)
    return kept


def _same(one: tuple[str, Terms], other: tuple[str, Terms]) -> bool:
    fewer, more = sorted((len(one[1]), len(other[1])))
    if fewer < _SAME_TERMS * more:
        return False
    shared = len(np.intersect1d(one[1].hashes, other[1].hashes, assume_unique=True))
    if shared < _SAME_TERMS * (fewer + more - shared):
        return False
    return _numbers(one[0]) == _numbers(other[0])


def _numbers(text: str) -> list[str]:
    return sorted(re.findall(r"\d+", text))


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Where the cosines of one embedder lie for this question."""

    cosines: Floats
    scripts: Scripts
    calibration: Calibration | None
    chunks: int

    def rivals(self, scripts: Scripts) -> Floats:
        """How many chunks were searched in each of these scripts, as far as the sample tells."""
        counts = np.bincount(self.scripts, minlength=int(scripts.max(initial=0)) + 1)
        shares: Floats = counts[scripts] / max(1, len(self.scripts))
        return shares * self.chunks


def _references(query: Query, bases: Sequence[BaseView]) -> dict[str, Reference]:
    """One for each embedder: its bases are searched as if they were one."""
    references: dict[str, Reference] = {}
    for fingerprint, vector in query.vectors.items():
        views = [base for base in bases if base.fingerprint == fingerprint]
        if not views:
            continue
        samples = [view.sample for view in views]
        fitted = [(len(v.lexical), v.calibration) for v in views if v.calibration]
        references[fingerprint] = Reference(
            np.concatenate([vectors @ vector for vectors, _ in samples]).astype(np.float64),
            np.concatenate([scripts for _, scripts in samples]),
            max(fitted, key=lambda pair: pair[0])[1] if fitted else None,
            sum(len(view.lexical) for view in views),
        )
    return references


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """What is the same for all bases of a search."""

    query: Query
    weighed: LexicalQuery
    references: Mapping[str, Reference]
    limit: int
    legs: Legs


def _statistics(terms: Terms, base: BaseView, hints: Hints | None) -> TermStatistics:
    """A word that stands in hints alone is known all the same."""
    own = base.lexical.statistics(terms)
    if hints is None:
        return own
    more = hints.lexical.statistics(terms).frequencies
    return replace(own, frequencies=np.maximum(own.frequencies, more))


def _candidates(search: _Search, base: BaseView, hints: Hints | None) -> Candidates:
    query, weighed, legs = search.query, search.weighed, search.legs
    fingerprint = base.fingerprint
    reference = None
    if fingerprint is not None and legs is not Legs.LEXICAL:
        reference = search.references.get(fingerprint)
    vector = query.vectors[fingerprint] if reference and fingerprint is not None else None
    proposed = [np.zeros(0, np.int64)]
    if vector is not None and reference is not None:
        proposed.append(base.dense.nearest(vector, search.limit * _spread(reference))[0])
        if hints is not None:
            proposed.append(hints.nearest(vector, search.limit))
    if legs is not Legs.DENSE:
        proposed.append(base.lexical.search(weighed, search.limit)[0])
        if hints is not None:
            proposed.append(hints.lexical.search(weighed, search.limit)[0])
    ids = np.unique(np.concatenate(proposed))
    match = _matched(base, hints, weighed, ids)
    lexical = evidence(match.coverage, match.matched)
    foreign = (match.scripts != script_code(query.script)) & (match.scripts > 0)
    if hints is not None:
        # What was written in the question's script can be expected to have its words.
        foreign &= ~hints.speak(ids, script_code(query.script))
    known = expected(weighed.known, match.matched, foreign)
    cosines, z, trust = np.full(len(ids), np.nan), np.zeros(len(ids)), 0.0
    rivals = np.zeros(len(ids))
    if vector is not None and reference is not None:
        cosines = base.dense.match(vector, ids).astype(np.float64)
        z, trust = _standardised(cosines, match.scripts, query.script, reference)
        trust = 1.0 if legs is Legs.DENSE else trust
        rivals = reference.rivals(match.scripts)
        if hints is not None:
            z = z + HINTED * np.maximum(hints.standardised(vector, ids, rivals) - z, 0.0)
    return Candidates(ids, cosines, z, match.scores, lexical, known, foreign, rivals, trust)


def _matched(base: BaseView, hints: Hints | None, weighed: LexicalQuery, ids: Ids) -> LexicalMatch:
    """How well passages match by their own words, or by those of their hints too."""
    own = base.lexical.match(weighed, ids)
    if hints is None:
        return own
    more = hints.lexical.match(weighed, ids)
    return replace(
        own,
        scores=np.maximum(own.scores, more.scores),
        coverage=np.maximum(own.coverage, more.coverage),
        matched=np.maximum(own.matched, more.matched),
    )


def _spread(reference: Reference) -> int:
    """How many times as many candidates: the question's own script comes first in a mixed base."""
    counts = np.bincount(reference.scripts)
    return 1 if counts.max(initial=0) >= _ONE_SCRIPT * counts.sum() else _MIXED_FACTOR


def _standardised(
    cosines: Floats, scripts: Scripts, asked_in: str, reference: Reference
) -> tuple[Floats, float]:
    """Standardised cosines and the trust in them.

    Each script by itself: an embedder holds texts of one language for alike, and a base of two
    would else answer from the question's own only.
    """
    z = np.zeros(len(cosines))
    profile = reference.calibration.profile(asked_in) if reference.calibration else None
    for script in np.unique(scripts):
        rows = scripts == script
        among = reference.cosines[reference.scripts == script]
        if profile is None:
            spoken = _guess(among if len(among) > 1 else reference.cosines)
        else:
            spoken = profile if script == script_code(asked_in) else profile.abroad()
        z[rows] = standardise(cosines[rows], among, spoken)
    z = np.nan_to_num(z, nan=float(np.nanmin(z, initial=0.0)))
    if profile is not None:
        return z, profile.trust
    return z, 1.0 if len(reference.cosines) >= _LEAST_SAMPLE else 0.0


def _guess(cosines: Floats) -> DenseProfile:
    """Nothing was measured yet: the question's own cosines say where unrelated ones lie."""
    if not len(cosines):
        return DenseProfile("", 0.0, 1.0, 0.0)
    return DenseProfile("", float(np.median(cosines)), max(1e-3, float(cosines.std())), 1.0)


def in_order(judged: Judged, limit: int) -> list[Ranked]:
    """The first `limit` of them."""
    cosines = np.concatenate([part.cosines for part in judged.found])
    lexical = np.concatenate([part.scores for part in judged.found])
    trust = np.concatenate([np.full(len(part.ids), part.trust) for part in judged.found])
    ids, probabilities = judged.ids, judged.probabilities
    order = np.lexsort((ids, -judged.scores))[:limit]
    falling = np.minimum.accumulate(probabilities[order])
    return [
        Ranked(
            chunk_id=ChunkId(int(ids[i])),
            relevance=float(probability),
            dense=None if np.isnan(cosines[i]) else float(cosines[i]),
            lexical=float(lexical[i]),
            score=float(judged.scores[i]),
            trust=float(trust[i]),
        )
        for i, probability in zip(order, falling, strict=True)
    ]
