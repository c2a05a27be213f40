"""Sections as a loader walks a document: where it stands (page, headings) and what it has read."""

from __future__ import annotations

import re
from collections.abc import Iterable

from knowledge_base.models import Section

SEPARATOR = " › "
_LONGEST_TITLE = 160
_CONTROLS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x81\x8d\x8f\x90\x9d"
    "\ud800-\udfff\u00ad\u200b\u2060\ufeff\ufffe\uffff]"
)
# What stands for C1 controls in text was meant as cp1252: quotation marks and dashes, mostly.
_MEANT = {
    code: bytes([code]).decode("cp1252")
    for code in range(0x80, 0xA0)
    if code not in {0x81, 0x8D, 0x8F, 0x90, 0x9D}
}
_LINE_ENDS = re.compile("\r\n?|\u2028|\u2029")
_BLANKS = re.compile(r"[^\S\n]+")
_EMPTY_LINES = re.compile(r"\n{3,}")


def clean(text: str) -> str:
    """Text without what is no text: controls, NUL, lone surrogates, marks nobody sees."""
    if text.isascii() and text.isprintable():
        return text
    return _CONTROLS.sub("", _LINE_ENDS.sub("\n", text).translate(_MEANT))


def flat(text: str) -> str:
    """Text on one line, words one space apart."""
    return " ".join(clean(text).split())


def tidy(text: str) -> str:
    """Text with its line breaks, blanks run together and at most one empty line at a time."""
    lines = (_BLANKS.sub(" ", line).strip() for line in clean(text).split("\n"))
    return _EMPTY_LINES.sub("\n\n", "\n".join(lines)).strip()


class Outline:
    """Collects paragraphs and rows into sections; nothing that it is told is lost.

    A heading with nothing under it becomes a section of its own, and a title too long for a path
    also stands in the text.
    """

    def __init__(self, page: int | None = None, root: Iterable[str] = ()) -> None:
        self._page = page
        self._headings: list[tuple[int, str]] = [(0, flat(title)) for title in root]
        self._bare: str | None = None
        self._parts: list[str] = []
        self._records = False
        self._sections: list[Section] = []

    @property
    def path(self) -> str | None:
        """The headings that the next paragraph stands under."""
        return SEPARATOR.join(title for _, title in self._headings) or None

    def heading(self, level: int, title: str) -> None:
        """Enter a heading; level 1 is the outermost."""
        title = flat(title)
        if not title:
            return
        deeper = bool(self._headings) and level > self._headings[-1][0]
        self._flush()
        if not deeper:
            self._tell_bare()
        while self._headings and self._headings[-1][0] >= level:
            self._headings.pop()
        if len(title) > _LONGEST_TITLE:
            self._headings.append((level, title[:_LONGEST_TITLE].rstrip() + "…"))
            self._bare = None
            self.text(title)
        else:
            self._headings.append((level, title))
            self._bare = title

    def page(self, number: int | None) -> None:
        """What follows stands on this page."""
        if number != self._page:
            self._flush()
            self._page = number

    def text(self, paragraph: str) -> None:
        """A paragraph; its own line breaks stay."""
        self._add(tidy(paragraph), records=False)

    def verbatim(self, block: str) -> None:
        """A paragraph whose indentation means something (code)."""
        self._add(clean(block).strip("\n").rstrip(), records=False)

    def record(self, line: str) -> None:
        """A row that stands for itself."""
        self._add(flat(line), records=True)

    def finish(self) -> list[Section]:
        """All sections, in order."""
        self._flush()
        self._tell_bare()
        return self._sections

    def _add(self, text: str, *, records: bool) -> None:
        if not text.strip():
            return
        if records != self._records:
            self._flush()
            self._records = records
        self._bare = None
        self._parts.append(text)

    def _flush(self) -> None:
        if self._parts:
            text = ("\n" if self._records else "\n\n").join(self._parts)
            self._sections.append(Section(text, self.path, self._page, self._records))
            self._parts = []
        self._records = False

    def _tell_bare(self) -> None:
        if self._bare is not None:
            self._sections.append(Section(self._bare, self.path, self._page))
            self._bare = None
