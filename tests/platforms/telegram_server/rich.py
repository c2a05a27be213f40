"""Rich messages (10.1): Telegram's HTML for them, what it refuses, and the blocks they become."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

from tests.platforms.telegram_server.calls import Call
from tests.platforms.telegram_server.errors import ApiError, bad_request

SINCE = (10, 1)
MAX_TEXT = 32_768
MAX_BLOCKS = 500
MAX_DEPTH = 16
MAX_COLUMNS = 20
_FORMS = ("markdown", "html", "blocks")
_BLOCKS = {
    "p": "paragraph",
    "pre": "preformatted",
    "blockquote": "block_quotation",
    "ul": "list",
    "ol": "list",
    "table": "table",
    **{f"h{level}": "section_heading" for level in range(1, 7)},
}
_INLINE = {
    **dict.fromkeys(("b", "strong"), "bold"),
    **dict.fromkeys(("i", "em"), "italic"),
    **dict.fromkeys(("s", "del"), "strikethrough"),
    "u": "underline",
    "code": "code",
    "a": "url",
}
_PARTS = ("li", "tr", "td", "th")
_EMPTY = ("br", "hr", "img")
_BAD_REFERENCE = re.compile(r"&(?!(?:lt|gt|amp|quot|#\d+|#x[0-9A-Fa-f]+);)")


def given_rich(call: Call) -> tuple[str, dict]:
    """What a rich message says, and its blocks as they come back."""
    given = call.given.data("rich_message")
    if not isinstance(given, dict) or sum(form in given for form in _FORMS) != 1:
        raise bad_request("exactly one of html, markdown and blocks must be used")
    if "html" in given:
        text, blocks = parsed(str(given["html"]))
    elif "blocks" in given:
        blocks = given["blocks"]
        text = "\n\n".join(str(block.get("text", "")) for block in blocks)
    else:
        text = str(given["markdown"]).strip()
        parts = [part.strip() for part in text.split("\n\n") if part.strip()]
        blocks = [{"type": "paragraph", "text": part} for part in parts]
    if not blocks:
        raise bad_request("message text is empty")
    if len(text) > MAX_TEXT:
        raise bad_request("message is too long")
    return text, {"blocks": blocks}


def _refused(what: str) -> ApiError:
    return bad_request(f"can't parse rich message: {what}")


def parsed(html: str) -> tuple[str, list]:
    """What HTML says, and its blocks; refused where Telegram would."""
    if found := _BAD_REFERENCE.search(html):
        raise _refused(f"unsupported character reference at offset {found.start()}")
    reader = _Reader()
    reader.feed(html)
    reader.close()
    if len(reader.open) > 1:
        raise _refused(f'can\'t find end tag corresponding to start tag "{reader.open[-1].tag}"')
    return "\n".join(filter(None, map(_said, reader.open[0].inside))), reader.open[0].inside


@dataclass
class _Node:
    tag: str
    attributes: dict[str, str | None]
    inside: list = field(default_factory=list)

    def finished(self) -> dict:
        if self.tag in _PARTS:
            return {"type": self.tag, "inside": self.inside}
        if self.tag in _INLINE:
            link = {"url": self.attributes.get("href")} if self.tag == "a" else {}
            return {"type": _INLINE[self.tag], "text": self.inside} | link
        match self.tag:
            case "ul" | "ol":
                items = [{"blocks": [*each["inside"]]} for each in self.inside]
                return {"type": "list", "items": items, "is_ordered": self.tag == "ol"}
            case "table":
                cells = [[{"text": c["inside"]} for c in row["inside"]] for row in self.inside]
                return {"type": "table", "cells": cells}
            case "blockquote":
                return {"type": "block_quotation", "blocks": self.inside}
            case _:
                return {"type": _BLOCKS[self.tag], "text": self.inside}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [_Node("", {})]
        self._blocks = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in (*_BLOCKS, *_INLINE, *_PARTS, *_EMPTY):
            raise _refused(f'unsupported start tag "{tag}"')
        self._place(tag)
        if tag == "br":
            self.open[-1].inside.append("\n")
        elif tag == "hr":
            self.open[-1].inside.append({"type": "divider"})
        elif tag == "img":
            self.open[-1].inside.append({"type": "photo", "url": dict(attrs).get("src")})
        else:
            self.open.append(_Node(tag, dict(attrs)))
        if len(self.open) > 2 * MAX_DEPTH:
            raise bad_request("RICH_MESSAGE_DEPTH_INVALID")

    def _place(self, tag: str) -> None:
        """Parts stand in what they are parts of, blocks never within a line of text."""
        within = self.open[-1].tag
        wanted = {"li": ("ul", "ol"), "tr": ("table",), "td": ("tr",), "th": ("tr",)}
        if tag in wanted and within not in wanted[tag]:
            raise _refused(f'tag "{tag}" must not be inside of "{within}"')
        if tag not in wanted and within in ("ul", "ol", "table", "tr"):
            raise _refused(f'tag "{tag}" must not be inside of "{within}"')
        if tag in _BLOCKS or tag == "hr":
            self._blocks += 1
            if within in _INLINE or within in ("p", "pre"):
                raise _refused(f'block "{tag}" must not be inside of "{within}"')
        if self._blocks > MAX_BLOCKS:
            raise bad_request("RICH_MESSAGE_BLOCKS_TOO_MUCH")

    def handle_endtag(self, tag: str) -> None:
        if tag in _EMPTY:
            return
        node = self.open.pop()
        if not self.open or node.tag != tag:
            raise _refused(f'unmatched end tag, expected "</{node.tag}>", found "</{tag}>"')
        if tag == "tr" and len(node.inside) > MAX_COLUMNS:
            raise bad_request("RICH_MESSAGE_TABLE_COLUMNS_TOO_MUCH")
        self.open[-1].inside.append(node.finished())

    def handle_data(self, data: str) -> None:
        within = self.open[-1].tag
        if within in ("ul", "ol", "table", "tr"):
            if data.strip():
                raise _refused(f'text must not be inside of "{within}"')
            return
        if not within and not data.strip():
            return
        self.open[-1].inside.append(data)


def _said(part: object) -> str:
    """What the client shows of it, as a line of text for each block."""
    match part:
        case str():
            return part
        case {"items": items}:
            return "\n".join("• " + _lines(item["blocks"]) for item in items)
        case {"cells": rows}:
            return "\n".join(" | ".join(_said(cell) for cell in row) for row in rows)
        case {"blocks": blocks}:
            return _lines(blocks)
        case {"text": inside}:
            return "".join(map(_said, inside)) if isinstance(inside, list) else str(inside)
        case {"type": "divider"}:
            return "———"
        case _:
            return ""


def _lines(parts: list) -> str:
    text = ""
    for part in parts:
        is_block = isinstance(part, dict) and part["type"] not in _INLINE.values()
        text += ("\n" if text and is_block else "") + _said(part)
    return text
