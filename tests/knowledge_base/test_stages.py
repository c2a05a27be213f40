"""A search taken apart, and passages with what stands around them."""

from __future__ import annotations

import pytest

from knowledge_base.errors import NoSuchDocumentError
from knowledge_base.models import Legs, Scope
from knowledge_base.terms import shown_terms
from tests.support.hash_embeddings import HashEmbedder
from tests.support.libraries import add_text, find, open_library

PARAGRAPH = "Line {n} of the walk says where lantern number {n} hangs beside the old canal wall."


@pytest.fixture
async def town(tmp_path):
    """A base with one document of several passages and one of another subject."""
    async with open_library(tmp_path / "data") as library:
        base = (await library.ensure_base("town")).base_id
        walk = "\n\n".join(PARAGRAPH.format(n=n) * 12 for n in range(1, 7))
        await add_text(library, base, tmp_path, "walk.md", walk)
        await add_text(library, base, tmp_path, "bread.md", "Rye bread is baked on Fridays.")
        yield library, base


async def test_the_stages_end_in_what_a_search_finds(town):
    library, base = town
    scope = Scope(frozenset({base}))
    found = await find(library, base, "When is rye bread baked?", limit=2)
    stages = await library.examine(scope, "When is rye bread baked?", limit=2)
    assert stages.passages == found.passages
    first = stages.candidates[0]
    assert first.passage.document.name == "bread.md"
    assert (first.dense_rank, first.lexical_rank, first.fate) == (1, 1, "taken")
    assert [c.score for c in stages.candidates] == sorted(
        (c.score for c in stages.candidates), reverse=True
    )
    assert "rye" in stages.asked.terms
    assert (stages.asked.dimension, len(stages.asked.numbers)) == (64, 12)
    assert len(stages.background) >= 2


async def test_the_question_is_told_as_it_was_embedded(tmp_path):
    class Prompting(HashEmbedder):
        query_prompt = "query: "

    for embedder, text in ((Prompting(), "query: rye bread"), (HashEmbedder(), "rye bread")):
        async with open_library(tmp_path / type(embedder).__name__, embedder) as library:
            base = (await library.ensure_base("town")).base_id
            await add_text(library, base, tmp_path, "bread.md", "Rye bread is baked on Fridays.")
            stages = await library.examine(Scope(frozenset({base})), "rye bread")
            assert stages.asked.text == text


async def test_a_leg_that_is_off_says_nothing(town):
    library, base = town
    scope = Scope(frozenset({base}))
    by_words = await library.examine(scope, "rye bread", legs=Legs.LEXICAL)
    assert by_words.asked.embedder is None
    assert by_words.asked.text == ""
    assert by_words.background == ()
    assert [c.dense_rank for c in by_words.candidates[:1]] == [None]
    assert all(c.dense_rank is None for c in by_words.candidates)
    by_meaning = await library.examine(scope, "rye bread", legs=Legs.DENSE)
    assert by_meaning.asked.terms == ()
    assert [c.lexical_rank for c in by_meaning.candidates[:1]] == [None]
    assert all(c.lexical_rank is None for c in by_meaning.candidates)


async def test_a_passage_comes_with_what_stands_around_it_up_to_a_length(town):
    library, base = town
    scope = Scope(frozenset({base}))
    question = "Where does lantern number 3 hang?"
    alone = (await library.search(scope, question, limit=1)).passages[0]
    joined = (await library.search(scope, question, limit=1, join=3000)).passages[0]
    assert alone.chunk.text in joined.chunk.text
    assert len(alone.chunk.text) < len(joined.chunk.text) <= 3000
    assert joined.chunk.chunk_id == alone.chunk.chunk_id


async def test_what_stands_in_a_better_passage_is_no_passage_of_its_own(town):
    library, base = town
    scope = Scope(frozenset({base}))
    stages = await library.examine(scope, "Where does the lantern hang?", limit=5, join=20_000)
    names = [passage.document.name for passage in stages.passages]
    assert names.count("walk.md") == 1
    assert "joined" in {candidate.fate for candidate in stages.candidates}


async def test_a_document_is_read_passage_by_passage(town):
    library, base = town
    chunks = await library.passages(base, "walk.md", 1, 2)
    assert [chunk.ordinal for chunk in chunks] == [1, 2]
    with pytest.raises(NoSuchDocumentError):
        await library.passages(base, "nothing.md")


async def test_an_empty_base_has_no_stages(tmp_path):
    async with open_library(tmp_path / "data") as library:
        base = (await library.ensure_base("empty")).base_id
        stages = await library.examine(Scope(frozenset({base})), "Anything?")
        assert stages.candidates == stages.passages == ()


def test_terms_are_shown_as_words_and_pairs():
    assert shown_terms("Wann is WiFi密码 1,000?") == ("wann", "is", "wifi", "密码", "1000")
    assert shown_terms("年假天數") == ("年假", "假天", "天数")
