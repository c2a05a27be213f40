"""An engine's "not found" is kept from the reader, and nothing else for long."""

from __future__ import annotations

import pytest

from core.withholding import MOST_HELD, Withholding


def said(text: str, size: int = 1, settled=lambda text: text) -> tuple[str, int, Withholding]:
    """What is given out of a text in pieces, how much had come before the first of it, and who
    withheld it. The engine is stopped as soon as it says that nothing is said."""
    withholding = Withholding(settled)
    given, first = "", len(text)
    for at in range(0, len(text), size):
        piece = withholding.feed(text[at : at + size])
        if piece and not given:
            first = min(at + size, len(text))
        given += piece
        if withholding.denial:
            return given, at + size, withholding
    return given + withholding.end(), first, withholding


NEXT = {
    "The documents do not say.": " They are about ferries. And",
    "资料中没有说明。": "这些资料讲的是渡轮。此外",
}


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    "text",
    [
        "The documents do not say.",
        "**The documents\ndo not say.**",
        "I'm sorry! The documents do not say.",
        "NOT FOUND",
        "资料中没有说明。",
        "抱歉，资料中\n没有说明。",
        "「資料中沒有說明」",
    ],
)
def test_of_a_not_found_nothing_is_ever_shown(text, size):
    given, _, withholding = said(text, size)
    assert (given, withholding.denial) == ("", text)


@pytest.mark.parametrize(("text", "more"), NEXT.items())
def test_it_is_sure_as_soon_as_the_sentence_behind_it_has_ended(text, more):
    given, came, withholding = said(f"{text}{more}, for a long time, and so on. " * 3)
    assert given == ""
    assert withholding.denial.startswith(text)
    assert came <= len(text + more)


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    "text",
    [
        "The documents do not say Sunday, but passage [1] says nine.",
        "The documents do not say. The gate opens at nine [1].",
        "The documents do not say when. However, they list other times:\n- Gate: nine [1]\n",
        "The documents do not say when. However, there are other times. It opens at nine [1].",
        "The documents do not contain personal data [1].",
        "资料中没有说明周日，但周六九点开门[1]。",
        "资料中没有说明周日的时间。周六九点开门[1]。",
        "资料中没有说明周日。不过有其他时间。周六九点开门[1]。",
    ],
)
def test_what_answers_all_the_same_is_shown_whole(text, size):
    given, _, withholding = said(text, size)
    assert (given, withholding.denial) == (text, "")


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("It opens at nine [1].", 4),
        ("Yes, dogs are allowed [1].", 2),
        ("No, dogs are not allowed [1].", 5),
        ("You can borrow six books [1].", 5),
        ("The gate of the garden opens at nine [1].", 10),
        ("The hut has 38 beds [1].", 9),
        ("There are 38 beds [1].", 7),
        ("- Nine [1]\n- Ten [1]", 4),
        ("38 beds [1].", 1),
        ("On Sundays it is closed [1].", 2),
        ("According to the house rules, dogs are not allowed [1].", 24),
        ("周日闭馆[1]。", 1),
        ("图书馆九点开门[1]。", 1),
        ("可以[1]。", 2),
        ("没有，周日闭馆[1]。", 4),
        ("无需预约[1]。", 2),
        ("文件不外借[1]。", 4),
        ("资料显示每人可借六本书[1]。", 3),
        ("根据图书馆规定，每人可借六本书[1]。", 9),
    ],
)
def test_an_ordinary_answer_waits_for_a_few_letters_at_most(text, most):
    given, first, _ = said(text)
    assert given == text
    assert first <= most


def test_what_the_sources_say_behind_it_makes_it_an_answer():
    text = "The documents do not say when on Sundays. On Saturdays it opens at nine. And"
    given, _, withholding = said(text, settled=lambda held: held.replace("nine.", "nine [1]."))
    assert (given, withholding.denial) == (text, "")


def test_no_more_is_held_than_a_few_sentences():
    text = "The documents do not say " + "whether it opens and " * 40
    given, first, withholding = said(text)
    assert first == MOST_HELD
    assert (given, withholding.denial) == (text, "")


def test_an_answer_that_begins_once_more_is_looked_at_once_more():
    given, _, withholding = said("Nine.")
    assert given == "Nine."
    again = withholding.anew()
    assert again.feed("The documents do not say.") + again.end() == ""
    assert again.denial
