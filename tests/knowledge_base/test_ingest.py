"""Passages on their way to the embedder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from knowledge_base.embedders.base import Vectors
from knowledge_base.ingest import MOST_SLICE, SLICE, SLICE_SECONDS, embed_chunks
from knowledge_base.models import ChunkDraft
from tests.support.hash_embeddings import HashEmbedder


class Timed(HashEmbedder):
    """Takes so long for a passage, on a clock of its own."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds
        self.now = 0.0
        self.asked: list[int] = []

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        self.asked.append(len(texts))
        self.now += self._seconds * len(texts)
        return await super().embed_documents(texts)

    def clock(self) -> float:
        return self.now


def drafts(count: int) -> list[ChunkDraft]:
    return [ChunkDraft(f"passage {n}", None, None, b"") for n in range(count)]


async def test_a_slow_embedder_tells_of_its_progress_often() -> None:
    embedder, told = Timed(SLICE_SECONDS), list[int]()
    await embed_chunks(embedder, drafts(3 * SLICE), told.append, embedder.clock)
    assert told == [0, SLICE, 2 * SLICE, 3 * SLICE]


async def test_a_fast_one_is_given_ever_more_at_once() -> None:
    embedder, told = Timed(0.0), list[int]()
    made = await embed_chunks(embedder, drafts(3 * MOST_SLICE), told.append, embedder.clock)
    assert embedder.asked[:3] == [SLICE, 2 * SLICE, 4 * SLICE]
    assert max(embedder.asked) == MOST_SLICE
    assert told[-1] == len(made) == 3 * MOST_SLICE
    alone = await embedder.embed_documents([f"passage {len(made) - 1}"])
    np.testing.assert_allclose(made[-1], alone[0])
