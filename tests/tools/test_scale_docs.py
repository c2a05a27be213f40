"""The tables of scale are what the code computes now, and the formulas beside them are these."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def docs():
    path = ROOT / "tools" / "scale_docs.py"
    spec = importlib.util.spec_from_file_location("scale_docs", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["scale_docs"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["scale_docs"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_pages_are_up_to_date(docs, language):
    path = ROOT / "docs" / docs.PAGES[language]
    assert path.read_text(encoding="utf-8") == docs.page(language), "run tools/scale_docs.py"


def test_the_formulas_of_the_page_give_the_figures_of_the_table(docs):
    town = docs.Town(1000)
    assert town.members == 50_000
    assert town.questions_a_minute == pytest.approx(50_000 * 0.1 * 0.12 / 60)
    assert town.disk_gb == pytest.approx(500_000 * (4 * 384 + 1500) / 1024**3)
    assert town.open_gb == pytest.approx(500_000 * 0.05 * (4 * 384 + 400) / 1024**3)
    one = docs.serving(docs.CARDS[0], docs.shape_of(docs.MODELS[1][1]))
    # layers x 2 x key-value heads x head size x 2 bytes x 8,192 tokens
    assert one.slot_gb == pytest.approx(36 * 2 * 8 * 128 * 2 * 8192 / 1024**3)
    assert one.slots * one.slot_gb + one.weights_gb < 24 * 0.94


def test_the_assumptions_of_the_page_are_those_of_the_tool(docs):
    text = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    for told in (
        f"{docs.MEMBERS_PER_CHANNEL} members",
        f"{docs.QUESTIONS_PER_MEMBER_DAILY} questions a day",
        f"{docs.BUSIEST_HOUR:.0%}".replace("%", " %"),
        f"{docs.PASSAGES_PER_CHANNEL} passages",
        f"{docs.TEXT_BYTES:,} bytes",
        f"{docs.ACTIVE_CHANNELS:.0%}".replace("%", " %"),
        f"{docs.PROMPT_TOKENS:,} tokens",
        f"an answer {docs.ANSWER_TOKENS}",
    ):
        assert told in text
