"""Plain text, Markdown, reStructuredText and source code."""

from __future__ import annotations

import re

from knowledge_base.loaders.encoding import decode
from knowledge_base.loaders.outline import Outline, clean
from knowledge_base.loaders.source import Source
from knowledge_base.loaders.tables import lines as table_lines
from knowledge_base.models import Section

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*")
_SETEXT = re.compile(r" {0,3}(=+|-{2,})[ \t]*")
_TABLE_RULE = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*")
_CELL = re.compile(r"(?<!\\)\|")
_RST_RULE = re.compile(r"([=\-`:'\"~^_*+#<>.])\1{2,}\s*")
_LINK = re.compile(
    r"(?<!!)\[([^\]\[]{1,300})\]\(\s*<?([^()\s<>]{1,500})>?(?:\s+\"[^\"]{0,300}\")?\s*\)"
)
_IMAGE = re.compile(r"!\[([^\]\[]{0,300})\]\([^()\s]{1,2000}(?:\s+\"[^\"]{0,300}\")?\)")
_STRONG = re.compile(r"(\*\*|__)(?=\S)([^\n]{1,200}?\S)\1")


def load_text(source: Source) -> list[Section]:
    """Plain text; form feeds end pages."""
    text = decode(source.read())
    pages = text.split("\f")
    if len(pages) == 1:
        outline = Outline()
        outline.verbatim(_squeezed(text))
        return outline.finish()
    outline = Outline()
    for number, page in enumerate(pages, 1):
        outline.page(number)
        outline.verbatim(_squeezed(page))
    return outline.finish()


def load_source(source: Source) -> list[Section]:
    """Source code: as it stands, with its indentation."""
    outline = Outline()
    outline.verbatim(_squeezed(decode(source.read())))
    return outline.finish()


def load_markdown(source: Source) -> list[Section]:
    """Markdown: headings become paths, table rows records, code stays as it is."""
    reader = _Markdown(clean(_uncommented(decode(source.read()))).split("\n"))
    return reader.read()


def load_rst(source: Source) -> list[Section]:
    """reStructuredText, lightly: titles by their underlines, in the order their styles appear."""
    lines = clean(decode(source.read())).split("\n")
    outline, styles = Outline(), list[str]()
    paragraph: list[str] = []

    def flush() -> None:
        outline.verbatim("\n".join(paragraph))
        paragraph.clear()

    index = 0
    while index < len(lines):
        line = lines[index]
        following = lines[index + 1] if index + 1 < len(lines) else ""
        over = lines[index + 2] if index + 2 < len(lines) else ""
        if _is_rule(line) and following.strip() and over.strip() == line.strip():
            title, style, step = following, line[0] * 2, 3
        elif line.strip() and not line[0].isspace() and _underlines(following, line):
            title, style, step = line, following[0], 2
        else:
            if line.strip():
                paragraph.append(line.rstrip())
            else:
                flush()
            index += 1
            continue
        flush()
        if style not in styles:
            styles.append(style)
        outline.heading(styles.index(style) + 1, title)
        index += step
    flush()
    return outline.finish()


def _is_rule(line: str) -> bool:
    return _RST_RULE.fullmatch(line) is not None


def _underlines(rule: str, title: str) -> bool:
    # A CJK character is two columns wide for docutils; writers often underline one a character.
    return _is_rule(rule) and len(rule.rstrip()) >= min(len(title.rstrip()), 60)


def _squeezed(text: str) -> str:
    """At most one empty line at a time, no blanks at line ends."""
    # Line by line: a pattern would go through a long run of blanks once for each of them.
    lines = "\n".join(line.rstrip() for line in clean(text).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", lines)


def _inline(text: str) -> str:
    """Markdown's marks inside a paragraph taken off; addresses of links stay."""
    text = _IMAGE.sub(r"\1", text)
    text = _LINK.sub(lambda found: _linked(found[1], found[2]), text)
    return _STRONG.sub(r"\2", text)


def _uncommented(text: str) -> str:
    """Without comments. By hand: a pattern would search the rest again for each that never ends."""
    parts: list[str] = []
    start = 0
    while (opened := text.find("<!--", start)) >= 0 and (closed := text.find("-->", opened)) >= 0:
        parts.append(text[start:opened])
        start = closed + len("-->")
    return "".join([*parts, text[start:]])


def _linked(label: str, address: str) -> str:
    return label if label == address or address.startswith("#") else f"{label} ({address})"


class _Markdown:
    """One pass over the lines of a Markdown text."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._outline = Outline()
        self._paragraph: list[str] = []
        self._at = 0

    def read(self) -> list[Section]:
        self._front_matter()
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if fence := _FENCE.fullmatch(line):
                self._fenced(fence[1])
            elif heading := _ATX.fullmatch(line):
                self._flush()
                self._outline.heading(len(heading[1]), _inline(heading[2] or ""))
                self._at += 1
            elif self._paragraph and (under := _SETEXT.fullmatch(line)):
                title = " ".join(self._paragraph)
                self._paragraph.clear()
                self._outline.heading(1 if under[1][0] == "=" else 2, _inline(title))
                self._at += 1
            elif "|" in line and self._at + 1 < len(self._lines) and self._is_table_rule():
                self._table()
            else:
                if line.strip():
                    self._paragraph.append(line.rstrip())
                else:
                    self._flush()
                self._at += 1
        self._flush()
        return self._outline.finish()

    def _flush(self) -> None:
        if self._paragraph:
            self._outline.text(_inline("\n".join(self._paragraph)))
            self._paragraph.clear()

    def _front_matter(self) -> None:
        if not self._lines or self._lines[0].strip() != "---":
            return
        for index, line in enumerate(self._lines[1:50], 1):
            if line.strip() in {"---", "..."}:
                self._outline.text("\n".join(self._lines[1:index]))
                self._at = index + 1
                return

    def _fenced(self, mark: str) -> None:
        self._flush()
        start = self._at + 1
        end = start
        while end < len(self._lines):
            closing = self._lines[end].strip()
            if closing.startswith(mark) and not closing.strip(mark[0]):
                break
            end += 1
        self._outline.verbatim("\n".join(self._lines[start:end]))
        self._at = end + 1

    def _is_table_rule(self) -> bool:
        rule = self._lines[self._at + 1]
        return "-" in rule and "|" in rule and _TABLE_RULE.fullmatch(rule) is not None

    def _table(self) -> None:
        self._flush()
        rows = [_cells(self._lines[self._at])]
        self._at += 2
        while self._at < len(self._lines) and "|" in self._lines[self._at]:
            rows.append(_cells(self._lines[self._at]))
            self._at += 1
        for row in table_lines(rows, header=True):
            self._outline.record(row)


def _cells(line: str) -> list[str]:
    line = line.strip().removeprefix("|")
    if line.endswith("|") and not line.endswith("\\|"):
        line = line[:-1]
    return [_inline(cell.replace("\\|", "|").strip()) for cell in _CELL.split(line)]
