"""Documents that say the same with another number."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from core.disagreeing import differ, disagreements, newer_first, told, with_rivals
from core.language import words
from knowledge_base.models import Passage, Quotation
from tests.support.passages import passage

OLD = "Visitors can buy a summer card for 9 crowns, which is valid from 1 June to 31 August."
NEW = "Visitors can buy a summer card for 12 crowns, which is valid from 1 May to 30 September."
ASKED = "How much is the summer card for visitors?"


def added(year: int, name: str, text: str, n: int) -> Passage:
    made = passage(name, text, n=n)
    at = datetime(year, 3, 1, tzinfo=UTC)
    return replace(made, document=replace(made.document, added_at=at))


TWO = (added(2021, "leaflet.md", OLD, 1), added(2026, "handbook.md", NEW, 2))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The free edition allows five accounts", "The free edition allows three accounts."),
        ("夜间观星成人票为90元。", "夜间观星成人票为75元"),
        ("夜间观星必须至少提前七天在网站上预约", "夜间观星必须至少提前五天预约"),
        ("it is open between 9:30 and 18:30 daily", "It is open between 9:30 and 18:00 daily"),
        ("Dish: Plait; Size: small; Price: 6.3", "Dish: Plait; Size: small; Price: 7"),
        ("The pool is open on Sundays", "The pool is closed on Sundays"),
        ("Dogs are allowed in the dormitory.", "Dogs are not allowed in the dormitory"),
        ("Visitors must book a table beforehand", "Visitors need not book a table beforehand"),
        ("图书馆周日开放", "图书馆周日闭馆"),
        ("宿舍内允许携带宠物", "宿舍内禁止携带宠物"),
        ("参观者须至少提前7天预约", "参观者须最多提前7天预约"),
        ("票价 | 2元", "票价 | 3元"),
        ("| 票价 | 2元 |", "票价：3元"),
        ("票价; 两元", "票价; 三元"),
        ("项目: 票价; 价格: 2元", "票价 | 3元"),
        ("Ticket price | 2 €", "Ticket price | 3 €"),
        ("Item: Ticket price; Price: 2 €", "Ticket price; 3 €"),
        ("Ticket price: 2 €", "- Ticket price: € 3"),
        ("Open | 9:00–17:00", "Open | 9:00–18:00"),
    ],
)
def test_the_same_with_another_number_differs(one, other):
    assert differ(one, other)
    assert differ(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The free edition allows five accounts", "The free edition allows five accounts"),
        ("The Hearth edition allows five accounts", "The Guild edition allows nine accounts"),
        ("Boats to Little Skerrow leave at 9:10", "Boats to Copt Head leave at 9:40"),
        ("白天参观成人票为25元", "夜间观星学生票为45元"),
        ("It is valid from 1 June to 31 August", "Hikers sleep 14 to a room"),
        ("Dish: Rye loaf; Size: small; Price: 5", "Dish: Saffron plait; Size: small; Price: 6"),
        ("Dish: Rye loaf; Price: 5; Size: small", "The rye loaf costs 6 crowns."),
        ("The pool is open on Sundays", "The pool is closed on Mondays"),
        ("The pool is open on Sundays", "The sauna is closed on Sundays"),
        ("Dogs are forbidden in the dormitory", "Dogs are not allowed in the dormitory"),
        ("Dogs are allowed in the garden", "Dogs are not allowed in the dormitory"),
        ("Are dogs allowed in the dormitory?", "Dogs are not allowed in the dormitory"),
        ("The hut opens at 9:00", "The hut closes at 18:00"),
        ("图书馆周日开放", "自习室周日关闭"),
        ("宿舍内不得携带宠物", "宿舍内禁止携带宠物"),
        ("图书馆周日开放", "图书馆周一闭馆"),
        ("票价 | 2元", "票价 | 2.00元"),
        ("票价 | 2元", "停车费 | 3元"),
        ("票价 | 2元", "票价 | 3欧元"),
        ("票价 | 2元/次", "票价 | 30元/年"),
        ("票价 2024 | 2元", "票价 2025 | 3元"),
        ("年份 | 2024年", "年份 | 2025年"),
        ("型号 | A100", "型号 | A200"),
        ("Ticket price | 2 €", "Parking | 3 €"),
        ("Ticket price | 2 €", "Ticket price | 3 $"),
        ("Ticket price | 2 €", "Ticket price | 30 € a year"),
        ("Item: Ticket price; 2024: 2 €", "Item: Ticket price; 2025: 3 €"),
        ("Item: Ticket price; Child: 2 €", "Ticket price | 3 €"),
        ("Item: Ticket; Year: 2024; Price: 2 €", "Item: Ticket; Year: 2025; Price: 3 €"),
        ("Item: Kettle; Model: A100; Price: 2 €", "Item: Kettle; Model: A200; Price: 3 €"),
        ("Item: Ticket; Note: cash; Price: 2 €", "Item: Ticket; Note: cash; Price: 2 $"),
    ],
)
def test_what_speaks_of_something_else_does_not(one, other):
    assert not differ(one, other)
    assert not differ(other, one)


def test_the_clauses_about_the_question_are_named_and_the_newer_document_comes_first():
    found = disagreements(ASKED, TWO)
    assert [(own.newer, own.older, own.newer_says, own.older_says) for own in found] == [
        (1, 0, "Visitors can buy a summer card for 12 crowns",
         "Visitors can buy a summer card for 9 crowns"),
    ]  # fmt: skip
    passages, moved = newer_first(TWO, found)
    assert [own.document.name for own in passages] == ["handbook.md", "leaflet.md"]
    assert [(own.newer, own.older) for own in moved] == [(0, 1)]


def test_two_documents_are_told_of_once_in_what_was_asked():
    two = "A lost summer card for visitors is replaced for {count} crowns."
    more = (
        added(2021, "leaflet.md", two.format(count=3), 1),
        added(2026, "handbook.md", two.format(count=4), 2),
    )
    asked = "How much is a summer card for visitors, and a lost one replaced?"
    (found,) = disagreements(asked, [*TWO, *more])
    assert found.newer_says == "A lost summer card for visitors is replaced for 4 crowns"


def test_passages_of_one_document_do_not_disagree():
    assert disagreements(ASKED, [TWO[0], replace(TWO[1], document=TWO[0].document)]) == ()


def test_what_is_not_asked_about_is_left_alone():
    assert disagreements("When is the herring fair?", TWO) == ()


def test_documents_that_agree_are_left_as_they_are():
    same = (TWO[0], replace(TWO[1], chunk=replace(TWO[1].chunk, text=OLD)))
    assert disagreements(ASKED, same) == ()
    assert newer_first(same, ()) == (same, ())


def test_an_answer_that_cites_one_of_them_says_so_and_cites_both():
    passages, found = newer_first(TWO, disagreements(ASKED, TWO))
    cited = {2}
    said = told(found, passages, cited, words("en"))
    assert said == (
        "The documents disagree: `handbook.md` (2026-03-01, the newer one) says "
        "`Visitors can buy a summer card for 12 crowns` [1], `leaflet.md` (2021-03-01) says "
        "`Visitors can buy a summer card for 9 crowns` [2]."
    )
    assert cited == {1, 2}
    assert "说法不一致" in told(found, passages, {1}, words("zh"))


def test_an_answer_from_other_passages_says_nothing_of_it():
    passages, found = newer_first(TWO, disagreements(ASKED, TWO))
    assert told(found, passages, set(), words("en")) == ""
    assert told(found, passages[:1], {1}, words("en")) == ""


def test_the_newer_sentence_is_quoted_before_the_older():
    older = Quotation(0, OLD, 0, 0.9)
    assert [own.passage for own in with_rivals([older], ASKED, TWO)] == [1, 0]
    newer = Quotation(1, NEW, 0, 0.8)
    assert [own.text for own in with_rivals([older, newer], ASKED, TWO)] == [NEW, OLD]
    assert with_rivals([newer], ASKED, TWO) == (newer,)


def table(name: str, text: str, n: int, *, heading: str | None = None, year: int = 2026) -> Passage:
    made = added(year, name, text, n)
    return replace(made, chunk=replace(made.chunk, heading=heading))


@pytest.mark.parametrize(
    ("question", "older", "newer", "heading"),
    [
        ("泳池票价是多少？", "票价 | 2元\n年票 | 20元", "票价 | 3元\n年票 | 20元", "泳池收费"),
        (
            "What is the ticket price of the pool?",
            "Ticket price | 2 €\nYear card | 20 €",
            "Ticket price | 3 €\nYear card | 20 €",
            "Pool fees",
        ),
    ],
)
def test_short_rows_of_two_documents_disagree(question, older, newer, heading):
    two = (
        table("a.docx", older, 1, heading=heading, year=2021),
        table("b.docx", newer, 2, heading=heading),
    )
    (found,) = disagreements(question, two)
    rows = (found.newer, found.newer_says, found.older_says)
    assert rows == (1, newer.split("\n")[0], older.split("\n")[0])


@pytest.mark.parametrize(
    ("question", "row", "headings"),
    [
        ("票价是多少？", "票价 | {}元", ("游泳馆收费", "博物馆收费")),
        ("重量是多少？", "重量 | {}公斤", ("水壶 K100 参数", "水壶 K200 参数")),
        ("What is the ticket price?", "Ticket price | {} €", ("Pool fees", "Museum fees")),
        ("How heavy is it, what weight?", "Weight | {} kg", ("Kettle K100", "Kettle K200")),
    ],
)
def test_rows_below_headings_of_other_things_do_not(question, row, headings):
    first, second = headings
    two = (
        table("a.docx", row.format(2), 1, heading=first),
        table("b.docx", row.format(3), 2, heading=second),
    )
    assert disagreements(question, two) == ()


@pytest.mark.parametrize(
    ("question", "row", "name"),
    [
        ("水壶的重量是多少？", "重量 | {}公斤", "水壶.docx"),
        ("What is the weight of the kettle?", "Weight | {} kg", "kettle.docx"),
    ],
)
def test_a_row_of_a_document_that_does_not_hold_what_is_asked_about_does_not(question, row, name):
    two = (table(name, row.format(2), 1), table("b.docx", row.format(3), 2))
    assert disagreements(question, two) == ()


@pytest.mark.parametrize(
    ("older", "newer", "dates"),
    [
        (("policy-2024.pdf", ""), ("policy-2025.pdf", ""), ("2024", "2025")),
        (("a.pdf", "Stand: 3 March 2024"), ("b.pdf", "Stand: 5 March 2024"),
         ("2024-03-03", "2024-03-05")),
        (("甲.pdf", "2024年12月版"), ("乙.pdf", "2025年3月版"), ("2024-12", "2025-03")),
    ],
)  # fmt: skip
def test_the_newer_by_the_documents_own_dates_is_told_as_the_newer(older, newer, dates):
    # What is older by its own date was added later.
    two = (
        added(2026, older[0], f"{older[1]}\n\n{OLD}", 1),
        added(2025, newer[0], f"{newer[1]}\n\n{NEW}", 2),
    )
    passages, found = newer_first(two, disagreements(ASKED, two))
    assert [own.document.name for own in passages] == [newer[0], older[0]]
    said = told(found, passages, {1}, words("en"))
    assert f"`{newer[0]}` (dated {dates[1]}, the newer one)" in said
    assert f"`{older[0]}` (dated {dates[0]})" in said
    assert f"（日期为 {dates[1]}，较新）" in told(found, passages, {1}, words("zh"))


def test_what_is_said_of_something_else_than_was_asked_for_disagrees_with_nothing():
    day = added(2021, "day.md", "The day ticket costs 7 crowns.", 1)
    week = added(2026, "week.md", "The week ticket costs 24 crowns.", 2)
    for asked in ("How much does the day ticket cost?", "Is a day or a week ticket cheaper?"):
        assert disagreements(asked, (day, week)) == ()
