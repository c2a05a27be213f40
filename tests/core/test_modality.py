"""What may be is not what must be, and what need not be is not what must not be."""

from __future__ import annotations

import pytest

from core.attribution import attribute
from tests.support.passages import passage

MARK = " (?)"

OTHERWISE = (
    (
        "Members may vote by post.",
        (
            "Members must vote by post.",
            "Members have to vote by post.",
            "Voting by post is required of members.",
        ),
    ),
    (
        "Visitors may leave their bags in the lockers.",
        (
            "Visitors must leave their bags in the lockers.",
            "Visitors are required to leave their bags in the lockers.",
        ),
    ),
    (
        "Bags must be left in the lockers.",
        (
            "Bags may be left in the lockers.",
            "Bags can be left in the lockers.",
        ),
    ),
    ("You need not bring a towel.", ("You must not bring a towel.",)),
    ("You must not feed the ducks.", ("You need not feed the ducks.",)),
    (
        "Drivers can pay at the machine in the hall.",
        ("Drivers must pay at the machine in the hall.",),
    ),
    (
        "A deposit may be required for groups.",
        (
            "A deposit is required for groups.",
            "A deposit must be paid for groups.",
        ),
    ),
    ("A guide is optional for groups.", ("A guide is mandatory for groups.",)),
    (
        "The board may dismiss the warden. The board must publish its accounts.",
        (
            "The board must dismiss the warden.",
            "The board may publish its accounts.",
        ),
    ),
    (
        "会员可以邮寄投票。",
        (
            "会员必须邮寄投票。",
            "会员应当邮寄投票。",
        ),
    ),
    (
        "访客可将行李存放在储物柜。",
        (
            "访客必须将行李存放在储物柜。",
            "访客须将行李存放在储物柜。",
        ),
    ),
    ("行李必须存放在储物柜。", ("行李可以存放在储物柜。",)),
    ("不必携带毛巾。", ("不得携带毛巾。",)),
    (
        "不得喂食鸭子。",
        (
            "不必喂食鸭子。",
            "无需喂食鸭子。",
        ),
    ),
    ("团体可能需要支付押金。", ("团体必须支付押金。",)),
    (
        "员工应当每年体检。员工可以远程办公。",
        (
            "员工可以每年体检。",
            "员工必须远程办公。",
        ),
    ),
    ("理事会可以罢免馆长。", ("理事会应当罢免馆长。",)),
)

SAME = (
    (
        "Members may vote by post.",
        (
            "Members can vote by post.",
            "Members are allowed to vote by post.",
            "It is possible for members to vote by post.",
        ),
    ),
    (
        "Bags must be left in the lockers.",
        (
            "You have to leave bags in the lockers.",
            "Bags need to be left in the lockers.",
            "Leave your bags in the lockers.",
            "Bags should be left in the lockers.",
        ),
    ),
    (
        "Lockers may only be used during the day.",
        (
            "Lockers must only be used during the day.",
            "Lockers can be used only during the day.",
        ),
    ),
    (
        "Visitors must register at the desk and can then use the lockers.",
        (
            "Visitors can use the lockers after registering at the desk.",
            "Visitors have to register at the desk.",
            "Visitors may use the lockers.",
            "To use the lockers, visitors must register at the desk.",
        ),
    ),
    (
        "You must be at least 18 to vote.",
        (
            "You can vote from 18.",
            "You can vote if you are at least 18.",
        ),
    ),
    (
        "Books may be kept for 30 days. They must be returned on time.",
        (
            "Books must be returned on time.",
            "You may keep books for 30 days.",
            "Books must be returned within 30 days.",
        ),
    ),
    (
        "Tickets must be bought at the counter. Students can buy them online as well.",
        (
            "Students can buy tickets online.",
            "Tickets have to be bought at the counter, but students may buy them online.",
        ),
    ),
    (
        "You need a permit to camp in the park.",
        (
            "A permit is required to camp in the park.",
            "You can only camp in the park with a permit.",
            "You must have a permit to camp in the park.",
        ),
    ),
    (
        "You must not smoke in the rooms.",
        (
            "You may not smoke in the rooms.",
            "You can not smoke in the rooms.",
            "Smoking is not allowed in the rooms.",
        ),
    ),
    (
        "A deposit may be required for groups.",
        (
            "Groups may have to pay a deposit.",
            "A deposit may be necessary for groups.",
        ),
    ),
    (
        "Refunds must be requested within 14 days.",
        (
            "You can request a refund within 14 days.",
            "Refunds can be requested for 14 days.",
        ),
    ),
    (
        "会员可以邮寄投票。",
        (
            "会员能够邮寄投票。",
            "允许会员邮寄投票。",
            "会员可邮寄投票。",
        ),
    ),
    (
        "行李必须存放在储物柜。",
        (
            "行李须存放在储物柜。",
            "行李应存放在储物柜。",
            "请将行李存放在储物柜。",
            "行李要存放在储物柜。",
        ),
    ),
    (
        "储物柜只能在白天使用。",
        (
            "储物柜必须在白天使用。",
            "储物柜仅可在白天使用。",
            "储物柜可以在白天使用。",
        ),
    ),
    (
        "访客须在前台登记，之后可以使用储物柜。",
        (
            "访客登记后可以使用储物柜。",
            "访客必须在前台登记。",
        ),
    ),
    (
        "退款须在14天内申请。",
        (
            "14天内可以申请退款。",
            "可在14天内申请退款。",
        ),
    ),
    (
        "须年满18周岁方可投票。",
        (
            "年满18周岁可以投票。",
            "投票者必须年满18周岁。",
        ),
    ),
    (
        "团体可能需要支付押金。",
        (
            "团体可能要支付押金。",
            "团体或需支付押金。",
        ),
    ),
    (
        "每人可借六本书，借书须出示读者证。",
        (
            "借书必须出示读者证。",
            "出示读者证可以借六本书。",
        ),
    ),
)


def marked(text: str, said: str) -> bool:
    own = passage("rules.md" if text.isascii() else "规则", text)
    return MARK in attribute(said, (own,), "?", MARK).text


@pytest.mark.parametrize(("text", "said"), [(text, one) for text, own in OTHERWISE for one in own])
def test_what_may_be_said_to_be_a_must_or_the_reverse_is_marked(text, said):
    assert marked(text, said)


@pytest.mark.parametrize(("text", "said"), [(text, one) for text, own in SAME for one in own])
def test_the_same_in_other_words_is_not(text, said):
    assert not marked(text, said)
