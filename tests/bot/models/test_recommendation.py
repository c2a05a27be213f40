"""The list of models, what of it suits a machine, and writing that into a configuration."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime

import pytest

from bot import config as configuration
from bot.errors import ConfigError
from bot.machine import Card, Machine
from bot.models.applying import apply
from bot.models.catalogue import catalogue, find
from bot.models.recommendation import choices, suitable
from core.engines.memory import GIB, Device

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def machine(card_gib=0, ram_gib=16, cores=8, *, torch=True, llama=True):
    device = Device("RTX", True, card_gib * GIB, card_gib * GIB)
    card = Card(device, torch, llama, 1008.0) if card_gib else None
    return Machine(Device("CPU", False, ram_gib * GIB, ram_gib * GIB), cores, card)


def chosen(on):
    return choices(suitable(catalogue(), on, lambda: 12.0))


@pytest.mark.parametrize("model", catalogue(), ids=lambda model: model.name)
def test_each_models_size_fits_its_shape_and_its_bits(model):
    bits = model.size_bytes * 8 / (model.parameters * 1e9)
    if model.engine == "llama_cpp":
        assert 4.5 < bits < 5.5  # Q4_K_M and mxfp4, with some tensors in more
    else:
        assert bits == pytest.approx(16, rel=0.02)
    if model.name != "gemma-4-e4b":  # its embeddings for each layer are not in the shape
        assert model.shape.parameters / 1e9 == pytest.approx(model.parameters, rel=0.04)
    assert model.shape.window == model.context
    assert "en" in model.languages
    assert all(len(digest) == 64 for digest in model.sha256.values())
    assert model.huggingface.count("/") == 1
    assert find(model.name.upper()) is model


def test_names_are_there_once():
    names = [model.name for model in catalogue()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("gib", [8, 16, 24, 48, 80])
def test_three_different_choices_fit_every_card(gib):
    made = chosen(machine(gib))
    assert [choice.aim for choice in made] == ["quality", "balanced", "fast"]
    assert len({choice.suitable.model.name for choice in made}) == 3
    for choice in made:
        plan = choice.suitable.plan
        assert plan.fits
        assert plan.used <= plan.budget
        assert choice.suitable.on_card
    quality, balanced, fast = (choice.suitable for choice in made)
    assert quality.model.rank >= max(balanced.model.rank, fast.model.rank)
    assert fast.tokens_a_second >= 50


@pytest.mark.parametrize(("ram", "cores"), [(4, 2), (8, 4), (16, 8), (64, 32)])
def test_processors_get_smaller_ones_and_never_whole_weights(ram, cores):
    made = chosen(machine(ram_gib=ram, cores=cores))
    assert made
    assert {choice.suitable.model.engine for choice in made} == {"llama_cpp"}
    speeds = {choice.aim: choice.suitable.tokens_a_second for choice in made}
    assert speeds["quality"] <= speeds.get("fast", speeds["quality"])


def test_a_card_that_only_torch_can_use_gets_whole_weights():
    made = chosen(machine(48, llama=False))
    assert {c.suitable.model.engine for c in made if c.suitable.on_card} == {"transformers"}


def test_models_that_do_not_write_both_languages_are_not_chosen_unless_asked_for():
    found = suitable(catalogue(), machine(24), lambda: 12.0)
    both = {choice.suitable.model.name for choice in choices(found)}
    assert both
    assert not both & {"gpt-oss-20b", "smollm3-3b"}
    assert all("zh" in choice.suitable.model.languages for choice in choices(found))
    only = choices([one for one in found if one.model.name == "gpt-oss-20b"], ("en",))
    assert [choice.suitable.model.name for choice in only] == ["gpt-oss-20b"]


def test_nothing_fits_a_tiny_machine():
    assert chosen(machine(ram_gib=1)) == []


BEFORE = """# mine
owners = ["discord:1"]   # me

[engine]  # the model
# a remark
kind = "openai"
base_url = "http://127.0.0.1:8000/v1"
model = "old"
max_concurrent = 3  # enough

[web]
port = 7999
"""


def test_a_choice_is_written_and_all_else_is_left(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(BEFORE, encoding="utf-8")
    copy = apply(path, "llama_cpp", "/models/名/m.gguf", NOW)
    after = path.read_text(encoding="utf-8")
    changed = [
        (old, new)
        for old, new in zip(BEFORE.splitlines(), after.splitlines(), strict=True)
        if old != new
    ]
    assert changed == [
        ('kind = "openai"', 'kind = "llama_cpp"'),
        ('model = "old"', 'model = "/models/名/m.gguf"'),
    ]
    assert copy is not None
    assert copy.read_text(encoding="utf-8") == BEFORE
    assert copy.name == "config.toml.20261123-100000.bak"
    assert configuration.load(path).engine.kind == "llama_cpp"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["config.toml", copy.name]


@pytest.mark.parametrize("before", [None, "", "[web]\nport = 7999\n", "[engine]\nthreads = 2\n"])
def test_a_file_without_an_engine_gets_one(tmp_path, before):
    path = tmp_path / "below" / "config.toml"
    if before is not None:
        path.parent.mkdir()
        path.write_text(before)
    copy = apply(path, "transformers", "/models/m", NOW)
    assert (copy is None) == (before is None)
    tree = tomllib.loads(path.read_text())
    assert (tree["engine"]["kind"], tree["engine"]["model"]) == ("transformers", "/models/m")


@pytest.mark.parametrize("before", ["[engine\n", "[engine]\nnonsense = 1\n"])
def test_a_broken_file_is_not_written_over(tmp_path, before):
    path = tmp_path / "config.toml"
    path.write_text(before)
    with pytest.raises(ConfigError):
        apply(path, "llama_cpp", "/m.gguf", NOW)
    assert path.read_text() == before
    assert [one.name for one in tmp_path.iterdir()] == ["config.toml"]
