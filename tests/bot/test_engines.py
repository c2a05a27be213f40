"""The engines of a configuration, and what is shown while a model is loaded."""

from __future__ import annotations

import logging
from contextlib import aclosing

import pytest

from bot.config import load
from bot.engines import kind_of, open_engines
from bot.progress import LoadingBar
from bot.threads import ThreadShares
from core.engines.base import ChatMessage, EngineFinished, GenerationOptions
from core.engines.queue import Asker
from core.errors import ModelNotLoadedError
from core.events import ChannelRef, Platform
from core.settings import EngineSettings

ANN = Asker(ChannelRef(Platform.TERMINAL, "here"), "ann")


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        (EngineSettings(), "extractive"),
        (EngineSettings(model="bundled"), "llama_cpp"),
        (EngineSettings(model="/models/a.gguf"), "llama_cpp"),
        (EngineSettings(model="Qwen/Qwen3-8B"), "transformers"),
        (EngineSettings(model="/models/a.gguf", kind="transformers"), "transformers"),
        (EngineSettings(model="a", base_url="http://127.0.0.1:1"), "openai"),
    ],
)
def test_a_model_finds_its_engine(settings, kind):
    assert kind_of(settings) == kind


async def quote(_question, _passages):
    return ()


@pytest.mark.local
async def test_a_configured_model_answers_behind_its_queue(tmp_path, tiny_models):
    file = tmp_path / "config.toml"
    file.write_text(
        f'[engine]\nkind = "transformers"\nmodel = "{tiny_models("llama")}"\ndevice = "cpu"\n'
        'dtype = "float32"\nmax_concurrent = 3\ncontext_window = 512\nthreads = 1\n'
    )
    config = load(file, {})
    async with open_engines(config, quote, ThreadShares(config)) as engines:
        chosen = engines.of()
        assert (chosen.engine.name, chosen.engine.slots) == ("llama", 3)
        assert chosen.engine.context_window == 512
        asked = chosen.generate(
            (ChatMessage("user", "Where?"),), GenerationOptions(max_tokens=4), ANN
        )
        async with aclosing(asked) as events:
            *_, end = [event async for event in events]
    assert isinstance(end, EngineFinished)


@pytest.mark.local
async def test_a_model_that_is_not_there_is_told_before_anything_is_served(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text('[engine]\nkind = "transformers"\nmodel = "./none"\n')
    config = load(file, {})
    with pytest.raises(ModelNotLoadedError) as caught:
        async with open_engines(config, quote, ThreadShares(config)):
            pass
    assert caught.value.detail == str(tmp_path / "none")


def test_a_chat_template_is_found_from_the_configurations_own_folder(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text('[engine]\nchat_template = "vicuna.jinja"\n')
    assert load(file, {}).engine.chat_template == str(tmp_path / "vicuna.jinja")


def test_where_nobody_watches_loading_is_told_in_the_log(caplog):
    with caplog.at_level(logging.INFO), LoadingBar("glm-4\x1b[2J") as bar:
        for hundredth in range(101):
            bar.show("load", hundredth / 100)
    assert len(caplog.messages) == 11
    assert caplog.messages[5] == "loading glm-4\ufffd[2J: 50 %"


NAMED = """
[engine]
model = "main"
base_url = "http://127.0.0.1:9"

[engines.spare]
model = "spare"
base_url = "http://127.0.0.1:9"
offered = false

[engines.large]
model = "large"
base_url = "http://127.0.0.1:9"
fallbacks = ["spare", "extractive"]
"""


async def test_named_engines_are_offered_and_stand_in_for_each_other_as_configured(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text(NAMED)
    config = load(file, {})
    async with open_engines(config, quote, ThreadShares(config)) as engines:
        assert engines.names[0] == "main"
        assert {"large", "extractive"} <= set(engines.names)
        assert "spare" not in engines.names
        assert line(engines, None) == ["main", "spare", "large"]
        assert line(engines, "LARGE") == ["large", "spare"]
        assert engines.name_for("spare") == "main"


def line(engines, picked) -> list[str]:
    return [served.engine.name for served in engines.course(picked).engines]
