"""Embedding models that are recommended, and which of them a machine can bear."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.machine import Card, Machine
from bot.models.embedding import EMBEDDERS, bears, best_for, find_embedder
from bot.models.errors import PullError
from bot.models.installed import wanted
from bot.models.wording import size_words
from core.engines.memory import GIB, Device
from knowledge_base.embedders.prompts import prompts_for


def machine(card_gib: float = 0, ram_gib: float = 16, *, torch: bool = True) -> Machine:
    device = Device("RTX", True, int(card_gib * GIB), int(card_gib * GIB))
    card = Card(device, torch, True, 1008.0) if card_gib else None
    return Machine(Device("CPU", False, int(ram_gib * GIB), int(ram_gib * GIB)), 8, card)


def name_of(on: Machine) -> str:
    best = best_for(on)
    return best.name if best is not None else "bundled"


def test_names_are_there_once_and_weights_fit_their_parameters():
    assert len({one.name for one in EMBEDDERS}) == len(EMBEDDERS)
    for one in EMBEDDERS:
        bits = one.size_bytes * 8 / (one.parameters * 1e9)
        assert bits == pytest.approx(16, rel=0.1) or bits == pytest.approx(32, rel=0.1)
        assert find_embedder(one.name.upper()) is one
        assert wanted(one.name, "huggingface").repository == one.huggingface


@pytest.mark.parametrize("name", ["multilingual-e5-base", "qwen3-embedding-0.6b"])
def test_a_folder_of_that_name_gets_the_words_that_its_card_asks_for(name):
    assert prompts_for(f"/data/models/{name}").query


@pytest.mark.parametrize(
    ("on", "best"),
    [
        (machine(24), "qwen3-embedding-4b"),
        (machine(4), "qwen3-embedding-0.6b"),
        (machine(24, torch=False), "multilingual-e5-base"),
        (machine(0, 16), "multilingual-e5-base"),
        (machine(0, 1), "bundled"),
    ],
)
def test_the_best_is_the_largest_that_makes_nobody_wait(on, best):
    assert name_of(on) == best


def test_where_a_model_fits_is_told():
    assert bears(machine(8), 2 * GIB) == "card"
    assert bears(machine(2), 2 * GIB) == "slowly"
    assert bears(machine(0, 16), GIB, 0.6) == "slowly"
    assert bears(machine(0, 2), GIB) == "processor"
    assert bears(machine(0, 2), 2 * GIB) == "not"


def test_one_that_the_other_source_does_not_have_is_told():
    with pytest.raises(PullError):
        wanted("multilingual-e5-large", "modelscope")


@pytest.mark.parametrize("file", ["models.md", "models.zh-CN.md"])
def test_the_page_about_models_lists_them(file):
    text = (Path(__file__).parents[3] / "docs" / file).read_text(encoding="utf-8")
    for one in EMBEDDERS:
        (row,) = [line for line in text.splitlines() if line.startswith(f"| `{one.name}` ")]
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert cells[1:3] == [size_words(one.size_bytes), str(one.dimension)]
        assert cells[3].startswith(f"{one.tokens} ")
        assert cells[4] == one.licence
