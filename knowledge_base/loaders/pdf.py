"""PDF by PDFium: pages, paragraphs joined from lines, headings by their size."""

from __future__ import annotations

import ctypes
import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from knowledge_base.errors import EncryptedDocumentError, ScannedDocumentError
from knowledge_base.loaders.outline import Outline, clean, flat
from knowledge_base.loaders.source import Source
from knowledge_base.models import Section

_HYPHEN = "\ufffe"
"""What PDFium puts where a word is broken at the end of a line."""
_ITEM = re.compile(
    r"(?:[•◦▪‣●○■□·–—*-]|\(?\d{1,3}[.)、．]|\(?[a-zA-Z][.)]|[(（]?[一二三四五六七八九十]{1,3}[)）、])\s*\S"
)
_ENDS = re.compile(r"[.!?:;。！？：；…][\"'”’」』)）\]]*$")
_LONGEST_HEADING = 120
_LARGER = 1.12


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    size: float
    left: float
    right: float
    bottom: float


def load_pdf(source: Source) -> list[Section]:
    """A PDF. Raises `ScannedDocumentError` where its pages are pictures."""
    try:
        document = pdfium.PdfDocument(source.path)
    except pdfium.PdfiumError as error:
        if getattr(error, "err_code", None) == raw.FPDF_ERR_PASSWORD or "assword" in str(error):
            raise EncryptedDocumentError(source.name) from error
        raise source.unreadable() from error
    try:
        document.init_forms()
        return _read(document, source)
    except pdfium.PdfiumError as error:
        raise source.unreadable() from error
    finally:
        document.close()


def _read(document: pdfium.PdfDocument, source: Source) -> list[Section]:
    pages: list[list[_Line]] = []
    extras: list[list[str]] = []
    pictures = 0
    for index in range(len(document)):
        try:
            page = document[index]
        except pdfium.PdfiumError:  # one broken page does not take the others with it
            pages.append([])
            extras.append([])
            continue
        lines = _lines(page)
        pages.append(lines)
        extras.append(_annotations(document, page))
        if not lines:
            pictures += _has_picture(page)
        page.close()
        source.progress(index + 1, len(document))
    attached = _attachments(document)
    if not any(pages) and not any(extras) and pictures:
        raise ScannedDocumentError(source.name)
    titles = _bookmarks(document)
    _drop_repeated(pages)
    body = _body_size(pages)
    sizes = _heading_sizes(pages, body)
    outline = Outline()
    for number, (lines, remarks) in enumerate(zip(pages, extras, strict=True), 1):
        outline.page(number)
        _write(outline, lines, sizes, titles.get(number, {}))
        for remark in remarks:
            outline.text(remark)
    outline.page(len(pages) or None)
    for name in attached:
        outline.text(f"Attachment: {name}")
    return outline.finish()


def _lines(page: pdfium.PdfPage) -> list[_Line]:
    """The lines of a page in reading order of the file, with size and place."""
    textpage = page.get_textpage()
    try:
        count = textpage.count_chars()
        text = textpage.get_text_range() if count > 0 else ""
        # Offsets in the text are indices of characters only as long as nothing was left out.
        exact = len(text) == count
        lines: list[_Line] = []
        start = 0
        for piece in re.split(r"(?<=\n)", text):
            shown = piece.rstrip("\r\n")
            if shown.strip():
                lines.append(_measured(textpage, shown, start, exact=exact))
            start += len(piece)
        return lines
    finally:
        textpage.close()


def _measured(textpage: pdfium.PdfTextPage, text: str, start: int, *, exact: bool) -> _Line:
    if not exact:
        return _Line(text, 0.0, 0.0, float(len(text)), 0.0)
    first = start + len(text) - len(text.lstrip())
    last = start + len(text.rstrip().rstrip(_HYPHEN)) - 1
    middle = (first + last) // 2
    sizes = [raw.FPDFText_GetFontSize(textpage, index) for index in (first, middle, last)]
    left, bottom, _, _ = _box(textpage, first)
    _, _, right, _ = _box(textpage, max(last, first))
    scale = _height(textpage, middle)
    return _Line(text, round(max(sizes) if scale is None else scale, 1), left, right, bottom)


