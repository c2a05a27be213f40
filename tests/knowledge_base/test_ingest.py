"""Passages on their way to the embedder."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from knowledge_base import claims
from knowledge_base.embedders.base import Vectors
from knowledge_base.errors import StorageFullError, UnreadableDocumentError
from knowledge_base.ingest import MOST_SLICE, SLICE, SLICE_SECONDS, embed_chunks
from knowledge_base.models import ChunkDraft
from tests.support.hash_embeddings import HashEmbedder
from tests.support.libraries import add_text, open_library
from tests.support.plain_reader import PlainReader


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


async def test_who_waits_for_a_file_that_could_not_be_given_up_goes_on_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = PlainReader()
    reader.gate.clear()
    async with open_library(tmp_path / "data", reader=reader) as library:
        base = (await library.ensure_base("shared")).base_id
        first, second = (
            asyncio.create_task(add_text(library, base, tmp_path, name, "broken"))
            for name in ("a.txt", "b.txt")
        )
        await asyncio.wait_for(reader.begun(1), 30)
        full, release = [True], claims.release

        def on_a_full_disk(*given: object) -> None:
            if full:
                full.clear()
                raise StorageFullError
            release(*given)  # type: ignore[arg-type]

        monkeypatch.setattr(claims, "release", on_a_full_disk)
        reader.gate.set()
        for task in (first, second):
            with pytest.raises(UnreadableDocumentError):
                await asyncio.wait_for(task, 30)
        assert not full
