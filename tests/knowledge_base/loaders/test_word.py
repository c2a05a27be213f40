"""Word documents."""

from __future__ import annotations

from pathlib import Path

import docx
from docx.enum.text import WD_BREAK

from knowledge_base.loaders import load
from knowledge_base.models import Section
from knowledge_base.settings import ReaderLimits
from tests.support import documents


def _load(path: Path) -> list[Section]:
    return load(path, path.name, ReaderLimits())


def test_headings_lists_and_tables_survive(tmp_path: Path):
    document = docx.Document()
    document.add_heading("Staff Handbook", 0)
    document.add_paragraph("For everybody.")
    document.add_heading("Leave", 1)
    document.add_paragraph("Twelve days", style="List Bullet")
    document.add_heading("Sick leave", 2)
    table = document.add_table(rows=3, cols=2)
    for row, cells in enumerate([("Days", "Needs"), ("1", "A call"), ("3", "A note")]):
        table.rows[row].cells[0].text, table.rows[row].cells[1].text = cells
    document.add_paragraph("Call before 9.")
    document.sections[0].header.paragraphs[0].text = "Mistral Tea Ltd."
    document.save(str(tmp_path / "a.docx"))

    assert _load(tmp_path / "a.docx") == [
        Section("Mistral Tea Ltd."),
        Section("For everybody.", "Staff Handbook"),
        Section("Twelve days", "Staff Handbook › Leave"),
        Section(
            "Days: 1; Needs: A call\nDays: 3; Needs: A note",
            "Staff Handbook › Leave › Sick leave",
            None,
            True,
        ),
        Section("Call before 9.", "Staff Handbook › Leave › Sick leave"),
    ]


def test_pages_are_those_of_the_last_layout(tmp_path: Path):
    mark = "<w:r><w:lastRenderedPageBreak/></w:r>"
    body = (
        "<w:p><w:r><w:t>One</w:t></w:r></w:p>"
        f"<w:p><w:r><w:t>end of one,</w:t></w:r>{mark}<w:r><w:t>begin of two</w:t></w:r></w:p>"
        "<w:p><w:r><w:br w:type='page'/></w:r></w:p>"
        f"<w:p>{mark}<w:r><w:t>Three</w:t></w:r></w:p>"
    )

    assert _load(documents.docx_of(tmp_path / "a.docx", body)) == [
        Section("One\n\nend of one,", None, 1),
        Section("begin of two", None, 2),
        Section("Three", None, 3),
    ]


def test_breaks_set_by_hand_count_where_no_page_can_overflow(tmp_path: Path):
    document = docx.Document()
    for text in ("First", "Second", "Third"):
        document.add_heading(text, 1)
        document.add_paragraph(f"{text} text.")
        document.add_paragraph().add_run().add_break(WD_BREAK.PAGE)
    document.save(str(tmp_path / "a.docx"))

    assert [(s.heading, s.page) for s in _load(tmp_path / "a.docx")] == [
        ("First", 1),
        ("Second", 2),
        ("Third", 3),
    ]


def test_breaks_set_by_hand_do_not_count_where_a_page_overflows(tmp_path: Path):
    document = docx.Document()
    document.add_paragraph("Long. " * 2000)
    document.add_page_break()
    document.add_paragraph("After.")
    document.save(str(tmp_path / "a.docx"))

    assert {section.page for section in _load(tmp_path / "a.docx")} == {None}


def test_text_in_boxes_controls_and_insertions_is_read_and_deletions_are_not(tmp_path: Path):
    body = (
        "<w:sdt><w:sdtContent><w:p><w:r><w:t>In a control</w:t></w:r></w:p></w:sdtContent></w:sdt>"
        "<w:p><w:ins><w:r><w:t>inserted </w:t></w:r></w:ins><w:del><w:r><w:delText>gone</w:delText>"
        "</w:r></w:del><w:hyperlink><w:r><w:t>linked</w:t></w:r></w:hyperlink></w:p>"
        "<w:p><w:r><w:pict><w:txbxContent><w:p><w:r><w:t>in a box</w:t></w:r></w:p>"
        "</w:txbxContent></w:pict></w:r></w:p>"
    )
    note = (
        f"<w:footnotes xmlns:w='{documents.W}'><w:footnote><w:p><w:r><w:t>A note</w:t></w:r></w:p>"
    )

    (section,) = _load(
        documents.docx_of(tmp_path / "a.docx", body, footnotes=note + "</w:footnote></w:footnotes>")
    )

    assert section.text.split("\n\n") == ["In a control", "inserted linked", "in a box", "A note"]


def test_a_table_within_a_table_is_told_once(tmp_path: Path):
    document = docx.Document()
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip(table._cells, ("Kind", "Where", "Tea", ""), strict=True):
        cell.text = text
    inner = table.rows[1].cells[1].add_table(rows=1, cols=2)
    inner.rows[0].cells[0].text, inner.rows[0].cells[1].text = "shelf", "nine"
    document.save(str(tmp_path / "a.docx"))

    (section,) = _load(tmp_path / "a.docx")

    assert section.text == "Kind: Tea; Where: shelf nine"
