"""An embedding server that is down for a while: words alone serve, and nothing is half stored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from knowledge_base.embedders.base import Vectors
from knowledge_base.errors import EmbeddingUnavailableError
from knowledge_base.models import AddState, Legs, Scope
from tests.support.hash_embeddings import HashEmbedder
from tests.support.libraries import add_text, find, open_library, texts

BAKERY = "Rye bread is baked on Fridays.\n\nThe oven is cold on Sundays."
BOATS = "Boats lie at the long quay.\n\n小船停在长码头。"


class Embedder(HashEmbedder):
    """One whose server can be down."""

    is_down = False

    def _require(self) -> None:
        if self.is_down:
            raise EmbeddingUnavailableError(self.name)

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        self._require()
        return await super().embed_documents(texts)

    async def embed_query(self, text: str) -> Vectors:
        self._require()
        return await super().embed_query(text)


async def test_while_it_is_down_words_find_and_nothing_is_added(tmp_path: Path) -> None:
    embedder = Embedder()
    async with open_library(tmp_path / "data", embedder) as library:
        base = (await library.ensure_base("shared")).base_id
        await add_text(library, base, tmp_path, "a.txt", BAKERY)
        assert not (await find(library, base, "rye bread")).lexical_only

        embedder.is_down = True
        for question in ("bread of rye", "Which bread is baked?"):
            result = await find(library, base, question)
            assert texts(result)[0] == "Rye bread is baked on Fridays."
            assert result.lexical_only
        with pytest.raises(EmbeddingUnavailableError):
            await add_text(library, base, tmp_path, "b.txt", BOATS)
        assert [one.name for one in await library.documents(base)] == ["a.txt"]
        assert texts(await find(library, base, "小船停在哪里")) != ["小船停在长码头。"]
        assert (await library.verify(base)).problems == ()

        embedder.is_down = False
        added = await add_text(library, base, tmp_path, "b.txt", BOATS)
        assert added.state is AddState.ADDED
        found = await library.search(Scope(frozenset({base})), "小船停在哪里", legs=Legs.DENSE)
        assert "小船停在长码头。" in texts(found)
        assert not found.lexical_only
        assert (await library.verify(base)).problems == ()


async def test_going_down_in_the_middle_of_a_document_leaves_nothing_of_it(tmp_path: Path) -> None:
    class Failing(Embedder):
        async def embed_documents(self, texts: Sequence[str]) -> Vectors:
            vectors = await super().embed_documents(texts)
            self.is_down = True
            return vectors

    embedder = Failing()
    long = "\n\n".join(
        f"Paragraph {n} is about the number {n}. " + "filler " * 200 for n in range(90)
    )
    async with open_library(tmp_path / "data", embedder) as library:
        base = (await library.ensure_base("shared")).base_id
        with pytest.raises(EmbeddingUnavailableError):
            await add_text(library, base, tmp_path, "long.txt", long)
        assert await library.documents(base) == ()
        assert (await library.verify(base)).problems == ()
    leftovers = [*(tmp_path / "data" / "originals" / "staging").iterdir()]
    assert leftovers == []
