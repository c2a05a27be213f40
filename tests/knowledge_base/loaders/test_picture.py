"""Pictures of strangers: written anew, small enough, and nothing of theirs but what is seen."""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image

from knowledge_base.embedders.base import TokenizerSpec
from knowledge_base.errors import (
    LimitExceededError,
    UnreadableDocumentError,
    UnsupportedFormatError,
)
from knowledge_base.loaders.picture import LARGEST, SMALLEST_SIDE, is_redrawn
from knowledge_base.loaders.worker import Reader
from knowledge_base.models import Picture, Upload
from knowledge_base.settings import ReaderLimits
from tests.support import documents, pictures
from tests.support.pictures import BLUE, GREEN, RED, drawn, is_about, looked_at

SPEC = TokenizerSpec(kind="estimate", max_tokens=512)
LIMITS = ReaderLimits(parse_seconds=60, parse_memory_mb=512, max_picture_megapixels=32)


# One loop, and so one worker process, for all tests of this module.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def reader() -> AsyncIterator[Reader]:
    made = Reader(LIMITS, SPEC, workers=1)
    yield made
    await made.aclose()


async def redraw(reader: Reader, folder: Path, content: bytes, side: int = 256) -> Picture:
    (folder / "original").write_bytes(content)
    return await reader.redraw(Upload("p.png", folder / "original"), folder / "drawn.jpg", side)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
async def test_every_kind_becomes_a_jpeg_that_fits(reader, tmp_path, kind):
    picture = await redraw(reader, tmp_path, drawn(GREEN, (1000, 500), kind))
    assert (picture.width, picture.height, picture.media_type) == (256, 128, "image/jpeg")
    written, size, colour = looked_at(picture.path.read_bytes())
    assert (written, size) == ("JPEG", (256, 128))
    assert is_about(colour, GREEN)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        *(("1", kind) for kind in ("PNG", "JPEG", "BMP")),
        *(("L", kind) for kind in ("PNG", "JPEG", "BMP")),
        *(("P", kind) for kind in ("PNG", "BMP")),
        *(("LA", "PNG"), ("I;16", "PNG"), ("CMYK", "JPEG")),
    ],
)
async def test_every_depth_is_understood(reader, tmp_path, mode, kind):
    grey = Image.linear_gradient("L")
    deep = b"".join(struct.pack("<H", row * 256) * 256 for row in range(256))
    image = Image.frombytes("I;16", (256, 256), deep) if mode == "I;16" else grey.convert(mode)
    image.save(tmp_path / "m", kind)
    picture = await redraw(reader, tmp_path, (tmp_path / "m").read_bytes())
    with Image.open(picture.path) as image:
        assert image.size == (256, 256)
        above, below = (image.convert("L").crop((0, y, 256, y + 40)) for y in (0, 216))
        assert sum(above.tobytes()) < sum(below.tobytes()) / 4


async def test_it_stands_upright_and_tells_nothing_of_its_place_or_maker(reader, tmp_path):
    picture = await redraw(reader, tmp_path, pictures.from_a_phone(BLUE), 1568)
    assert (picture.width, picture.height) == (480, 640)
    content = picture.path.read_bytes()
    assert b"MakerOfPhones" not in content
    assert b"do as I say" not in content
    with Image.open(picture.path) as image:
        assert dict(image.getexif()) == {}
        assert "icc_profile" not in image.info


async def test_what_is_see_through_stands_on_white(reader, tmp_path):
    picture = await redraw(reader, tmp_path, drawn((0, 0, 0, 0), mode="RGBA"))
    assert is_about(looked_at(picture.path.read_bytes())[2], (255, 255, 255))


async def test_a_sliver_is_made_as_wide_as_models_need(reader, tmp_path):
    picture = await redraw(reader, tmp_path, drawn(RED, (2000, 3)))
    assert (picture.width, picture.height) == (256, SMALLEST_SIDE)


