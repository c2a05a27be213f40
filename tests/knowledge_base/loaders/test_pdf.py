"""PDF: pages, paragraphs, headings; and files that are none."""

from __future__ import annotations

from pathlib import Path

import pytest
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from knowledge_base.errors import (
    EmptyDocumentError,
    EncryptedDocumentError,
    ScannedDocumentError,
    UnreadableDocumentError,
)
from knowledge_base.loaders import load, ocr
from knowledge_base.models import Section
from knowledge_base.settings import ReaderLimits
from tests.support import documents


def _load(path: Path) -> list[Section]:
    return load(path, path.name, ReaderLimits())


def test_lines_become_paragraphs_under_headings_on_their_pages(tmp_path: Path):
    path = documents.pdf(
        tmp_path / "a.pdf",
        [
            [
                ("Safety Manual", 20),
                (
                    "Everybody who works in the shop reads this manual before the first visit and",
                    11,
                ),
                ("signs the last page.", 11),
                ("1. Woodshop", 15),
                ("Gloves are forbidden at every machine that turns, and so are loose sleeves.", 11),
            ],
            [("2. 激光切割", 15), ("聚氯乙烯不得放入激光切割机，因为它会放出氯气。", 11)],
        ],
    )

    assert _load(path) == [
        Section(
            "Everybody who works in the shop reads this manual before the first visit and "
            "signs the last page.",
            "Safety Manual",
            1,
        ),
        Section(
            "Gloves are forbidden at every machine that turns, and so are loose sleeves.",
            "Safety Manual › 1. Woodshop",
            1,
        ),
        Section("聚氯乙烯不得放入激光切割机，因为它会放出氯气。", "Safety Manual › 2. 激光切割", 2),
    ]


def test_words_broken_at_a_line_end_are_joined(tmp_path: Path):
    lines = [
        ("The workshop warden decides about every permis-", 11),
        ("sion to stay over night in the workshop building.", 11),
        ("中文的句子在行末断开以后，应当直接连在一起，中间不留", 11),
        ("空格。", 11),
    ]

    (section,) = _load(documents.pdf(tmp_path / "a.pdf", [lines]))

    assert "every permission to stay" in section.text
    assert "中间不留空格。" in section.text


def test_a_hyphen_that_belongs_to_the_word_stays(tmp_path: Path):
    lines = [
        ("The self of the warden and the help of members make the workshop a self-", 11),
        ("help place, which the town council of Vessaby has praised.", 11),
    ]

    (section,) = _load(documents.pdf(tmp_path / "a.pdf", [lines]))

    assert "a self-help place" in section.text


def test_items_of_a_list_stay_lines(tmp_path: Path):
    lines = [
        ("- Bring your own sheet sleeping bag when you come to the hut", 11),
        ("- Boots stay outside the door of the sleeping room at all times", 11),
    ]

    (section,) = _load(documents.pdf(tmp_path / "a.pdf", [lines]))

    assert section.text.count("\n- ") == 1


def test_running_heads_stay_on_the_first_page_only(tmp_path: Path):
    pages = [
        [
            (f"Vessaby Library - page {n} of 4", 9),
            *((f"- {text}", 11) for text in ("Total", f"{word} text", "one", "two")),
            (f"- {n * 350} crowns", 11),
        ]
        for n, word in enumerate(["first", "second", "third", "fourth"], 1)
    ]

    sections = _load(documents.pdf(tmp_path / "a.pdf", pages))

    assert [section.page for section in sections] == [1, 2, 3, 4]
    assert [section.text.count("Vessaby") for section in sections] == [1, 0, 0, 0]
    assert [f"{n * 350} crowns" in section.text for n, section in enumerate(sections, 1)] == [
        True
    ] * 4


def test_a_line_that_only_looks_repeated_is_kept(tmp_path: Path):
    pages = [[(f"Invoice {n}00", 11)] for n in range(1, 6)]

    sections = _load(documents.pdf(tmp_path / "a.pdf", pages))

    assert [section.text for section in sections] == [f"Invoice {n}00" for n in range(1, 6)]


def test_form_fields_and_bookmarked_titles_are_read(tmp_path: Path):
    sheet = Canvas(str(tmp_path / "a.pdf"))
    sheet.drawString(72, 760, "Opening hours")
    sheet.bookmarkPage("hours")
    sheet.addOutlineEntry("Opening hours", "hours", level=0)
    sheet.drawString(72, 730, "The library opens at nine.")
    sheet.acroForm.textfield(name="colour", tooltip="Favourite colour", value="teal", x=72, y=600)
    sheet.save()

    (section,) = _load(tmp_path / "a.pdf")

    assert section.heading == "Opening hours"
    assert section.text == "The library opens at nine.\n\nFavourite colour: teal"


def test_a_password_is_told(tmp_path: Path):
    path = documents.pdf(
        tmp_path / "a.pdf", [[("Secret", 11)]], encrypt=StandardEncryption("key", canPrint=0)
    )

    with pytest.raises(EncryptedDocumentError):
        _load(path)


def test_pictures_without_a_text_layer_are_told_where_no_ocr_is(tmp_path: Path, monkeypatch):
    from PIL import Image

    monkeypatch.setattr(ocr, "available", lambda: False)
    picture = tmp_path / "scan.png"
    Image.new("L", (50, 50), 128).save(picture)
    sheet = Canvas(str(tmp_path / "a.pdf"))
    sheet.drawImage(str(picture), 0, 0, 500, 700)
    sheet.save()

    with pytest.raises(ScannedDocumentError):
        _load(tmp_path / "a.pdf")


def test_empty_pages_are_an_empty_document(tmp_path: Path):
    with pytest.raises(EmptyDocumentError):
        _load(documents.pdf(tmp_path / "a.pdf", [[], []]))


def test_a_truncated_file_is_unreadable_or_read_as_far_as_it_goes(tmp_path: Path):
    whole = documents.pdf(tmp_path / "a.pdf", [[("Words on a page.", 11)]] * 3).read_bytes()
    torn = tmp_path / "torn.pdf"
    torn.write_bytes(whole[: len(whole) // 3])

    with pytest.raises(UnreadableDocumentError):
        _load(torn)
