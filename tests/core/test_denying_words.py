"""Denials in a word of their own, or of a thing by the way: 毫无, "who have not registered"."""

from __future__ import annotations

import pytest

from core.attribution import attribute
from tests.support.passages import passage

MARK = " (?)"

OPPOSITE = (
    ("The lift hardly works in winter.", ("The lift works in winter.",)),
    (
        "The bus never stops at the mill.",
        (
            "The bus stops at the mill.",
            "The bus always stops at the mill.",
        ),
    ),
    (
        "Neither the cellar nor the attic is heated.",
        (
            "The cellar is heated.",
            "The attic is heated.",
            "The cellar and the attic are heated.",
        ),
    ),
    (
        "The hut no longer serves lunch.",
        (
            "The hut serves lunch.",
            "The hut still serves lunch.",
        ),
    ),
    (
        "The museum is without a lift.",
        (
            "The museum has a lift.",
            "The museum is with a lift.",
        ),
    ),
    ("The warden rarely answers letters.", ("The warden answers letters.",)),
    ("The council failed to renew the lease.", ("The council renewed the lease.",)),
    ("The hut lacks running water.", ("The hut has running water.",)),
    (
        "Items that are not refundable cannot be exchanged.",
        (
            "Items that are refundable cannot be exchanged.",
            "Items that are not refundable can be exchanged.",
        ),
    ),
    (
        "Guests who have not registered must leave at noon.",
        ("Guests who have registered must leave at noon.",),
    ),
    (
        "Tickets which are not used expire after a year.",
        ("Tickets which are used expire after a year.",),
    ),
    (
        "Non-refundable tickets cannot be changed.",
        (
            "Refundable tickets cannot be changed.",
            "Non-refundable tickets can be changed.",
        ),
    ),
    (
        "Members who do not pay in time do not receive the journal.",
        (
            "Members who pay in time do not receive the journal.",
            "Members who do not pay in time receive the journal.",
        ),
    ),
    (
        "The bill was rejected by the council. The hut was missed by the storm.",
        ("The bill was accepted by the council.",),
    ),
    ("Guests cannot pay by card or by cheque.", ("Guests can pay by cheque.",)),
    ("旅舍毫无取暖设备。", ("旅舍有取暖设备。",)),
    ("山屋绝无自来水供应。", ("山屋有自来水供应。",)),
    (
        "公交车从不在磨坊停靠。",
        (
            "公交车在磨坊停靠。",
            "公交车总在磨坊停靠。",
        ),
    ),
    (
        "馆长从未访问过巴黎。",
        (
            "馆长访问过巴黎。",
            "馆长曾访问过巴黎。",
        ),
    ),
    (
        "该建筑并非市政府所有。",
        (
            "该建筑是市政府所有。",
            "该建筑为市政府所有。",
        ),
    ),
    (
        "理事会未能续签租约。",
        (
            "理事会续签了租约。",
            "理事会已续签租约。",
        ),
    ),
    (
        "山屋不再供应午餐。",
        (
            "山屋供应午餐。",
            "山屋仍然供应午餐。",
        ),
    ),
    ("地下室和阁楼都没有暖气。", ("地下室和阁楼都有暖气。",)),
    (
        "未登记的访客必须在中午离开。",
        (
            "已登记的访客必须在中午离开。",
            "登记的访客必须在中午离开。",
        ),
    ),
    (
        "不可退款的车票不能改签。",
        (
            "可退款的车票不能改签。",
            "不可退款的车票可以改签。",
        ),
    ),
    (
        "冬季电梯几乎不运行。",
        (
            "冬季电梯运行。",
            "冬季电梯正常运行。",
        ),
    ),
    ("馆长很少回复信件。", ("馆长回复信件。",)),
    ("晚上前台无人值守。", ("晚上前台有人值守。",)),
    ("旅舍缺乏热水供应。", ("旅舍有热水供应。",)),
)

