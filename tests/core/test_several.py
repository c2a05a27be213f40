from __future__ import annotations

import pytest

from core.inquiry import Found, in_parts
from core.several import Part, parts_of
from knowledge_base.models import SearchResult
from tests.support.shelf import Shelf


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        (
            "How long is the warranty of the A100 and who pays the shipping?",
            ["How long is the warranty of the A100?", "who pays the shipping?"],
        ),
        (
            "Hi, can I bring my dog, and is there parking for buses?",
            ["can I bring my dog?", "is there parking for buses?"],
        ),
        (
            "Where is the lost property office? When does the canteen close?",
            ["Where is the lost property office?", "When does the canteen close?"],
        ),
        (
            "What time does the pool open and how much is a locker?",
            ["What time does the pool open?", "how much is a locker?"],
        ),
        ("电饭煲保修期多长，运费谁付？", ["电饭煲保修期多长？", "运费谁付？"]),
        ("请问缆车日票多少钱和居住证怎么办理?", ["缆车日票多少钱？", "居住证怎么办理？"]),
        ("缆车几点停运？宠物可以上车吗？", ["缆车几点停运？", "宠物可以上车吗？"]),
        ("如果下雨，课程取消吗，退款要几天？", ["如果下雨，课程取消吗？", "退款要几天？"]),
    ],
)
def test_what_joins_two_questions_is_both_of_them(question, asked):
    assert [part.text for part in parts_of(question)] == asked


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        (
            "Which is cheaper, the day ticket or the week ticket?",
            ["How much does the day ticket cost?", "How much does the week ticket cost?"],
        ),
        (
            "Which is cheaper, the day or the week ticket of the tram?",
            [
                "How much does the day ticket of the tram cost?",
                "How much does the week ticket of the tram cost?",
            ],
        ),
        ("Is the ferry or the train faster?", ["How fast is the ferry?", "How fast is the train?"]),
        (
            "Is the red trail longer than the blue trail?",
            ["How long is the red trail?", "How long is the blue trail?"],
        ),
        (
            "Which has more rooms, the hut, the inn or the hostel?",
            ["the hut has more rooms", "the inn has more rooms", "the hostel has more rooms"],
        ),
        ("日票和周票哪个便宜？", ["日票多少钱？", "周票多少钱？"]),
        ("青岚缆车的日票和周票哪个更便宜", ["青岚缆车的日票多少钱？", "青岚缆车的周票多少钱？"]),
        ("日票便宜还是周票便宜？", ["日票多少钱？", "周票多少钱？"]),
        ("周票比日票贵吗？", ["周票多少钱？", "日票多少钱？"]),
        ("红线和蓝线谁更长？", ["红线多长？", "蓝线多长？"]),
    ],
)
def test_what_compares_asks_the_same_of_each(question, asked):
    assert [part.text for part in parts_of(question)] == asked


@pytest.mark.parametrize(
    "question",
    [
        "How long is the ferry ride and how much does it cost?",
        "Who wrote the rules and when?",
        "Is the office open on Sundays, and at what time?",
        "What are the opening hours and what is the address?",
        "What do I need to bring and where do I go?",
        "When it rains, where do we meet?",
        "What is the difference between the day ticket and the week ticket?",
        "Do I need a passport or an ID card?",
        "Which player got a penalty, which gave the others a new turn?",
        "Is it cheaper than the week ticket?",
        "会员怎么办理，需要什么材料？",
        "书店几点开门，电话多少？",
        "图书馆在哪里，怎么去？",
        "年假和病假有什么区别？",
        "如果下雨，活动还举行吗？",
        "今天是几号，星期几？",
        "几内亚独立以后，货币叫什么？",
        "它比日票贵吗？",
        "A, B, C? D, E and who, what is, how does it, why is it? " * 10,
    ],
)
def test_what_is_not_clearly_of_several_parts_is_one_question(question):
    assert parts_of(question) == ()


def _found(shelf: Shelf, relevance: float, *names: str) -> SearchResult:
    passages = tuple(shelf.put("shared", name, f"About {name}.") for name in names)
    return SearchResult(passages, refused=relevance < 0.5, threshold=0.5)


def test_the_best_of_each_part_comes_first_and_the_rest_behind():
    shelf = Shelf()
    whole = _found(shelf, 0.9, "warranty.md", "seals.md", "pumps.md")
    shipping = _found(shelf, 0.9, "shipping.md")
    warranty = SearchResult(whole.passages[:1], refused=False, threshold=0.5)
    parts = [(Part("How long?", "How long"), warranty), (Part("Who pays?", "who pays"), shipping)]
    found = in_parts(Found(whole, "How long and who pays?"), parts, 3)
    names = [passage.document.name for passage in found.result.passages]
    assert names == ["warranty.md", "shipping.md", "seals.md"]
    assert found.parts == ("How long?", "Who pays?")
    assert found.missing == ()


def test_a_question_of_whose_parts_nothing_was_found_stays_as_it_was():
    whole = Found(_found(Shelf(), 0.9, "warranty.md"), "Both?")
    nothing = SearchResult((), refused=True, threshold=0.5)
    parts = [(Part("One?", "One"), nothing), (Part("Two?", "Two"), nothing)]
    assert in_parts(whole, parts, 3) == whole
