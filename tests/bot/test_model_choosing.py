"""A model is written into the configuration, and whoever chose it is told from when it holds."""

from __future__ import annotations

import pytest

from bot.model_choosing import Choosing
from bot.models.errors import NotWrittenError
from bot.reloading import Applied
from core.language import told, words

EN = words("en")


WAITS = Applied((), ("engine.model",))


def choosing(file, applied: Applied | None = WAITS):
    async def reload() -> Applied | None:
        return applied

    return Choosing(file, reload)


async def test_what_holds_only_after_a_restart_is_said_plainly(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text("# kept\n[web]\nport = 7999\n", encoding="utf-8")
    told = await choosing(file).engine("mine", tmp_path / "mine.gguf", EN)
    assert "now names `mine`" in told
    assert "after a restart" in told
    assert "it is kept as" in told
    assert file.read_text(encoding="utf-8").startswith("# kept\n")
    assert len(list(tmp_path.glob("*.bak"))) == 1


async def test_what_is_in_use_at_once_needs_no_restart(tmp_path):
    at_once = Applied(("engine.model",), ())
    told = await choosing(tmp_path / "config.toml", at_once).engine("mine", tmp_path / "m", EN)
    assert "restart" not in told


async def test_an_environment_that_says_otherwise_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("LOREKEEPER__ENGINE__MODEL", "another")
    told = await choosing(tmp_path / "config.toml").engine("mine", tmp_path / "m.gguf", EN)
    assert "the environment says otherwise" in told
    monkeypatch.setenv("LOREKEEPER__EMBEDDING__KIND", "openai")
    told = await choosing(tmp_path / "config.toml").embedder("bundled", None, EN)
    assert "the environment says otherwise" in told


async def test_a_file_that_cannot_be_used_is_left_as_it_is(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text("[engine]\nnonsense = 1\n", encoding="utf-8")
    with pytest.raises(NotWrittenError) as raised:
        await choosing(file).embedder("mine", tmp_path / "mine", EN)
    assert "nonsense" in told(raised.value.reason, EN)
    assert file.read_text(encoding="utf-8") == "[engine]\nnonsense = 1\n"


async def test_a_place_that_cannot_be_written_is_told(tmp_path):
    below = tmp_path / "file"
    below.write_text("no folder", encoding="utf-8")
    with pytest.raises(NotWrittenError):
        await choosing(below / "config.toml").engine("mine", tmp_path / "m.gguf", EN)
