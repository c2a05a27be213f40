from __future__ import annotations

import pytest

from core.events import Turn
from core.followup import Lean, joined, lean_of


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
