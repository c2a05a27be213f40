"""Spreadsheets and CSV: a row is a line that says its columns' names."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest
from openpyxl import Workbook

from knowledge_base.errors import UnreadableDocumentError
from knowledge_base.loaders import load
from knowledge_base.models import Section
from knowledge_base.settings import ReaderLimits
from tests.support import documents


def _xlsx(path: Path, **sheets: list[list[object]]) -> list[Section]:
    book = Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return load(path, path.name, ReaderLimits())


def test_each_sheet_is_a_heading_and_each_row_a_line(tmp_path: Path):
    sections = _xlsx(
        tmp_path / "a.xlsx",
        价目=[
            ["品名", "价格", "日期"],
            ["番茄", 4.8, date(2025, 3, 1)],
            ["黄瓜", 3, None],
        ],
        Staff=[
            ["Name", "Since", "Present"],
            [
                "Ada",
                datetime(2020, 1, 2, 8, 30),  # noqa: DTZ001 - sheets know no zones
                True,
            ],
        ],
    )

    assert sections == [
        Section("品名: 番茄; 价格: 4.8; 日期: 2025-03-01\n品名: 黄瓜; 价格: 3", "价目", None, True),
        Section("Name: Ada; Since: 2020-01-02 08:30:00; Present: TRUE", "Staff", None, True),
    ]


def test_a_title_above_the_header_stays_a_line(tmp_path: Path):
    (section,) = _xlsx(tmp_path / "a.xlsx", S=[["Prices 2025"], [], ["Item", "Fee"], ["Card", 5]])

    assert section.text == "Prices 2025\nItem: Card; Fee: 5"


def test_a_sheet_without_a_header_keeps_its_values(tmp_path: Path):
    (section,) = _xlsx(tmp_path / "a.xlsx", S=[["Card", 5], ["DVD", 2]])

    assert section.text == "Card; 5\nDVD; 2"


def test_remarks_and_text_boxes_of_a_workbook_are_read(tmp_path: Path):
    from openpyxl.comments import Comment

    book = Workbook()
    book.active.append(["Item", "Fee"])
    book.active.append(["Card", 5])
    book.active["B2"].comment = Comment("Raised in May", "Ada")
    book.save(tmp_path / "a.xlsx")

    sections = load(tmp_path / "a.xlsx", "a.xlsx", ReaderLimits())

    assert sections[-1] == Section("B2: Raised in May", "Sheet")


def test_old_workbooks_are_read(tmp_path: Path):
    path = documents.xls(tmp_path / "a.xls", "菜价", [["Item", "Fee"], ["番茄", 4.8], ["Egg", 3.0]])

    (section,) = load(path, "a.xls", ReaderLimits())

    assert section == Section("Item: 番茄; Fee: 4.8\nItem: Egg; Fee: 3", "菜价", None, True)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_of_a_csv_is_found(read, delimiter):
    rows = [["Item", "Fee", "Note"], ["Card", "5", "a, b"], ["DVD", "2", 'two "lines"\nhere']]
    lines = "\n".join(
        delimiter.join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows
    )

    (section,) = read("a.csv", lines)

    assert section.text == (
        'Item: Card; Fee: 5; Note: a, b\nItem: DVD; Fee: 2; Note: two "lines" here'
    )


def test_csv_in_gbk_is_read(read):
    (section,) = read("a.csv", "品名,价格\n番茄,4.8\n小青菜,2.6\n".encode("gbk"))

    assert section.text == "品名: 番茄; 价格: 4.8\n品名: 小青菜; 价格: 2.6"


def test_prose_called_csv_loses_nothing(read):
    (section,) = read("a.csv", "The hut, which is old, is closed.\nCome again in June.")

    assert "".join(section.text.split()).count("closed") == 1
    assert "Come again in June." in section.text


def test_a_torn_workbook_is_unreadable(tmp_path: Path):
    path = documents.pack(
        tmp_path / "a.xlsx", {"[Content_Types].xml": documents.TYPES, "xl/workbook.xml": "<work"}
    )

    with pytest.raises(UnreadableDocumentError):
        load(path, "a.xlsx", ReaderLimits())
