"""What fuzzing has found, one small file each, made here; and what was found by hand beside it."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest

from knowledge_base.errors import EncryptedDocumentError, UnreadableDocumentError
from knowledge_base.loaders import detect, load
from knowledge_base.loaders.archive import extract
from knowledge_base.settings import ReaderLimits
from tests.support import documents


def _packed(method: int) -> bytearray:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("[Content_Types].xml", documents.TYPES)
        archive.writestr("word/document.xml", "<a>" + "words " * 200 + "</a>")
    return bytearray(buffer.getvalue())


def _unreadable(path: Path, content: bytes, folder: Path) -> None:
    path.write_bytes(content)
    with pytest.raises(UnreadableDocumentError):
        load(path, path.name, ReaderLimits())
    folder.mkdir()
    with pytest.raises(UnreadableDocumentError):
        extract(path, path.name, ReaderLimits(), folder)


def test_a_letter_of_an_rtf_file_past_all_letters(tmp_path: Path):
    path = tmp_path / "a.rtf"
    path.write_text(r"{\rtf1\ansi words \u99999999999? and more}")

    with pytest.raises(UnreadableDocumentError):
        load(path, "a.rtf", ReaderLimits())


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_DEFLATED])
def test_members_whose_packing_is_broken(tmp_path: Path, method):
    content = _packed(method)
    at = content.index(b"word/document.xml") + len("word/document.xml")
    content[at + 12 : at + 40] = b"\xa5" * 28

    _unreadable(tmp_path / "a.docx", bytes(content), tmp_path / "out")


def test_a_member_packed_in_a_way_of_another_age_needs_no_password(tmp_path: Path):
    content = _packed(zipfile.ZIP_DEFLATED)
    place = content.rindex(b"PK\x01\x02")
    content[place + 10 : place + 12] = struct.pack("<H", 1)
    local = content.index(b"PK\x03\x04", 4)
    content[local + 8 : local + 10] = struct.pack("<H", 1)

    _unreadable(tmp_path / "a.docx", bytes(content), tmp_path / "out")


def test_a_member_that_needs_a_password_says_so(tmp_path: Path):
    content = _packed(zipfile.ZIP_DEFLATED)
    for mark, flags in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        place = content.rindex(mark)
        content[place + flags] |= 1
    path = tmp_path / "a.docx"
    path.write_bytes(content)

    with pytest.raises(EncryptedDocumentError):
        load(path, "a.docx", ReaderLimits())


def test_an_archive_whose_directory_points_before_its_beginning(tmp_path: Path):
    content = _packed(zipfile.ZIP_STORED)
    end = content.rindex(b"PK\x05\x06")
    (start,) = struct.unpack_from("<I", content, end + 16)
    struct.pack_into("<I", content, end + 16, start + 1000)

    _unreadable(tmp_path / "a.docx", bytes(content), tmp_path / "out")


def test_a_white_bitmap_is_a_picture_and_no_text(tmp_path: Path):
    from PIL import Image

    path = tmp_path / "a.txt"
    Image.new("RGB", (60, 60), "white").save(path, "BMP")

    assert detect(path, "a.txt") == "image/bmp"


def test_words_that_begin_like_a_bitmap_are_text(tmp_path: Path):
    path = tmp_path / "a.txt"
    path.write_text("BM is what the file of a bitmap begins with.")

    assert detect(path, "a.txt") == "text/plain"
