"""Searching the store: one moment of it, ranked, checked against the scope, as passages."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from knowledge_base import expanding, lexical, retrieval, saying
from knowledge_base.at_hand import Bases
from knowledge_base.embedders.base import Vectors
from knowledge_base.hints import Hints
from knowledge_base.joining import joined
from knowledge_base.lexical import LexicalQuery, TermStatistics
from knowledge_base.models import BaseId, ChunkId, Legs, Passage, Scope, base_of
from knowledge_base.offloop import blocking
from knowledge_base.rows import Rows
from knowledge_base.terms import NO_TERMS, Terms, normalise, terms_of
from knowledge_base.views import View

log = logging.getLogger(__name__)

SPARE = 4
"""Chunks ranked for each one wanted: near-duplicates and documents named already fall away."""
PORTION = 16
"""Chunks that are read together."""

MOST_NAMES = 2000
"""Names of a base that are looked through for letters in their middle, or for likeness."""

LEAST_MEASURED = 8
"""Vectors from which on a base is measured by itself."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a search asks for."""

    scope: Scope
    question: str
    limit: int
    legs: Legs
    per_document: bool
    now: datetime
    """What has expired by then is not found."""
    join: int = 0
    """Characters that a passage may have with what stands around it; 0: chunks as they are."""
    enriched: bool = False
    """Whether passages are found by what was written about them too, see `hints`."""
    reworded: bool = False
    """Whether too little that was found is looked for once more, see `expanding`."""


@dataclass(frozen=True, slots=True)
class Found:
    """Passages, best first, and whether the dense leg had to be left out somewhere."""

    passages: tuple[Passage, ...]
    lexical_only: bool
    unmeasured: tuple[BaseId, ...]
    """Bases that were searched with the question's vector, but without a calibration that fits."""
    guessed: bool
    """Whether one of them has none at all, or one that was not measured with its own texts."""
    about: float = 0.0
    """How probable it is that one of the passages is about the question, whatever it says."""
    known: float = 1.0
    """Share of the question's weight that the searched bases know, in [0, 1]."""


@blocking
def find(bases: Bases, wanted: Wanted, vectors: Mapping[str, Vectors]) -> Found:
    """`vectors` holds the embedded question by the fingerprint of its embedder."""
    query = retrieval.Query(wanted.question, vectors)
    with bases.views(wanted.scope.bases) as (rows, views):
        lexical_only = any(len(v.lexical) and v.fingerprint not in vectors for v in views)
        measurable = [
            (base_id, view)
            for base_id, view in zip(sorted(wanted.scope.bases), views, strict=True)
            if view.fingerprint in vectors and unmeasured(view)
        ]
        hints = hints_for(bases, rows, wanted, views)
        # One that stands alone cannot stand out.
        several = replace(wanted, limit=max(2, wanted.limit))
        most = sum(len(view.lexical) for view in views)
        # Alone, the dense leg needs no candidates to weigh against another's.
        fetch = 2 * wanted.limit
        if wanted.legs is not Legs.DENSE:
            fetch = max(retrieval.CANDIDATES, SPARE * wanted.limit)
        while True:
            first = ranked = retrieval.search(query, views, fetch, wanted.legs, hints=hints)
            if wanted.reworded and not expanding.is_enough(ranked):
                other = expanding.expanded(query, ranked, rows, views)
                more = retrieval.search(other, views, fetch, wanted.legs, hints=hints)
                ranked = expanding.fused(ranked, more)[:fetch]
            fresh = fresh_at(passages_of(rows, wanted.scope, ranked), wanted.now)
            chosen = chosen_of(rows, fresh, several)
            exhausted = len(ranked) < fetch or fetch >= most
            if exhausted or _is_enough(rows, chosen, several):
                about = max((passage.relevance for passage in chosen), default=0.0)
                # The dense leg goes by no words.
                terms = NO_TERMS if wanted.legs is Legs.DENSE else query.terms
                weighed = weighed_by(terms, views)
                chosen = said(weighed, first, chosen, wanted)
                return Found(
                    tuple(joined(rows, chosen, wanted.join) if wanted.join else chosen),
                    lexical_only and wanted.legs is not Legs.LEXICAL,
                    tuple(base_id for base_id, _ in measurable),
                    guessed=any(_is_guessed(view) for _, view in measurable),
                    about=about,
                    known=weighed.known,
                )
            fetch *= 4


def _is_enough(rows: Rows, chosen: Sequence[Passage], wanted: Wanted) -> bool:
    """Whether there are as many as are wanted, or one of each document that there is."""
    if len(chosen) >= wanted.limit:
        return True
    documents = (rows.counts.extent_of(base_id)[0] for base_id in wanted.scope.bases)
    return wanted.per_document and len(chosen) >= sum(documents)


def weighed_by(terms: Terms, views: Sequence[View]) -> LexicalQuery:
    """A question's terms by the statistics of these bases."""
    nothing = TermStatistics(0, 0, np.zeros(len(terms), np.int64))
    parts = (view.lexical.statistics(terms) for view in views)
    return lexical.weigh(terms, sum(parts, start=nothing))


