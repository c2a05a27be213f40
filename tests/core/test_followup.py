from __future__ import annotations

import pytest

from core.events import Turn
from core.followup import (
    Lean,
    compared,
    is_correction,
    joined,
    lean_of,
    may_stand,
    without_lead,
)


@pytest.mark.parametrize(
    "question",
    [
        "and on Sundays?",
        "What about Sundays?",
        "How much is it?",
        "Sundays?",
        "why?",
        "Who runs that workshop?",
        "What is the fee for those?",
        "那周日呢？",
        "它多少钱？",
        "还有别的吗？",
        "周日呢",
        "为什么？",
        "那里可以停车吗？",
        "其他人可以参加吗？",
    ],
)
def test_a_question_that_leans_on_an_earlier_one_is_recognised(question):
    assert lean_of(question) is not Lean.NOT


@pytest.mark.parametrize(
    "question",
    [
        "When does the library open on Sundays?",
        "Is it allowed to bring dogs to the hut?",
        "Are there showers at the Korva saddle hut?",
        "Who wrote the house rules?",
        "What does it cost to hire a boat?",
        "What is that is not allowed in the workshop area?",
        "图书馆周日几点开门？",
        "观测站的门票多少钱？",
        "员工出差应该提前几天申请？",
        "Lanternfold 4.2 版本什么时候发布？",
    ],
)
def test_a_question_that_stands_alone_is_left_alone(question):
    assert lean_of(question) is Lean.NOT


def test_what_it_follows_is_put_before_it():
    turns = (
        Turn("user", "When does the library open on weekdays?"),
        Turn("assistant", "At nine."),
    )
    assert joined("and on Sundays?", turns) == (
        "When does the library open on weekdays? and on Sundays?"
    )
    assert joined("When is the ferry to Skerrow leaving?", turns) is None
    assert joined("and on Sundays?", ()) is None


def test_a_chain_of_follow_ups_goes_back_to_the_question_that_stands_alone():
    turns = (
        Turn("user", "观测站的门票多少钱？"),
        Turn("assistant", "四十元。"),
        Turn("user", "图书馆周一几点开门？"),
        Turn("assistant", "九点。"),
        Turn("user", "那周日呢？"),
        Turn("assistant", "闭馆。"),
    )
    assert joined("节假日呢？", turns) == "图书馆周一几点开门？ 那周日呢？ 节假日呢？"


def test_a_short_question_only_may_lean_and_one_that_points_back_surely_does():
    assert lean_of("Sundays?") is Lean.MAYBE
    assert lean_of("图书馆时间") is Lean.MAYBE
    assert lean_of("and on Sundays?") is Lean.SURELY
    assert lean_of("那周日呢？") is Lean.SURELY
    assert lean_of("how much?") is Lean.SURELY
    assert lean_of("多少钱？") is Lean.SURELY


@pytest.mark.parametrize(
    ("question", "lean"),
    [
        ("For how long?", Lean.SURELY),
        ("Until what age?", Lean.SURELY),
        ("At what time does the pool open?", Lean.NOT),
        ("How much for kids?", Lean.MAYBE),
        ("hmm and if it rains?", Lean.SURELY),
        ("Thanks! And on Sundays?", Lean.SURELY),
        ("谢谢！那周日呢？", Lean.SURELY),
        ("周末也一样吗？", Lean.MAYBE),
        ("还需要押金吗？", Lean.MAYBE),
        ("还书要去哪里办理？", Lean.NOT),
        ("Thanks, when does the library open on Sunday?", Lean.NOT),
        ("No smoking where?", Lean.MAYBE),
        ("How much is a locker?", Lean.NOT),
        ("Great Hall opening hours?", Lean.NOT),
    ],
)
def test_fragments_fillers_and_what_says_also_lean(question, lean):
    assert lean_of(question) is lean


@pytest.mark.parametrize(
    ("question", "meant"),
    [
        ("No, I meant the Wi-Fi", "the Wi-Fi"),
        ("I was asking about the sauna", "the sauna"),
        ("sorry, I mean on Sundays", "on Sundays"),
        ("不，我问的是食堂的早餐", "食堂的早餐"),
        ("不是，我想问的是瑜伽室", "瑜伽室"),
        ("不对，我是问瑜伽室", "瑜伽室"),
        ("我的意思是周日", "周日"),
    ],
)
def test_a_correction_is_what_was_meant_with_the_question_that_it_corrects(question, meant):
    turns = (
        Turn("user", "How much is parking?"),
        Turn("user", "And when does it close?"),
        Turn("user", "How long is it free?"),
    )
    assert is_correction(question)
    assert without_lead(question) == meant
    assert lean_of(question) is not Lean.NOT
    assert joined(question, turns) == f"How long is it free? {meant}"


@pytest.mark.parametrize(
    "question",
    [
        "I asked for a refund, when does it come?",
        "我问的问题是什么？",
        "What is meant by lap lane?",
    ],
)
def test_what_only_looks_like_a_correction_is_none(question):
    assert not is_correction(question)


def test_thanks_and_greetings_are_no_questions_to_go_back_to():
    turns = (
        Turn("user", "When does the pool open?"),
        Turn("user", "Thanks!"),
        Turn("user", "你好"),
    )
    assert joined("and on Sundays?", turns) == "When does the pool open? and on Sundays?"
    assert joined("and on Sundays?", turns[1:]) is None


@pytest.mark.parametrize(
    "question", ["Which is cheaper?", "which one is better?", "Which of them is older?"]
)
def test_a_comparison_is_of_the_two_questions_before_it(question):
    turns = (
        Turn("user", "When does the pool open?"),
        Turn("user", "How much is a ten-visit card?"),
        Turn("assistant", "48 pounds."),
        Turn("user", "How much is the full breakfast?"),
        Turn("assistant", "11.50 pounds."),
    )
    assert compared(question, turns) == (
        "How much is a ten-visit card?",
        "How much is the full breakfast?",
    )
    assert lean_of(question) is Lean.SURELY
    assert compared(question, turns[-2:]) == ()


@pytest.mark.parametrize(
    "question", ["哪个更贵？", "哪个便宜", "谁更早？", "两个哪个更划算？", "那哪家近一点？"]
)
def test_a_comparison_in_chinese_is_of_follow_ups_too(question):
    turns = (Turn("user", "食堂午餐多少钱？"), Turn("user", "早餐呢？"))
    assert compared(question, turns) == ("食堂午餐多少钱？", "食堂午餐多少钱？ 早餐呢？")


@pytest.mark.parametrize(
    "question",
    [
        "Which is cheaper, an hour of parking or a ticket?",
        "Which is the cheapest ticket?",
        "Which documents are needed?",
        "哪个部门负责？",
        "哪里更便宜地停车？",
        "早",
    ],
)
def test_what_names_what_it_compares_compares_nothing_that_was_said(question):
    turns = (Turn("user", "When?"), Turn("user", "Where?"))
    assert compared(question, turns) == ()


@pytest.mark.parametrize(
    ("question", "may"),
    [
        ("How long is it free?", False),
        ("And when does it close?", False),
        ("And how many pages?", True),
        ("And a lost key?", True),
        ("How much is it for a lost locker key?", True),
        ("怎么联系他？", False),
        ("它多少钱？", False),
        ("那周日呢？", False),
        ("and on Saturday?", False),
        ("Until what age?", False),
        ("And where can I park?", True),
        ("那它的停车场收费标准呢？", True),
    ],
)
def test_a_question_that_points_back_is_about_that_unless_it_has_words_of_its_own(question, may):
    assert may_stand(question) is may
