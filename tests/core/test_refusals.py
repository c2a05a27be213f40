"""The two refusals: nothing is about it; documents are about it, and none says it."""

from dataclasses import replace

import pytest

from core.inquiry import merged, refusal
from core.language import words
from knowledge_base.models import SearchResult
from tests.support.passages import passage

FOUND = SearchResult((passage("hut.md", relevance=0.2),), refused=True, threshold=0.5, about=0.3)


@pytest.mark.parametrize(
    ("language", "nothing", "unsaid"),
    [
        ("en", "nothing about this", "none of them says it"),
        ("zh", "没有找到", "都没有说明"),
    ],
)
def test_each_has_a_sentence_of_its_own_with_the_nearest_documents(language, nothing, unsaid):
    _ = words(language)
    first, second = refusal(FOUND, _), refusal(replace(FOUND, about=0.8), _)
    assert nothing in first
    assert unsaid in second
    assert "hut.md" in first
    assert "hut.md" in second


def test_nothing_is_unsaid_where_nothing_was_refused_or_found():
    assert not replace(FOUND, about=0.8, refused=False).is_unsaid
    assert not replace(FOUND, about=0.8, passages=()).is_unsaid


def test_of_two_searches_the_one_that_came_nearer_tells_what_was_found():
    both = merged(FOUND, replace(FOUND, about=0.9, looked_once=True), 5)
    assert both.is_unsaid
    assert both.looked_once
