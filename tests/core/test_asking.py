from __future__ import annotations

import pytest

from core.asking import goes_on, is_remark, reads_as_question

QUESTIONS = [
    "What time does the library open on Saturdays?",
    "how do I reset the pump after a power cut?",
    "Hi all, does the warranty cover the battery?",
    "Does anyone know where the spare filters are kept",
    "Any idea how to descale it",
    "I don't know how to export my data",
    "How do you clean the filter?",
    "Can the pump run dry?",
    "The pump stopped last night. Which fuse is the right one?",
    "If it rains, where do we meet?",
    "On which day is the bin collected?",
    "Is there a discount for students?",
    "Hello everyone. Can someone tell me the wifi password",
    "请问图书馆周六几点开门？",
    "这个水泵怎么重启？",
    "保修包括电池吗？",
    "有没有人知道滤芯放在哪里",
    "如何导出我的数据",
    "学生有优惠吗",
    "退货需要多少天？",
    "大家好，请问报名截止到什么时候",
    "水泵停了。应该换哪个保险丝？",
    "API 的限额是多少？",
    "退货政策是什么？",
    "> The lamp is red since the update.\nHow do I reset the lamp?",
    "> 更新以后灯是红的。\n怎么重置这盏灯？",
    "   > quoted\n\nSome of it is new. Which fuse is the right one?",
]
NOT = [
    "",
    "thanks!",
    "The library opens at nine.",
    "How are you?",
    "what's up?",
    "really?",
    "what?",
    "anyone here?",
    "Is anyone around?",
    "are you coming tonight?",
    "Did you see the match?",
    "What do you think?",
    "Who wants pizza tonight?",
    "lol what the hell is that?",
    "@Bob where is the key?",
    "> What time does it open?\nNine, as it says.",
    "> What time does it open?\n> And on Sundays?\nNine, as it says.",
    "```\nwhat is this for?\n```",
    "https://example.org/?q=what+is+this",
    "I know how it works.",
    "That is what I said, and where I put it.",
    "/play what is love?",
    "!ask what is love?",
    "shall we go home now?",
    "在吗？",
    "你们吃了吗？",
    "你觉得怎么样？",
    "真的吗？",
    "什么？",
    "什么意思？",
    "怎么了？",
    "这是什么鬼？",
    "有人在吗？",
    "谁要一起吃饭？",
    "没什么，我知道怎么做了。",
    "图书馆九点开门。",
    "不管怎么说都可以。",
    "谢谢大家！",
    "Blah blah. " * 200 + "What is it for?",
]  # fmt: skip


@pytest.mark.parametrize("text", QUESTIONS)
def test_a_question_to_everybody_is_one(text):
    assert reads_as_question(text)


@pytest.mark.parametrize("text", NOT)
def test_what_is_said_to_somebody_or_asks_nothing_is_none(text):
    assert not reads_as_question(text)


@pytest.mark.parametrize(
    "text",
    [
        "and on Sundays?",
        "and on Sundays",
        "what about students",
        "tell me more about the filters",
        "can you list them?",
        "on Monday?",
        "Thanks! How do I order one?",
        "那周日呢？",
        "那周日呢",
        "请详细说说",
        "还有别的吗",
        "> closed on Sundays\nand on Mondays?",
        "> 周日关门\n那周一呢？",
    ],
)
def test_who_asked_us_asks_on_in_fewer_words(text):
    assert goes_on(text)


@pytest.mark.parametrize(
    "text",
    [
        "thanks!",
        "ok",
        "@Bob look at this?",
        "/help",
        "great, that works",
        "really?",
        "谢谢",
        "好的，明白了",
    ],
)
def test_a_remark_asks_nothing(text):
    assert not goes_on(text)


def test_remarks_are_no_answers_waiting_to_happen():
    remarks = (
        "thanks a lot!",
        "ok",
        "谢谢你的帮助",
        "it works now",
        "no, the other one",
        "@Bob see above",
    )
    assert [text for text in remarks if not is_remark(text)] == []
    assert not is_remark("The pump makes a strange noise since Tuesday.")
    assert not is_remark("水泵从周二开始有奇怪的声音")


def test_what_stands_below_a_quoted_line_was_said():
    assert not is_remark("> it opens at nine\nThe pump makes a strange noise since Tuesday.")
    assert is_remark("> it opens at nine\nthanks")


@pytest.mark.timeout(20)
@pytest.mark.parametrize("letter", ["?", "？", "\n", " ", "!", ">"])
def test_a_hundred_thousand_of_the_same_letter_are_read_at_once(letter):
    text = "and" + letter * 100_000 + "no"
    assert not reads_as_question(text)
    assert goes_on(text)
    assert not is_remark("The lamp is red" + letter * 100_000 + "now")
