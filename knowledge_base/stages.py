"""One search with every stage of it, for whoever wants to see why it found what it found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from knowledge_base import finding, retrieval
from knowledge_base.at_hand import Bases
from knowledge_base.embedders.base import Embedder, Prompted, Vectors
from knowledge_base.joining import joined
from knowledge_base.models import ChunkId, Legs, Passage
from knowledge_base.offloop import blocking
from knowledge_base.terms import script_of, shown_terms

MOST_SHOWN = 30
"""Candidates that are told; there may be more."""
_MOST_NUMBERS = 12

Fate: TypeAlias = Literal["taken", "joined", "alike", "beyond"]
"""What became of a candidate: a passage; part of a better one's text; left out because a better
one says the same; not among as many as were wanted."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk that a leg proposed, and what spoke for it."""

    passage: Passage
    dense_rank: int | None
    """Its place among the candidates by cosine, counted from 1."""
    lexical_rank: int | None
    """The same by BM25; None where it has none of the words."""
    deviations: float
    """Its cosine in deviations above those of unrelated chunks; 0 where the dense leg is mute."""
    evidence: float
    """Lexical evidence, in [0, 1]."""
    score: float
    """What both are ranked by; comparable within this question only."""
    fate: Fate


@dataclass(frozen=True, slots=True)
class Asked:
    """The question as the two legs had it."""

    terms: tuple[str, ...]
    """What the lexical leg looked for."""
    script: str
    embedder: str | None
    """None where nothing was embedded."""
    dimension: int
    numbers: tuple[float, ...]
    """The first of its vector."""
    text: str = ""
    """The question as it was embedded, with what the model wants before it."""


@dataclass(frozen=True, slots=True)
class Stages:
    """A search, taken apart."""

    asked: Asked
    candidates: tuple[Candidate, ...]
    """As they were ranked, best first; at most `MOST_SHOWN`."""
    passages: tuple[Passage, ...]
    background: tuple[float, ...]
    """Cosines of the question to a sample of the bases: where unrelated chunks lie."""
    trust: float
    """The dense leg's say beside the lexical one, in [0, 1]."""
    known: float
    """Share of the question's weight that the searched bases know, in [0, 1]."""
    looked_at: tuple[Passage, ...] = ()
    """What a reranker looked at again, as the search had ranked it; empty where none did."""
    late: bool = False
    """Whether it had no time, so that the search's own order holds."""


@blocking
def examine(
    bases: Bases,
    wanted: finding.Wanted,
    vectors: Mapping[str, Vectors],
    embedder: Embedder | None,
) -> Stages:
    """What `finding.find` would find, and how. `embedder`: whose the vectors are."""
    query = retrieval.Query(wanted.question, vectors)
    fetch = max(retrieval.CANDIDATES, finding.SPARE * wanted.limit)
    with bases.views(wanted.scope.bases) as (rows, views):
        hints = finding.hints_for(bases, rows, wanted, views)
        judged = retrieval.judge(query, views, fetch, wanted.legs, hints=hints)
        ranked = [] if judged is None else retrieval.in_order(judged, fetch)
        found = list(finding.fresh_at(finding.passages_of(rows, wanted.scope, ranked), wanted.now))
        several = replace(wanted, limit=max(2, wanted.limit))
        chosen = finding.chosen_of(rows, iter(found), several)
        weighed = finding.weighed_by(query.terms, views)
        chosen = finding.said(weighed, ranked, chosen, wanted)
        passages = joined(rows, chosen, wanted.join) if wanted.join else chosen
    used = next(iter(vectors.values()), None) if wanted.legs is not Legs.LEXICAL else None
    asked = Asked(
        shown_terms(wanted.question) if wanted.legs is not Legs.DENSE else (),
        script_of(wanted.question),
        None if used is None or embedder is None else embedder.name,
        0 if used is None else len(used),
        () if used is None else tuple(map(float, used[:_MOST_NUMBERS])),
        "" if used is None else _prompt_of(embedder) + wanted.question,
    )
    if judged is None:
        return Stages(asked, (), (), (), 0.0, 0.0)
    largest = max(judged.references.values(), key=lambda own: own.chunks, default=None)
    background = largest.cosines if largest is not None and used is not None else ()
    return Stages(
        asked,
        _candidates(judged, found, chosen, passages),
        tuple(passages),
        tuple(map(float, background)),
        max((part.trust for part in judged.found), default=0.0),
        float(judged.weighed.known),
    )


def looked_again(found: Stages, passages: Sequence[Passage], *, late: bool) -> Stages:
    """The same after a second look, which took these of its passages."""
    kept = {passage.chunk.chunk_id for passage in passages}
    candidates = tuple(
        replace(own, fate="beyond")
        if own.fate == "taken" and own.passage.chunk.chunk_id not in kept
        else own
        for own in found.candidates
    )
    return replace(
        found,
        candidates=candidates,
        passages=tuple(passages),
        looked_at=found.passages,
        late=late,
    )


def _prompt_of(embedder: Embedder | None) -> str:
    return embedder.query_prompt if isinstance(embedder, Prompted) else ""


def _candidates(
    judged: retrieval.Judged,
    found: Sequence[Passage],
    chosen: Sequence[Passage],
    passages: Sequence[Passage],
) -> tuple[Candidate, ...]:
    cosines = np.concatenate([part.cosines for part in judged.found])
    lexical = np.concatenate([part.scores for part in judged.found])
    z = np.concatenate([part.z for part in judged.found])
    words = np.concatenate([part.evidence for part in judged.found])
    by_cosine = _places(np.nan_to_num(cosines, nan=-np.inf))
    by_words = _places(lexical)
    rows = {int(key): at for at, key in enumerate(judged.ids)}
    fates = _fates(found, chosen, passages)
    told = []
    for passage in found[:MOST_SHOWN]:
        at = rows[passage.chunk.chunk_id]
        told.append(
            Candidate(
                passage,
                None if np.isnan(cosines[at]) else int(by_cosine[at]),
                int(by_words[at]) if lexical[at] > 0 else None,
                float(z[at]),
                float(words[at]),
                float(judged.scores[at]),
                fates[passage.chunk.chunk_id],
            )
        )
    return tuple(told)


def _fates(
    found: Sequence[Passage], chosen: Sequence[Passage], passages: Sequence[Passage]
) -> dict[ChunkId, Fate]:
    kept = {passage.chunk.chunk_id for passage in passages}
    taken = {passage.chunk.chunk_id for passage in chosen}
    last = max((at for at, own in enumerate(found) if own.chunk.chunk_id in taken), default=-1)
    fates: dict[ChunkId, Fate] = {}
    for at, own in enumerate(found):
        key = own.chunk.chunk_id
        if key in kept:
            fates[key] = "taken"
        elif key in taken:
            fates[key] = "joined"
        else:
            fates[key] = "alike" if at < last else "beyond"
    return fates


def _places(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Each one's place from the highest, counted from 1."""
    places = np.empty(len(scores), np.int64)
    places[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return places
