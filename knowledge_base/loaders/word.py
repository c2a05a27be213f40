"""Word documents, read from their XML: text in frames, notes and content controls included."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from itertools import chain

from lxml import etree

from knowledge_base.loaders.markup import BrokenXmlError, attribute, local, parse_xml
from knowledge_base.loaders.outline import Outline, flat
from knowledge_base.loaders.source import Container, Source
from knowledge_base.loaders.tables import lines as table_lines
from knowledge_base.models import Section

_HEADING_STYLE = re.compile(
    r"(?:heading|标题|標題|überschrift|titre|título|titolo|заголовок)\s*([1-9])", re.I
)
_SKIPPED = frozenset(
    {
        "del",
        "moveFrom",
        "instrText",
        "delText",
        "pPr",
        "rPr",
        "tblPr",
        "sectPr",
        "Fallback",
        "fldData",
    }
)
_TITLE_STYLES = frozenset({"title", "标题", "標題"})
_MOST_ON_A_PAGE = 4500
"""More characters than a page holds: breaks set by hand alone cannot be counted then."""


def load_docx(source: Source) -> list[Section]:
    """A Word document: headings by style or outline level, pages where the file knows them."""
    with Container(source) as container:
        try:
            reader = _Reader(container)
            return reader.read()
        except (BrokenXmlError, KeyError) as error:
            raise source.unreadable() from error


class _Reader:
    def __init__(self, container: Container) -> None:
        self._container = container
        self._main = self._main_part()
        self._folder = posixpath.dirname(self._main)
        self._levels = self._heading_levels()
        self._outline = Outline()
        self._page: int | None = None
        self._break = "lastRenderedPageBreak"

    def read(self) -> list[Section]:
        body = parse_xml(self._container.read(self._main))
        self._choose_pages(body)
        self._headers("header")
        for child in body:
            if local(child) == "body":
                self._blocks(child)
        self._outline.page(None)
        self._notes()
        self._headers("footer")
        return self._outline.finish()

    def _main_part(self) -> str:
        if "word/document.xml" in self._container.names:
            return "word/document.xml"
        relations = parse_xml(self._container.read("_rels/.rels"))
        for relation in relations:
            if (relation.get("Type") or "").endswith("/officeDocument"):
                return (relation.get("Target") or "").lstrip("/")
        raise BrokenXmlError

    def _heading_levels(self) -> dict[str, int]:
        """Style ids that make headings, by outline level or by the style's name."""
        try:
            styles = parse_xml(self._container.read(f"{self._folder}/styles.xml"))
        except KeyError:
            return {}
        levels: dict[str, int] = {}
        based: dict[str, str] = {}
        for style in styles:
            identity = attribute(style, "styleId")
            if local(style) != "style" or identity is None:
                continue
            level = _style_level(style)
            if level is not None:
                levels[identity] = level
            for part in style:
                if local(part) == "basedOn":
                    based[identity] = attribute(part, "val") or ""
        for identity in based:
            seen, above = {identity}, based.get(identity)
            while above is not None and above not in seen and identity not in levels:
                if above in levels:
                    levels[identity] = levels[above]
                seen.add(above)
                above = based.get(above)
        return levels

    def _choose_pages(self, body: etree._Element) -> None:
        """Pages as Word last laid them out, else by breaks set by hand if no page overflows."""
        rendered = any(local(part) == self._break for part in body.iter())
        if rendered:
            self._page = 1
        else:
            longest = current = breaks = 0
            for part in body.iter():
                if _is_hard_break(part):
                    breaks += 1
                    current = 0
                elif local(part) == "t":
                    wide = sum(2 if ord(character) > 0x2E80 else 1 for character in part.text or "")
                    current += wide
                    longest = max(longest, current)
            if breaks and longest <= _MOST_ON_A_PAGE:
                self._page, self._break = 1, "br"
        self._outline.page(self._page)

    def _turn_page(self) -> None:
        if self._page is not None:
            self._page += 1
            self._outline.page(self._page)

    def _blocks(self, parent: etree._Element) -> None:
        for child in parent:
            match local(child):
                case "p":
                    self._paragraph(child)
                case "tbl":
                    self._table(child)
                case "sectPr" | "pPr" | "del" | "moveFrom":
                    continue
                case _:  # content controls and tracked insertions hold blocks of their own
                    self._blocks(child)

    def _paragraph(self, paragraph: etree._Element) -> None:
        for before, text in enumerate(self._by_page(paragraph)):
            if before:
                self._turn_page()
            level = self._level(paragraph)
            if level is not None and flat(text):
                self._outline.heading(level, text)
            else:
                self._outline.text(f"- {text}" if _is_item(paragraph) and text.strip() else text)

    def _by_page(self, paragraph: etree._Element) -> list[str]:
        """The paragraph's text, in as many parts as it touches pages."""
        parts = [""]
        for piece in _pieces(paragraph, self._break if self._page is not None else None):
            if piece is None:
                parts.append("")
            else:
                parts[-1] += piece
        return parts

    def _level(self, paragraph: etree._Element) -> int | None:
        for part in paragraph:
            if local(part) != "pPr":
                continue
            for setting in part:
                value = attribute(setting, "val") or ""
                if local(setting) == "outlineLvl" and value.isdigit() and int(value) < 9:
                    return int(value) + 1
                if local(setting) == "pStyle" and value in self._levels:
                    return self._levels[value]
        return None

    def _table(self, table: etree._Element) -> None:
        rows, header = list[list[str]](), False
        for row in table.iter():
            if local(row) != "tr" or _owner(row) is not table:
                continue
            cells = [cell for cell in row.iter() if local(cell) == "tc" and _owner(cell) is table]
            rows.append([_cell_text(cell) for cell in cells])
            if len(rows) == 1:
                header = any(local(part) == "tblHeader" for part in row.iter())
        if len(rows) == 1 or all(len(row) <= 1 for row in rows):  # a box, not a table
            for cell_text in chain.from_iterable(rows):
                self._outline.text(cell_text)
        else:
            for line in table_lines(rows, header=header or None):
                self._outline.record(line)
        for part in table.iter():
            if local(part) == self._break and self._break != "br":
                self._turn_page()

    def _headers(self, kind: str) -> None:
        told: set[str] = set()
        for member in self._container.find(rf"{re.escape(self._folder)}/{kind}\d*\.xml"):
            root = parse_xml(self._container.read(member))
            text = "\n".join(_paragraph_texts(root))
            if text not in told and re.search(r"[^\W\d_]", text):
                told.add(text)
                self._outline.text(text)

    def _notes(self) -> None:
        for kind in ("footnotes", "endnotes", "comments"):
            member = f"{self._folder}/{kind}.xml"
            if member in self._container.names:
                for note in parse_xml(self._container.read(member)):
                    self._outline.text("\n".join(_paragraph_texts(note)))


