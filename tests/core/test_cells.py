"""Numbers of a table: each belongs to its row and its column."""

from __future__ import annotations

import pytest

from core.attribution import attribute
from core.cells import tables_of
from core.comparing import compared
from tests.support.passages import passage

MARK = " (?)"
ROOMS = (
    "Room: Single; Summer: 80; Winter: 60; Beds: 1\n"
    "Room: Double; Summer: 120; Winter: 90; Beds: 2\n"
    "Room: Family; Summer: 180; Winter: 140; Beds: 4"
)
CHAMBERS = (
    "房型: 单人间; 夏季价格: 80元; 冬季价格: 60元; 床位: 1\n"
    "房型: 双人间; 夏季价格: 120元; 冬季价格: 90元; 床位: 2\n"
    "房型: 家庭房; 夏季价格: 180元; 冬季价格: 140元; 床位: 4"
)
PLANS = (
    "Plan: Basic; Price: 5 euros; Storage: 10 GB; Users: 3\n"
    "Plan: Team; Price: 20 euros; Storage: 100 GB; Users: 25"
)
FARES = (
    "Ticket: Adult; S1 and S2 single (crowns): 6.5; S1 and S2 return (crowns): 11.5\n"
    "Ticket: Bicycle; S1 and S2 single (crowns): 1.5; S1 and S2 return (crowns): 2.5"
)
BREAD = (
    "Product: Ember rye; Weight: 750 g; Member price: 4.4; Visitor price: 5.2; Allergens: rye\n"
    "Product: Plum slice; Weight: 140 g; Member price: 2.3; Visitor price: 2.7; Allergens: wheat, "
    "almonds, eggs; Baked on: July to October"
)
VEGETABLES = (
    "品名: 番茄; 社员价（元）: 4.8; 非社员价（元）: 6.2\n"
    "品名: 土鸡蛋; 社员价（元）: 14.5; 非社员价（元）: 18"
)

OTHERS = (
    (
        ROOMS,
        (
            "A single room costs 60 in summer.",
            "A single room costs 120 in summer.",
            "A double room costs 120 in winter.",
            "The family room costs 140 in summer.",
            "The family room has 2 beds.",
            "In winter a double room is 60.",
            "A double room costs 120 in summer and 60 in winter.",
            "- Double: 80 in summer, 60 in winter",
        ),
    ),
    (
        CHAMBERS,
        (
            "单人间夏季价格为60元。",
            "单人间夏季120元。",
            "双人间冬季价格为120元。",
            "家庭房夏季价格140元。",
            "家庭房有2张床位。",
            "双人间冬季60元。",
        ),
    ),
    (
        PLANS,
        (
            "The Basic plan costs 20 euros.",
            "The Team plan has 10 GB of storage.",
            "The Team plan is for 3 users.",
            "The Basic plan is for 10 users.",
        ),
    ),
    (FARES, ("The return fare for a bicycle is 11.5 crowns.",)),
    (BREAD, ("The member price of plum slice is 2.7.", "The member price of plum slice is 4.4.")),
    (VEGETABLES, ("番茄的社员价是6.2元。", "番茄的社员价是14.5元。")),
)

OWN = (
    (
        ROOMS,
        (
            "A single room costs 80 in summer.",
            "A single room costs 60 in winter and 80 in summer.",
            "A double room costs 120 in summer, a single room 80.",
            "Single and double rooms cost 80 and 120.",
            "In summer, a single room costs 80, a double 120.",
            "Single rooms are 80 (summer) or 60 (winter), double rooms 120 or 90.",
            "A single room costs between 60 and 80.",
            "The family room has 4 beds.",
            "- Single: 80 in summer, 60 in winter",
            "Room: Single; Summer: 80; Winter: 60; Beds: 1",
        ),
    ),
    (
        CHAMBERS,
        (
            "单人间夏季价格为80元。",
            "单人间夏季80元，冬季60元。",
            "夏季：单人间80元，双人间120元。",
            "双人间冬季90元。",
            "家庭房有4张床位。",
            "单人间价格为60至80元。",
        ),
    ),
    (
        PLANS,
        (
            "The Basic plan costs 5 euros.",
            "The Team plan has 100 GB of storage for 25 users.",
            "The Basic plan costs 5 euros and the Team plan 20 euros.",
        ),
    ),
    (FARES, ("The return fare for a bicycle is 2.5 crowns.",
             "The S1 and S2 return (crowns) of Adult is 11.5.")),
    (BREAD, ("The member price of plum slice is 2.3.", "The weight of plum slice is 140 g.")),
    (VEGETABLES, ("番茄的社员价是4.8元，非社员价是6.2元。", "土鸡蛋的非社员价是18元。")),
)  # fmt: skip


