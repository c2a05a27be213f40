"""Sentences that say the opposite of their passage, and those that say the same otherwise."""

from __future__ import annotations

import pytest

from core.attribution import attribute
from tests.support.passages import passage

MARK = " (?)"


OPPOSITE = (
    (
        "Dogs are not allowed in the dormitory.",
        (
            "Dogs are allowed in the dormitory.",
            "Dogs may sleep in the dormitory and are allowed in the dormitory.",
            "In the dormitory dogs are permitted.",
        ),
    ),
    (
        "Dogs are allowed in the garden but not in the dining room. Cats may not enter the house.",
        (
            "Dogs are allowed in the dining room.",
            "Dogs are not allowed in the garden.",
            "Cats may enter the house.",
        ),
    ),
    (
        "The sauna is closed on Mondays. The pool is open on Mondays from 9:00 to 18:00.",
        ("The sauna is open on Mondays.",),
    ),
    (
        "Admission is free of charge for children. Adults pay 5 euros.",
        (
            "Children are charged for admission.",
            "Admission is not free for children.",
            "Admission costs money for children and is charged.",
        ),
    ),
    (
        "You need not book in advance. A deposit is not required for members.",
        (
            "You must book in advance.",
            "A deposit is required for members.",
            "You need to book in advance.",
        ),
    ),
    (
        "Helmets must be worn in the workshop at all times.",
        (
            "Helmets need not be worn in the workshop.",
            "Helmets are not required in the workshop.",
        ),
    ),
    (
        "Shower before you enter the pool. The bar never closes before midnight.",
        (
            "Shower after you enter the pool.",
            "The bar always closes before midnight.",
        ),
    ),
    (
        "Book at least 7 days ahead. Bags may weigh at most 20 kg.",
        (
            "Book at most 7 days ahead.",
            "Bags must weigh at least 20 kg.",
            "Bags may weigh more than 20 kg.",
        ),
    ),
    (
        "A book cannot be renewed while another reader is waiting. Magazines can be renewed twice.",
        (
            "A book can be renewed while another reader is waiting.",
            "Magazines cannot be renewed.",
        ),
    ),
    (
        "It is not forbidden to take photographs in the hall. Nobody may use flash.",
        (
            "It is forbidden to take photographs in the hall.",
            "Flash may be used.",
        ),
    ),
    (
        "Can I bring my dog? No, dogs have to stay outside. Can I pay by card? Yes.",
        (
            "You can bring your dog.",
            "You cannot pay by card.",
        ),
    ),
    (
        "Open daily except Mondays. The garden does not open until 10:00.",
        ("It is open on Mondays.",),
    ),
    (
        "Books not returned in time cost 2 crowns.",
        ("Books returned in time cost 2 crowns.",),
    ),
    (
        "Breakfast is included in the price. Lunch is not included.",
        (
            "Breakfast is not included in the price.",
            "Lunch is included.",
        ),
    ),
    (
        "The shop opens at 10 am and closes at 4 pm.",
        (
            "The shop opens at 10 pm.",
            "The shop closes at 4 am.",
        ),
    ),
    (
        "Rooms without a bath cost 40 crowns, rooms with a bath 60.",
        ("Rooms with a bath cost 40 crowns.",),
    ),
    (
        "The number of members increased from 200 to 300 in 2024.",
        ("The number of members decreased from 200 to 300 in 2024.",),
    ),
    (
        "If it rains, the tour does not take place.",
        ("If it rains, the tour takes place.",),
    ),
    (
        "The lift is available at night. The kitchen is unavailable on Sundays.",
        (
            "The lift is not available at night.",
            "The kitchen is available on Sundays.",
        ),
    ),
    (
        "宿舍内不允许携带宠物。",
        (
            "宿舍内允许携带宠物。",
            "宿舍内可以携带宠物。",
        ),
    ),
    (
        "花园可以带狗，餐厅不得带狗。猫禁止入内。",
        (
            "餐厅可以带狗。",
            "花园不得带狗。",
            "猫可以入内。",
        ),
    ),
    (
        "桑拿房周一关闭。游泳池周一、周二9:00至18:00开放。",
        (
            "桑拿房周一开放。",
            "游泳池周二关闭。",
        ),
    ),
    (
        "儿童免费入场，成人收费5元。",
        (
            "儿童入场收费。",
            "儿童入场不免费。",
        ),
    ),
    (
        "无需提前预约。会员不需要交押金。",
        (
            "需要提前预约。",
            "必须提前预约。",
            "会员需要交押金。",
        ),
    ),
    (
        "进入车间必须佩戴安全帽。",
        (
            "进入车间不必佩戴安全帽。",
            "进入车间无需佩戴安全帽。",
        ),
    ),
    (
        "请在入住之前付清房费。",
        (
            "请在入住之后付清房费。",
            "入住后付清房费。",
        ),
    ),
    (
        "须至少提前7天预约，每人最多可借6本书。",
        (
            "最多提前7天预约。",
            "每人至少可借6本书。",
            "须提前不超过7天预约。",
        ),
    ),
    (
        "已被他人预约的图书不能续借，期刊可以续借两次。",
        (
            "已被他人预约的图书可以续借。",
            "期刊不能续借。",
        ),
    ),
    (
        "问：宠物可以入住吗？答：不可以。",
        ("宠物可以入住。",),
    ),
    (
        "除导盲犬外，宠物不得入内。",
        ("宠物可以入内。",),
    ),
    (
        "周一除外，每天开放。",
        ("周一开放。",),
    ),
    (
        "早餐包含在房费内，午餐不包含。",
        (
            "早餐不包含在房费内。",
            "午餐包含在房费内。",
        ),
    ),
    (
        "商店上午10点开门，下午4点关门。",
        ("商店下午10点开门。",),
    ),
    (
        "旅舍不提供早餐，但有公共厨房。",
        (
            "旅舍提供早餐。",
            "旅舍没有公共厨房。",
        ),
    ),
    (
        "未满12周岁的儿童不得单独入场。",
        ("未满12周岁的儿童可以单独入场。",),
    ),
    (
        "2024年会员人数增加了300人。",
        ("2024年会员人数减少了300人。",),
    ),
    (
        "图书馆不仅收藏图书，还收藏地图。",
        ("图书馆不收藏图书。",),
    ),
    (
        "如果下雨，则活动不举行。",
        ("如果下雨，活动举行。",),
    ),
)


