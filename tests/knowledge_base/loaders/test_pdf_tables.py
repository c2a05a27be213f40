"""PDF: tables by row, with and without lines; columns one after the other."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from knowledge_base.loaders import load
from knowledge_base.models import Section
from knowledge_base.settings import ReaderLimits
from tests.support import documents

PRICES = [
    ["Item", "Fee", "Place"],
    ["Library card", "5 crowns", "front desk"],
    ["Locker", "2 crowns", "cellar"],
    ["Late book", "1 crown", "front desk"],
]
READ = (
    "Item: Library card; Fee: 5 crowns; Place: front desk\n"
    "Item: Locker; Fee: 2 crowns; Place: cellar\n"
    "Item: Late book; Fee: 1 crown; Place: front desk"
)
LEFT = [
    "The workshop opens at nine and closes at",
    "six, every day but Monday. Whoever has a",
    "key may stay longer, and locks up after",
    "the last machine has stopped turning. No",
    "machine is left alone while it runs.",
]
RIGHT = [
    "Visitors sign the book at the door before",
    "they go in. Children stay with those who",
    "brought them. Dogs wait in the yard, where",
    "there is water for them. Nobody smokes in",
    "the building or in front of its doors.",
]


def _load(path: Path) -> list[Section]:
    return load(path, path.name, ReaderLimits())


def _text(path: Path) -> str:
    return "\n\n".join(section.text for section in _load(path))


def _placed(rows, lefts, top=700.0, step=14.0):
    return [
        (left, top - number * step, cell)
        for number, row in enumerate(rows)
        for left, cell in zip(lefts, row, strict=True)
        if cell
    ]


@pytest.mark.parametrize("drawn_by", ["row", "column"])
def test_a_table_without_lines_is_read_by_row_with_its_header(tmp_path: Path, drawn_by):
    words = _placed(PRICES, (72, 200, 300))
    if drawn_by == "column":
        words.sort(key=lambda word: (word[0], -word[1]))

    (section,) = _load(documents.drawn(tmp_path / "a.pdf", [words]))

    assert section.records
    assert section.text == READ


def test_a_chinese_table_is_read_by_row_with_its_header(tmp_path: Path):
    rows = [["项目", "费用", "地点"], ["借书证", "五元", "前台"], ["储物柜", "两元", "地下室"]]
    rows.append(["逾期图书", "一元", "前台"])

    text = _text(documents.drawn(tmp_path / "a.pdf", [_placed(rows, (72, 200, 300))]))

    assert text.splitlines()[0] == "项目: 借书证; 费用: 五元; 地点: 前台"
    assert text.splitlines()[2] == "项目: 逾期图书; 费用: 一元; 地点: 前台"


def test_a_ruled_table_is_read_by_row_however_tight_and_with_cells_of_several_lines(
    tmp_path: Path,
):
    wide, high = [70, 60, 120], [20, 20, 40, 20]
    words = documents.ruled(72, 700, wide, high)
    words += [(75, 686, "Item"), (145, 686, "Fee"), (205, 686, "Place")]
    words += [(75, 666, "Library card"), (145, 666, "5 crowns"), (205, 666, "front desk")]
    words += [(75, 646, "Locker"), (145, 646, "2 crowns"), (205, 646, "cellar, behind the")]
    words += [(205, 632, "stairs"), (75, 606, "Late book"), (145, 606, "1 crown")]
    words += [(205, 606, "front desk"), (72, 560, "Fees are paid in cash.")]

    table, after = _load(documents.drawn(tmp_path / "a.pdf", [words]))

    assert table.text == READ.replace("cellar", "cellar, behind the stairs")
    assert after.text == "Fees are paid in cash."


def test_a_cell_that_is_broken_into_lines_stays_one_without_lines_too(tmp_path: Path):
    rows = [
        *PRICES[:2],
        ["Locker", "2 crowns", "cellar, behind"],
        ["", "", "the stairs"],
        PRICES[3],
    ]

    text = _text(documents.drawn(tmp_path / "a.pdf", [_placed(rows, (72, 200, 300))]))

    assert text == READ.replace("cellar", "cellar, behind the stairs")


def test_what_stands_around_a_table_stays_around_it(tmp_path: Path):
    words = [(72, 760, "The library asks for a fee for some of what it lends.")]
    words += _placed(PRICES, (72, 200, 300))
    words.append((72, 620, "Children pay nothing at all."))

    sections = _load(documents.drawn(tmp_path / "a.pdf", [words]))

    assert [section.text for section in sections] == [words[0][2], READ, words[-1][2]]
    assert [section.records for section in sections] == [False, True, False]


@pytest.mark.parametrize("drawn_by", ["row", "column"])
def test_two_columns_are_read_one_after_the_other(tmp_path: Path, drawn_by):
    words = _placed(zip(LEFT, RIGHT, strict=True), (72, 320))
    if drawn_by == "column":
        words.sort(key=lambda word: (word[0], -word[1]))

    text = _text(documents.drawn(tmp_path / "a.pdf", [words]))

    assert " ".join(text.split()) == " ".join([*LEFT, *RIGHT])


def test_chinese_columns_are_read_one_after_the_other(tmp_path: Path):
    left = [
        "工坊每天早上九点开门，晚上六点关门，周",
        "一除外。有钥匙的人可以多留一会儿，但是",
        "最后一个离开的人必须锁好门。机器运转时",
    ]
    left += ["旁边一定要有人看着。", "周末按同样的时间开放。"]
    right = [
        "来访的客人进门之前要在登记本上签名。孩",
        "子必须和带他们来的人在一起。狗在院子里",
        "等候，那里有水。楼内和门口都不许抽烟。",
    ]
    right += ["外套请挂在走廊里的架子上。", "谢谢大家配合我们的工作。"]
    words = _placed(zip(left, right, strict=True), (72, 320))

    text = _text(documents.drawn(tmp_path / "a.pdf", [words]))

    together = "".join(text.split())
    assert together.index(left[-1]) < together.index(right[0])
    assert sorted(together) == sorted("".join([*left, *right]))


def test_a_frame_around_prose_makes_no_table_of_it(tmp_path: Path):
    words = documents.ruled(60, 720, [250, 250], [40, 200])
    words += [(72, 700 - 14 * number, line) for number, line in enumerate(LEFT)]

    assert " ".join(_text(documents.drawn(tmp_path / "a.pdf", [words])).split()) == " ".join(LEFT)


def test_nothing_of_a_page_is_lost_however_its_words_are_strewn(tmp_path: Path):
    words = [
        (20.0 + (number * 131) % 520, 30.0 + (number * 83) % 780, f"word{number}")
        for number in range(150)
    ]
    words += documents.ruled(100, 600, [90, 140, 60], [60, 60, 90])

    text = _text(documents.drawn(tmp_path / "a.pdf", [words]))

    found = "".join(text.split())
    assert [number for number in range(150) if f"word{number}" not in found] == []


def test_pages_of_drawings_cost_no_time(tmp_path: Path):
    words = [(float(x), float(y), "across") for x in range(0, 500, 10) for y in range(0, 800, 10)]

    text = _text(documents.drawn(tmp_path / "a.pdf", [[*words, (72, 400, "A map.")]]))

    assert text == "A map."


def test_tables_on_two_pages_keep_their_pages(tmp_path: Path):
    page = _placed(PRICES, (72, 200, 300))

    sections = _load(documents.drawn(tmp_path / "a.pdf", [page, page]))

    assert [section.page for section in sections] == [1, 2]
    assert all(one.text == two.text for one, two in pairwise(sections))
