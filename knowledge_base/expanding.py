"""A question asked once more with words and meaning of what came closest to it, without a model.

Pseudo-relevance feedback (Rocchio 1971; Lavrenko and Croft 2001): what is about the same shares
headings and lies near in meaning. Only the order is changed by it: how probable it is that anything
answers is told by the question as it was asked, so that nothing is accepted for its own sake.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Final

import numpy as np

from knowledge_base.embedders.base import Vectors
from knowledge_base.retrieval import BaseView, Query, Ranked
from knowledge_base.rows import Rows

SURE: Final = 0.8
"""Relevance from which on the first search was good enough."""
_CLOSEST: Final = 3
"""Passages that words and meaning are taken from."""
_MEANING: Final = 0.4
"""What they weigh beside the question's own vector."""
_LATER: Final = 0.6
"""What a place in the second search is worth beside one in the first."""
_EVEN: Final = 10.0
"""Places this far down hardly differ (reciprocal rank fusion; Cormack et al. 2009)."""


def is_enough(ranked: Sequence[Ranked]) -> bool:
    """Whether nothing is to be gained, or there is nothing to go by."""
    return not ranked or ranked[0].relevance >= SURE


def expanded(
    query: Query, ranked: Sequence[Ranked], rows: Rows, views: Sequence[BaseView]
) -> Query:
    """The question with the headings and names of what came closest, and nearer to its meaning."""
    closest = [hit.chunk_id for hit in ranked[:_CLOSEST]]
    chunks = rows.chunks.by_id(closest)
    documents = rows.documents.by_id(chunk.document_id for chunk in chunks.values())
    words: dict[str, None] = {}
    for chunk in chunks.values():
        document = documents.get(chunk.document_id)
        if document is not None:
            words[PurePath(document.name).stem] = None
        if chunk.heading:
            words[chunk.heading] = None
    vectors = {
        fingerprint: _nearer(vector, _vectors(closest, fingerprint, views))
        for fingerprint, vector in query.vectors.items()
    }
    return Query("\n".join([query.text, *words]), vectors)


def fused(first: Sequence[Ranked], second: Sequence[Ranked]) -> list[Ranked]:
    """What both searches found, in the order of their places; each place keeps its relevance."""
    worth: dict[int, float] = {}
    hits: dict[int, Ranked] = {}
    for weight, found in ((1.0, first), (_LATER, second)):
        for place, hit in enumerate(found):
            worth[hit.chunk_id] = worth.get(hit.chunk_id, 0.0) + weight / (_EVEN + place)
            hits.setdefault(hit.chunk_id, hit)
    least = min((hit.relevance for hit in first), default=0.0)
    relevances = [hit.relevance for hit in first] + [least] * (len(hits) - len(first))
    order = sorted(hits, key=lambda own: (-worth[own], own))
    return [
        replace(hits[own], relevance=relevance)
        for own, relevance in zip(order, relevances, strict=True)
    ]


def _vectors(ids: Sequence[int], fingerprint: str, views: Sequence[BaseView]) -> Vectors:
    wanted = np.array(sorted(ids), np.int64)
    found = [
        view.dense.vectors(wanted)
        for view in views
        if view.fingerprint == fingerprint and len(view.lexical)
    ]
    own = np.concatenate(found) if found else np.zeros((0, 0), np.float32)
    kept: Vectors = own[~np.isnan(own).any(axis=1)] if own.size else own
    return kept


def _nearer(vector: Vectors, others: Vectors) -> Vectors:
    if not others.size:
        return vector
    mixed = vector + _MEANING * others.mean(axis=0)
    moved: Vectors = (mixed / max(1e-9, float(np.linalg.norm(mixed)))).astype(np.float32)
    return moved
