"""What `check` says of engines and embedders on servers."""

from __future__ import annotations

import json

import pytest

from bot.checking import embedding, engines
from bot.settings import Config
from core.settings import EngineSettings
from knowledge_base.settings import EmbeddingSettings
from tests.support.hash_embeddings import hash_server
from tests.support.looked import found, states
from tests.support.scripted_server import Scripted, scripted_server


def models(*served: tuple[str, int | None]) -> Scripted:
    data = [{"id": name, "max_model_len": longest} for name, longest in served]
    return Scripted(body=json.dumps({"object": "list", "data": data}))


def config_for(address: str, **more) -> Config:
    return Config(engine=EngineSettings(kind="openai", base_url=address, **more))


async def test_a_server_with_the_model_is_in_order_and_its_place_is_told():
    async with scripted_server() as server:
        server.script("/v1/models", models(("qwen", 32_768), ("other", None)))
        config = config_for(server.address, model="qwen", api_key="sesame", context_window=8192)
        items = await found(engines.look, config)
        assert states(items) == [("ok", "engine")]
        assert "on this machine" in items[0].text
        (asked,) = server.asked
        assert asked.headers["authorization"] == "Bearer sesame"


@pytest.mark.parametrize(
    ("more", "state", "fix"),
    [
        ({"model": "none"}, "failure", '[engine] model = "qwen"'),
        ({}, "warning", '[engine] model = "qwen"'),
        ({"model": "qwen", "context_window": 40_000}, "warning", "[engine] context_window = 32768"),
    ],
)
async def test_a_model_that_is_not_there_or_too_short_is_told(more, state, fix):
    async with scripted_server() as server:
        server.script("/v1/models", models(("qwen", 32_768), ("other", None)))
        items = await found(engines.look, config_for(server.address, **more))
    assert states(items) == [("ok", "engine"), (state, "engine")]
    assert items[1].fix == fix


@pytest.mark.parametrize(
    ("status", "state", "fix"),
    [(401, "failure", "api_key_env"), (503, "failure", "log"), (404, "ok", "")],
)
async def test_what_a_server_refuses_is_told_apart(status, state, fix):
    async with scripted_server() as server:
        server.script("/v1/models", Scripted(status=status, body="{}"))
        items = await found(engines.look, config_for(server.address, model="qwen"))
    assert states(items) == [(state, "engine")]
    assert fix in items[0].fix


async def test_a_server_of_this_machine_that_does_not_run_is_to_be_started():
    async with scripted_server() as server:
        address = server.address
    items = await found(engines.look, config_for(address, model="qwen"))
    assert states(items) == [("failure", "engine")]
    assert items[0].fix.startswith("Start the server")


async def test_each_of_several_servers_is_asked():
    async with scripted_server() as first, scripted_server() as second:
        first.script("/v1/models", models(("qwen", None)))
        second.script("/v1/models", Scripted(status=500, body="{}"))
        settings = EngineSettings(
            kind="openai", base_urls=(first.address, second.address), model="qwen"
        )
        items = await found(engines.look, Config(engine=settings))
    assert states(items) == [("ok", "engine"), ("failure", "engine")]


async def test_an_embedder_on_a_server_is_asked_for_one_word(tmp_path):
    with hash_server() as address:
        config = Config(
            data_dir=tmp_path, embedding=EmbeddingSettings(base_url=address, model="hash")
        )
        assert states(await found(embedding.look, config)) == [("ok", "embedding")]


@pytest.mark.parametrize(("status", "fix"), [(401, "api_key_env"), (404, "base_url")])
async def test_an_embedder_that_refuses_is_a_failure(tmp_path, status, fix):
    async with scripted_server() as server:
        server.script("/v1/embeddings", Scripted(status=status, body='{"error": {}}'))
        config = Config(
            data_dir=tmp_path, embedding=EmbeddingSettings(base_url=server.address, model="hash")
        )
        items = await found(embedding.look, config)
    assert states(items) == [("failure", "embedding")]
    assert fix in items[0].fix
