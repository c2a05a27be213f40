from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.reasoning import ReasoningFilter, without_reasoning


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Paris.", "Paris."),
        ("<think>Hm, France.</think>\n\nParis.", "Paris."),
        ("<think>never ends", ""),
        ("Hm, France.</think>\n\nParis.", "Paris."),
        ("<THINK>x</Think>Paris <b>", "Paris <b>"),
        ("1 < 2", "1 < 2"),
        ("a <", "a <"),
        ("<reasoning>x</reasoning>y<think>z</think>", "y"),
        ("想一想</think>九点。", "九点。"),
    ],
)
def test_what_a_model_thinks_is_left_out(said, shown):
    assert without_reasoning(said) == shown


pieces = st.sampled_from(
    ["<think>", "</think>", "<", ">", "/think", "think>", "a", " ", "\n", "<b>", "九"]
)


@given(st.lists(pieces, max_size=12).map("".join), st.data())
def test_any_split_into_deltas_gives_the_same_text(text, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    reasoning = ReasoningFilter()
    shown = ""
    restarted = False
    for low, high in pairwise([0, *cuts, len(text)]):
        part = reasoning.feed(text[low:high])
        if reasoning.restarted and not restarted:
            restarted, shown = True, ""
        shown += part
    assert shown + reasoning.end() == without_reasoning(text)
