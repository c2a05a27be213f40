"""Lines of a PDF's page: their text in reading order, their size and their place."""

from __future__ import annotations

import ctypes
import re
import unicodedata
from dataclasses import dataclass
from statistics import median

import pypdfium2 as pdfium
import pypdfium2.raw as raw

HYPHEN = "\ufffe"
"""What PDFium puts where a word is broken at the end of a line, instead of the line's end."""
_BLANK = re.compile(r"(?<=\S)\s+(?=\S)")
_WIDE = 0.45
"""Share of the letters' size from which a blank is kept in mind; a word's is about 0.25."""
_LINE_END = re.compile(rf"(?<=[\n{HYPHEN}])")


@dataclass(frozen=True, slots=True)
class Gap:
    """A blank between two words: its place in the line's text, and where it begins and ends."""

    at: int
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it stands on the page; measures in points, 0 where they are not known."""

    text: str
    size: float
    left: float
    right: float
    base: float
    gaps: tuple[Gap, ...] = ()
    """Blanks wider than those between words mostly are."""
    records: tuple[str, ...] = ()
    """Of a table, which stands in for its lines: each of its rows."""

    @property
    def width(self) -> float:
        return self.right - self.left


def read_lines(page: pdfium.PdfPage) -> list[Line]:
    """The lines of a page in the file's reading order."""
    textpage = page.get_textpage()
    try:
        count = textpage.count_chars()
        text = textpage.get_text_range() if count > 0 else ""
        # Offsets in the text are indices of characters only as long as nothing was left out.
        exact = len(text) == count
        if not exact and _has_rtl(text):
            text = "".join(chr(raw.FPDFText_GetUnicode(textpage, i)) for i in range(count))
            exact = len(text) == count
        lines: list[Line] = []
        start = 0
        for piece in _LINE_END.split(text):
            shown = piece.rstrip("\r\n")
            if shown.strip():
                measured = _measured(textpage, shown, start) if exact else None
                lines.append(measured or Line(shown, 0.0, 0.0, float(len(shown)), 0.0))
            start += len(piece)
        return lines
    finally:
        textpage.close()


def _measured(textpage: pdfium.PdfTextPage, text: str, start: int) -> Line:
    first = start + len(text) - len(text.lstrip())
    last = max(start + len(text.rstrip().rstrip(HYPHEN)) - 1, first)
    turned = _has_rtl(text)
    if turned:
        text = _logical(textpage, text, start)
    ends = (_origin(textpage, first), _origin(textpage, last))
    step = max((last - first) // 6, 1)
    # Blanks are skipped: writers set them in whatever size.
    seen = [at for at in range(first, last + 1, step) if not text[at - start].isspace()]
    size = median(_height(textpage, at) for at in seen or [first])
    left, right = min(x for x, _ in ends), max(x for x, _ in ends)
    gaps = () if turned else _gaps(textpage, text, start, size)
    return Line(text, round(size * 2) / 2, left, right + size / 2, ends[0][1], gaps)


def _gaps(textpage: pdfium.PdfTextPage, text: str, start: int, size: float) -> tuple[Gap, ...]:
    """Blanks that are wide for a word's: those of tight tables are not much wider."""
    found: list[Gap] = []
    begin, end = ctypes.c_double(), ctypes.c_double()
    low, high = ctypes.c_double(), ctypes.c_double()
    for blank in _BLANK.finditer(text):
        raw.FPDFText_GetCharBox(textpage, start + blank.start() - 1, begin, end, low, high)
        left = end.value
        raw.FPDFText_GetCharBox(textpage, start + blank.end(), begin, end, low, high)
        right = begin.value
        if right - left > _WIDE * size:
            found.append(Gap(blank.start(), left, right))
    return tuple(found)


def _height(textpage: pdfium.PdfTextPage, index: int) -> float:
    """The size as it appears: font size times the matrix that scales it."""
    size = float(raw.FPDFText_GetFontSize(textpage, index))
    matrix = raw.FS_MATRIX()
    if not raw.FPDFText_GetMatrix(textpage, index, ctypes.byref(matrix)):
        return size
    factor = float((matrix.c**2 + matrix.d**2) ** 0.5)
    return size * factor if factor else size


def _origin(textpage: pdfium.PdfTextPage, index: int) -> tuple[float, float]:
    x, y = ctypes.c_double(), ctypes.c_double()
    raw.FPDFText_GetCharOrigin(textpage, index, ctypes.byref(x), ctypes.byref(y))
    return x.value, y.value


def _logical(textpage: pdfium.PdfTextPage, text: str, start: int) -> str:
    """Letters that one glyph stands for, in the order they are read.

    PDFium turns lines from right to left around as if each glyph were one letter: ligatures come
    out backwards.
    """
    result: list[str] = []
    cluster: list[str] = []
    place: float | None = None
    for index, character in enumerate(text):
        x = _origin(textpage, start + index)[0]
        joins = _is_rtl(character) or (bool(cluster) and unicodedata.combining(character) > 0)
        if not joins or x != place:
            result += _turned(cluster)
            cluster = []
        if joins:
            cluster.append(character)
            place = x
        else:
            result.append(character)
            place = None
    return "".join(result + _turned(cluster))


def _turned(cluster: list[str]) -> list[str]:
    letters = sum(1 for character in cluster if not unicodedata.combining(character))
    # A mark drawn over its letter has the letter's place too; that is no ligature.
    return cluster[::-1] if letters > 1 and not unicodedata.combining(cluster[-1]) else cluster


def _has_rtl(text: str) -> bool:
    return not text.isascii() and any(map(_is_rtl, text))


def _is_rtl(character: str) -> bool:
    return "\u0590" <= character <= "\u08ff" or "\ufb1d" <= character <= "\ufefc"
