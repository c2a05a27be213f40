"""A second search with words and meaning of what came closest changes the order alone."""

from __future__ import annotations

import pytest

from knowledge_base.expanding import fused, is_enough
from knowledge_base.models import ChunkId, Scope
from knowledge_base.retrieval import Ranked
from tests.support.libraries import add_text, open_library

ASKED = "closing bell garden"


def ranked(*ids: int, best: float = 0.6) -> list[Ranked]:
    return [Ranked(ChunkId(n), best - 0.1 * at, 0.5, 1.0) for at, n in enumerate(ids)]


def test_what_both_searches_found_comes_first_and_places_keep_their_relevance():
    order = fused(ranked(1, 2, 3), ranked(3, 4, best=0.9))
    assert [hit.chunk_id for hit in order] == [3, 1, 2, 4]
    assert [hit.relevance for hit in order] == pytest.approx([0.6, 0.5, 0.4, 0.4])


def test_a_good_first_search_is_enough():
    assert is_enough(ranked(1, best=0.8))
    assert is_enough([])
    assert not is_enough(ranked(1, best=0.7))


async def test_nothing_is_accepted_that_was_refused(tmp_path):
    async with open_library(tmp_path / "library") as library:
        base = (await library.ensure_base("shared")).base_id
        for n in range(12):
            await add_text(library, base, tmp_path, f"paper {n}.md", f"Line {n} on the weather.")
        await add_text(library, base, tmp_path, "garden.md", "The bell rings in the garden at six.")
        scope = Scope(frozenset({base}))
        for question in (ASKED, "weather of the year", "quantum chess"):
            plain = await library.search(scope, question, limit=5)
            again = await library.search(scope, question, limit=5, reworded=True)
            assert again.relevance == plain.relevance
            assert again.refused == plain.refused
            worth = [passage.relevance for passage in again.passages]
            assert worth == sorted(worth, reverse=True)
