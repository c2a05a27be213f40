"""Passages with what stands around them: chunks of one document, in its own order, as one text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from knowledge_base.models import Chunk, ChunkId, Passage
from knowledge_base.offloop import blocking
from knowledge_base.rows import Rows

_AT_ONCE = 4
"""Chunks that are read on one side together."""
_BETWEEN = "\n"


@blocking
def joined(rows: Rows, passages: Sequence[Passage], longest: int) -> list[Passage]:
    """Each passage with the chunks beside it under the same heading, of at most `longest`
    characters in all; longer ones stay as they are.

    Best first: what stands in a better passage by then is no passage of its own any more.
    """
    taken: set[ChunkId] = set()
    found: list[Passage] = []
    for passage in passages:
        if passage.chunk.chunk_id in taken:
            continue
        run = _around(rows, passage.chunk, longest, taken)
        taken.update(chunk.chunk_id for chunk in run)
        text = _BETWEEN.join(chunk.text for chunk in run)
        found.append(replace(passage, chunk=replace(passage.chunk, text=text)))
    return found


def _around(rows: Rows, own: Chunk, longest: int, taken: set[ChunkId]) -> list[Chunk]:
    """One to each side by turns, as long as there is room."""
    sides = {1: _Side(rows, own, 1), -1: _Side(rows, own, -1)}
    run, room = [own], longest - len(own.text)
    while sides:
        for step in tuple(sides):
            chunk = sides[step].next()
            if chunk is None or chunk.chunk_id in taken or room < len(_BETWEEN) + len(chunk.text):
                del sides[step]
                continue
            room -= len(_BETWEEN) + len(chunk.text)
            run.insert(len(run) if step > 0 else 0, chunk)
    return run


class _Side:
    """The chunks on one side of another, the nearest first."""

    def __init__(self, rows: Rows, own: Chunk, step: int) -> None:
        self._rows = rows
        self._own = own
        self._step = step
        self._at = 0
        self._read: dict[ChunkId, Chunk] = {}

    def next(self) -> Chunk | None:
        """None at the end of the document, or where another heading begins."""
        self._at += 1
        if (self._at - 1) % _AT_ONCE == 0:
            ahead = range(self._at, self._at + _AT_ONCE)
            self._read = self._rows.chunks.by_id([self._id(distance) for distance in ahead])
        found = self._read.get(self._id(self._at))
        if found is None or found.document_id != self._own.document_id:
            return None
        return found if found.heading == self._own.heading else None

    def _id(self, distance: int) -> ChunkId:
        # A document's chunks are numbered in its order.
        return ChunkId(self._own.chunk_id + self._step * distance)