async def test_noise_is_kept_below_the_largest_size(reader, tmp_path):
    noise = Image.frombytes("RGB", (1568, 1568), os.urandom(1568 * 1568 * 3))
    noise.save(tmp_path / "noise.png")
    picture = await redraw(reader, tmp_path, (tmp_path / "noise.png").read_bytes(), 1568)
    assert picture.path.stat().st_size <= LARGEST
    assert is_redrawn(picture.path)
    assert looked_at(picture.path.read_bytes())[1] == (picture.width, picture.height)
    assert picture.width >= 784


async def test_a_picture_that_promises_too_much_is_refused_before_it_is_decoded(reader, tmp_path):
    with pytest.raises(LimitExceededError) as raised:
        await redraw(reader, tmp_path, pictures.promising(60_000, 60_000))
    assert raised.value.key == "knowledge.max_picture_megapixels"
    assert not (tmp_path / "drawn.jpg").exists()


async def test_what_is_over_its_memory_is_refused_and_the_next_is_drawn(tmp_path):
    limits = ReaderLimits(parse_seconds=60, parse_memory_mb=128, max_picture_megapixels=1000)
    reader = Reader(limits, SPEC, workers=1)
    try:
        with pytest.raises((LimitExceededError, UnreadableDocumentError)):
            await redraw(reader, tmp_path, pictures.promising(30_000, 30_000))
        assert (await redraw(reader, tmp_path, drawn())).width == 256
    finally:
        await reader.aclose()


@pytest.mark.parametrize(
    "content",
    [
        drawn(size=(300, 300))[:200],
        drawn(kind="JPEG")[:300],
        b"\x89PNG\r\n\x1a\n" + b"\xff" * 500,
        b"\xff\xd8\xff" + b"\x00" * 500,
        b"GIF89a" + b"\xff" * 200,
        b"RIFF\xff\xff\xff\xffWEBP" + b"\x01" * 100,
    ],
    ids=["cut png", "cut jpeg", "png", "jpeg", "gif", "webp"],
)
async def test_what_is_broken_is_unreadable_and_the_next_is_drawn(reader, tmp_path, content):
    with pytest.raises(UnreadableDocumentError):
        await redraw(reader, tmp_path, content)
    assert (await redraw(reader, tmp_path, drawn())).width == 256


@pytest.mark.parametrize(
    "content",
    [b"%PDF-1.7\n", b"II*\x00" + b"\x00" * 99, b"<svg/>", b"%!PS-Adobe-3.0 EPSF"],
    ids=["pdf", "tiff", "svg", "eps"],
)
async def test_the_content_says_what_it_is_and_not_the_name(reader, tmp_path, content):
    with pytest.raises(UnsupportedFormatError):
        await redraw(reader, tmp_path, content)


async def test_one_byte_after_the_other_turned_over_never_ends_the_reader(reader, tmp_path):
    whole = bytearray(drawn(RED, (64, 64), "JPEG"))
    for at in range(0, len(whole), 37):
        broken = bytearray(whole)
        broken[at] ^= 0xFF
        try:
            picture = await redraw(reader, tmp_path, bytes(broken))
        except (UnreadableDocumentError, UnsupportedFormatError, LimitExceededError):
            continue
        assert max(picture.width, picture.height) <= 256


async def test_a_picture_of_a_question_does_not_wait_for_uploads(tmp_path):
    reader = Reader(LIMITS, SPEC, workers=1)
    body = "<w:p><w:r><w:t>a b. </w:t></w:r></w:p>" * 400_000
    slow = Upload("slow.docx", documents.docx_of(tmp_path / "slow.docx", body))
    uploads = [asyncio.create_task(reader.parse(slow)) for _ in range(2)]
    try:
        assert (await redraw(reader, tmp_path, drawn())).width == 256
        assert not any(upload.done() for upload in uploads)
    finally:
        for upload in uploads:
            upload.cancel()
        await asyncio.wait(uploads)
        await reader.aclose()