def _owner(element: etree._Element) -> etree._Element | None:
    """The innermost table around an element."""
    return next((above for above in element.iterancestors() if local(above) == "tbl"), None)


def _is_item(paragraph: etree._Element) -> bool:
    return any(
        local(setting) == "numPr" for part in paragraph if local(part) == "pPr" for setting in part
    )


def _is_hard_break(part: etree._Element) -> bool:
    return (local(part) == "br" and attribute(part, "type") == "page") or (
        local(part) == "pageBreakBefore" and attribute(part, "val") not in {"0", "false"}
    )


_AS_TEXT = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}


def _style_level(style: etree._Element) -> int | None:
    """The outline level of a style, by itself or by its name; 0 for a document's title."""
    by_name: int | None = None
    for part in style.iter():
        value = attribute(part, "val") or ""
        if local(part) == "outlineLvl" and value.isdigit() and int(value) < 9:
            return int(value) + 1
        if local(part) == "name":
            found = _HEADING_STYLE.match(value)
            by_name = int(found[1]) if found else 0 if value.lower() in _TITLE_STYLES else None
    return by_name


def _pieces(element: etree._Element, page_break: str | None) -> Iterator[str | None]:
    """Text of a paragraph in order; None where a page ends."""
    walk = etree.iterwalk(element, events=("start", "end"))
    for event, part in walk:
        name = local(part)
        if event == "end":
            if name in {"p", "tc"} and part is not element:
                yield "\n"
        elif name in _SKIPPED:
            if name == "pPr" and page_break == "br" and any(map(_is_hard_break, part)):
                yield None
            walk.skip_subtree()
        elif name == "t":
            yield part.text or ""
        elif name == page_break and (name != "br" or _is_hard_break(part)):
            yield None
        elif name in _AS_TEXT:
            yield _AS_TEXT[name]
        elif name == "docPr":
            yield f" {part.get('descr') or ''} "


def _cell_text(cell: etree._Element) -> str:
    return " ".join(text for text in _paragraph_texts(cell) if text)


def _paragraph_texts(element: etree._Element) -> list[str]:
    inside = (
        part
        for part in element.iter()
        if local(part) == "p" and not any(local(up) == "p" for up in part.iterancestors())
    )
    texts = ("".join(piece or "" for piece in _pieces(paragraph, None)) for paragraph in inside)
    return [text for text in map(flat, texts) if text]
