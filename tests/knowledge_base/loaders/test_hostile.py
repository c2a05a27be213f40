"""Files made to do harm, or merely unlucky: one clear error each, or read right, within bounds."""

from __future__ import annotations

import sys
import zipfile
import zlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from knowledge_base.embedders.base import TokenizerSpec
from knowledge_base.errors import (
    LimitExceededError,
    RejectedDocumentError,
    UnreadableDocumentError,
)
from knowledge_base.loaders.worker import Reader
from knowledge_base.models import Upload
from knowledge_base.settings import ReaderLimits
from tests.support import documents

SPEC = TokenizerSpec(kind="estimate", max_tokens=512)
LIMITS = ReaderLimits(parse_seconds=60, parse_memory_mb=512)


@pytest_asyncio.fixture
async def reader() -> AsyncIterator[Reader]:
    """A reader with ordinary limits, closed in the end."""
    made = Reader(LIMITS, SPEC, workers=1)
    yield made
    await made.aclose()


async def refused(reader: Reader, path: Path) -> RejectedDocumentError:
    """The error that a file is refused with; the next file is read all the same."""
    with pytest.raises(RejectedDocumentError) as raised:
        await reader.parse(Upload("hostile", path))
    assert raised.value.name == "hostile"
    harmless = path.parent / "harmless.txt"
    harmless.write_text("harmless")
    assert len((await reader.parse(Upload("harmless.txt", harmless))).chunks) == 1
    return raised.value


async def text_of(reader: Reader, path: Path) -> str:
    sections = (await reader.text(Upload(path.name, path))).sections
    return "\n\n".join(section.text for section in sections)


async def outcome(reader: Reader, path: Path) -> str | RejectedDocumentError:
    """The file's text, or the error it is refused with."""
    try:
        return await text_of(reader, path)
    except RejectedDocumentError as error:
        return error


def laughs(last: str) -> str:
    """A document type whose last entity expands to ten thousand million words."""
    entities = ['<!ENTITY a0 "ha ">']
    entities += [f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 11)]
    return f"<?xml version='1.0'?><!DOCTYPE {last} [{''.join(entities)}]>"


async def test_entities_of_a_word_file_do_not_multiply(reader, tmp_path: Path):
    body = "<w:p><w:r><w:t>before &a10; after</w:t></w:r></w:p>"
    path = documents.docx_of(tmp_path / "a.docx", body, doctype=laughs("w:document"))

    assert isinstance(await refused(reader, path), UnreadableDocumentError)


async def test_entities_of_an_opendocument_file_do_not_multiply(reader, tmp_path: Path):
    path = documents.odf(
        tmp_path / "a.odt",
        "text",
        "<text:p>before &a10; after</text:p>",
        doctype=laughs("office:document-content"),
    )

    assert isinstance(await refused(reader, path), UnreadableDocumentError)


async def test_entities_of_a_drawing_do_not_multiply(reader, tmp_path: Path):
    path = tmp_path / "a.svg"
    path.write_text(f"{laughs('svg')}<svg><text>before &a10; after</text></svg>")

    assert isinstance(await refused(reader, path), UnreadableDocumentError)


async def test_entities_of_a_workbook_do_not_multiply(reader, tmp_path: Path):
    from openpyxl import Workbook

    book = Workbook()
    book.active.append(["Item", "Fee"])
    book.save(tmp_path / "whole.xlsx")
    path = tmp_path / "a.xlsx"
    with (
        zipfile.ZipFile(tmp_path / "whole.xlsx") as whole,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bad,
    ):
        for name in whole.namelist():
            content = whole.read(name).decode()
            if name == "xl/sharedStrings.xml":
                content = laughs("sst") + content.partition("?>")[2].replace("Item", "&a10;")
            bad.writestr(name, content)

    assert "ha ha" not in str(await outcome(reader, path))


async def test_a_file_outside_is_not_read_into_a_document(reader, tmp_path: Path):
    (tmp_path / "secret").write_text("the password is swordfish")
    doctype = f"<!DOCTYPE a [<!ENTITY x SYSTEM 'file://{tmp_path}/secret'>]>"
    path = tmp_path / "a.xml"
    path.write_text(f"<?xml version='1.0'?>{doctype}<a>before &x; after</a>")

    assert "swordfish" not in await text_of(reader, path)


@pytest.mark.parametrize("kind", ["docx", "odt", "xlsx", "epub", "pptx"])
async def test_a_document_that_unpacks_to_gigabytes_is_refused(tmp_path: Path, kind):
    main = {
        "docx": "word/document.xml",
        "xlsx": "xl/workbook.xml",
        "pptx": "ppt/presentation.xml",
        "odt": "content.xml",
        "epub": "META-INF/container.xml",
    }[kind]
    path = tmp_path / "bomb"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        if kind == "odt":
            archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        elif kind == "epub":
            archive.writestr("mimetype", "application/epub+zip")
        else:
            archive.writestr("[Content_Types].xml", documents.TYPES)
        with archive.open(main, "w") as member:
            member.write(b"<?xml version='1.0'?><a>")
            for _ in range(60):
                member.write(b" " * 1_000_000)
    bounded = Reader(replace(LIMITS, max_archive_mb=50), SPEC, workers=1)

    error = await refused(bounded, path)

    await bounded.aclose()
    assert isinstance(error, LimitExceededError)
    assert error.key == "knowledge.max_archive_mb"


