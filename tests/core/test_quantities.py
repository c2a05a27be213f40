"""Ordinals, units, per cent and grouped digits: the same number is not yet the same."""

from __future__ import annotations

import pytest

from core.attribution import attribute
from core.numerals import all_numbers, claimed_numbers
from tests.support.passages import passage

MARK = " (?)"

OTHERS = (
    (
        "The request is answered within 15 working days. The fee is 20 euros.",
        ("The request is answered within 15 days.",),
    ),
    (
        "The deposit is returned within 15 days of the end of the stay.",
        ("The deposit is returned within 15 working days.",),
    ),
    (
        "申请在15个工作日内答复，费用20元。",
        (
            "申请在15天内答复。",
            "申请在15日内答复。",
        ),
    ),
    (
        "Members get a discount of 10 % in the shop. The club has 25 rooms.",
        (
            "Members get a discount of 10 in the shop.",
            "Members get a discount of 25 % in the shop.",
        ),
    ),
    ("会员购物优惠10%，俱乐部有25间房。", ("会员购物优惠10元。",)),
    (
        "The bag may weigh 20 kg. The walk takes 3 hours. The bottle holds 500 ml.",
        (
            "The bag may weigh 20 g.",
            "The walk takes 3 minutes.",
            "The bottle holds 500 l.",
        ),
    ),
    (
        "翻修花费12万元，步行需要3小时，包裹重20公斤。",
        (
            "翻修花费12元。",
            "步行需要3分钟。",
            "包裹重20克。",
        ),
    ),
    (
        "The hall holds 10 000 people and cost 1 234,56 crowns. The stand has 12\u202f500 seats.",
        (
            "The hall holds 11 000 people.",
            "The stand has 12 600 seats.",
        ),
    ),
    ("The hall holds 10,000 people and cost 1234.56 crowns.", ("The hall holds 10 500 people.",)),
    ("礼堂可容纳10 000人，造价1234.56元。", ("礼堂可容纳10 500人。",)),
    (
        "The gym is on the first floor, the pool is on the second floor. Chapter 3 treats fire.",
        (
            "The gym is on the second floor.",
            "The pool is on the first floor.",
            "Fire is treated in the fourth chapter.",
        ),
    ),
    (
        "The boat calls at Little Skerrow on the first Tuesday of the month.",
        ("The boat calls at Little Skerrow on the third Tuesday of the month.",),
    ),
    (
        "健身房在第一层，游泳池在第二层。第三章讲安全，第四章讲消防。",
        (
            "健身房在第二层。",
            "游泳池在第一层。",
            "第四章讲安全。",
        ),
    ),
    ("自习室位于二楼。", ("自习室位于三楼。",)),
)

SAME = (
    (
        "The request is answered within 15 working days. The fee is 20 euros.",
        (
            "The request is answered within 15 working days.",
            "The request is answered within fifteen business days.",
        ),
    ),
    (
        "The deposit is returned within 15 days of the end of the stay.",
        ("The deposit is returned within 15 days.",),
    ),
    (
        "申请在15个工作日内答复，费用20元。",
        (
            "申请在十五个工作日内答复。",
            "申请在15个工作日内得到答复。",
        ),
    ),
    (
        "Members get a discount of 10 % in the shop. The club has 25 rooms.",
        (
            "Members get a discount of 10% in the shop.",
            "Members get 10 percent off in the shop.",
            "Members get a ten percent discount in the shop.",
        ),
    ),
    ("会员购物优惠10%，俱乐部有25间房。", ("会员购物可优惠10%。",)),
    (
        "The bag may weigh 20 kg. The walk takes 3 hours. The bottle holds 500 ml.",
        (
            "The bag may weigh 20 kilograms.",
            "The walk takes three hours.",
            "The bottle holds 500 millilitres.",
        ),
    ),
    (
        "翻修花费12万元，步行需要3小时，包裹重20公斤。",
        (
            "翻修花费120000元。",
            "步行需要三个小时。",
            "包裹重20千克。",
        ),
    ),
    (
        "The hall holds 10 000 people and cost 1 234,56 crowns. The stand has 12\u202f500 seats.",
        (
            "The hall holds 10000 people.",
            "The hall holds 10,000 people.",
            "The hall cost 1234.56 crowns.",
            "The stand has 12,500 seats.",
            "The hall holds 10 000 people.",
        ),
    ),
    (
        "The hall holds 10,000 people and cost 1234.56 crowns.",
        (
            "The hall holds 10 000 people.",
            "The hall holds 10\u00a0000 people.",
            "The hall cost 1 234,56 crowns.",
        ),
    ),
    (
        "礼堂可容纳10 000人，造价1234.56元。",
        (
            "礼堂可容纳10000人。",
            "礼堂可容纳一万人。",
            "礼堂造价1 234.56元。",
        ),
    ),
    (
        "The gym is on the first floor, the pool is on the second floor. Chapter 3 treats fire.",
        (
            "The third chapter treats fire.",
            "The pool is on the second floor and the gym on the first floor.",
        ),
    ),
    (
        "The boat calls at Little Skerrow on the first Tuesday of the month.",
        ("On the first Tuesday of the month the boat calls at Little Skerrow.",),
    ),
    (
        "健身房在第一层，游泳池在第二层。第三章讲安全，第四章讲消防。",
        (
            "健身房在一楼。",
            "游泳池在2层。",
            "第3章讲安全。",
            "第四章讲消防，第三章讲安全。",
        ),
    ),
    (
        "自习室位于二楼。",
        (
            "自习室在第二层。",
            "自习室位于2楼。",
        ),
    ),
)


def marked(text: str, said: str, question: str = "?") -> bool:
    own = passage("rules.md" if text.isascii() else "规则", text)
    return MARK in attribute(said, (own,), question, MARK).text


@pytest.mark.parametrize(("text", "said"), [(text, one) for text, own in OTHERS for one in own])
def test_the_same_number_of_something_else_is_marked(text, said):
    assert marked(text, said)


@pytest.mark.parametrize(("text", "said"), [(text, one) for text, own in SAME for one in own])
def test_the_same_in_another_form_is_not(text, said):
    assert not marked(text, said)


def test_days_are_working_days_where_those_were_asked_for():
    text = "The request is answered within 15 working days."
    assert not marked(text, "The request is answered within 15 days.", "How many working days?")


def test_a_column_of_per_cent_has_no_sign_behind_its_figures():
    assert not marked("Member: student; Discount (%): 10", "The discount of a student is 10%.")


@pytest.mark.parametrize(
    ("said", "numbers"),
    [
        ("10 000 people", {"10000"}),
        ("1 234,56 crowns", {"1234.56"}),
        ("1'234.5 crowns", {"1234.5"}),
        ("1.234,56 crowns", {"1234.56"}),
        ("2 500 000元", {"2500000"}),
        ("on june 14 300 people", {"14", "300"}),
        ("call 0433 190 77", {"433", "190", "77"}),
    ],
)
def test_digits_in_groups_are_one_number(said, numbers):
    assert set(claimed_numbers(said)) == numbers


def test_a_passage_holds_groups_of_digits_joined_and_apart():
    assert {"555", "123", "456", "555123456"} <= set(all_numbers("call 555-123-456"))
    assert {"12", "345", "12345"} <= set(all_numbers("12 345"))
