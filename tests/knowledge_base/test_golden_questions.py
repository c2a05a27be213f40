"""The shipped golden questions: well-formed, and true to the samples."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from core.golden import read
from core.language import language_of
from knowledge_base.loaders import load
from knowledge_base.settings import ReaderLimits
from knowledge_base.terms import normalise

HOME = Path(__file__).resolve().parents[2] / "knowledge_base"
FILE = HOME / "golden_questions.jsonl"
ROWS = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]
FIELDS = {
    "id", "kind", "language", "turns", "question", "document", "page", "words", "unanswerable",
}  # fmt: skip
KINDS = {
    "fact": 10, "table": 8, "follow-up": 6, "unanswerable": 8, "version": 4, "other-language": 4,
}  # fmt: skip
ANSWERED = [row for row in ROWS if not row["unanswerable"]]
_TEXTS: dict[str, list[tuple[int | None, str]]] = {}


def plain(text: str) -> str:
    return re.sub(r"\s", "", normalise(text))


def sections(path: Path) -> list[tuple[int | None, str]]:
    if path.name not in _TEXTS:
        found = load(path, path.name, ReaderLimits())
        _TEXTS[path.name] = [(section.page, plain(section.text)) for section in found]
    return _TEXTS[path.name]


def test_there_are_forty_in_each_language_and_so_many_of_each_kind():
    for language in ("en", "zh"):
        own = [row for row in ROWS if row["language"] == language]
        assert Counter(row["kind"] for row in own) == KINDS
        assert [row["id"] for row in own] == [f"{language}-{n:02}" for n in range(1, 41)]


def test_every_line_has_the_documented_fields_and_is_read():
    assert all(set(row) == FIELDS for row in ROWS)
    read_ones = read(FILE.read_text(encoding="utf-8"))
    assert [golden.golden_id for golden in read_ones] == [row["id"] for row in ROWS]
    assert [golden.is_answerable for golden in read_ones] == [
        not row["unanswerable"] for row in ROWS
    ]


def test_questions_are_in_the_language_that_they_say_and_follow_ups_are_third():
    for row in ROWS:
        assert language_of(row["question"]) == row["language"], row["id"]
        assert len(row["turns"]) == (2 if row["kind"] == "follow-up" else 0), row["id"]


def test_the_unanswerable_name_nothing():
    for row in ROWS:
        nothing = (row["document"], row["page"], row["words"]) == (None, None, [])
        assert nothing == row["unanswerable"] == (row["kind"] == "unanswerable"), row["id"]


@pytest.mark.parametrize("row", ANSWERED, ids=lambda row: row["id"])
def test_every_expected_word_stands_in_its_document_on_its_page(row):
    parts = sections(HOME / "samples" / row["document"])
    there = "".join(text for page, text in parts if row["page"] in (None, page))
    for word in row["words"]:
        assert plain(word) in there, word
    assert row["words"]


def test_older_versions_say_otherwise():
    older = "".join(
        plain(path.read_text(encoding="utf-8")) for path in (HOME / "golden_versions").iterdir()
    )
    asked = [row for row in ROWS if row["kind"] == "version"]
    assert len(list((HOME / "golden_versions").iterdir())) == 3
    assert not [row["id"] for row in asked for word in row["words"] if plain(word) in older]
