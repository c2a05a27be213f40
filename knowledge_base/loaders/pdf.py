"""PDF by PDFium: pages with their headings, remarks, form fields and the names of attachments."""

from __future__ import annotations

import ctypes

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from knowledge_base.errors import (
    EncryptedDocumentError,
    LimitExceededError,
    ScannedDocumentError,
)
from knowledge_base.loaders import ocr
from knowledge_base.loaders.grid import grids, read_rules, tabled
from knowledge_base.loaders.outline import Outline, flat
from knowledge_base.loaders.pdf_layout import Layout, body_size, drop_repeated, title_key
from knowledge_base.loaders.pdf_lines import Line, read_lines
from knowledge_base.loaders.pdf_scans import is_scan, joined, read_scan
from knowledge_base.loaders.rows import arranged
from knowledge_base.loaders.source import Source
from knowledge_base.models import Section


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
    pages: list[list[Line]] = []
    extras: list[list[str]] = []
    scans: list[int] = []
    for index in range(len(document)):
        try:
            page = document[index]
        except pdfium.PdfiumError:  # one broken page does not take the others with it
            pages.append([])
            extras.append([])
            continue
        lines = arranged(tabled(read_lines(page), grids(read_rules(page))))
        if is_scan(page, lines):
            scans.append(index)
        pages.append(lines)
        extras.append(_annotations(document, page))
        page.close()
        if not (scans and ocr.available()):
            source.progress(index + 1, len(document))
    if scans:
        _read_scans(document, source, pages, scans)
        if not ocr.available() and not any(pages) and not any(extras):
            raise ScannedDocumentError(source.name)
    return _written(document, pages, extras)


def _read_scans(
    document: pdfium.PdfDocument, source: Source, pages: list[list[Line]], scans: list[int]
) -> None:
    """Read what has no text by OCR, or tell that it was not read."""
    if not ocr.available():
        for index in scans:
            source.left_out(index + 1)
        return
    if len(scans) > source.limits.max_ocr_pages:
        key = "knowledge.max_ocr_pages"
        raise LimitExceededError(source.name, key, source.limits.max_ocr_pages)
    body = body_size(lines for index, lines in enumerate(pages) if index not in set(scans))
    for index in scans:
        page = document[index]
        found = ocr.levelled(read_scan(page), body)
        page.close()
        pages[index] = joined(pages[index], found)
        source.recognised()
        source.progress(index + 1, len(document))


def _written(
    document: pdfium.PdfDocument, pages: list[list[Line]], extras: list[list[str]]
) -> list[Section]:
    attached = _attachments(document)
    titles = _bookmarks(document)
    drop_repeated(pages)
    layout = Layout(pages)
    outline = Outline()
    for number, (lines, remarks) in enumerate(zip(pages, extras, strict=True), 1):
        outline.page(number)
        layout.write(outline, lines, titles.get(number, {}))
        for remark in remarks:
            outline.text(remark)
    outline.page(len(pages) or None)
    for name in attached:
        outline.text(f"Attachment: {name}")
    return outline.finish()


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
            titles.setdefault(page + 1, {})[title_key(bookmark.get_title())] = bookmark.level + 1
    return titles