SAME = (
    (
        "Dogs are not allowed in the dormitory.",
        (
            "Dogs are forbidden in the dormitory.",
            "No dogs are allowed in the dormitory.",
            "Dogs may not be in the dormitory.",
            "In the dormitory, dogs are prohibited.",
            "You must not bring dogs into the dormitory.",
            "Dogs aren't allowed in the dormitory.",
        ),
    ),
    (
        "Dogs are allowed in the garden but not in the dining room. Cats may not enter the house.",
        (
            "Dogs are allowed in the garden.",
            "Dogs are not allowed in the dining room.",
            "Cats may not enter the house, but dogs are allowed in the garden.",
            "Dogs are allowed in the garden, but they are not allowed in the dining room.",
            "Cats are forbidden to enter the house.",
        ),
    ),
    (
        "The sauna is closed on Mondays. The pool is open on Mondays from 9:00 to 18:00.",
        (
            "The sauna is not open on Mondays.",
            "On Mondays the sauna is closed, but the pool is open.",
            "The pool closes at 18:00 on Mondays.",
            "The pool opens at 9:00 on Mondays.",
            "The pool is open until 18:00 on Mondays.",
        ),
    ),
    (
        "Admission is free of charge for children. Adults pay 5 euros.",
        (
            "Children get in free of charge.",
            "Children pay no admission.",
            "Admission for children is free.",
            "There is no charge for children.",
            "Children do not have to pay for admission.",
        ),
    ),
    (
        "You need not book in advance. A deposit is not required for members.",
        (
            "You don't have to book in advance.",
            "Booking in advance is not necessary.",
            "No deposit is required for members.",
            "A deposit is optional for members.",
            "Members need no deposit.",
        ),
    ),
    (
        "Helmets must be worn in the workshop at all times.",
        (
            "You have to wear a helmet in the workshop.",
            "Helmets are required in the workshop.",
        ),
    ),
    (
        "Shower before you enter the pool. The bar never closes before midnight.",
        (
            "You must shower before entering the pool.",
            "After showering you may enter the pool.",
        ),
    ),
    (
        "Book at least 7 days ahead. Bags may weigh at most 20 kg.",
        (
            "Book 7 days ahead or more.",
            "Bags may weigh no more than 20 kg.",
            "Bags may not weigh more than 20 kg.",
            "You have to book no less than 7 days ahead.",
        ),
    ),
    (
        "A book cannot be renewed while another reader is waiting. Magazines can be renewed twice.",
        (
            "Books can't be renewed if another reader is waiting.",
            "You can renew magazines twice.",
            "Magazines may be renewed, books may not be renewed while another reader is waiting.",
        ),
    ),
    (
        "It is not forbidden to take photographs in the hall. Nobody may use flash.",
        (
            "Photographs may be taken in the hall.",
            "You are allowed to take photographs in the hall.",
            "Flash must not be used by anybody.",
        ),
    ),
    (
        "You may not cancel unless you are ill.",
        (
            "You may cancel if you are ill.",
            "You may only cancel if you are ill.",
            "You may not cancel unless you are ill.",
        ),
    ),
    (
        "Can I bring my dog? No, dogs have to stay outside. Can I pay by card? Yes.",
        (
            "You cannot bring your dog.",
            "Dogs have to stay outside.",
            "You can pay by card.",
        ),
    ),
    (
        "Open daily except Mondays. The garden does not open until 10:00.",
        (
            "It is not open on Mondays.",
            "The garden opens at 10:00.",
        ),
    ),
    (
        "Books not returned in time cost 2 crowns.",
        (
            "Books returned late cost 2 crowns.",
            "Overdue books cost 2 crowns.",
        ),
    ),
    (
        "Breakfast is included in the price. Lunch is not included.",
        (
            "The price includes breakfast.",
            "Breakfast is included, lunch is not.",
        ),
    ),
    (
        "The shop opens at 10 am and closes at 4 pm.",
        ("The shop is open from 10 am to 4 pm.",),
    ),
    (
        "Rooms without a bath cost 40 crowns, rooms with a bath 60.",
        (
            "A room without a bath costs 40 crowns.",
            "Rooms with a bath cost 60 crowns.",
        ),
    ),
    (
        "Only members may use the sauna.",
        (
            "Guests may not use the sauna.",
            "Non-members may not use the sauna.",
            "Members may use the sauna.",
            "The sauna may be used by members only.",
        ),
    ),
    (
        "Feature: Sync; Free edition: no; Pro edition: yes",
        (
            "The pro edition has sync.",
            "Sync: the free edition does not have it.",
        ),
    ),
    (
        "Neither smoking nor vaping is allowed in the rooms.",
        (
            "Smoking is not allowed in the rooms.",
            "Smoking and vaping are forbidden in the rooms.",
        ),
    ),
    (
        "The number of members increased from 200 to 300 in 2024.",
        (
            "In 2024 membership rose from 200 to 300.",
            "The number of members did not decrease in 2024.",
        ),
    ),
    (
        "If it rains, the tour does not take place.",
        (
            "The tour does not take place in the rain.",
            "When it rains there is no tour.",
            "The tour takes place unless it rains.",
        ),
    ),
    (
        "The lift is available at night. The kitchen is unavailable on Sundays.",
        (
            "The kitchen is not available on Sundays.",
            "At night the lift is available.",
        ),
    ),
    (
        "宿舍内不允许携带宠物。",
        (
            "宿舍内禁止携带宠物。",
            "宿舍内不得携带宠物。",
            "不可以携带宠物进入宿舍。",
        ),
    ),
    (
        "花园可以带狗，餐厅不得带狗。猫禁止入内。",
        (
            "餐厅不可以带狗，花园可以带狗。",
            "猫不得入内。",
        ),
    ),
    (
        "桑拿房周一关闭。游泳池周一、周二9:00至18:00开放。",
        (
            "桑拿房周一不开放。",
            "游泳池周一18:00关门。",
            "周一桑拿房不开放，但游泳池开放。",
            "游泳池周一9:00开门。",
        ),
    ),
    (
        "儿童免费入场，成人收费5元。",
        ("儿童入场不收费。",),
    ),
    (
        "无需提前预约。会员不需要交押金。",
        (
            "不需要提前预约。",
            "不必提前预约。",
            "会员无需交押金。",
            "会员不用交押金。",
        ),
    ),
    (
        "进入车间必须佩戴安全帽。",
        (
            "进入车间须佩戴安全帽。",
            "进入车间不得不佩戴安全帽。",
            "进入车间要佩戴安全帽。",
        ),
    ),
    (
        "请在入住之前付清房费。",
        (
            "入住前须付清房费。",
            "付清房费之后才能入住。",
        ),
    ),
    (
        "须至少提前7天预约，每人最多可借6本书。",
        ("预约须提前7天以上。",),
    ),
    (
        "已被他人预约的图书不能续借，期刊可以续借两次。",
        (
            "有人预约的图书不可续借。",
            "期刊能续借两次。",
            "图书被他人预约时不能续借。",
        ),
    ),
    (
        "问：宠物可以入住吗？答：不可以。",
        ("宠物不可以入住。",),
    ),
    (
        "除导盲犬外，宠物不得入内。",
        (
            "导盲犬可以入内。",
            "除导盲犬以外，禁止宠物入内。",
        ),
    ),
    (
        "周一除外，每天开放。",
        ("周一不开放。",),
    ),
    (
        "早餐包含在房费内，午餐不包含。",
        (
            "房费包含早餐。",
            "房费不包含午餐。",
        ),
    ),
    (
        "商店上午10点开门，下午4点关门。",
        (
            "商店上午10点至下午4点营业。",
            "商店16点关门。",
        ),
    ),
    (
        "旅舍不提供早餐，但有公共厨房。",
        ("旅舍有公共厨房，但不提供早餐。",),
    ),
    (
        "未满12周岁的儿童不得单独入场。",
        ("12周岁以下儿童不能单独入场。",),
    ),
    (
        "2024年会员人数增加了300人。",
        ("2024年会员增长300人。",),
    ),
    (
        "逾期未还的图书每天收费1元。",
        ("逾期图书每天收费1元。",),
    ),
    (
        "图书馆不仅收藏图书，还收藏地图。",
        ("图书馆收藏图书和地图。",),
    ),
    (
        "如果下雨，则活动不举行。",
        ("下雨时不举行活动。",),
    ),
    (
        "只有会员才能使用桑拿房。",
        (
            "非会员不能使用桑拿房。",
            "会员可以使用桑拿房。",
            "游客不能使用桑拿房。",
        ),
    ),
)


def marked(text: str, said: str) -> bool:
    own = passage("rules.md" if text.isascii() else "规则", text)
    return MARK in attribute(said, (own,), "?", MARK).text


@pytest.mark.parametrize(("text", "said"), [(text, one) for text, own in OPPOSITE for one in own])
def test_what_says_the_opposite_is_marked(text, said):
    assert marked(text, said)


@pytest.mark.parametrize(("text", "said"), [(text, one) for text, own in SAME for one in own])
def test_what_says_the_same_in_other_words_is_not(text, said):
    assert not marked(text, said)
