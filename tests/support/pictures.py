"""Pictures for tests: drawn here, told apart by their colour, looked at when they arrive."""

from __future__ import annotations

import asyncio
import base64
import io
import struct
import zlib
from pathlib import Path

from PIL import Image

from knowledge_base.loaders.detect import detect
from knowledge_base.loaders.picture import MEDIA_TYPE, redraw
from knowledge_base.loaders.source import Source
from knowledge_base.models import Picture, Upload

RED, GREEN, BLUE = (220, 20, 30), (10, 200, 40), (20, 30, 220)


def drawn(
    colour: tuple[int, ...] = RED,
    size: tuple[int, int] = (640, 480),
    kind: str = "PNG",
    mode: str = "RGB",
    **options: object,
) -> bytes:
    """A picture of one colour."""
    written = io.BytesIO()
    Image.new(mode, size, colour).save(written, kind, **options)
    return written.getvalue()


def from_a_phone(colour: tuple[int, ...] = RED) -> bytes:
    """Held upright, with the place where it was taken: 640 wide in the file, 480 to the eye."""
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turned by a quarter
    exif[0x010F] = "MakerOfPhones"
    exif.get_ifd(0x8825)[1] = "N"
    return drawn(colour, kind="JPEG", exif=exif, comment=b"do as I say")


def promising(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is so large."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    rows = zlib.compress(b"\0" * 4096)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def looked_at(content: bytes) -> tuple[str, tuple[int, int], tuple[int, ...]]:
    """Format, size and the colour in the middle."""
    with Image.open(io.BytesIO(content)) as image:
        middle = image.convert("RGB").getpixel((image.width // 2, image.height // 2))
        assert isinstance(middle, tuple)
        return image.format or "", image.size, middle


def is_about(seen: tuple[int, ...], colour: tuple[int, ...]) -> bool:
    """The same colour, as far as a JPEG keeps one."""
    return all(abs(a - b) < 12 for a, b in zip(seen, colour, strict=True))


def of_url(url: str) -> bytes:
    """What a data: URL of a JPEG holds."""
    head, _, content = url.partition(",")
    assert head == "data:image/jpeg;base64"
    return base64.b64decode(content, validate=True)


async def redrawn(upload: Upload, destination: Path, side: int) -> Picture:
    """What the worker process does, in this one."""

    def draw() -> Picture:
        source = Source(upload.path, upload.name, detect(upload.path, upload.name))
        return Picture(destination, MEDIA_TYPE, *redraw(source, destination, side))

    return await asyncio.to_thread(draw)
