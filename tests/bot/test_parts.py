"""The parts that commands and the running bot have in common."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.config import load
from bot.parts import open_library
from knowledge_base.models import Legs, Scope, Upload
from tests.support.hash_embeddings import hash_server

QUESTION = "The gate opens at nine."


@pytest.fixture
def config(tmp_path):
    with hash_server() as address:
        path = tmp_path / "config.toml"
        path.write_text(
            f"""data_dir = "data"
[embedding]
kind = "openai"
model = "old"
base_url = "{address}"
"""
        )
        yield load(path, {})


async def taught(config, folder):
    path = folder / "gate.txt"
    path.write_text(QUESTION)
    async with open_library(config) as library:
        base = (await library.ensure_base("shared")).base_id
        await library.add(base, Upload(path.name, path))
    return Scope(frozenset({base}))


def with_embedding(config, **changed):
    return replace(config, embedding=replace(config.embedding, **changed))


async def test_a_base_is_searched_by_the_model_that_made_its_vectors_after_another_is_chosen(
    config, tmp_path
):
    scope = await taught(config, tmp_path)
    async with open_library(with_embedding(config, model="new")) as library:
        assert library.embedder_name.startswith("new")
        found = await library.search(scope, QUESTION, legs=Legs.DENSE)
        assert found.passages[0].dense == pytest.approx(1.0, abs=0.01)
        assert not (await library.search(scope, QUESTION)).lexical_only


async def test_a_model_that_is_further_away_than_the_new_one_is_not_asked(config, tmp_path, caplog):
    scope = await taught(with_embedding(config, place="outside"), tmp_path)
    async with open_library(with_embedding(config, model="new", place="own")) as library:
        assert (await library.search(scope, QUESTION)).lexical_only
    assert "old is further away than [embedding] is now: it is not asked" in caplog.text
