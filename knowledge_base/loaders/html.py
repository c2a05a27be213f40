"""HTML to sections: everything a reader sees, nothing of what makes the page work."""

from __future__ import annotations

import codecs
import re
from html import unescape
from typing import Final

from lxml import etree

from knowledge_base.loaders.encoding import decode
from knowledge_base.loaders.html_tables import INLINE, UNSEEN, is_data, table_rows
from knowledge_base.loaders.outline import Outline, clean, flat
from knowledge_base.loaders.source import Source
from knowledge_base.loaders.tables import lines as table_lines
from knowledge_base.models import Section

_CHARSET = re.compile(
    rb"""<(?:meta\b[^>]{0,200}?charset|\?xml\b[^>]{0,100}?encoding)\s*=\s*["']?\s*([\w.:-]+)""",
    re.I,
)
_DRAWN: Final = frozenset({"svg", "math", "object"})
"""Not seen unless there is text in them."""
_HEADINGS: Final = {f"h{level}": level for level in range(1, 7)}
_PRE: Final = "pre"
_CODE = re.compile(r"<(script|style|template)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.I | re.S)
_TAG = re.compile(r"<[/!?a-zA-Z][^<>]*>")
_BLANKS = re.compile(r"[^\S\xa0]+")


def load_html(source: Source) -> list[Section]:
    """An HTML file; its title is the outermost heading unless the first heading repeats it."""
    outline = Outline()
    text = decode_html(source.read())
    root = parse_html(text)
    if root is not None:
        _title(root, outline)
        walk_tree(root, outline)
    else:
        outline.text(_stripped(text))
    return outline.finish()


def walk_html(text: str, outline: Outline) -> None:
    """Add what an HTML text says to an outline."""
    root = parse_html(text)
    if root is not None:
        walk_tree(root, outline)
    else:
        outline.text(_stripped(text))


def walk_tree(root: etree._Element, outline: Outline) -> None:
    """Add what a parsed page says to an outline."""
    _Walk(outline).read(root)


def decode_html(content: bytes) -> str:
    """Bytes to text: UTF-8 if they are, else by what the page says of itself, else by content."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    if content[:2] not in (codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE) and (
        said := _CHARSET.search(content[:4096])
    ):
        encoding = said[1].decode("ascii", "replace").lower()
        encoding = {"gb2312": "gb18030", "gbk": "gb18030", "iso-8859-1": "cp1252"}.get(
            encoding, encoding
        )
        try:
            return content.decode(encoding)
        except (LookupError, ValueError):
            pass
    return decode(content)


def parse_html(text: str) -> etree._Element | None:
    """The tree, however broken the HTML is; None where the parser gave up."""
    parser = etree.HTMLParser(
        encoding="utf-8", no_network=True, huge_tree=True, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(clean(text).encode("utf-8"), parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    # After a fatal error (nesting past the parser's limit) the rest of the page is missing.
    fatal = any(entry.level == etree.ErrorLevels.FATAL for entry in parser.error_log)
    return None if fatal else root


def _stripped(text: str) -> str:
    """A page that no parser reads, without its tags."""
    return unescape(_TAG.sub("\n", _CODE.sub("", text)))


def title_of(root: etree._Element, body: etree._Element | None = None) -> str:
    """The page's title; empty where the first heading of `body` (by default its own) says it."""
    title = flat("".join(_texts(root.find(".//head/title"))))
    if body is None:
        body = root
    elif not title:
        title = flat("".join(_texts(root.find(".//h1"))))
    first = flat("".join(_texts(body.find(".//h1"))))
    return "" if first and (first in title or title in first) else title


def _title(root: etree._Element, outline: Outline) -> None:
    title = title_of(root)
    if title:
        outline.heading(0, title)


def _texts(element: etree._Element | None) -> list[str]:
    return [] if element is None else [str(text) for text in element.itertext()]


class _Walk:
    """One walk over the tree, without recursion: strangers nest deeper than a stack is."""

    def __init__(self, outline: Outline) -> None:
        self._outline = outline
        self._inline: list[str] = []
        self._items: list[str] = []
        self._lists: list[int | None] = []
        self._pre = 0
        self._heading: int | None = None

    def read(self, root: etree._Element) -> None:
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            tag = str(element.tag).lower()
            if event == "start":
                if tag in UNSEEN and not (tag in _DRAWN and _has_text(element)):
                    walk.skip_subtree()
                elif tag == "table" and is_data(element):
                    self._table(element)
                    walk.skip_subtree()
                else:
                    self._start(tag, element)
            else:
                if tag not in UNSEEN - _DRAWN and not (tag == "table" and is_data(element)):
                    self._end(tag)
                self._add(element.tail)
        self._flush()
        self._flush_items()

    def _start(self, tag: str, element: etree._Element) -> None:
        if tag not in INLINE:
            self._flush()
        if tag in _HEADINGS:
            self._flush_items()
            self._heading = _HEADINGS[tag]
        elif tag in {"ul", "ol", "menu"}:
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self._inline.append(self._bullet())
        elif tag == _PRE:
            self._pre += 1
        elif tag == "br":
            self._inline.append("\n")
        elif tag in {"img", "area"}:
            self._inline.append(f" {element.get('alt') or ''} ")
        elif tag == "input" and (element.get("type") or "text").lower() not in {
            "hidden",
            "password",
        }:
            self._inline.append(f" {element.get('value') or element.get('placeholder') or ''} ")
        elif tag in {"option", "rt", "rp"}:
            self._inline.append(" ")
        self._add(element.text)

    def _add(self, text: str | None) -> None:
        # Line breaks of the source are blanks; those that we add ourselves (`<br>`) are breaks.
        if text:
            self._inline.append(text if self._pre else _BLANKS.sub(" ", text))

    def _end(self, tag: str) -> None:
        if tag in INLINE:
            return
        if tag in _HEADINGS and self._heading is not None:
            title, self._heading = "".join(self._inline), None
            self._inline.clear()
            self._outline.heading(_HEADINGS[tag], title)
            return
        self._flush()
        if tag in {"ul", "ol", "menu"} and self._lists:
            self._lists.pop()
            if not self._lists:
                self._flush_items()
        elif tag == _PRE:
            self._pre = max(self._pre - 1, 0)

    def _bullet(self) -> str:
        if not self._lists or self._lists[-1] is None:
            return "- "
        self._lists[-1] += 1
        return f"{self._lists[-1]}. "

    def _flush(self) -> None:
        text = "".join(self._inline)
        self._inline.clear()
        if not text.strip() or text.strip() == "-":
            return
        if self._heading is not None:  # a block inside a heading, as editors make them
            self._inline.append(f"{text} ")
        elif self._pre:
            self._flush_items()
            self._outline.verbatim(text)
        elif self._lists:
            self._items.append(text)
        else:
            self._flush_items()
            self._outline.text(text)

    def _flush_items(self) -> None:
        if self._items:
            self._outline.text("\n".join(self._items))
            self._items.clear()

    def _table(self, table: etree._Element) -> None:
        self._flush()
        self._flush_items()
        caption = flat("".join(_texts(table.find(".//caption"))))
        self._outline.text(caption)
        rows, header = table_rows(table)
        for row in table_lines(rows, header=header):
            self._outline.record(row)


def _has_text(element: etree._Element) -> bool:
    return any(text.strip() for text in _texts(element))
