"""The next view of a base from the one before it: what a commit changed, and nothing else."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from knowledge_base.embedders.base import Vectors
from knowledge_base.index import TAIL, FaissIndex
from knowledge_base.row_parts import RowParts
from knowledge_base.rows import Rows
from knowledge_base.rows.documents import numbers_of
from knowledge_base.segments import Ids
from knowledge_base.views import View


def caught_up(view: View, parts: RowParts, rows: Rows, generation: int) -> View | None:
    """The view of the rows' generation; None where too much has changed."""
    changes = rows.documents.changes(parts.base_id, view.generation)
    live = [span for span in changes if span.live]
    gone = [span for span in changes if not span.live]
    if any(span.first < view.next_chunk for span in live) or sum(s.count for s in live) > TAIL:
        # Old chunks that got vectors, or more than a tail should hold: from the rows.
        return None
    spans = rows.documents.renamed(parts.base_id, view.generation)
    renamed = [span for span in spans if span.first < view.next_chunk]
    if sum(span.count for span in renamed) > TAIL:
        return None
    known = parts.known(rows)
    packed: list[bytes] = []
    numbers: list[int] = []
    vectors: list[Vectors] = []
    embedded = [span for span in live if span.embedded]
    for span in live:
        after = span.first + span.count
        for n, terms in rows.chunks.terms_between(parts.base_id, span.first, after):
            numbers.append(n)
            packed.append(terms)
    for span in embedded:
        found = rows.vectors.of(span.document_id, known.dimension) if known.dimension else None
        if found is not None:
            vectors.append(found)
    return changed(
        replace(
            view,
            generation=generation,
            fingerprint=known.fingerprint,
            measured=known.measured,
        ),
        parts,
        added=(parts.ids(np.array(numbers)), packed) if numbers else None,
        vectors=(parts.ids(numbers_of(embedded)), np.concatenate(vectors)) if vectors else None,
        removed=parts.ids(numbers_of(gone)) if gone else None,
        amended=list(parts.terms_of(rows, parts.ids(numbers_of(renamed)))),
    )


def changed(
    view: View,
    parts: RowParts,
    added: tuple[Ids, Sequence[bytes]] | None,
    vectors: tuple[Ids, Vectors] | None,
    removed: Ids | None,
    amended: Sequence[tuple[Ids, Sequence[bytes]]] = (),
) -> View:
    """With what was added (ids and packed terms, ids and vectors), without what was removed, and
    with the words that chunks have now (`amended`)."""
    lexical = copy.copy(view.lexical)
    dense = view.dense.copy()
    next_chunk = view.next_chunk
    if removed is not None:
        lexical.remove(removed)
        dense.remove(removed)
    for ids, packed in amended:
        lexical.amend(ids, packed)
    if added is not None:
        lexical.add(*added)
        next_chunk = parts.number(int(added[0][-1])) + 1
    if vectors is not None:
        if dense.dimension != vectors[1].shape[1]:  # the first ones, or all others are gone
            dense = FaissIndex(vectors[1].shape[1])
        dense.add(*vectors)
    return replace(view, next_chunk=next_chunk, dense=dense, lexical=lexical)
