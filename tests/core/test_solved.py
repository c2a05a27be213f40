from __future__ import annotations

import pytest

from core.solved import is_solved, means_solved


@pytest.mark.parametrize(
    "tag", ["Solved", "✅ solved", "RESOLVED", "已解决", "☑️已回答", "answered"]
)
def test_a_tag_says_that_a_post_is_settled(tag):
    assert means_solved(tag)


@pytest.mark.parametrize("tag", ["unsolved", "未解决", "question", "to be solved", "", "bug"])
def test_other_tags_do_not(tag):
    assert not means_solved(tag)


@pytest.mark.parametrize("title", ["[SOLVED] pump", "✅ pump", "pump (resolved)", "【已解决】水泵"])
def test_so_does_a_title(title):
    assert is_solved(title)


@pytest.mark.parametrize("title", ["solved my pump problem?", "How is it solved", "水泵解决方案"])
def test_a_title_that_only_speaks_of_solving_does_not(title):
    assert not is_solved(title)
