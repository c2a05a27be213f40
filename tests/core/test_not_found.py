"""The engine's own "not found", however it is written."""

from __future__ import annotations

import pytest

from core.not_found import is_not_found, says_not_found


@pytest.mark.parametrize(
    "said",
    [
        "The documents do not say.",
        "the documents do not say",
        "**The documents do not say.**",
        "The documents don't say.",
        "The documents don\u2019t say.",
        "The document does not say.",
        "The documents did not say.",
        "'The documents do not say.'",
        "> The documents do not say.",
        "- The documents do not say.",
        "Answer: The documents do not say.",
        "The  documents do not say.",
        "\u200bThe documents do not say.",
        "`The documents do not say.`",
        "[1] The documents do not say.",
        "The documents do not say [1].",
        "(The documents do not say.)",
        "Sorry, the documents do not say.",
        "Unfortunately, the provided passages do not mention this.",
        "The documents do not specify how long it takes.",
        "The documents do not contain this information.",
        "None of the passages answers the question.",
        "The documents do not say. They are about ferries.",
        "NOT FOUND",
        "**资料中没有说明。**",
        "「资料中没有说明」",
        "【资料中没有说明】",
        "答：资料中没有说明。",
        "資料中沒有說明。",
        "资料中未说明",
        "资料中并没有说明。",
        "资料 中 没有 说明。",
        "资料没有说明。",
        "文档中没有说明。",
        "抱歉，资料中没有说明。",
        "资料中没有明确说明。",
        "根据所给资料，资料中没有说明。",
        "提供的段落中没有提到周日的时间[1]。",
        "资料中没有提供相关信息。",
    ],
)
def test_an_honest_not_found_is_recognised(said):
    assert says_not_found(said)


@pytest.mark.parametrize(
    "said",
    [
        "The documents say that it opens at nine.",
        "The documents do not say it outright, but passage [1] puts the limit at 12 kg.",
        "The documents do not say Sunday; they say Saturday [1].",
        "The documents do not say anything about Sundays. On Saturdays it opens at 9 [1].",
        "The document does not contain personal data [1].",
        "The document does not allow dogs [1].",
        "资料中说明了开放时间[1]。",
        "资料中没有说明上限，但写着每人12公斤[1]。",
        "资料中没有说明周日的时间，周六九点开门[1]。",
        "资料中没有说明周日的时间。周六九点开门[1]。",
        "文件不外借[1]。",
        "",
        "[1]",
    ],
)
def test_what_answers_all_the_same_is_none(said):
    assert not says_not_found(said)


def test_a_number_that_was_not_asked_for_is_a_claim():
    asked = "Does it open before 9?"
    assert is_not_found("The documents do not say whether it opens before 9.", asked)
    assert not is_not_found("The documents do not say, usually it is 8.", asked)
