import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.citations import MarkerFilter, marker_numbers, without_unknown_markers

KNOWN = frozenset({1, 2, 3})

ANY_MARKER = re.compile(r"[\[【［〔]\s*\^?(\d+)(?:\s*[,，、]\s*\^?\d+)*\s*[\]】］〕]")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("It opens at nine [1].", "It opens at nine [1]."),
        ("It opens at nine [1, 2].", "It opens at nine [1][2]."),
        ("九点开门【1】。", "九点开门[1]。"),
        ("九点开门［１］。", "九点开门[1]。"),
        ("九点开门【1，３】。", "九点开门[1][3]。"),
        ("A footnote [^2].", "A footnote [2]."),
        ("A range [1-3].", "A range [1][2][3]."),
        ("Two [1][9].", "Two [1]."),
        ("Nothing [7].", "Nothing."),
        ("Unknown before known [7][1].", "Unknown before known [1]."),
        ("没有这一段[7]。", "没有这一段。"),
        ("Some [2, 7].", "Some [2]."),
        ("As OpenAI writes 【1†source】.", "As OpenAI writes [1]."),
        ("See [Source 1, Source 2].", "See [1][2]."),
        ("见[来源2]。", "见[2]。"),
        (r"Escaped \[9\] too.", "Escaped too."),
        ("Not one: [a link](https://x.test) [TODO].", "Not one: [a link](https://x.test) [TODO]."),
        ("Inline `a[9]` stays.", "Inline `a[9]` stays."),
        ("Two ticks ``a`[9]`` stay.", "Two ticks ``a`[9]`` stay."),
        ("A lone ` tick hides no [9].", "A lone ` tick hides no."),
        ("```python\na[9] = b[8]\n```\nAfter [9].", "```python\na[9] = b[8]\n```\nAfter."),
        ("> ~~~\n> a[9]\n> ~~~\n[9] end", "> ~~~\n> a[9]\n> ~~~\n end"),
        ("```\nnever closed [9]", "```\nnever closed [9]"),
        ("[9[9]]", "[9"),
        ("[ ( [1", "[ ( [1"),
        ("[" + " " * 3000 + "9]", "[" + " " * 3000 + "9"),
    ],
)
def test_markers_come_out_in_one_form_and_unknown_ones_not_at_all(written, shown):
    assert without_unknown_markers(written, KNOWN) == shown


def test_a_number_of_five_thousand_digits_is_no_passage():
    number = "9" * 5000
    assert without_unknown_markers(f"x [{number}]", KNOWN) == f"x [{number}"


def test_what_stands_before_a_bracket_is_shown_at_once():
    markers = MarkerFilter(KNOWN)
    assert markers.feed("It opens at nine [") == "It opens at nine"
    assert markers.feed("1") == ""
    assert markers.feed("] and") == " [1] and"
    assert markers.end() == ""


pieces = st.one_of(
    st.sampled_from(
        ["[", "]", "【", "】", "［", "］", "1", "2", "9", "１", "^", ",", "，", "-", " "]
    ),
    st.sampled_from(
        ["\n", "`", "```", "~~~", ">", "\\", "a", "图书馆", "。", "[1]", "[9]", "[1, 9]"]
    ),
    st.text(max_size=4),
)
texts = st.lists(pieces, max_size=40).map("".join)


@given(texts, st.data())
def test_any_split_into_deltas_gives_the_same_text(text, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    markers = MarkerFilter(KNOWN)
    edges = [0, *cuts, len(text)]
    given_out = [markers.feed(text[low:high]) for low, high in pairwise(edges)]
    assert "".join([*given_out, markers.end()]) == without_unknown_markers(text, KNOWN)


@given(st.lists(pieces.filter(lambda piece: not set(piece) & set("`~")), max_size=60).map("".join))
def test_no_unknown_marker_survives_outside_code(text):
    shown = without_unknown_markers(text, KNOWN)
    for marker in ANY_MARKER.finditer(shown):
        numbers = marker_numbers(marker.group()[1:-1])
        assert numbers is not None
        assert KNOWN.issuperset(numbers)
