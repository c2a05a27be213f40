"""Pages of a PDF that are pictures: told by what is on them, and read by OCR."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Final

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from knowledge_base.loaders import ocr
from knowledge_base.loaders.pdf_layout import title_key
from knowledge_base.loaders.pdf_lines import Line

_FEW_LETTERS: Final = 60
"""With fewer, a page that is mostly a picture may be a scan with a stamp or a number on it."""
_MOSTLY: Final = 0.4
"""Share of a page's area that one picture takes."""
_DRAWN: Final = 50
"""Drawings of a page without text from which on they may be letters."""
_MOST_OBJECTS: Final = 5000
_FINEST: Final = 300 / 72
"""Pixels a point: a small page is not blown up further."""


def is_scan(page: pdfium.PdfPage, lines: Sequence[Line]) -> bool:
    """Whether there is something on the page, and what it says is no text of the file."""
    if sum(len("".join(line.text.split())) for line in lines) >= _FEW_LETTERS:
        return False
    whole = page.get_width() * page.get_height()
    edges = [ctypes.c_float() for _ in range(4)]
    drawn = 0
    for item in page.get_objects(
        filter=[raw.FPDF_PAGEOBJ_IMAGE, raw.FPDF_PAGEOBJ_PATH], max_depth=3
    ):
        drawn += 1
        if drawn > _MOST_OBJECTS:
            break
        if item.type != raw.FPDF_PAGEOBJ_IMAGE:
            continue
        if not lines:
            return True
        if raw.FPDFPageObj_GetBounds(item, *edges):
            left, bottom, right, top = (edge.value for edge in edges)
            if (right - left) * (top - bottom) >= _MOSTLY * whole:
                return True
    return not lines and drawn >= _DRAWN


def read_scan(page: pdfium.PdfPage) -> list[Line]:
    """What stands on a page as it is shown."""
    longest = max(page.get_width(), page.get_height(), 1.0)
    scale = min(ocr.LONGEST_SIDE / longest, _FINEST)
    bitmap = page.render(scale=scale, may_draw_forms=False)
    try:
        return ocr.read_picture(bitmap.to_pil().convert("RGB"), 1 / scale)
    finally:
        bitmap.close()


def joined(own: list[Line], found: list[Line]) -> list[Line]:
    """What was recognised, after those of the file's own lines that are not among it."""
    seen = title_key("".join(line.text for line in found))
    return [line for line in own if title_key(line.text) not in seen] + found
