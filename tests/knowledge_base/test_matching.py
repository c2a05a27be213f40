from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge_base.matching import matches


def marked(question: str, text: str) -> str:
    shown, at = "", 0
    for start, end in matches(question, text):
        shown += f"{text[at:start]}[{text[start:end]}]"
        at = end
    return shown + text[at:]


@pytest.mark.parametrize(
    ("question", "text", "expected"),
    [
        (
            "How much is the fee for installing?",
            "The Fee of installation is seven.",
            "The [Fee] of [installation] is seven.",
        ),
        ("cafe", "The café is closed.", "The [café] is closed."),
        ("Who is it?", "It is nobody.", "[It] [is] nobody."),
        ("白毫银针用什么水？", "白毫銀針宜用泉水。", "[白毫銀針]宜用泉水。"),
        ("茶", "喝茶时", "喝[茶]时"),
        ("wifi 密码", "WiFi 的密码是 abc", "[WiFi] 的[密码]是 abc"),
        ("설치 비용", "설치비용은 7유로", "[설치][비용]은 7유로".replace("][", "")),
        ("nothing of it", "Elsewhere entirely.", "Elsewhere entirely."),
        ("", "Text.", "Text."),
    ],
)
def test_the_words_of_a_question_are_found_in_a_passage(question, text, expected):
    assert marked(question, text) == expected


@given(st.text(max_size=30), st.text(max_size=60))
def test_places_are_in_order_apart_and_inside_the_text(question, text):
    at = -1
    for start, end in matches(question, text):
        assert at < start < end <= len(text)
        at = end


def test_a_letter_that_stands_for_two_is_one():
    assert matches("ำ", "ำ") == ((0, 1),)