def _height(textpage: pdfium.PdfTextPage, index: int) -> float | None:
    """The size as it appears: font size times the matrix that scales it."""
    matrix = raw.FS_MATRIX()
    if not raw.FPDFText_GetMatrix(textpage, index, ctypes.byref(matrix)):
        return None
    factor = (matrix.c**2 + matrix.d**2) ** 0.5
    size = float(raw.FPDFText_GetFontSize(textpage, index))
    return float(size * factor) if factor else None


def _box(textpage: pdfium.PdfTextPage, index: int) -> tuple[float, float, float, float]:
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    raw.FPDFText_GetCharBox(
        textpage,
        index,
        ctypes.byref(left),
        ctypes.byref(right),
        ctypes.byref(bottom),
        ctypes.byref(top),
    )
    return left.value, bottom.value, right.value, top.value


def _has_picture(page: pdfium.PdfPage) -> bool:
    return any(True for _ in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=3))


def _annotations(document: pdfium.PdfDocument, page: pdfium.PdfPage) -> list[str]:
    """Remarks on the page, and its form fields as "label: value"."""
    texts: list[str] = []
    for index in range(min(raw.FPDFPage_GetAnnotCount(page), 2000)):
        annotation = raw.FPDFPage_GetAnnot(page, index)
        if not annotation:
            continue
        try:
            if raw.FPDFAnnot_GetSubtype(annotation) == raw.FPDF_ANNOT_WIDGET:
                text = _field(document, annotation)
            elif raw.FPDFAnnot_GetSubtype(annotation) == raw.FPDF_ANNOT_POPUP:
                text = ""
            else:
                text = _string(raw.FPDFAnnot_GetStringValue, annotation, b"Contents")
        finally:
            raw.FPDFPage_CloseAnnot(annotation)
        if text and text not in texts:
            texts.append(text)
    return texts


def _field(document: pdfium.PdfDocument, annotation: object) -> str:
    form = document.formenv
    if form is None:
        return ""
    label = _string(raw.FPDFAnnot_GetFormFieldAlternateName, form, annotation) or _string(
        raw.FPDFAnnot_GetFormFieldName, form, annotation
    )
    value = _string(raw.FPDFAnnot_GetFormFieldValue, form, annotation)
    return f"{label}: {value}" if label and value else label or value


def _string(function: object, *arguments: object) -> str:
    """A string from PDFium's two-call way: ask for the length, then for the UTF-16 bytes."""
    length = function(*arguments, None, 0)  # type: ignore[operator]
    if not 2 < length < 1 << 20:
        return ""
    buffer = ctypes.create_string_buffer(length)
    function(*arguments, ctypes.cast(buffer, ctypes.POINTER(raw.FPDF_WCHAR)), length)  # type: ignore[operator]
    return flat(buffer.raw[: length - 2].decode("utf-16-le", "replace"))


def _attachments(document: pdfium.PdfDocument) -> list[str]:
    names: list[str] = []
    for index in range(min(document.count_attachments(), 1000)):
        try:
            names.append(flat(document.get_attachment(index).get_name()))
        except pdfium.PdfiumError:
            continue
    return [name for name in names if name]


def _bookmarks(document: pdfium.PdfDocument) -> dict[int, dict[str, int]]:
    """Titles of the outline with their level, by page."""
    titles: dict[int, dict[str, int]] = {}
    for count, bookmark in enumerate(document.get_toc(max_depth=6)):
        if count > 5000:
            break
        target = bookmark.get_dest()
        page = target.get_index() if target else None
        if page is not None:
            titles.setdefault(page + 1, {})[_key(bookmark.get_title())] = bookmark.level + 1
    return titles


def _key(title: str) -> str:
    """A title without number, blanks and case, to compare outline and page."""
    return re.sub(r"[\W\d_]+", "", title).casefold()


def _drop_repeated(pages: list[list[_Line]]) -> None:
    """Running heads and feet: lines at a page's edge that stand on most pages stay on the first."""
    if len(pages) < 3:
        return
    edges: Counter[str] = Counter()
    for lines in pages:
        edges.update({_edge_key(line) for line in (*lines[:2], *lines[-2:])})
    repeated = {key for key, count in edges.items() if count > len(pages) * 0.6}
    seen: set[str] = set()
    for number, lines in enumerate(pages):
        kept = []
        for place, line in enumerate(lines):
            key = _edge_key(line)
            if key in repeated and (place < 2 or place >= len(lines) - 2):
                if key in seen:
                    continue
                seen.add(key)
            kept.append(line)
        pages[number] = kept