SAME = (
    (
        "The lift hardly works in winter.",
        (
            "In winter the lift hardly works.",
            "The lift barely works in winter.",
            "The lift does not work well in winter.",
        ),
    ),
    ("The bus never stops at the mill.", ("The bus does not stop at the mill.",)),
    (
        "Neither the cellar nor the attic is heated.",
        (
            "The cellar is not heated.",
            "The attic is not heated.",
            "The cellar and the attic are not heated.",
        ),
    ),
    (
        "The hut no longer serves lunch.",
        (
            "The hut does not serve lunch any more.",
            "Lunch is no longer served at the hut.",
            "There is no lunch at the hut.",
        ),
    ),
    (
        "The museum is without a lift.",
        (
            "The museum has no lift.",
            "There is no lift in the museum.",
        ),
    ),
    (
        "The warden rarely answers letters.",
        (
            "The warden seldom answers letters.",
            "The warden sometimes answers letters.",
            "The warden does not often answer letters.",
        ),
    ),
    (
        "The council failed to renew the lease.",
        (
            "The council did not renew the lease.",
            "The lease was not renewed by the council.",
        ),
    ),
    (
        "Items that are not refundable cannot be exchanged.",
        (
            "Non-refundable items cannot be exchanged.",
            "You cannot exchange items that are not refundable.",
            "Items which cannot be refunded cannot be exchanged either.",
        ),
    ),
    (
        "Guests who have not registered must leave at noon.",
        (
            "Unregistered guests must leave at noon.",
            "Guests must leave at noon if they have not registered.",
            "Guests who are not registered have to leave at noon.",
        ),
    ),
    (
        "Members who do not pay in time do not receive the journal.",
        (
            "Members do not receive the journal if they do not pay in time.",
            "The journal is not sent to members who do not pay in time.",
        ),
    ),
    (
        "Non-refundable tickets cannot be changed.",
        (
            "Tickets that are not refundable cannot be changed.",
            "You cannot change non-refundable tickets.",
        ),
    ),
    ("There is no doubt that the bridge is safe.", ("The bridge is safe.",)),
    (
        "There is nothing like the view from the tower, which is open daily.",
        ("The tower is open daily.",),
    ),
    (
        "Rooms without a view cost 40 crowns.",
        (
            "A room without a view costs 40 crowns.",
            "Rooms that have no view cost 40 crowns.",
        ),
    ),
    (
        "Without a ticket you cannot enter the museum.",
        (
            "You need a ticket to enter the museum.",
            "You cannot enter the museum without a ticket.",
        ),
    ),
    (
        "Nobody but the warden may enter the cellar.",
        (
            "The warden may enter the cellar.",
            "Only the warden may enter the cellar.",
        ),
    ),
    (
        "旅舍毫无取暖设备。",
        (
            "旅舍没有取暖设备。",
            "旅舍无取暖设备。",
        ),
    ),
    ("毫无疑问，这座桥是安全的。", ("这座桥是安全的。",)),
    ("公交车从不在磨坊停靠。", ("公交车不在磨坊停靠。",)),
    (
        "馆长从未访问过巴黎。",
        (
            "馆长没有访问过巴黎。",
            "馆长未曾访问过巴黎。",
        ),
    ),
    (
        "该建筑并非市政府所有。",
        (
            "该建筑不是市政府所有。",
            "该建筑不属于市政府。",
        ),
    ),
    (
        "理事会未能续签租约。",
        (
            "理事会没有续签租约。",
            "理事会没能续签租约。",
        ),
    ),
    (
        "山屋不再供应午餐。",
        (
            "山屋不供应午餐。",
            "山屋已不再供应午餐。",
            "山屋已停止供应午餐。",
        ),
    ),
    (
        "未登记的访客必须在中午离开。",
        (
            "没有登记的访客必须在中午离开。",
            "访客如果没有登记，必须在中午离开。",
            "访客未登记的，必须在中午离开。",
        ),
    ),
    (
        "不可退款的车票不能改签。",
        (
            "不能退款的车票不可改签。",
            "车票不可退款的，不能改签。",
        ),
    ),
    (
        "没有缴费的会员不能领取会刊。",
        (
            "未缴费的会员不能领取会刊。",
            "会员没有缴费就不能领取会刊。",
        ),
    ),
    (
        "冬季电梯几乎不运行。",
        (
            "电梯在冬季几乎不运行。",
            "冬季电梯很少运行。",
        ),
    ),
    (
        "馆长很少回复信件。",
        (
            "馆长偶尔回复信件。",
            "馆长几乎不回复信件。",
        ),
    ),
    (
        "晚上前台无人值守。",
        (
            "晚上前台没有人值守。",
            "晚上前台没人值守。",
        ),
    ),
    ("旅舍缺乏热水供应。", ("旅舍没有热水供应。",)),
    ("几乎所有房间都有暖气。", ("几乎所有房间都有暖气。",)),
)


def marked(text: str, said: str) -> bool:
    own = passage("rules.md" if text.isascii() else "规则", text)
    return MARK in attribute(said, (own,), "?", MARK).text


@pytest.mark.parametrize(("text", "said"), [(text, one) for text, own in OPPOSITE for one in own])
def test_what_says_the_opposite_is_marked(text, said):
    assert marked(text, said)


@pytest.mark.parametrize(("text", "said"), [(text, one) for text, own in SAME for one in own])
def test_the_same_in_other_words_is_not(text, said):
    assert not marked(text, said)
