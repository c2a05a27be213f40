"""Text on pictures, with the extra `ocr` and without it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from knowledge_base.embedders.base import TokenizerSpec
from knowledge_base.errors import (
    EmptyDocumentError,
    LimitExceededError,
    ScannedDocumentError,
)
from knowledge_base.loaders import load, ocr
from knowledge_base.loaders.source import Source
from knowledge_base.loaders.worker import Reader
from knowledge_base.models import Upload
from knowledge_base.settings import ReaderLimits
from tests.support import documents

SPEC = TokenizerSpec(kind="estimate", max_tokens=512)
needs_ocr = pytest.mark.skipif(not ocr.available(), reason="needs the extra `ocr`")
SAID = ["The workshop opens at nine.", "Gloves are forbidden here.", "Dogs wait in the yard."]


def picture(lines: Sequence[str], size: tuple[int, int] = (900, 300), height: int = 34):
    """Black on white, as a screen shows it."""
    drawn = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(drawn)
    for number, line in enumerate(lines):
        draw.text((40, 30 + number * height * 1.6), line, "black", ImageFont.load_default(height))
    return drawn


def chinese(folder: Path) -> Image.Image:
    """Chinese in the font that PDFium has for it."""
    import pypdfium2 as pdfium

    path = documents.pdf(folder / "zh.pdf", [[("工坊每天早上九点开门。", 24)]])
    with pdfium.PdfDocument(path) as document:
        return document[0].render(scale=2).to_pil().convert("RGB").crop((0, 0, 1190, 400))


def mixed(path: Path, pages: Sequence[str | Image.Image]) -> Path:
    """A PDF of pages with text and of scanned ones."""
    sheet = Canvas(str(path), pagesize=(595, 842))
    for page in pages:
        if isinstance(page, str):
            sheet.drawString(72, 700, page)
        else:
            sheet.drawImage(ImageReader(page), 0, 0, 595, 842)
        sheet.showPage()
    sheet.save()
    return path


def scan(lines: Sequence[str]) -> Image.Image:
    return picture(lines, (1240, 1754), 30)


@needs_ocr
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF"])
def test_a_screenshot_is_read_whatever_its_kind(tmp_path: Path, kind):
    picture(SAID).save(tmp_path / "file", kind)

    (section,) = load(tmp_path / "file", "shot", ReaderLimits())

    assert section.text.split("\n") == SAID
    assert section.page is None


@needs_ocr
def test_chinese_is_read_where_a_font_draws_it(tmp_path: Path):
    drawn = chinese(tmp_path)
    if drawn.convert("L").getextrema()[0] > 200:
        pytest.skip("no font here draws Chinese")
    drawn.save(tmp_path / "a.png")

    sections = load(tmp_path / "a.png", "a.png", ReaderLimits())

    assert "每天早上九点" in sections[0].text


@needs_ocr
def test_each_frame_of_a_tiff_is_a_page(tmp_path: Path):
    first, second = picture(SAID[:1]), picture(SAID[1:2])
    first.save(tmp_path / "a.tif", "TIFF", save_all=True, append_images=[second])

    sections = load(tmp_path / "a.tif", "a.tif", ReaderLimits())

    assert [(section.page, section.text) for section in sections] == [(1, SAID[0]), (2, SAID[1])]


@needs_ocr
def test_each_page_of_a_pdf_is_read_its_way(tmp_path: Path):
    plain = "This page has a text of its own, set in letters that need no eyes to be read."
    path = mixed(tmp_path / "a.pdf", [plain, scan(SAID), plain.replace("This", "Another")])
    told: list[tuple[int, int | None]] = []
    recognised: list[bool] = []

    sections = ocr_load(path, told, recognised)

    assert [section.page for section in sections] == [1, 2, 3]
    assert sections[0].text == plain
    assert sections[1].text.replace("\n", " ") == " ".join(SAID)
    assert (2, 3) in told
    assert recognised == [True]


def ocr_load(path: Path, told: list, recognised: list):
    from knowledge_base.loaders import load_as, media

    return load_as(
        Source(
            path,
            path.name,
            media.PDF,
            progress=lambda done, total: told.append((done, total)),
            recognised=lambda: recognised.append(True),
        )
    )


@needs_ocr
def test_a_picture_without_words_is_empty(tmp_path: Path):
    Image.new("RGB", (300, 300), "gray").save(tmp_path / "a.png")

    with pytest.raises(EmptyDocumentError):
        load(tmp_path / "a.png", "a.png", ReaderLimits())


@needs_ocr
@pytest.mark.parametrize("size", [(1, 1), (4000, 3), (2, 3000), (31, 31)])
def test_slivers_do_no_harm(tmp_path: Path, size):
    Image.new("RGB", size, "white").save(tmp_path / "a.png")

    with pytest.raises(EmptyDocumentError):
        load(tmp_path / "a.png", "a.png", ReaderLimits())


@needs_ocr
def test_more_scanned_pages_than_allowed_are_refused_before_the_first_is_read(tmp_path: Path):
    path = mixed(tmp_path / "a.pdf", [scan([])] * 3)
    picture([]).save(tmp_path / "a.tif", "TIFF", save_all=True, append_images=[picture([])] * 2)
    limits = ReaderLimits(max_ocr_pages=2)

    for name in ("a.pdf", "a.tif"):
        with pytest.raises(LimitExceededError) as raised:
            load(tmp_path / name, name, limits)
        assert (raised.value.key, raised.value.limit) == ("knowledge.max_ocr_pages", 2)
    assert path.exists()


@needs_ocr
async def test_the_worker_reads_scans_with_pages_told_and_serves_again(tmp_path: Path):
    path = mixed(tmp_path / "a.pdf", [scan(SAID), scan(SAID[::-1])])
    pages: list[tuple[int, int | None]] = []
    reader = Reader(ReaderLimits(), SPEC, workers=1)
    try:
        parsed = await reader.parse(
            Upload("a.pdf", path), lambda done, total: pages.append((done, total))
        )
        again = await reader.text(Upload("a.pdf", path))
    finally:
        await reader.aclose()

    assert pages == [(1, 2), (2, 2)]
    assert parsed.pages == 2
    assert [chunk.page for chunk in parsed.chunks] == [1, 2]
    assert len(again.sections) == 2


@needs_ocr
async def test_too_little_memory_for_a_page_is_told_with_its_key(tmp_path: Path):
    path = mixed(tmp_path / "a.pdf", [scan(SAID * 8)])
    reader = Reader(ReaderLimits(parse_memory_mb=64), SPEC, workers=1)
    try:
        with pytest.raises(LimitExceededError) as raised:
            await reader.parse(Upload("a.pdf", path))
    finally:
        await reader.aclose()

    assert raised.value.key == "knowledge.parse_memory_mb"


def test_without_the_extra_a_picture_is_told_to_be_one(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(ocr, "available", lambda: False)
    buffer = io.BytesIO()
    picture(SAID).save(buffer, "PNG")
    (tmp_path / "a.png").write_bytes(buffer.getvalue())

    with pytest.raises(ScannedDocumentError):
        load(tmp_path / "a.png", "a.png", ReaderLimits())


def test_without_the_extra_scanned_pages_are_named_and_the_others_read(tmp_path: Path, monkeypatch):
    from knowledge_base.loaders import load_as, media

    monkeypatch.setattr(ocr, "available", lambda: False)
    path = mixed(tmp_path / "a.pdf", ["Words of the file itself.", scan(SAID), scan(SAID)])
    left_out: list[int] = []

    (section,) = load_as(Source(path, "a.pdf", media.PDF, left_out=left_out.append))

    assert (section.page, section.text) == (1, "Words of the file itself.")
    assert left_out == [2, 3]