def _edge_key(line: _Line) -> str:
    return re.sub(r"\d+", "#", flat(line.text))


def _body_size(pages: list[list[_Line]]) -> float:
    sizes: Counter[float] = Counter()
    for lines in pages:
        for line in lines:
            sizes[line.size] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 0.0


def _heading_sizes(pages: list[list[_Line]], body: float) -> dict[float, int]:
    """Sizes that headings are set in, with their level; the largest is the outermost."""
    large = {
        line.size
        for lines in pages
        for line in lines
        if body and line.size > body * _LARGER and len(line.text) <= _LONGEST_HEADING
    }
    return {size: level for level, size in enumerate(sorted(large, reverse=True)[:6], 1)}


def _write(
    outline: Outline, lines: list[_Line], sizes: dict[float, int], titles: dict[str, int]
) -> None:
    width = _usual_width(lines)
    gap = _usual_gap(lines)
    paragraph: list[str] = []
    title: list[str] = []
    previous: _Line | None = None
    level = 0

    def flush() -> None:
        if title:
            outline.heading(level, " ".join(title))
        outline.text("".join(paragraph))
        title.clear()
        paragraph.clear()

    for line in lines:
        here = _level(line, sizes, titles)
        if here is not None:
            if not (
                title and here == level and previous is not None and previous.size == line.size
            ):
                flush()
            level = here
            title.append(flat(line.text.replace(_HYPHEN, "")))
        elif previous is None or title or _parts(previous, line, gap):
            flush()
            paragraph.append(line.text)
        elif _continues(previous, line, width):
            _join(paragraph, line.text)
        else:
            paragraph.append("\n" + line.text)
        previous = line
    flush()


def _level(line: _Line, sizes: dict[float, int], titles: dict[str, int]) -> int | None:
    if len(line.text) > _LONGEST_HEADING or not re.search(r"[^\W\d_]", line.text):
        return None
    if line.size in sizes:
        return sizes[line.size]
    key = _key(line.text)
    return titles[key] + len(sizes) if len(key) > 1 and key in titles else None


def _usual_width(lines: list[_Line]) -> float:
    widths = sorted(line.right - line.left for line in lines)
    return widths[len(widths) * 9 // 10] if widths else 0.0


def _usual_gap(lines: list[_Line]) -> float:
    gaps = sorted(
        above.bottom - below.bottom
        for above, below in pairwise(lines)
        if above.bottom > below.bottom
    )
    return gaps[len(gaps) // 2] if gaps else 0.0


def _parts(previous: _Line, line: _Line, gap: float) -> bool:
    """Whether a new paragraph begins: more space above, or an indent after a full stop."""
    down = previous.bottom - line.bottom
    ended = _ENDS.search(previous.text.rstrip()) is not None
    if gap and down > 1.4 * gap:
        return True
    if down < 0:  # the next column: the sentence may go on there
        return ended
    return ended and line.left - previous.left > 0.8 * max(line.size, 1.0)


def _continues(previous: _Line, line: _Line, width: float) -> bool:
    """Whether a line is the rest of the sentence above: that one is full, or broken in a word."""
    if previous.text.rstrip().endswith(_HYPHEN):
        return True
    if _ITEM.match(line.text.lstrip()):
        return False
    return previous.right - previous.left >= 0.72 * width and previous.size == line.size


def _join(paragraph: list[str], text: str) -> None:
    before = paragraph[-1].rstrip()
    text = text.lstrip()
    if before.endswith(_HYPHEN):
        paragraph[-1] = before.rstrip(_HYPHEN)
    elif before and text and _wide(before[-1]) and _wide(text[0]):
        paragraph[-1] = before
    else:
        paragraph[-1] = f"{before} "
    paragraph.append(clean(text) if not text.endswith(_HYPHEN) else text)


def _wide(character: str) -> bool:
    return character >= "\u2e80" and not "\uac00" <= character <= "\ud7a3"
