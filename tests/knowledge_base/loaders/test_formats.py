"""Slides, OpenDocument, mail, books, rich text, structured text and subtitles."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

import pptx
import pytest
from pptx.util import Inches

from knowledge_base.errors import EncryptedDocumentError, UnreadableDocumentError
from knowledge_base.loaders import load
from knowledge_base.models import Section
from knowledge_base.settings import ReaderLimits
from tests.support import documents


def _load(path: Path) -> list[Section]:
    return load(path, path.name, ReaderLimits())


def test_each_slide_is_a_page_with_title_table_and_notes(tmp_path: Path):
    deck = pptx.Presentation()
    first = deck.slides.add_slide(deck.slide_layouts[1])
    first.shapes.title.text = "Rehearsal rooms"
    first.placeholders[1].text = "Book ten days ahead\nCancel a day before"
    first.notes_slide.notes_text_frame.text = "Mention the piano"
    second = deck.slides.add_slide(deck.slide_layouts[5])
    second.shapes.title.text = "费用"
    table = second.shapes.add_table(2, 2, Inches(1), Inches(2), Inches(4), Inches(1)).table
    for cell, text in zip(table.iter_cells(), ("厅", "价格", "大厅", "60元"), strict=True):
        cell.text = text
    deck.save(str(tmp_path / "a.pptx"))

    assert _load(tmp_path / "a.pptx") == [
        Section(
            "Book ten days ahead\nCancel a day before\n\nMention the piano", "Rehearsal rooms", 1
        ),
        Section("厅: 大厅; 价格: 60元", "费用", 2, True),
    ]


def test_slides_come_in_the_order_they_are_shown(tmp_path: Path):
    deck = pptx.Presentation()
    for number in range(12):
        deck.slides.add_slide(deck.slide_layouts[5]).shapes.title.text = f"Slide {number}"
    order = deck.slides._sldIdLst
    order.append(order[0])
    deck.save(str(tmp_path / "a.pptx"))

    shown = [section.text for section in _load(tmp_path / "a.pptx")]

    assert shown == [f"Slide {number}" for number in (*range(1, 12), 0)]


def test_an_odt_keeps_headings_lists_notes_and_tables(tmp_path: Path):
    body = (
        "<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>"
        '<text:h text:outline-level="1">Rules</text:h>'
        '<text:p>Quiet<text:s text:c="2"/>after<text:tab/>ten<text:line-break/>sharp.'
        "<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>Not on "
        "Fridays</text:p></text:note-body></text:note></text:p>"
        "<text:list><text:list-item><text:p>Boots off</text:p></text:list-item></text:list>"
        '<text:h text:outline-level="2">Prices</text:h><table:table>'
        "<table:table-header-rows><table:table-row><table:table-cell><text:p>Item</text:p>"
        "</table:table-cell><table:table-cell><text:p>Fee</text:p></table:table-cell>"
        "</table:table-row></table:table-header-rows><table:table-row><table:table-cell>"
        "<text:p>Bed</text:p></table:table-cell><table:table-cell><text:p>16</text:p>"
        "</table:table-cell></table:table-row></table:table>"
    )

    assert _load(documents.odf(tmp_path / "a.odt", "text", body)) == [
        Section("Quiet after ten\nsharp. [\nNot on Fridays]\n\n- Boots off", "Rules"),
        Section("Item: Bed; Fee: 16", "Rules › Prices", None, True),
    ]


def test_an_ods_reads_rows_and_does_not_believe_in_millions_of_empty_ones(tmp_path: Path):
    empty = (
        '<table:table-row table:number-rows-repeated="1048576"><table:table-cell/>'
        "</table:table-row>"
    )
    rows = (
        "<table:table-row><table:table-cell><text:p>品名</text:p></table:table-cell>"
        "<table:table-cell><text:p>价格</text:p></table:table-cell></table:table-row>"
        "<table:table-row><table:table-cell><text:p>番茄</text:p></table:table-cell>"
        "<table:table-cell><text:p>4.8</text:p></table:table-cell>"
        '<table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
    )
    body = f'<table:table table:name="菜价">{empty}{rows}{empty}</table:table>'

    assert _load(documents.odf(tmp_path / "a.ods", "spreadsheet", body)) == [
        Section("品名: 番茄; 价格: 4.8", "菜价", None, True)
    ]


def test_slides_of_an_odp_are_pages(tmp_path: Path):
    body = "".join(
        f'<draw:page><draw:frame presentation:class="title"><draw:text-box><text:p>T{n}</text:p>'
        f"</draw:text-box></draw:frame><draw:frame><draw:text-box><text:p>Body {n}</text:p>"
        "</draw:text-box></draw:frame></draw:page>"
        for n in (1, 2)
    )

    assert _load(documents.odf(tmp_path / "a.odp", "presentation", body)) == [
        Section("Body 1", "T1", 1),
        Section("Body 2", "T2", 2),
    ]


def test_a_locked_odt_is_told(tmp_path: Path):
    path = documents.odf(
        tmp_path / "a.odt", "text", "x", **{"META-INF/manifest": "<m><encryption-data/></m>"}
    )

    with pytest.raises(EncryptedDocumentError):
        _load(path)


def test_chapters_of_a_book_come_in_the_order_of_its_spine(tmp_path: Path):
    path = documents.epub(
        tmp_path / "a.epub",
        {
            "z.xhtml": "<html><body><h1>Spring</h1><p>Herons come back.</p></body></html>",
            "a.xhtml": "<html><body><p>They nest.</p></body></html>",
        },
        {"z.xhtml": "Spring", "a.xhtml": "Summer"},
    )

    assert _load(path) == [
        Section("The Heron Almanac\nAda Fenwick"),
        Section("Herons come back.", "Spring"),
        Section("They nest.", "Summer"),
    ]


def test_a_locked_book_is_told(tmp_path: Path):
    locked = "<e><EncryptionMethod Algorithm='http://www.w3.org/2001/04/xmlenc#aes256-cbc'/></e>"

    with pytest.raises(EncryptedDocumentError):
        _load(documents.epub(tmp_path / "a.epub", {"a.xhtml": "x"}, {}, encryption=locked))


def test_mail_is_read_with_its_fields_and_attachments(read):
    message = EmailMessage()
    message["From"] = "林小满 <lin@example.org>"
    message["To"] = "team@example.org"
    message["Subject"] = "周会纪要"
    message["Date"] = "Wed, 14 May 2025 09:00:00 +0000"
    message.set_content("请看附件。\n")
    message.add_alternative("<p>请看附件。</p>", subtype="html")
    message.add_attachment("品名,价格\n番茄,4.8\n", subtype="csv", filename="价格.csv")
    message.add_attachment(b"\x89PNG\r\n\x1a\n\x00", "image", "png", filename="x.png")

    assert read("a.eml", message.as_bytes()) == [
        Section(
            "From: 林小满 <lin@example.org>\nTo: team@example.org\n"
            "Date: Wed, 14 May 2025 09:00:00 +0000\nSubject: 周会纪要\n\n请看附件。",
            "周会纪要",
        ),
        Section("Attachment: 价格.csv", "周会纪要"),
        Section("品名: 番茄; 价格: 4.8", "周会纪要 › 价格.csv", None, True),
        Section("Attachment: x.png", "周会纪要"),
    ]


def test_mail_of_html_alone_is_read(read):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@b.example", "c@d.example", "News"
    message.set_content("<h2>Hut</h2><p>Open again.</p><script>x</script>", subtype="html")

    assert read("a.eml", message.as_bytes())[-1] == Section("Open again.", "News › Hut")


def test_rich_text_is_read_in_its_code_page(read):
    text = r"{\rtf1\ansi\ansicpg936 {\b Caf\'a8\'a6} \u38654?\u30746? \'d4\'c4\'b6\'c1\par Next}"

    (section,) = read("a.rtf", text)

    assert section.text.split("\n\n")[0].endswith("雾砚 阅读")
    assert section.text.endswith("Next")


def test_json_says_the_names_that_stand_over_its_values(read):
    text = (
        '{"name": "Vessaby", "version": 1.10, "hours": {"monday": "9-5", "open": true},'
        '"fees": [{"item": "Card", "fee": {"adult": 5, "child": 0}}, {"item": "DVD"}],'
        '"tags": ["quiet", "old"], "none": null}'
    )

    assert read("a.json", text) == [
        Section("name: Vessaby\nversion: 1.10\ntags: quiet, old"),
        Section("monday: 9-5\nopen: true", "hours"),
        Section("item: Card; fee.adult: 5; fee.child: 0\nitem: DVD", "fees", None, True),
    ]


def test_lines_of_json_are_records(read):
    (section,) = read("a.jsonl", '{"q": "when?", "a": "noon"}\n{"q": "who?", "a": "Ada"}\n')

    assert section == Section("q: when?; a: noon\nq: who?; a: Ada", None, None, True)


def test_xml_and_drawings_give_the_text_of_their_elements(read):
    text = (
        "<?xml version='1.0'?><kb><entry><title>Hut</title><p>Open <b>daily</b>.</p></entry></kb>"
    )

    (section,) = read("a.xml", text)

    assert section.text.split("\n\n") == ["Hut", "Open daily."]


def test_xml_that_is_none_is_unreadable(read):
    with pytest.raises(UnreadableDocumentError):
        read("a.xml", "<?xml version='1.0'?><a><b></a>")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "a.srt",
            "1\n00:00:01,000 --> 00:00:03,000\n<i>Welcome</i>\n\n"
            "2\n00:00:03,500 --> 00:00:05,000\nto the hut.\n\n"
            "3\n00:01:10,000 --> 00:01:12,000\n请脱鞋。\n",
        ),
        (
            "a.vtt",
            "WEBVTT\n\n00:01.000 --> 00:03.000\nWelcome\n\n00:03.500 --> 00:05.000\nto the hut.\n\n"
            "00:01:10.000 --> 00:01:12.000\n请脱鞋。\n",
        ),
        (
            "a.ass",
            "[Script Info]\nScriptType: v4.00+\n\n[Events]\n"
            "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
            "Dialogue: 0,0:00:01.00,0:00:03.00,Default,,0,0,0,,{\\b1}Welcome\n"
            "Dialogue: 0,0:00:03.50,0:00:05.00,Default,,0,0,0,,to the hut.\n"
            "Comment: 0,0:00:03.50,0:00:05.00,Default,,0,0,0,,not said\n"
            "Dialogue: 0,0:01:10.00,0:01:12.00,Default,,0,0,0,,请脱鞋。\n",
        ),
    ],
)
def test_subtitles_are_paragraphs_with_their_time(read, name, text):
    assert read(name, text) == [Section("[00:00:01] Welcome to the hut.\n\n[00:01:10] 请脱鞋。")]
