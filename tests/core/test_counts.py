"""One is told as one, in every sentence that counts."""

from __future__ import annotations

import pytest

from core.counts import answers_at_once, bases_of, documents_of, passages_of, vectors_of
from core.language import words

ENGLISH = [
    (bases_of, "1 base", "2 bases"),
    (documents_of, "1 document", "2 documents"),
    (passages_of, "1 passage", "2 passages"),
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
    assert counted == ["1 个知识库", "1 个文档", "1 个段落", "1 个向量", "同时 1 个回答"]