def said(
    weighed: LexicalQuery,
    ranked: Sequence[retrieval.Ranked],
    chosen: Sequence[Passage],
    wanted: Wanted,
) -> list[Passage]:
    """As many as are wanted, with the probability that they say what is asked (see `saying`); the
    likeliest first, unless other words have put them in order."""
    if wanted.legs is Legs.DENSE or not chosen:
        return list(chosen[: wanted.limit])
    hits = {hit.chunk_id: (hit.score, hit.trust) for hit in ranked}
    own = [hits.get(passage.chunk.chunk_id, (0.0, 1.0)) for passage in chosen]
    scores, trust = [score for score, _ in own], [trust for _, trust in own]
    revised = saying.revised(wanted.question, weighed, chosen, scores, trust)
    if wanted.reworded and not expanding.is_enough(ranked):
        chances = sorted((passage.relevance for passage in revised), reverse=True)
        pairs = zip(chosen, chances, strict=True)
        revised = [replace(passage, relevance=chance) for passage, chance in pairs]
    return revised[: wanted.limit]


def hints_for(
    bases: Bases, rows: Rows, wanted: Wanted, views: Sequence[View]
) -> tuple[Hints | None, ...]:
    """Of each of the bases, in their order, as far as they are wanted."""
    if not wanted.enriched:
        return ()
    asked = zip(sorted(wanted.scope.bases), views, strict=True)
    return tuple(bases.hints.of(rows, base_id, view.fingerprint) for base_id, view in asked)


@blocking
def names(
    rows: Rows,
    bases: Sequence[BaseId],
    typed: str,
    limit: int,
    end: str = "",
    uploader_id: str | None = None,
) -> tuple[str, ...]:
    """Names of documents with these letters in them, those that begin with them first."""
    wanted = normalise(typed).strip()
    found: dict[str, None] = {}
    within: dict[str, None] = {}
    for base_id in bases:
        found.update(
            dict.fromkeys(
                rows.documents.names(base_id, limit, typed, end=end, uploader_id=uploader_id)
            )
        )
    for base_id in bases:
        if len(found) >= limit:
            break
        for name in rows.documents.names(base_id, MOST_NAMES, end=end, uploader_id=uploader_id):
            at = normalise(name).strip().find(wanted)
            if at >= 0:
                (within if at else found)[name] = None
                if len(found) >= limit:
                    break
    return tuple({**found, **within})[:limit]


@blocking
def near_names(rows: Rows, bases: Sequence[BaseId], name: str) -> tuple[str, ...]:
    """Up to three names of documents that are most like one that there is not."""
    import difflib

    known = {own for base_id in bases for own in rows.documents.names(base_id, MOST_NAMES)}
    return tuple(difflib.get_close_matches(name, sorted(known), 3))


@blocking
def passage(rows: Rows, scope: Scope, chunk_id: ChunkId) -> Passage | None:
    """One passage shown again later; None when it is gone, or not within the scope."""
    shown = retrieval.Ranked(chunk_id, relevance=0.0, dense=None, lexical=None)
    return next(passages_of(rows, scope, [shown]), None)


def passages_of(rows: Rows, scope: Scope, ranked: Sequence[retrieval.Ranked]) -> Iterator[Passage]:
    """With their texts, read as they are asked for. What the scope does not hold is left out,
    whatever an index said."""
    within = [hit for hit in ranked if base_of(hit.chunk_id) in scope.bases]
    for start in range(0, len(within), PORTION):
        portion = within[start : start + PORTION]
        chunks = rows.chunks.by_id([hit.chunk_id for hit in portion])
        documents = rows.documents.by_id(chunk.document_id for chunk in chunks.values())
        for hit in portion:
            chunk = chunks.get(hit.chunk_id)
            document = documents.get(chunk.document_id) if chunk else None
            if chunk and document and document.base_id in scope.bases:
                yield Passage(chunk, document, hit.relevance, hit.dense, hit.lexical)


def fresh_at(passages: Iterator[Passage], now: datetime) -> Iterator[Passage]:
    """Without what has expired by then."""
    for candidate in passages:
        expires = candidate.document.expires_at
        if expires is None or expires > now:
            yield candidate


def chosen_of(rows: Rows, passages: Iterator[Passage], wanted: Wanted) -> list[Passage]:
    """As many as are wanted, of what says something new; or the best of each document."""
    if wanted.per_document:
        best: dict[int, Passage] = {}
        for candidate in passages:
            best.setdefault(candidate.document.document_id, candidate)
            if len(best) == wanted.limit:
                break
        return list(best.values())
    seen: list[Passage] = []

    def texts() -> Iterator[tuple[str, Terms]]:
        for candidate in passages:
            seen.append(candidate)
            yield candidate.chunk.text, rows.chunks.terms_of(candidate.chunk.chunk_id)

    kept = retrieval.distinct(texts(), wanted.limit)
    return [seen[at] for at in kept]


@blocking
def weigh(bases: Bases, question: str, passages: Sequence[Passage]) -> LexicalQuery:
    """A question's terms by the statistics of the bases that the passages come from."""
    terms = terms_of(question)
    with bases.views({passage.document.base_id for passage in passages}) as (_, views):
        return weighed_by(terms, views)


def unmeasured(view: View) -> bool:
    """Whether a base's calibration is missing, or speaks of another size or embedder."""
    if view.fingerprint is None or not len(view.dense):
        return False
    measured = view.measured
    if measured is None or not measured.fits(view.fingerprint, len(view.lexical)):
        return True
    return _is_guessed(view) and len(view.dense) >= LEAST_MEASURED


def _is_guessed(view: View) -> bool:
    """Without measurements, or with those of other texts, out of which a base grows."""
    return view.measured is None or view.measured.chunks < LEAST_MEASURED
