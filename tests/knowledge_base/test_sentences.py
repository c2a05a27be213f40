"""Sentences of scripts with and without spaces."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge_base.sentences import LONGEST_SENTENCE, sentences


def texts(text: str) -> list[str]:
    return [sentence.text for sentence in sentences(text)]


@pytest.mark.parametrize(
    "expected",
    [
        ["Dr. Smith paid 3.5 million, i.e. a lot.", "He left."],
        ["It was in the U.S. Army.", "J. R. R. Tolkien wrote."],
        ["Wait... what is it?", "Nothing!"],
        ["He said: “Stop.”", "They did."],
        ["Version 2.0.1 is out.", "See fig. 3."],
        ["Das kostet z.B. fünf Euro.", "Gut."],
        ["नमस्ते।", "आप कैसे हैं?"],
        ["ما هذا؟", "هذا كتاب."],
        ["Что это?", "Это в 1990 г. было."],
    ],
)
def test_spaced_scripts(expected):
    assert texts(" ".join(expected)) == expected


@pytest.mark.parametrize(
    "expected",
    [
        ["他说：“什么？”", "然后走了。", "又来了！"],
        ["開館時間は9時です。", "休館日は月曜日です。"],
        ["版本3.5发布了。", "很好！"],
        ["是吗?", "不是。"],
    ],
)
def test_unspaced_scripts(expected):
    assert texts("".join(expected)) == expected


def test_headings_and_list_items_stand_alone_and_wrapped_lines_do_not():
    wrapped = "The library opens at nine on every day of the week\nexcept Sunday."
    assert texts(f"Opening hours\n{wrapped}\n\n- Bring a card\n- Be quiet") == [
        "Opening hours",
        wrapped,
        "- Bring a card",
        "- Be quiet",
    ]
    assert texts("1. Open the valve.\n2. Close it.") == ["1. Open the valve.", "2. Close it."]


def test_long_runs_are_cut_at_clauses():
    parts = texts("一二三四五六七八九，" * 200)
    assert "".join(parts) == "一二三四五六七八九，" * 200
    assert all(len(part) <= LONGEST_SENTENCE and part.endswith("，") for part in parts)
    assert max(map(len, texts("ไทย" * 1000))) == LONGEST_SENTENCE


def test_marks_alone_join_the_sentence_before():
    assert texts("Certainly. ...") == ["Certainly. ..."]


@given(st.text(st.sampled_from('ab A.!?。…\n 1」"-,\u3000ไ'), max_size=200))
def test_sentences_are_in_order_and_leave_nothing_out(text):
    found = sentences(text)
    assert all(text[s.start : s.end] == s.text == s.text.strip() for s in found)
    assert all(a.end <= b.start for a, b in itertools.pairwise(found))
    assert "".join("".join(s.text for s in found).split()) == "".join(text.split())


def test_time_is_linear():
    assert len(sentences("Yes. " * 40_000)) == 40_000


@pytest.mark.parametrize("gap", ["", "; Note: paid at the counter beside the entrance"])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Item: Ticket for an adult; Price: 3 €", "Item: Ticket for a child; Price: 1 €"),
        ("项目: 成人票; 夏季价格（五月至九月）: 3元", "项目: 儿童票; 夏季价格（五月至九月）: 1元"),
        ("Ticket for an adult in the summer | 3 €", "Ticket for a child in the summer | 1 €"),
    ],
)
def test_each_row_of_a_table_is_one_however_wide(first, second, gap):
    found = sentences(f"{first}{gap}\n{second}{gap}")
    assert [own.text for own in found] == [first + gap, second + gap]
