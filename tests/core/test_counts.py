"""One is told as one, in every sentence that counts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir

from core.counts import (
    answers_at_once,
    bases_of,
    characters_of,
    cores_of,
    documents_of,
    passages_of,
    questions_of,
    vectors_of,
)
from core.language import words

ENGLISH = [
    (bases_of, "1 base", "2 bases"),
    (documents_of, "1 document", "2 documents"),
    (passages_of, "1 passage", "2 passages"),
    (questions_of, "1 question", "2 questions"),
    (characters_of, "1 character", "2 characters"),
    (cores_of, "1 core", "2 cores"),
    (vectors_of, "1 vector", "2 vectors"),
    (answers_at_once, "1 answer at a time", "2 answers at once"),
]


@pytest.mark.parametrize(("counted", "one", "two"), ENGLISH)
def test_one_is_no_plural_and_none_is(counted, one, two):
    said = words("en")
    assert (counted(1, said), counted(2, said)) == (one, two)
    assert counted(0, said) == two.replace("2", "0")


def test_in_chinese_every_count_has_its_measure_word():
    said = words("zh")
    counted = [count(1, said) for count, _one, _two in ENGLISH]
    assert counted == [
        *("1 个知识库", "1 个文档", "1 个段落", "1 个问题", "1 个字符", "1 个核心", "1 个向量"),
        "同时 1 个回答",
    ]


NEVER_ONE = (
    "I read the first {count} files only",
    "counted by the hour for {count} days",
    "You asked the team {count} times",
    "The team was asked {count} questions",
    "I take {count} files at once",
    "For a threshold, {count} questions",
    "You sum up the beginning of a conversation",
    "You read a long document part by part",
    " of {count} people",
    "{count} dimensions",
    "reads {count} tokens at once",
    "{count} characters",
    "off by {count:.0f} seconds",
)
"""What each of these counts is a number of ours, or told from two on."""


def test_what_counts_things_has_a_form_for_one():
    root = Path(__file__).resolve().parents[2]
    said = {
        message
        for package in ("core", "bot")
        for _file, _line, message, _comments, _context in extract_from_dir(
            root / package,
            method_map=[("**.py", "python")],
            keywords={"_": None, "N_": None, "Later": None},
        )
    }
    counting = [text for text in said if re.search(r"\{count[^}]*\} (?:[a-z]+ )?[a-z]+s\b", text)]
    assert [text for text in counting if not any(part in text for part in NEVER_ONE)] == []
