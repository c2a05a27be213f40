"""Phrases of which it is known whether a text may still become one."""

from __future__ import annotations

import pytest

from core.phrases import BEYOND, any_of, maybe, run, text_end, then, up_to, word_end

GATE = then(
    any_of("the ", "a "),
    up_to(2, any_of("old", "red"), " "),
    any_of("gate", "garden"),
    maybe("s"),
    word_end,
)


@pytest.mark.parametrize("text", ["the gate", "a red gate", "the old red gardens", "a gates"])
def test_every_beginning_of_a_phrase_may_become_it_and_the_whole_is_it(text):
    assert all(BEYOND in GATE(text[:end], 0) for end in range(len(text)))
    assert len(text) in GATE(text, 0)


@pytest.mark.parametrize("text", ["b", "the d", "a old old old", "the gatekeeper", "theg"])
def test_what_cannot_become_it_is_known_at_once(text):
    assert not GATE(text, 0)


def test_it_ends_where_it_ends_whatever_follows():
    assert GATE("the gate opens", 0) == {len("the gate")}


def test_of_a_run_every_end_counts():
    digits = run(str.isdigit, 1, 3)
    assert digits("12a", 0) == {1, 2}
    assert digits("12", 0) == {1, 2, BEYOND}
    assert digits("1234", 0) == {1, 2, 3}
    assert not digits("a", 0)


def test_the_end_of_a_text_may_be_part_of_a_phrase():
    alone = then("found", text_end)
    assert alone("found", 0) == {5}
    assert alone("fou", 0) == {BEYOND}
    assert not alone("found it", 0)
