"""Pictures for a model that sees: decoded within limits and written anew. Runs in the worker."""

from __future__ import annotations

import contextlib
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from knowledge_base.errors import LimitExceededError, UnsupportedFormatError
from knowledge_base.loaders.source import Source

if TYPE_CHECKING:
    from PIL.Image import Image

MEDIA_TYPE: Final = "image/jpeg"
LARGEST: Final = 512 << 10
"""Bytes that no redrawn picture exceeds: several go into one request, which is encoded at once."""
SMALLEST_SIDE: Final = 32
"""Models that cut pictures into patches refuse what is narrower than one."""
_FULL, _HALVED = 0, 2
"""Resolution of colours: with the full one, red letters of a screenshot stay legible."""
_QUALITIES: Final = ((88, _FULL), (75, _FULL), (60, _FULL), (60, _HALVED), (40, _HALVED))
FORMATS: Final = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
    "image/bmp": "BMP",
}
BROKEN: Final = (
    OSError,  # also a file that ends too early, and what Pillow does not recognise
    SyntaxError,  # Pillow's word for a broken PNG
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    struct.error,
    zlib.error,
)
_JPEG: Final = b"\xff\xd8\xff"


def redraw(source: Source, destination: Path, side: int) -> tuple[int, int]:
    """Width and height of what was written: the first frame, upright, on white, nothing else of it.

    Position, camera and whatever follows the picture in its file stay behind. Raises
    `RejectedDocumentError` subclasses.
    """
    from PIL import Image

    if source.media_type not in FORMATS:
        raise UnsupportedFormatError(source.name, source.media_type)
    Image.MAX_IMAGE_PIXELS = None  # counted here, by a limit that an operator can set
    try:
        with Image.open(source.path, formats=[FORMATS[source.media_type]]) as opened:
            require_size(source, opened)
            drawn = plain(opened, side)
        return _written(drawn, destination)
    except BROKEN as error:
        raise source.unreadable() from error


def require_size(source: Source, image: Image) -> None:
    """Raises `LimitExceededError`; before the picture is decoded."""
    most = source.limits.max_picture_megapixels
    if image.width * image.height > most * 1_000_000:
        raise LimitExceededError(source.name, "knowledge.max_picture_megapixels", most)


def plain(image: Image, side: int) -> Image:
    """At most `side` pixels wide and high, upright, in RGB on white."""
    return _on_white(_upright(_small(image, side)))


def is_redrawn(path: Path) -> bool:
    """Whether a file is what `redraw` writes, as far as can be told without decoding it."""
    try:
        with path.open("rb") as file:
            return file.read(len(_JPEG)) == _JPEG and path.stat().st_size <= LARGEST
    except OSError:
        return False


def _small(image: Image, side: int) -> Image:
    if image.mode.startswith("I;16"):
        image = image.point(lambda value: value / 256).convert("L")
    elif image.mode not in ("RGB", "RGBA", "L", "CMYK", "YCbCr"):
        image = image.convert("RGBA")
    # A JPEG is decoded at a fraction of its size where that is enough.
    image.thumbnail((side, side), reducing_gap=2.0)
    return image


def _upright(image: Image) -> Image:
    from PIL import ImageOps

    with contextlib.suppress(*BROKEN):  # how it was held is not worth the picture
        return ImageOps.exif_transpose(image)
    return image


def _on_white(image: Image) -> Image:
    from PIL import Image as Images

    size = max(image.width, SMALLEST_SIDE), max(image.height, SMALLEST_SIDE)
    canvas = Images.new("RGB", size, "white")
    mask = image if image.mode == "RGBA" else None
    canvas.paste(image if mask is not None else image.convert("RGB"), (0, 0), mask)
    return canvas


def _written(image: Image, destination: Path) -> tuple[int, int]:
    """The size at which it fits, which is its own unless it is noise."""
    while True:
        for quality, colours in _QUALITIES:
            image.save(destination, "JPEG", quality=quality, subsampling=colours)
            if destination.stat().st_size <= LARGEST:
                return image.size
        image = image.reduce(2)