def shown(text: str, said: str, question: str = "?") -> str:
    own = passage("prices.csv" if text.isascii() else "价目", text)
    return attribute(said, (own,), question, MARK).text


@pytest.mark.parametrize(("text", "said"), [(text, one) for text, own in OTHERS for one in own])
def test_a_number_of_another_row_or_column_is_marked(text, said):
    assert MARK in shown(text, said)


@pytest.mark.parametrize(("text", "said"), [(text, one) for text, own in OWN for one in own])
def test_a_number_of_its_own_row_and_column_is_not(text, said):
    assert MARK not in shown(text, said)


@pytest.mark.parametrize(
    ("text", "head", "right", "wrong"),
    [
        (ROOMS, "| Room | Summer | Winter |", "| Single | 80 | 60 |", "| Single | 60 | 80 |"),
        (ROOMS, "| Room | Winter | Summer |", "| Double | 90 | 120 |", "| Double | 90 | 80 |"),
        (ROOMS, "| Season | Single | Double |", "| Summer | 80 | 120 |", "| Summer | 120 | 80 |"),
        (
            CHAMBERS,
            "| 房型 | 夏季 | 冬季 |",
            "| 单人间 | 80元 | 60元 |",
            "| 单人间 | 60元 | 80元 |",
        ),
        (CHAMBERS, "| 房型 | 冬季价格 |", "| 家庭房 | 140元 |", "| 家庭房 | 180元 |"),
        (
            CHAMBERS,
            "| 季节 | 单人间 | 双人间 |",
            "| 夏季 | 80元 | 120元 |",
            "| 夏季 | 120元 | 80元 |",
        ),
    ],
)
def test_a_table_of_the_answer_is_read_with_its_head(text, head, right, wrong):
    rule = "|" + " --- |" * head.count(" | ") + " --- |"
    said = f"{head}\n{rule}\n{right}\n{wrong}\n"
    marked = wrong.removesuffix(" |") + MARK + " |"
    assert shown(text, said) == f"{head}\n{rule}\n{right}\n{marked}\n"


def test_a_row_that_the_question_names_need_not_be_named_again():
    assert MARK in shown(ROOMS, "It is 60 in summer.", "What is a single room?")
    assert MARK not in shown(ROOMS, "It is 80 in summer.", "What is a single room?")
    assert MARK in shown(CHAMBERS, "夏季是60元。", "单人间多少钱？")
    assert MARK not in shown(CHAMBERS, "夏季是80元。", "单人间多少钱？")


@pytest.mark.parametrize(
    ("beside", "said"),
    [
        ("A single room costs 60 with the winter card.", "With the card a single room costs 60."),
        ("单人间凭冬季卡60元。", "单人间凭卡60元。"),
    ],
)
def test_a_number_that_the_passage_also_gives_beside_the_table_is_not_looked_for_in_it(
    beside, said
):
    text = ROOMS if beside.isascii() else CHAMBERS
    assert MARK not in shown(f"{text}\n\n{beside}", said)


def test_rows_with_other_first_columns_are_of_another_table():
    tables = tables_of(f"{ROOMS}\n{PLANS}\n7 more", compared)
    assert [len(table) for table in tables.tables] == [3, 2]
    assert tables.beside == {"7"}
