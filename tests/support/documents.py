"""Files of every kind, made on the spot: no binaries in the repository."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

Ruling: TypeAlias = "list[tuple[float, float, str]]"


def pack(path: Path, members: Mapping[str, str | bytes], *, first: str | None = None) -> Path:
    """A zip file; `first` is stored uncompressed before the others, as ODF and EPUB want it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        if first is not None:
            archive.writestr("mimetype", first, zipfile.ZIP_STORED)
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def zip_bytes(members: Mapping[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def pdf(path: Path, pages: Sequence[Sequence[tuple[str, int]]], **canvas: object) -> Path:
    """A PDF of lines with their font size; Chinese ones in a font that readers know by name."""
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfgen.canvas import Canvas

    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    sheet = Canvas(str(path), pagesize=A4, **canvas)
    for lines in pages:
        height = 780.0
        for text, size in lines:
            sheet.setFont("Helvetica" if text.isascii() else "STSong-Light", size)
            sheet.drawString(72, height, text)
            height -= size * 1.4
        sheet.showPage()
    sheet.save()
    return path


W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
TYPES = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'


def docx_of(path: Path, body: str, doctype: str = "", **parts: str) -> Path:
    """A Word file from the XML of its body; `parts` are further members of word/."""
    document = f'{doctype}<w:document xmlns:w="{W}"><w:body>{body}</w:body></w:document>'
    return pack(
        path,
        {
            "[Content_Types].xml": TYPES,
            "word/document.xml": document,
            **{f"word/{name}.xml": content for name, content in parts.items()},
        },
    )


ODF = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" '
    'xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" '
    'xmlns:presentation="urn:oasis:names:tc:opendocument:xmlns:presentation:1.0"'
)


def odf(path: Path, kind: str, body: str, doctype: str = "", **members: str) -> Path:
    """An OpenDocument file; `kind` is text, spreadsheet or presentation."""
    content = (
        f"{doctype}<office:document-content {ODF}><office:body><office:{kind}>{body}"
        f"</office:{kind}></office:body></office:document-content>"
    )
    return pack(
        path,
        {"content.xml": content, **{f"{name}.xml": text for name, text in members.items()}},
        first=f"application/vnd.oasis.opendocument.{kind}",
    )


def epub(path: Path, chapters: Mapping[str, str], titles: Mapping[str, str], **more: str) -> Path:
    """A book; `titles` go into its table of contents."""
    items = "".join(
        f'<item id="c{n}" href="{name}" media-type="application/xhtml+xml"/>'
        for n, name in enumerate(chapters)
    )
    spine = "".join(f'<itemref idref="c{n}"/>' for n in range(len(chapters)))
    links = "".join(f'<li><a href="{name}">{title}</a></li>' for name, title in titles.items())
    return pack(
        path,
        {
            "META-INF/container.xml": (
                '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
                '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
            ),
            "OEBPS/book.opf": (
                '<package xmlns="http://www.idpf.org/2007/opf" '
                'xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata>'
                "<dc:title>The Heron Almanac</dc:title><dc:creator>Ada Fenwick</dc:creator>"
                f'</metadata><manifest>{items}<item id="nav" href="nav.xhtml" properties="nav"/>'
                f"</manifest><spine>{spine}</spine></package>"
            ),
            "OEBPS/nav.xhtml": (
                f'<html xmlns="http://www.w3.org/1999/xhtml"><body><ol>{links}</ol></body></html>'
            ),
            **{f"OEBPS/{name}": text for name, text in chapters.items()},
            **{f"META-INF/{name}.xml": text for name, text in more.items()},
        },
        first="application/epub+zip",
    )


def xls(path: Path, sheet: str, rows: Sequence[Sequence[str | float]]) -> Path:
    """A workbook of the old binary kind (BIFF8 in an OLE file)."""

    def record(kind: int, content: bytes) -> bytes:
        return struct.pack("<HH", kind, len(content)) + content

    def text(value: str) -> bytes:
        return struct.pack("<HB", len(value), 1) + value.encode("utf-16-le")

    def bof(kind: int) -> bytes:
        return record(0x0809, struct.pack("<HHHHII", 0x0600, kind, 0x0DBB, 0x07CC, 0, 6))

    cells = b""
    for y, row in enumerate(rows):
        for x, value in enumerate(row):
            place = struct.pack("<HHH", y, x, 0)
            if isinstance(value, str):
                cells += record(0x0204, place + text(value))
            else:
                cells += record(0x0203, place + struct.pack("<d", value))
    name = struct.pack("<BB", len(sheet), 1) + sheet.encode("utf-16-le")
    end = record(0x000A, b"")
    globals_size = len(bof(5)) + 4 + 6 + len(name) + len(end)
    bound = record(0x0085, struct.pack("<IBB", globals_size, 0, 0) + name)
    stream = bof(5) + bound + end + bof(0x10) + cells + end
    path.write_bytes(ole(stream, "Workbook"))
    return path


def ole(stream: bytes, name: str) -> bytes:
    """An OLE file of one stream."""
    stream = stream.ljust(max(4096, -(-len(stream) // 512) * 512), b"\0")
    sectors = len(stream) // 512
    end, free = 0xFFFFFFFE, 0xFFFFFFFF
    chain = [*range(1, sectors), end, end, 0xFFFFFFFD]  # stream, directory, the table itself
    fat = struct.pack("<128I", *(chain + [free] * (128 - len(chain))))

    def entry(title: str, kind: int, child: int, start: int, size: int) -> bytes:
        raw = title.encode("utf-16-le")
        return (
            raw.ljust(64, b"\0")
            + struct.pack("<HBBIII", len(raw) + 2 if title else 0, kind, 1, free, free, child)
            + b"\0" * 36
            + struct.pack("<IQ", start, size)
        )

    directory = entry("Root Entry", 5, 1, end, 0) + entry(name, 2, free, 0, len(stream))
    directory += entry("", 0, free, 0, 0) * 2
    header = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        + b"\0" * 16
        + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6)
        + b"\0" * 6
        + struct.pack("<IIIIIIIII", 0, 1, sectors, 0, 4096, end, 0, end, 0)
        + struct.pack("<109I", sectors + 1, *([free] * 108))
    )
    return header + stream + directory + fat


PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00"


def drawn(path: Path, pages: Sequence[Sequence[tuple[float, float, str]]], size: int = 10) -> Path:
    """A PDF of words where they are put (left, base, text), and of lines to rule it with:
    ("across" or "down" in place of the text is drawn as such, 100 points long)."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfgen.canvas import Canvas

    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    sheet = Canvas(str(path), pagesize=(595, 842))
    for words in pages:
        for left, base, text in words:
            if text == "across":
                sheet.line(left, base, left + 100, base)
            elif text == "down":
                sheet.line(left, base, left, base + 100)
            else:
                sheet.setFont("Helvetica" if text.isascii() else "STSong-Light", size)
                sheet.drawString(left, base, text)
        sheet.showPage()
    sheet.save()
    return path


def ruled(left: float, top: float, wide: Sequence[float], high: Sequence[float]) -> Ruling:
    """A grid of such columns and rows, as lines of a hundred points that overlap."""
    words: list[tuple[float, float, str]] = []
    width, height = sum(wide), sum(high)
    bases = [top - sum(high[:row]) for row in range(len(high) + 1)]
    lefts = [left + sum(wide[:column]) for column in range(len(wide) + 1)]
    for base in bases:
        words += [(x, base, "across") for x in _steps(left, width)]
    for x in lefts:
        words += [(x, base, "down") for base in _steps(top - height, height)]
    return words


def _steps(start: float, length: float) -> list[float]:
    last = start + length - 100
    return [*(start + step for step in range(0, max(int(length) - 100, 0), 100)), last]
