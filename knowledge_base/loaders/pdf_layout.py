"""Lines of a PDF to paragraphs and headings, by their size and their place."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from itertools import chain, pairwise
from statistics import median

from knowledge_base.loaders.outline import Outline, flat
from knowledge_base.loaders.pdf_lines import HYPHEN, Line

_ITEM = re.compile(
    r"(?:[•◦▪‣●○■□·–—*-]|\(?\d{1,3}[.)、．]|\(?[a-zA-Z][.)]"
    r"|[(（]?[一二三四五六七八九十]{1,3}[)）、])\s*\S"
)
_ENDS = re.compile(r"[.!?:;。！？：；…][\"'”’」』)）\]]*$")
_WORD = re.compile(r"[^\W\d_]+")
_LAST_WORD = re.compile(r"[^\W\d_]+$")
_LONGEST_HEADING = 120
_LARGER = 1.12
"""Times the size of the body from which a line is a heading."""
_FULL = 0.72
"""Share of the usual width from which a line is full: its sentence goes on in the next."""
_SPREAD = 0.8
"""Width of a letter, in shares of its size, from which a line is a row of a table."""


class Layout:
    """What sizes mean in one document, and how its lines become paragraphs."""

    def __init__(self, pages: list[list[Line]]) -> None:
        self._sizes = _heading_sizes(pages, body_size(pages) or 0.0)
        self._words = _words_of(pages)

    def write(self, outline: Outline, lines: list[Line], titles: dict[str, int]) -> None:
        """Add a page to the outline; `titles` are what bookmarks point to, with their level."""
        page = _Page(outline, lines, self._words)
        for line in lines:
            level = None if line.records else self._level(line, titles)
            if line.records:
                page.table(line)
            elif level is None:
                page.body(line)
            else:
                page.title(line, level)
        page.end()

    def _level(self, line: Line, titles: dict[str, int]) -> int | None:
        if len(line.text) > _LONGEST_HEADING or not re.search(r"[^\W\d_]", line.text):
            return None
        if line.size in self._sizes:
            return self._sizes[line.size]
        key = title_key(line.text)
        return titles[key] + len(self._sizes) if len(key) > 1 and key in titles else None


class _Page:
    """One page while it is written."""

    def __init__(self, outline: Outline, lines: list[Line], words: frozenset[str]) -> None:
        widths = sorted(line.width for line in lines if not line.records)
        plain = [line for line in lines if not line.records]
        drops = [above.base - below.base for above, below in pairwise(plain)]
        self._outline = outline
        self._words = words
        self._width = widths[len(widths) * 9 // 10] if widths else 0.0
        self._drop = median([drop for drop in drops if drop > 0] or [0.0])
        self._paragraph: list[str] = []
        self._title: list[str] = []
        self._level = 0
        self._previous: Line | None = None

    def title(self, line: Line, level: int) -> None:
        """A line of a heading, which may have several."""
        goes_on = self._title and level == self._level and self._previous is not None
        if not (goes_on and self._previous is not None and self._previous.size == line.size):
            self.end()
        self._level = level
        if self._title:
            _join(self._title, line.text, self._words)
        else:
            self._title.append(line.text)
        self._previous = line

    def table(self, line: Line) -> None:
        """A table, whose rows stand for themselves."""
        self.end()
        for record in line.records:
            self._outline.record(record)
        self._previous = None

    def body(self, line: Line) -> None:
        """A line of a paragraph."""
        previous = self._previous
        if previous is None or self._title or _parts(previous, line, self._drop):
            self.end()
            self._paragraph.append(line.text)
        elif self._continues(previous, line):
            _join(self._paragraph, line.text, self._words)
        else:
            self._paragraph.append(f"\n{line.text}")
        self._previous = line

    def end(self) -> None:
        """What was read so far is complete."""
        if self._title:
            self._outline.heading(self._level, "".join(self._title))
        self._outline.text("".join(self._paragraph))
        self._title.clear()
        self._paragraph.clear()

    def _continues(self, previous: Line, line: Line) -> bool:
        """Whether a line is the rest of the sentence above: that one is full, or cut in a word."""
        if previous.text.rstrip().endswith(HYPHEN):
            return True
        if _ITEM.match(line.text.lstrip()):
            return False
        spread = max(_letter(previous), _letter(line)) > _SPREAD
        full = previous.width >= _FULL * self._width
        return full and not spread and previous.size == line.size


def _letter(line: Line) -> float:
    """Width of a letter in shares of the size; CJK letters count as two."""
    text = line.text.strip()
    letters = len(text) if text.isascii() else sum(2 if _wide(each) else 1 for each in text)
    return line.width / (letters * line.size) if letters and line.size else 0.0


def drop_repeated(pages: list[list[Line]]) -> None:
    """Running heads and feet: lines at a page's edge that stand on most pages stay on the first.

    They are the same but for the page's number; a line with any other difference says something.
    """
    if len(pages) < 3:
        return
    edges: Counter[str] = Counter()
    for number, lines in enumerate(pages, 1):
        edges.update({_edge_key(lines[place], number, len(pages)) for place in _edges(lines)})
    repeated = {key for key, count in edges.items() if count > len(pages) * 0.6}
    seen: set[str] = set()
    for number, lines in enumerate(pages, 1):
        dropped = set()
        for place in _edges(lines):
            key = _edge_key(lines[place], number, len(pages))
            if key in repeated and key in seen:
                dropped.add(place)
            seen.add(key)
        pages[number - 1] = [line for place, line in enumerate(lines) if place not in dropped]


def _edges(lines: list[Line]) -> list[int]:
    """Places of the first and last lines, on a page that has more than those."""
    return [0, 1, len(lines) - 2, len(lines) - 1] if len(lines) > 4 else []


def _edge_key(line: Line, number: int, total: int) -> str:
    def known(found: re.Match[str]) -> str:
        return "#" if found.group() in {str(number), str(total)} else found.group()

    return re.sub(r"\d+", known, flat(line.text))


def title_key(title: str) -> str:
    """A title without number, blanks and case, to compare bookmarks and page."""
    return re.sub(r"[\W\d_]+", "", title).casefold()


def body_size(pages: Iterable[list[Line]]) -> float | None:
    """The size that most letters are set in."""
    sizes: Counter[float] = Counter()
    for lines in pages:
        for line in lines:
            sizes[line.size] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else None


def _heading_sizes(pages: list[list[Line]], body: float) -> dict[float, int]:
    """Sizes that headings are set in, with their level; the largest is the outermost."""
    large = {
        line.size
        for lines in pages
        for line in lines
        if body and line.size > body * _LARGER and len(line.text) <= _LONGEST_HEADING
        if not line.records
    }
    return {size: level for level, size in enumerate(sorted(large, reverse=True)[:6], 1)}


def _parts(previous: Line, line: Line, gap: float) -> bool:
    """Whether a new paragraph begins: more space above, or an indent after a full stop."""
    down = previous.base - line.base
    ended = _ENDS.search(previous.text.rstrip()) is not None
    if gap and down > 1.4 * gap:
        return True
    if down < 0:  # the next column: the sentence may go on there
        return ended
    return ended and line.left - previous.left > 0.8 * max(line.size, 1.0)


def _join(paragraph: list[str], text: str, words: frozenset[str]) -> None:
    """Add a line to a paragraph: with a blank, or none where the script or a word has none."""
    before = paragraph[-1].rstrip()
    text = text.lstrip()
    if before.endswith(HYPHEN):
        paragraph[-1] = before.rstrip(HYPHEN) + _hyphen(before.rstrip(HYPHEN), text, words)
    elif before and text and _wide(before[-1]) and _wide(text[0]):
        paragraph[-1] = before
    else:
        paragraph[-1] = f"{before} "
    paragraph.append(text)


def _hyphen(before: str, after: str, words: frozenset[str]) -> str:
    """The hyphen, where the document shows that it belongs to the word and not to the line."""
    head, tail = _LAST_WORD.search(before[-40:]), _WORD.match(after)
    if head is None or tail is None:
        return "-"
    start, end = head.group().casefold(), tail.group().casefold()
    return "-" if start + end not in words and start in words and end in words else ""


def _words_of(pages: list[list[Line]]) -> frozenset[str]:
    """Words that stand whole in a line."""
    words: set[str] = set()
    broken = False
    for line in chain.from_iterable(pages):
        found = [word.casefold() for word in _WORD.findall(line.text)]
        ends_broken = line.text.rstrip().endswith(HYPHEN)
        words.update(found[int(broken) : len(found) - int(ends_broken)])
        broken = ends_broken
    return frozenset(words)


def _wide(character: str) -> bool:
    return character >= "\u2e80" and not "\uac00" <= character <= "\ud7a3"
