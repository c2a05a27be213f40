"""What a file is, whatever it is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from knowledge_base.errors import (
    EmptyDocumentError,
    EncryptedDocumentError,
    UnreadableDocumentError,
    UnsupportedFormatError,
)
from knowledge_base.loaders import detect, load, media
from knowledge_base.settings import ReaderLimits
from tests.support import documents


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.txt", "Plain words.", media.TEXT),
        ("a", "Plain words.", media.TEXT),
        ("README.md", "# Title", media.MARKDOWN),
        ("a.rst", "Title\n=====\n", media.RST),
        ("a.py", "import os\n", media.SOURCE),
        ("a.csv", "a,b\n1,2\n", media.CSV),
        ("a.txt", "<!DOCTYPE html><title>x</title>", media.HTML),
        ("page", "\n  <html><body>x</body></html>", media.HTML),
        ("a.xhtml", '<?xml version="1.0"?>\n<html xmlns="x"><body/></html>', media.HTML),
        ("a.xml", "<?xml version='1.0'?><a>x</a>", media.XML),
        ("a.svg", "<svg xmlns='x'><text>x</text></svg>", media.XML),
        ("a.json", '{"a": 1}', media.JSON),
        ("data", '{"a": 1}', media.JSON),
        ("notes.txt", "[1] is the first source", media.TEXT),
        ("a.txt", "{\\rtf1 x}", media.RTF),
        ("a.srt", "1\n00:00:01,000 --> 00:00:02,000\nHi\n", media.SRT),
        ("a.txt", "WEBVTT\n\n00:01.000 --> 00:02.000\nHi\n", media.VTT),
        ("a.srt", "nothing of the kind", media.TEXT),
        ("a.ass", "[Script Info]\nTitle: x\n", media.ASS),
        ("mail", "From: a@b.example\nTo: c@d.example\nSubject: x\n\nHi", media.MAIL),
        ("a.txt", "From: the coast\n\nis a poem", media.TEXT),
        ("a.txt", "%PDF-1.7\n", media.PDF),
        ("a.docx", documents.PNG, "image/png"),
        ("a.txt", b"\x00\x01\x02\x03" * 50, media.BINARY),
        ("BMW.txt", "BMW was founded in Munich.", media.TEXT),
        ("MZ.txt", "MZ built motorcycles in Zschopau.", media.TEXT),
        ("a.txt", "词".encode("utf-16"), media.TEXT),
        ("a.txt", b"a line\x00 with a NUL byte in the middle of it, and then words", media.TEXT),
        ("a.txt", b"", media.EMPTY),
    ],
)
def test_the_type_follows_from_the_content(tmp_path: Path, name, content, kind):
    path = tmp_path / "file"
    path.write_bytes(content.encode() if isinstance(content, str) else content)

    assert detect(path, name) == kind


def test_containers_are_told_apart_by_what_is_in_them(tmp_path: Path):
    docx = documents.docx_of(tmp_path / "1", "")
    odt = documents.odf(tmp_path / "2", "text", "")
    epub = documents.epub(tmp_path / "3", {}, {})
    plain = documents.pack(tmp_path / "4", {"word/notes.txt": "no Word file"})
    broken = tmp_path / "5"
    broken.write_bytes(docx.read_bytes()[:100])

    kinds = [detect(path, "x.zip") for path in (docx, odt, epub, plain, broken)]

    assert kinds == [media.DOCX, media.ODT, media.EPUB, media.ZIP, media.BROKEN_ZIP]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", EmptyDocumentError),
        (b" \n\t ", EmptyDocumentError),
        (b"\x7fELF\x02\x01\x01" + b"\x00" * 90, UnsupportedFormatError),
        (b"PK\x03\x04 and nothing more", UnreadableDocumentError),
        (documents.ole(b"x", "EncryptedPackage"), EncryptedDocumentError),
        (documents.ole(b"x", "WordDocument"), UnsupportedFormatError),
    ],
)
def test_what_cannot_be_read_is_told_in_one_error(tmp_path: Path, content, error):
    path = tmp_path / "report.docx"
    path.write_bytes(content)

    with pytest.raises(error) as raised:
        load(path, "report.docx", ReaderLimits())

    assert raised.value.name == "report.docx"


def test_a_program_called_docx_is_named_as_a_program(tmp_path: Path):
    path = tmp_path / "report.docx"
    path.write_bytes(b"\x7fELF\x02\x01\x01" + b"\x00" * 90)

    with pytest.raises(UnsupportedFormatError) as raised:
        load(path, "report.docx", ReaderLimits())

    assert raised.value.media_type == "application/x-executable"


@pytest.mark.parametrize(
    ("end", "kind"), [("# Title", media.MARKDOWN), ("<html><body>Hours</body></html>", media.HTML)]
)
def test_a_file_that_begins_with_a_hundred_comments_is_told_at_once(tmp_path: Path, end, kind):
    path = tmp_path / "page"
    path.write_text("<!-- a -->\n" * 100 + end, encoding="utf-8")

    assert detect(path, "page.md" if kind == media.MARKDOWN else "page.txt") == kind
