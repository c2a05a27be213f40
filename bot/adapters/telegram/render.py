"""Markdown as Telegram shows it: plain text and entities over it, counted in UTF-16 units.

Entities rather than Telegram's own Markdown: there is nothing to escape, half a message that is
still being written parses, and what looks like a tag stays text. What is rendered never counts more
than `length` of its source, so a text that was split by that count always fits.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from core.text import utf16_length

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

MOST_TEXT: Final = 4096
MOST_ENTITIES: Final = 100
"""Telegram passes over those beyond."""
LONGEST_QUOTE: Final = 300
"""A longer quotation is folded."""
_WIDEST_TABLE: Final = 60
_BREAKER: Final = "\u2060"
_MENTION: Final = re.compile(r"(?<!\w)@(?=[A-Za-z])")
_SCHEMES: Final = frozenset({"http", "https", "mailto", "tel"})
_RULE: Final = "———"


@dataclass(frozen=True, slots=True)
class Span:
    """An entity: offset and length in UTF-16 units."""

    kind: str
    offset: int
    length: int
    url: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Rendered:
    """A text as it is sent."""

    text: str
    spans: tuple[Span, ...] = ()


def length(markdown: str) -> int:
    """An upper bound of what the text counts after entity parsing.

    Of the source rather than of the rendering: a splitter adds up lines, and a line within a fence
    is literal while the same line outside of it is not. Each mention takes one more.
    """
    return utf16_length(markdown) + len(_MENTION.findall(markdown))


def render(markdown: str, most: int = MOST_ENTITIES) -> Rendered:
    """The text with its formatting as at most so many entities; nothing in it mentions anybody."""
    lines, tokens = markdown.split("\n"), parser().parse(markdown)
    page = _Page(lines)
    page.blocks(tokens)
    if page.entities > most:
        # Code that loses its entity is text like any other.
        page = _Page(lines, disarms_code=True)
        page.blocks(tokens)
    rendered = page.rendered(most)
    if not rendered.text or utf16_length(rendered.text) > length(markdown):
        return plain(markdown)
    return rendered


def plain(markdown: str) -> Rendered:
    """The source itself, for a server that does not take the entities."""
    return Rendered(unmentioning(markdown.strip()))


def quotation(markdown: str) -> Rendered:
    """All of it as a quotation that is folded until somebody opens it."""
    shown = render(markdown, MOST_ENTITIES - 1)
    inner = [span for span in shown.spans if "blockquote" not in span.kind]
    whole = Span("expandable_blockquote", 0, utf16_length(shown.text))
    return Rendered(shown.text, (whole, *inner))


def unmentioning(text: str) -> str:
    """The text, mentioning nobody."""
    # Telegram finds mentions in any text and tells whoever is mentioned.
    return _MENTION.sub(f"@{_BREAKER}", text)


@cache
def parser() -> MarkdownIt:
    """What reads the Markdown."""
    from markdown_it import MarkdownIt

    # Indented code is hardly ever meant in a chat; HTML off: it is shown as it stands.
    rules = MarkdownIt("commonmark", {"html": False})
    return rules.enable(["table", "strikethrough"]).disable(["code", "lheading", "reference"])


_INLINE: Final = {"strong": "bold", "em": "italic", "s": "strikethrough"}


class _Page:
    """Takes tokens in order; keeps the text and the entities so far."""

    def __init__(self, lines: Sequence[str], *, disarms_code: bool = False) -> None:
        """`disarms_code`: code mentions nobody either, whether or not it is shown as code."""
        self._lines = lines
        self._code = unmentioning if disarms_code else str
        self._text = ""
        self._units = 0
        self._spans: list[Span] = []
        self._open: list[tuple[str, int, str | None]] = []
        self._last_line = 0
        self._lists: list[bool] = []
        self._quotes = 0

    @property
    def entities(self) -> int:
        """How many there would be."""
        return len(self._spans)

    def rendered(self, most: int) -> Rendered:
        # Space at the ends is taken off by the server, and the entities would be off by as much.
        head = len(self._text) - len(self._text.lstrip())
        ahead = utf16_length(self._text[:head])
        text = self._text.strip()
        end = utf16_length(text)
        kept = []
        for span in sorted(self._spans, key=lambda span: (span.offset, -span.length)):
            start = max(0, span.offset - ahead)
            size = min(span.offset + span.length - ahead, end) - start
            if size > 0:
                kept.append(Span(span.kind, start, size, span.url, span.language))
        return Rendered(text, tuple(kept[:most]))

    def blocks(self, tokens: Sequence[Token]) -> None:
        place = 0
        while place < len(tokens):
            token = tokens[place]
            if token.type == "table_open":
                end = next(i for i in range(place, len(tokens)) if tokens[i].type == "table_close")
                self._table(token, tokens[place:end])
                place = end
            else:
                self._block(token)
            place += 1

    def _block(self, token: Token) -> None:
        if token.nesting > 0:
            self._opened(token)
        elif token.nesting < 0:
            self._closed(token)
        elif token.type == "inline":
            self._inline(token.children or [])
        elif token.type == "hr":
            self._part(token)
            self._write(_RULE)
        elif token.type == "fence":
            self._fence(token)

    def _opened(self, token: Token) -> None:
        match token.type:
            case "paragraph_open":
                self._part(token)
            case "heading_open":
                self._part(token)
                self._begin("bold")
            case "blockquote_open":
                self._quotes += 1
                if self._quotes == 1:
                    self._part(token)
                    self._begin("blockquote")
            case "bullet_list_open" | "ordered_list_open":
                self._lists.append(token.type == "ordered_list_open")
            case "list_item_open":
                self._item(token)

    def _closed(self, token: Token) -> None:
        match token.type:
            case "heading_close":
                self._end()
            case "blockquote_close":
                self._quotes -= 1
                if self._quotes == 0:
                    self._end()
            case "bullet_list_close" | "ordered_list_close":
                self._lists.pop()

    def _part(self, token: Token) -> None:
        """Begin a block: on a line of its own, after an empty one where the source has one."""
        begin, end = token.map or (self._last_line, self._last_line)
        if self._text and not self._text.endswith((" ", "\n")):
            self._write("\n")
            if begin > self._last_line and not self._blank(self._last_line, begin):
                self._last_line = begin
            if begin > self._last_line:
                self._write("\n")
        if token.type not in ("blockquote_open", "list_item_open"):
            self._last_line = end

    def _blank(self, begin: int, end: int) -> bool:
        return any(not line.strip(" \t>") for line in self._lines[begin:end])

    def _item(self, token: Token) -> None:
        self._part(token)
        indent = "  " * (len(self._lists) - 1)
        mark = f"{token.info}{token.markup}" if self._lists[-1] else "•"
        self._write(f"{indent}{mark} ")

    def _fence(self, token: Token) -> None:
        self._part(token)
        language = token.info.split()[0] if token.info.strip() else None
        self._begin("pre", language)
        self._write(self._code(token.content.removesuffix("\n")))
        self._end()

    def _table(self, opening: Token, tokens: Sequence[Token]) -> None:
        self._part(opening)
        rows: list[list[str]] = []
        for token in tokens:
            if token.type == "tr_open":
                rows.append([])
            elif token.type == "inline":
                rows[-1].append(_words_of(token.children or []))
        begin, end = opening.map or (0, 0)
        source = "\n".join(self._lines[begin:end])
        drawn = _drawn(rows)
        self._begin("pre")
        shown = drawn if drawn is not None and len(drawn) <= len(source) else source
        self._write(self._code(shown))
        self._end()

    def _inline(self, tokens: Sequence[Token]) -> None:
        for token in tokens:
            match token.type:
                case "text" | "text_special":
                    self._write(unmentioning(token.content))
                case "softbreak" | "hardbreak":
                    self._write("\n")
                case "code_inline":
                    self._begin("code")
                    self._write(self._code(token.content))
                    self._end()
                case "link_open":
                    self._begin("text_link", str(token.attrGet("href") or ""))
                case "image":
                    self._begin("text_link", str(token.attrGet("src") or ""))
                    self._write(unmentioning(token.content))
                    self._end()
                case "strong_open" | "em_open" | "s_open":
                    self._begin(_INLINE[token.tag])
                case "strong_close" | "em_close" | "s_close" | "link_close":
                    self._end()

    def _write(self, text: str) -> None:
        self._text += text
        self._units += utf16_length(text)

    def _begin(self, kind: str, fact: str | None = None) -> None:
        self._open.append((kind, self._units, fact))

    def _end(self) -> None:
        kind, offset, fact = self._open.pop()
        size = self._units - offset
        match kind:
            case "text_link":
                if fact and may_link(fact):
                    self._spans.append(Span(kind, offset, size, url=fact))
            case "pre":
                self._spans.append(Span(kind, offset, size, language=fact))
            case "blockquote" if size > LONGEST_QUOTE:
                self._spans.append(Span("expandable_blockquote", offset, size))
            case _:
                self._spans.append(Span(kind, offset, size))


def may_link(url: str) -> bool:
    """Whether a link may lead there."""
    # A tg: link to a user would be a mention.
    try:
        return urlsplit(url).scheme.lower() in _SCHEMES
    except ValueError:
        return False


def _words_of(tokens: Sequence[Token]) -> str:
    return "".join(
        token.content if token.type in ("text", "text_special", "code_inline", "image") else ""
        for token in tokens
    )


def _drawn(rows: Sequence[Sequence[str]]) -> str | None:
    """The table in columns; None where it is too wide for them."""
    columns = max((len(row) for row in rows), default=0)
    widths = [max((width_of(row[i]) for row in rows if i < len(row)), default=0)
              for i in range(columns)]  # fmt: skip
    if sum(widths) + 3 * (columns - 1) > _WIDEST_TABLE:
        return None
    lines = [
        " | ".join(cell + " " * (width - width_of(cell)) for cell, width in zip(row, widths))  # noqa: B905
        for row in rows
    ]
    lines.insert(1, "-+-".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)


def width_of(text: str) -> int:
    """Columns that a text takes in a fixed font; Chinese letters take two."""
    return sum(
        0
        if unicodedata.combining(letter)
        else 2
        if unicodedata.east_asian_width(letter) in "WF"
        else 1
        for letter in text
    )
