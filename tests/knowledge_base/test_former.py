"""Models that are configured no more are opened again for the bases whose vectors they made."""

from __future__ import annotations

import asyncio
import json

import pytest

from knowledge_base import former
from knowledge_base.embedders.recipe import recipe_of, settings_of
from knowledge_base.errors import EmbeddingUnavailableError
from knowledge_base.models import Legs, Scope
from knowledge_base.settings import EmbeddingSettings
from tests.support.hash_embeddings import HashEmbedder
from tests.support.libraries import add_text, find, open_library, texts

OTHER = {"dimension": 32, "salt": "other"}
RECIPE = recipe_of(EmbeddingSettings(kind="sentence_transformers", model="/models/old"))


class Kept(HashEmbedder):
    """Knows whether it was closed, and may fail."""

    closed = False
    fails = False

    def __init__(self, **facts):
        super().__init__(**facts)
        self.asked = 0

    async def embed_query(self, text):
        self.asked += 1
        if self.fails or self.closed:
            raise EmbeddingUnavailableError(self.name)
        return await super().embed_query(text)

    async def aclose(self):
        self.closed = True


class Shelf:
    """Opens what it has, and notes what it was asked for."""

    def __init__(self, embedder=None, error=None):
        self.embedder, self.error = embedder, error
        self.asked: list[tuple[str, str | None]] = []
        self.go = asyncio.Event()
        self.go.set()

    async def __call__(self, fingerprint, recipe):
        self.asked.append((fingerprint, recipe))
        await self.go.wait()
        if self.error is not None:
            raise self.error
        return self.embedder


async def taught(folder):
    """A base by the hash embedder, as of before."""
    async with open_library(folder / "data") as library:
        await library.remember_embedder(RECIPE, Shelf())
        base = (await library.ensure_base("shared")).base_id
        for number in range(3):
            await add_text(library, base, folder, f"{number}.txt", f"Gate {number} opens early.")
    return base


def kept(library, fingerprint):
    with library._at.store.read() as rows:
        return rows.bases.recipe(fingerprint)


def dense(library, base, question="Gate 2 opens early."):
    return library.search(Scope(frozenset({base})), question, limit=1, legs=Legs.DENSE)


async def test_the_model_of_before_is_opened_by_its_recipe_when_it_is_needed(tmp_path):
    base = await taught(tmp_path)
    shelf = Shelf(Kept())
    async with open_library(tmp_path / "data", HashEmbedder(**OTHER)) as library:
        await library.remember_embedder("{}", shelf)
        assert shelf.asked == []
        assert texts(await dense(library, base)) == ["Gate 2 opens early."]
        assert not (await find(library, base, "Gate 1")).lexical_only
        assert shelf.asked == [(HashEmbedder().fingerprint, RECIPE)]
    assert shelf.embedder.closed


async def test_once_no_base_needs_it_it_is_let_go_of(tmp_path):
    base = await taught(tmp_path)
    shelf = Shelf(Kept())
    other = HashEmbedder(**OTHER)
    async with open_library(tmp_path / "data", other) as library:
        await library.remember_embedder("{}", shelf)
        await dense(library, base)
        assert not shelf.embedder.closed
        assert (await library.rebuild(base)).problems == ()
        assert shelf.embedder.closed
        assert texts(await dense(library, base)) == ["Gate 2 opens early."]
    # What made the vectors of no base is not kept.
    async with open_library(tmp_path / "data", other) as library:
        await library.remember_embedder("{ }", shelf)
        assert await asyncio.to_thread(kept, library, HashEmbedder().fingerprint) is None
        assert await asyncio.to_thread(kept, library, other.fingerprint) == "{ }"


async def test_while_it_is_loaded_words_answer_and_then_it_does(tmp_path, monkeypatch):
    base = await taught(tmp_path)
    shelf = Shelf(Kept())
    shelf.go.clear()
    monkeypatch.setattr(former, "OPENING_SECONDS", 0.0)
    async with open_library(tmp_path / "data", HashEmbedder(**OTHER)) as library:
        await library.remember_embedder("{}", shelf)
        assert (await find(library, base, "Gate 1")).lexical_only
        shelf.go.set()
        await library._former._tasks[HashEmbedder().fingerprint]
        assert not (await find(library, base, "Gate 1")).lexical_only
        assert len(shelf.asked) == 1


