"""OpenDocument text, spreadsheets and presentations, read from `content.xml`."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from knowledge_base.errors import EncryptedDocumentError
from knowledge_base.loaders.markup import BrokenXmlError, attribute, local, parse_xml
from knowledge_base.loaders.outline import Outline, flat
from knowledge_base.loaders.source import Container, Source
from knowledge_base.loaders.tables import lines as table_lines
from knowledge_base.models import Section

_MOST_REPEATED = 100
"""Times that one row or cell is written out; a file may claim millions of the same."""
_PAGE_MARK = "soft-page-break"
_SKIPPED = frozenset({"tracked-changes", "forms", "sequence-decls", "variable-decls", "annotation"})


def load_odt(source: Source) -> list[Section]:
    """A text document, with its heads and feet."""
    with _Opened(source) as opened:
        _blocks(opened.outline, opened.body("text"))
        opened.heads_and_feet()
    return opened.outline.finish()


def load_ods(source: Source) -> list[Section]:
    """A spreadsheet: each sheet a heading."""
    with _Opened(source) as opened:
        for table in opened.body("spreadsheet"):
            if local(table) == "table":
                opened.outline.heading(1, attribute(table, "name") or "")
                for line in table_lines(_rows(table)):
                    opened.outline.record(line)
    return opened.outline.finish()


def load_odp(source: Source) -> list[Section]:
    """A presentation: each slide is a page."""
    with _Opened(source) as opened:
        pages = [part for part in opened.body("presentation") if local(part) == "page"]
        for number, page in enumerate(pages, 1):
            opened.outline.page(number)
            titles = [f for f in page if attribute(f, "class") == "title" and local(f) == "frame"]
            opened.outline.heading(1, " ".join(map(_text, titles)))
            for part in page:
                if part not in titles:
                    _blocks(opened.outline, [part])
            source.progress(number, len(pages))
    return opened.outline.finish()


class _Opened:
    """An ODF file while it is read; what is wrong with it leaves as one of our errors."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._container = Container(source)
        self.outline = Outline()

    def __enter__(self) -> _Opened:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._container.__exit__()
        if isinstance(error, (BrokenXmlError, KeyError)):
            raise self._source.unreadable() from error

    def body(self, kind: str) -> etree._Element:
        if b"encryption-data" in self._manifest():
            raise EncryptedDocumentError(self._source.name)
        root = parse_xml(self._container.read("content.xml"))
        found = (
            part for body in root if local(body) == "body" for part in body if local(part) == kind
        )
        if (inside := next(found, None)) is None:
            raise BrokenXmlError
        return inside

    def heads_and_feet(self) -> None:
        if "styles.xml" not in self._container.names:
            return
        told: set[str] = set()
        for part in parse_xml(self._container.read("styles.xml")).iter():
            if local(part) in {"header", "footer"}:
                text = "\n".join(_text(p) for p in part.iter() if local(p) in {"p", "h"})
                if text not in told and any(character.isalpha() for character in text):
                    told.add(text)
                    self.outline.text(text)

    def _manifest(self) -> bytes:
        name = "META-INF/manifest.xml"
        return self._container.read(name) if name in self._container.names else b""


def _blocks(outline: Outline, parts: etree._Element | list[etree._Element]) -> None:
    """Paragraphs, lists and tables in order; pages where the writer left marks of them."""
    marks = [part for whole in parts for part in whole.iter() if local(part) == _PAGE_MARK]
    page = 1 if marks else None
    stack = list(reversed(list(parts)))
    while stack:
        part = stack.pop()
        name = local(part)
        if page is not None and name in {"h", "p", "table", _PAGE_MARK}:
            outline.page(page)
            page += sum(1 for mark in part.iter() if local(mark) == _PAGE_MARK)
        if name == "h":
            level = attribute(part, "outline-level") or "1"
            outline.heading(int(level) if level.isdigit() else 1, _text(part))
        elif name == "p":
            outline.text(_text(part))
        elif name == "table":
            for line in table_lines(_rows(part)):
                outline.record(line)
        elif name == "list-item":
            inner = list(part)
            if inner and local(inner[0]) == "p":
                outline.text(f"- {_text(inner.pop(0))}")
            stack.extend(reversed(inner))
        elif name not in _SKIPPED:
            stack.extend(reversed(list(part)))


def _rows(table: etree._Element) -> Iterator[list[str]]:
    for row in table.iter():
        if local(row) != "table-row" or _table_of(row) is not table:
            continue
        cells: list[str] = []
        blank = 0
        for cell in row:
            if local(cell) not in {"table-cell", "covered-table-cell"}:
                continue
            times = _times(cell, "number-columns-repeated")
            text = _cell(cell)
            if text:
                cells.extend([""] * min(blank, _MOST_REPEATED * 10))
                cells.extend([text] * min(times, _MOST_REPEATED))
                blank = 0
            else:
                blank += times
        if cells:
            for _ in range(min(_times(row, "number-rows-repeated"), _MOST_REPEATED)):
                yield cells


def _table_of(row: etree._Element) -> etree._Element | None:
    return next((above for above in row.iterancestors() if local(above) == "table"), None)


def _times(part: etree._Element, name: str) -> int:
    value = attribute(part, name) or "1"
    return int(value) if value.isdigit() and len(value) < 10 else 1


def _cell(cell: etree._Element) -> str:
    shown = [_text(part) for part in cell.iter() if local(part) in {"p", "h"}]
    return flat(" ".join(shown))


_AS_TEXT = {"tab": "\t", "line-break": "\n", "p": "\n", "h": "\n", "note": " ["}


def _text(element: etree._Element) -> str:
    """Text in order: runs of blanks are elements in this format, notes stand where they are."""
    parts: list[str] = []
    walk = etree.iterwalk(element, events=("start", "end"))
    for event, part in walk:
        name = local(part)
        if event == "end":
            parts.append("]" if name == "note" else "")
            parts.append((part.tail or "") if part is not element else "")
        elif (name in _SKIPPED or name == "note-citation") and part is not element:
            walk.skip_subtree()
        else:
            parts.append(" " * min(_times(part, "c"), 100) if name == "s" else "")
            parts.append(_AS_TEXT.get(name, ""))
            parts.append(part.text or "")
    return "".join(parts).strip()
