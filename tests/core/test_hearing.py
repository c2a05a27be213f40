"""What is wrong with an engine's words while they come."""

from __future__ import annotations

import pytest

from core.hearing import loops, without_loop


@pytest.mark.parametrize(
    ("said", "again"),
    [
        ("The pool opens on Saturdays [3].\n", "The pool is open on Saturdays [3].\n"),
        ("周六八点开门。", "游泳池周六开放[3]。"),
        ("It opens at nine. ", "and so on, "),
        ("", "The menu is a special one for Sunday [2].\n"),
    ],
)
@pytest.mark.parametrize("rest", [0, 7])
def test_what_is_said_over_and_over_is_kept_once(said, again, rest):
    text = said + again * 40 + again[:rest]
    assert loops(text)
    assert without_loop(text).count(again.strip(" ,\n")) == 1
    assert text.startswith(without_loop(text))


def test_a_list_of_like_lines_is_kept_whole():
    text = "".join(f"- Gate {n} of the garden opens at nine.\n" for n in range(40))
    assert not loops(text)
    assert without_loop(text) == text