async def test_a_million_empty_rows_hide_nothing_and_cost_little(reader, tmp_path: Path):
    from openpyxl import Workbook

    book = Workbook()
    book.active.append(["Item", "Fee"])
    book.active.append(["Card", 5])
    book.active["A1048576"] = "the end"
    book.save(tmp_path / "a.xlsx")
    with zipfile.ZipFile(tmp_path / "a.xlsx") as whole:
        members = {name: whole.read(name).decode() for name in whole.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    empty = "".join(f'<row r="{n}" spans="1:16384"/>' for n in range(3, 1_000_000))
    members[sheet] = members[sheet].replace('<row r="1048576"', f'{empty}<row r="1048576"')
    assert empty in members[sheet]

    path = documents.pack(tmp_path / "million.xlsx", members)

    assert await text_of(reader, path) == "Item: Card; Fee: 5\nItem: the end"


async def test_a_sheet_that_claims_every_cell_there_is_is_read_by_its_cells(reader, tmp_path: Path):
    from openpyxl import Workbook

    book = Workbook()
    book.active.append(["Item", "Fee"])
    book.active.append(["Card", 5])
    book.save(tmp_path / "a.xlsx")
    with zipfile.ZipFile(tmp_path / "a.xlsx") as whole:
        members = {name: whole.read(name).decode() for name in whole.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    members[sheet] = members[sheet].replace('ref="A1:B2"', 'ref="A1:XFD1048576"')
    assert "XFD1048576" in members[sheet]

    path = documents.pack(tmp_path / "claims.xlsx", members)

    assert await text_of(reader, path) == "Item: Card; Fee: 5"


async def test_json_nested_past_all_reason_is_read_as_it_stands(reader, tmp_path: Path):
    path = tmp_path / "a.json"
    path.write_text("[" * 100_000 + '"deep"' + "]" * 100_000)

    assert "deep" in await text_of(reader, path)


async def test_a_csv_field_of_megabytes_is_read(reader, tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_text('name,text\nlong,"' + "words and words, " * 100_000 + '"\nshort,end\n')

    text = await text_of(reader, path)

    assert text.startswith("name: long; text: words and words,")
    assert text.endswith("name: short; text: end")


async def test_a_quote_that_never_closes_loses_nothing(reader, tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_text('name,text\na,"open\n' + "b,closed\n" * 1000)

    assert (await text_of(reader, path)).count("closed") == 1000


async def test_a_file_larger_than_allowed_is_refused_unread(tmp_path: Path):
    path = tmp_path / "a.txt"
    with path.open("wb") as stream:
        stream.truncate(3 * 1024 * 1024)
    bounded = Reader(replace(LIMITS, max_file_mb=2), SPEC, workers=1)

    error = await refused(bounded, path)

    await bounded.aclose()
    assert isinstance(error, LimitExceededError)
    assert (error.key, error.limit) == ("knowledge.max_file_mb", 2)


@pytest.mark.parametrize("unit", ["x", "words without an end ", "无穷无尽的一行字"])
async def test_one_endless_line_is_read_whole_where_it_is_allowed(tmp_path: Path, unit):
    path = tmp_path / "a.txt"
    path.write_text(unit * (1_500_000 // len(unit.encode())))
    generous = Reader(replace(LIMITS, max_passages_per_document=100_000), SPEC, workers=1)

    parsed = await generous.parse(Upload("a.txt", path))

    await generous.aclose()
    text = "".join("".join(chunk.text.split()) for chunk in parsed.chunks)
    assert text == "".join(path.read_text().split())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's memory")
async def test_a_pdf_whose_page_unpacks_to_gigabytes_is_refused(reader, tmp_path: Path):
    packer = zlib.compressobj(9)
    page = b"".join(packer.compress(b" " * 10_000_000) for _ in range(100)) + packer.flush()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>",
        b"<< /Length %d /Filter /FlateDecode >>\nstream\n" % len(page) + page + b"\nendstream",
    ]
    content = b"%PDF-1.7\n"
    for number, item in enumerate(objects, 1):
        content += b"%d 0 obj\n" % number + item + b"\nendobj\n"
    path = tmp_path / "bomb.pdf"
    path.write_bytes(content + b"trailer << /Root 1 0 R >>\n%%EOF")

    assert isinstance(await refused(reader, path), RejectedDocumentError)


@pytest.mark.parametrize("content", [b"\x00" * 5000, bytes(range(256)) * 40, b"\xff" * 999])
async def test_bytes_that_mean_nothing_are_refused_or_read_as_text(reader, tmp_path, content):
    path = tmp_path / "a.txt"
    path.write_bytes(content)

    assert str(await outcome(reader, path)).isprintable()


async def test_every_kind_of_file_may_be_torn_anywhere(reader, tmp_path: Path, caplog):
    whole = {
        "a.docx": documents.docx_of(tmp_path / "1", "<w:p><w:r><w:t>Words</w:t></w:r></w:p>" * 200),
        "a.odt": documents.odf(tmp_path / "2", "text", "<text:p>Words</text:p>" * 200),
        "a.epub": documents.epub(tmp_path / "3", {"a.xhtml": "<p>Words</p>"}, {"a.xhtml": "A"}),
        "a.pdf": documents.pdf(tmp_path / "4", [[("Words", 11)]] * 3),
        "a.xls": documents.xls(tmp_path / "5", "S", [["Words", 1.0]] * 50),
    }
    outcomes = []
    for name, path in whole.items():
        content = path.read_bytes()
        for share in (0.05, 0.3, 0.6, 0.95):
            torn = tmp_path / name
            torn.write_bytes(content[: int(len(content) * share)])
            outcomes.append(await outcome(reader, torn))
    assert len(outcomes) == 4 * len(whole)
    assert "worker lost" not in caplog.text
