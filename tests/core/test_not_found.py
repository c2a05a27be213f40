"""The engine's own "not found", however it is written."""

from __future__ import annotations

import re

import pytest

from core.not_found import Said, is_not_found, judged, says_not_found


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
        "The documents\ndo not say.",
        "The documents do **not** say.",
        "**Answer:** The documents do not say.",
        "Answer:\n\nThe documents do not say.",
        'The answer is: "The documents do not say."',
        "I am sorry! The documents do not say.",
        "I apologize for the inconvenience, but the provided passages do not mention it.",
        "No. The documents do not say that.",
        "Based on the provided passages, there is no information about Sundays.",
        "Based on the provided documents, I cannot determine when it opens.",
        "I could not find any information about Sundays in the documents.",
        "I couldn't find that in the documents.",
        "I don't have enough information to answer that.",
        "I'm unable to answer this from the passages.",
        "I don't know.",
        "The passages you provided do not mention Sundays.",
        "The answer is not given in the documents.",
        "Nothing in the documents mentions Sundays.",
        "No passage mentions this.",
        "Not mentioned in the documents.",
        "资料中\n没有说明。",
        "**答案**：资料中没有说明。",
        "抱歉！资料中没有说明。",
        "非常抱歉，我在提供的资料中没有找到相关信息。",
        "根据提供的资料，无法确定周日的开放时间。",
        "根据现有资料，我无法回答这个问题。",
        "资料中没有关于周日开放时间的信息。",
        "没有找到关于周日开放时间的信息。",
        "文档中没有相关说明。",
        "文檔中沒有相關資訊。",
        "提供的文档不包含这方面的信息。",
        "根据文档内容，没有提到停车费。",
        "我不知道。",
    ],
)
def test_an_honest_not_found_is_recognised(said):
    assert says_not_found(said)
    # None of its beginnings is taken for an answer; half a marker is never given out.
    begun = [said[:end] for end in range(len(said)) if not re.search(r"\[\d*$", said[:end])]
    assert {judged(text, so_far=True) for text in begun} == {Said.OPEN}


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
        "There is no information desk [1].",
        "There is no information on the board [1].",
        "No document is needed [1].",
        "The text does not need to be signed [1].",
        "Not found items go to the desk [1].",
        "I cannot stress it enough: at nine [1].",
        "没有规定时间[1]。",
        "没有说明书的设备不得使用[1]。",
        "未提及的费用由客户承担[1]。",
        "无法退票[1]。",
        "资料没有交齐的，不予办理[1]。",
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


@pytest.mark.parametrize(
    ("said", "judgement"),
    [
        ("The documents do not say.", Said.OPEN),
        ("The documents do not say. They are about ferries.", Said.OPEN),
        ("The documents do not say. They are about ferries. And", Said.NOTHING),
        ("The documents do not say. However, they name some times. And", Said.OPEN),
        ("The documents do not say. However, they name some. See there. And", Said.NOTHING),
        ("The documents do not say. They name some times:\n- nine", Said.OPEN),
        ("The documents do not say. They open at nine [1].", Said.SOMETHING),
        ("The documents do not say, but", Said.SOMETHING),
        ("The documents s", Said.OPEN),
        ("The documents show", Said.SOMETHING),
        ("资料中没有说明。这些资料讲的是渡轮。此外", Said.NOTHING),
        ("资料中没有说明。不过有一些时间。此外", Said.OPEN),
        ("资料中没有说明。九点开门[1]。", Said.SOMETHING),
        ("资料显示", Said.SOMETHING),
    ],
)
def test_of_a_beginning_it_is_known_as_soon_as_it_can_be(said, judgement):
    assert judged(said, so_far=True) is judgement