@pytest.mark.parametrize(
    "shelf",
    [
        Shelf(None),
        Shelf(error=EmbeddingUnavailableError("old")),
        Shelf(Kept(dimension=16, salt="changed since")),
    ],
)
async def test_where_it_cannot_be_had_words_answer_and_the_log_says_so_once(
    tmp_path, shelf, caplog
):
    base = await taught(tmp_path)
    async with open_library(tmp_path / "data", HashEmbedder(**OTHER)) as library:
        await library.remember_embedder("{}", shelf)
        for _time in range(2):
            found = await find(library, base, "Gate 1")
            assert found.lexical_only
            assert len(found.passages) == 3
        assert len(shelf.asked) == 1
        assert caplog.text.count("until it is re-embedded it is searched by words alone") == 1


async def test_one_that_does_not_answer_is_not_asked_again_for_a_while(tmp_path, monkeypatch):
    base = await taught(tmp_path)
    shelf = Shelf(Kept())
    shelf.embedder.fails = True
    async with open_library(tmp_path / "data", HashEmbedder(**OTHER)) as library:
        await library.remember_embedder("{}", shelf)
        for number in range(3):
            assert (await find(library, base, f"Gate {number}")).lexical_only
        assert shelf.embedder.asked == 1
        shelf.embedder.fails = False
        monkeypatch.setattr(library._former, "_silent", {})
        assert not (await find(library, base, "Gate 1")).lexical_only


async def test_at_the_start_it_is_loaded_before_somebody_asks(tmp_path):
    await taught(tmp_path)
    shelf = Shelf(Kept())
    async with open_library(tmp_path / "data", HashEmbedder(**OTHER)) as library:
        await library.remember_embedder("{}", shelf)
        library.reembed_all()
        await library._reembedding._task
    assert [fingerprint for fingerprint, _recipe in shelf.asked] == [HashEmbedder().fingerprint]
    assert shelf.embedder.closed


REMOTE = EmbeddingSettings(
    kind="auto", model="bge-m3", base_url="http://10.0.0.5/v1", api_key="secret", max_tokens=8000
)


def test_a_recipe_holds_no_secret_and_opens_a_server_with_the_key_of_the_same_server():
    recipe = recipe_of(REMOTE)
    assert "secret" not in recipe
    here = EmbeddingSettings(model="other", base_url=REMOTE.base_url, api_key="new")
    reopened = settings_of(recipe, here)
    assert reopened is not None
    assert (reopened.kind, reopened.model, reopened.api_key) == ("openai", "bge-m3", "new")
    assert reopened.max_tokens == 8000
    elsewhere = EmbeddingSettings(base_url="http://10.0.0.6/v1", api_key="not for that one")
    assert settings_of(recipe, elsewhere) is None
    assert settings_of(recipe, EmbeddingSettings(base_url=REMOTE.base_url)) is None


def test_a_secret_in_an_address_is_not_kept_either():
    address = "http://ada:secret@10.0.0.5/v1?key=secret"
    recipe = recipe_of(EmbeddingSettings(kind="openai", model="m", base_url=address))
    assert "secret" not in recipe
    assert settings_of(recipe, EmbeddingSettings(base_url="http://10.0.0.5/v1")) is None
    reopened = settings_of(recipe, EmbeddingSettings(base_url=address))
    assert reopened is not None
    assert (reopened.base_url, reopened.api_key) == (address, None)


def test_a_server_without_a_key_is_opened_without_the_key_of_another():
    recipe = recipe_of(EmbeddingSettings(kind="openai", model="m", base_url="http://a/v1"))
    reopened = settings_of(recipe, EmbeddingSettings(base_url="http://b/v1", api_key="of b"))
    assert reopened is not None
    assert (reopened.base_url, reopened.api_key) == ("http://a/v1", None)


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        (EmbeddingSettings(), "bundled"),
        (EmbeddingSettings(model="bundled"), "bundled"),
        (EmbeddingSettings(model="BAAI/bge-m3"), "sentence_transformers"),
        (EmbeddingSettings(kind="openai", model="m", base_url="http://a/v1"), "openai"),
    ],
)
def test_what_is_chosen_by_itself_is_named_in_the_recipe(settings, kind):
    assert json.loads(recipe_of(settings))["kind"] == kind
    assert settings_of(recipe_of(settings), EmbeddingSettings(kind="bundled")).kind == kind


@pytest.mark.parametrize("recipe", ["", "{}", "[]", '{"kind": "evil"}', "null"])
def test_a_recipe_of_another_version_opens_nothing(recipe):
    assert settings_of(recipe, EmbeddingSettings()) is None
