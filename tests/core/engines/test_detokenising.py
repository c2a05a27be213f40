"""Tokens into text: whole characters, and nothing after a stop string."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.engines.detokenising import Detokeniser, StopStrings


def by_bytes(tokens: list[int]) -> str:
    """A tokenizer whose every token is one byte."""
    return bytes(tokens).decode("utf-8", errors="replace")


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffd"), max_size=40)


@given(TEXTS)
def test_what_is_streamed_is_the_text_and_every_piece_whole(text):
    stream = Detokeniser(by_bytes)
    pieces = [stream.feed([byte]) for byte in text.encode()]
    assert "".join(pieces) + stream.end() == text
    assert not any("\ufffd" in piece for piece in pieces)


@given(st.binary(max_size=40))
def test_bytes_that_are_no_text_never_show(soup):
    stream = Detokeniser(by_bytes)
    shown = "".join(stream.feed([byte]) for byte in soup) + stream.end()
    assert "\ufffd" not in shown


def test_a_character_comes_with_its_last_byte():
    stream = Detokeniser(by_bytes)
    assert [stream.feed([byte]) for byte in "港😀".encode()] == ["", "", "港", "", "", "", "😀"]


def test_a_character_that_was_cut_off_is_left_out():
    stream = Detokeniser(by_bytes)
    assert stream.feed(list("港口".encode()[:5])) + stream.end() == "港"


def test_hidden_tokens_have_no_text():
    stream = Detokeniser(by_bytes, frozenset({ord("|")}))
    assert stream.feed(list(b"a|b|")) + stream.end() == "ab"


@pytest.mark.parametrize(
    ("pieces", "stops", "shown", "reached"),
    [
        (["one STOP two"], ("STOP",), "one ", True),
        (["one S", "TO", "P two"], ("STOP",), "one ", True),
        (["one ST", "ILL"], ("STOP",), "one STILL", False),
        (["ab", "ac"], ("abac",), "", True),
        (["a。", "b"], ("。b", "a"), "", True),
        (["no end"], (), "no end", False),
        (["no end"], ("",), "no end", False),
        (["结束", "了"], ("束了",), "结", True),
    ],
)
def test_an_answer_ends_before_its_stop_string(pieces, stops, shown, reached):
    text = StopStrings(stops)
    given_out = "".join(text.feed(piece) for piece in pieces) + text.end()
    assert (given_out, text.reached) == (shown, reached)


@given(st.text("abS", max_size=30), st.text("abS", min_size=1, max_size=4))
def test_a_stop_string_is_found_however_the_text_is_cut(text, stop):
    stream = StopStrings((stop,))
    shown = "".join(stream.feed(letter) for letter in text) + stream.end()
    assert shown == text.partition(stop)[0]


def test_nothing_is_held_back_longer_than_it_may_become_a_stop_string():
    stream = StopStrings(("STOP",))
    assert [stream.feed(piece) for piece in ("aS", "Tb", "S")] == ["a", "STb", ""]
