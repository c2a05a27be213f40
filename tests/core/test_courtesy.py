"""Who greets or thanks is answered in kind, and no document is searched."""

from __future__ import annotations

import pytest

from core.courtesy import Courtesy, courtesy_of, returned
from core.language import words


@pytest.mark.parametrize(
    ("text", "courtesy"),
    [
        ("Thanks!", Courtesy.THANKS),
        ("thank you so much", Courtesy.THANKS),
        ("Ok, thanks 👍", Courtesy.THANKS),
        ("Great, thanks for your help.", Courtesy.THANKS),
        ("谢谢！", Courtesy.THANKS),
        ("好的，谢谢您", Courtesy.THANKS),
        ("謝謝", None),
        ("明白了，非常感谢！", Courtesy.THANKS),
        ("Hello!", Courtesy.GREETING),
        ("hi there", Courtesy.GREETING),
        ("Good morning, everyone!", Courtesy.GREETING),
        ("你好", Courtesy.GREETING),
        ("您好！在吗？", Courtesy.GREETING),
        ("OK", Courtesy.ASSENT),
        ("好的。", Courtesy.ASSENT),
        ("Got it.", Courtesy.ASSENT),
        ("bye", Courtesy.GOODBYE),
        ("谢谢，再见", Courtesy.GOODBYE),
    ],
)
def test_a_courtesy_is_recognised(text, courtesy):
    assert courtesy_of(text) is courtesy


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?",
        "Thanks! And on Sundays?",
        "hello, when does it open",
        "Good morning, is the pool open",
        "What is good?",
        "Hello world program",
        "no",
        "yes",
        "谢谢，那周日呢？",
        "你好，图书馆几点开门",
        "早餐",
        "好的套餐",
        "See you tomorrow at the pool",
    ],
)
def test_what_may_ask_something_is_none(text):
    assert courtesy_of(text) is None


@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_is_returned_in_words_of_its_own(language):
    said = [returned(courtesy, words(language)) for courtesy in Courtesy]
    assert len(set(said)) == len(Courtesy)
    assert all(text.isascii() is (language == "en") for text in said)
