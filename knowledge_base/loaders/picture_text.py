"""Pictures as documents: photos, screenshots, scans; read by OCR where that is installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from knowledge_base.errors import LimitExceededError, ScannedDocumentError
from knowledge_base.loaders import ocr
from knowledge_base.loaders.outline import Outline
from knowledge_base.loaders.pdf_layout import Layout
from knowledge_base.loaders.pdf_lines import Line
from knowledge_base.loaders.picture import BROKEN, FORMATS, plain, require_size
from knowledge_base.loaders.source import Source
from knowledge_base.models import Section

if TYPE_CHECKING:
    from PIL.Image import Image

_READABLE: Final = {**FORMATS, "image/tiff": "TIFF"}


def load_picture(source: Source) -> list[Section]:
    """What is written on a picture; each frame of a TIFF is a page.

    Raises `ScannedDocumentError` where no OCR is installed.
    """
    if not ocr.available():
        raise ScannedDocumentError(source.name)
    try:
        pages = [ocr.levelled(lines, None) for lines in _pages(source)]
    except BROKEN as error:
        raise source.unreadable() from error
    layout = Layout(pages)
    outline = Outline()
    for number, lines in enumerate(pages, 1):
        outline.page(number if len(pages) > 1 else None)
        layout.write(outline, lines, {})
    return outline.finish()


def _pages(source: Source) -> Iterator[list[Line]]:
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # counted here, by a limit that an operator can set
    with Image.open(source.path, formats=[_READABLE[source.media_type]]) as image:
        total = _frames(image) if source.media_type == "image/tiff" else 1
        if total > source.limits.max_ocr_pages:
            key = "knowledge.max_ocr_pages"
            raise LimitExceededError(source.name, key, source.limits.max_ocr_pages)
        for number in range(total):
            if number:
                image.seek(number)
            require_size(source, image)
            drawn = plain(image if total == 1 else image.copy(), ocr.LONGEST_SIDE)
            yield ocr.read_picture(drawn)
            source.recognised()
            source.progress(number + 1, total)


def _frames(image: Image) -> int:
    return int(getattr(image, "n_frames", 1))
