"""The headings of a document, how they are numbered, and what stands under each. Pure.

Headings come as paths from files that have them, and as lines of the text: small sections lie
together in one passage, each below its title, and a plain text has nothing else.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from core.numerals import HAN_NUMERALS, WORD_NUMBERS, han_value
from core.whole.extracting import SEPARATOR, heading_of, says_anything
from knowledge_base.models import Passage
from knowledge_base.terms import normalise

KINDS: Final = {
    "part": 0, "部分": 0, "篇": 0, "卷": 0, "编": 0, "volume": 0,
    "chapter": 1, "章": 1, "unit": 1, "单元": 1, "lesson": 1, "课": 1, "讲": 1,
    "appendix": 1, "附录": 1,
    "section": 2, "节": 2, "小节": 2, "subsection": 2, "§": 2,
    "article": 3, "clause": 3, "条": 3,
}  # fmt: skip
"""What parts of a document are called, with their rank: the first holds the later ones."""
_SAME: Final = {
    "部分": "part", "篇": "part", "卷": "volume", "编": "part", "章": "chapter", "单元": "unit",
    "课": "lesson", "讲": "lesson", "附录": "appendix", "节": "section", "小节": "section",
    "subsection": "section", "§": "section", "条": "article", "clause": "article",
}  # fmt: skip
ROMAN: Final = r"[ivxl]{1,7}\b"
NUMERAL: Final = rf"\d{{1,3}}(?:\.\d{{1,3}}){{0,3}}|{ROMAN}|\b(?:{'|'.join(WORD_NUMBERS)})\b"
_ENDS: Final = r"[\s.:：,，、)）—–-]*"
_CALLED: Final = (
    re.compile(
        rf"(?P<kind>part|volume|chapter|unit|lesson|section|subsection|article|clause|§)\s*"
        rf"(?P<n>{NUMERAL})(?!\w|\.\d){_ENDS}"
    ),
    re.compile(rf"(?P<kind>appendix|附录)\s*(?P<n>[a-z]\b|\d{{1,2}}|{HAN_NUMERALS}){_ENDS}"),
    re.compile(
        rf"第\s*(?P<n>\d{{1,3}}(?:\.\d{{1,3}})?|{HAN_NUMERALS})\s*"
        rf"(?P<kind>部分|单元|小节|[篇卷编章课讲节条]){_ENDS}"
    ),
)
_BARE: Final = (
    ("1.", re.compile(r"(?P<n>\d{1,3}(?:\.\d{1,3}){0,3})(?:[.)、:]\s*|\s+)(?=\D)")),
    ("一、", re.compile(rf"(?P<n>{HAN_NUMERALS})\s*[、.:]\s*")),
    ("(一)", re.compile(rf"\((?P<n>{HAN_NUMERALS})\)\s*")),
    ("(1)", re.compile(r"\((?P<n>\d{1,3})\)\s*")),
    ("i.", re.compile(rf"(?P<n>{ROMAN})[.)]\s+")),
)
"""Of folded headings, in which full-width marks are plain ones."""
_BARE_RANK: Final = 10
_LONGEST_LINE: Final = 60


@dataclass(frozen=True, slots=True)
class Heading:
    """What a part of a document is called, and where it begins."""

    title: str
    level: int
    passage: int
    body: int
    """Where in that passage the text below it begins."""
    start: int = 0
    kind: str = ""
    """"chapter" of “Chapter 3”; empty where the heading does not say, as in “3. Returns”."""
    number: tuple[int, ...] = ()
    rank: int = 0
    """Of its numbering: what has a higher one is a part of what has a lower one."""
    name: str = ""
    """Folded, without its number."""
    is_line: bool = False
    """A line of the text."""

    def holds(self, other: Heading) -> bool:
        """Whether another heading that comes later, with none between that ends it, is inside."""
        if self.level != other.level:
            return self.level < other.level
        if not self.number or not other.number:
            return False
        if (self.rank, self.kind) != (other.rank, other.kind):
            return self.rank < other.rank
        mine, theirs = self.number, other.number
        return len(theirs) > len(mine) and theirs[: len(mine)] == mine


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with all that stands under it, subsections too."""

    heading: Heading
    inner: tuple[Heading, ...]
    passages: tuple[Passage, ...]

    @property
    def says_anything(self) -> bool:
        """A line of a table of contents, or a step of a list, has no text of its own."""
        return any(says_anything(own.chunk.text) for own in self.passages)


def headings(passages: Sequence[Passage]) -> tuple[Heading, ...]:
    """In their order. One that only looks numbered, as “24 hours”, counts as not numbered."""
    found = list(_settled(_found(passages)))
    counts = Counter(own.level for own in found if own.number)
    # Among numbered headings a short line is text.
    return tuple(own for own in found if own.number or not own.is_line or counts[own.level] < 2)


def section(heading: Heading, among: Sequence[Heading], passages: Sequence[Passage]) -> Section:
    """From a heading on to the next one of `among`, which are all, that it does not hold."""
    later = among[among.index(heading) + 1 :]
    ended = next((n for n, own in enumerate(later) if not heading.holds(own)), len(later))
    inner = tuple(later[:ended])
    end = (later[ended].passage, later[ended].start) if ended < len(later) else (len(passages), 0)
    titles = {own.title for own in (heading, *inner)}
    has_paths = any(own.chunk.heading for own in passages)
    found = []
    for at in range(heading.passage, min(end[0] + 1, len(passages))):
        chunk, path = passages[at].chunk, _path(passages[at])
        is_above = at > heading.passage and has_paths and len(path) <= heading.level
        if is_above and chunk.text.split("\n", 1)[0].strip() not in titles:
            inner = tuple(own for own in inner if own.passage < at)
            break
        start = _begins(heading, at, passages[at])
        text = chunk.text[start : end[1] if at == end[0] else None]
        if text.strip():
            # Without what is above it.
            below = SEPARATOR.join(path[heading.level :]) or heading.title
            found.append(replace(passages[at], chunk=replace(chunk, text=text, heading=below)))
    return Section(heading, inner, tuple(found))


def same_kind(kind: str) -> str:
    """The one word for what is called by several."""
    return _SAME.get(kind, kind)


def number_of(written: str) -> tuple[int, ...]:
    """3.2, iii, three and 三 as numbers; letters count from a on."""
    if written[0].isdecimal():
        return tuple(map(int, written.split(".")))
    if written in WORD_NUMBERS:
        return (WORD_NUMBERS[written],)
    if re.fullmatch(HAN_NUMERALS, written):
        return (han_value(written),)
    if re.fullmatch(ROMAN, written):
        values = [{"i": 1, "v": 5, "x": 10, "l": 50}[letter] for letter in written]
        pairs = zip(values, [*values[1:], 0], strict=True)
        return (sum(-own if own < following else own for own, following in pairs),)
    return (ord(written) - ord("a") + 1,)


def _path(passage: Passage) -> list[str]:
    return passage.chunk.heading.split(SEPARATOR) if passage.chunk.heading else []


def _begins(heading: Heading, at: int, passage: Passage) -> int:
    """Where in a passage the text under a heading begins; its title may stand above it again."""
    if at == heading.passage:
        return heading.body
    text, title = passage.chunk.text, heading.title
    again = len(_path(passage)) <= heading.level and text.startswith(f"{title}\n")
    return len(title) + 1 if again else 0


def _found(passages: Sequence[Passage]) -> Iterator[Heading]:
    """By the paths of passages, and by the lines in them under which small sections were put
    together, which are one level deeper."""
    current: list[str] = []
    has_paths = any(own.chunk.heading for own in passages)
    for at, passage in enumerate(passages):
        path = _path(passage)
        shared = next(
            (n for n, (old, new) in enumerate(zip(current, path, strict=False)) if old != new),
            min(len(current), len(path)),
        )
        for level in range(shared, len(path)):
            yield Heading(path[level], level, at, 0)
        # What goes on from the passage before says its title again.
        current = current if shared == len(path) else path
        for title, start, body in _lines(passage.chunk.text, alone=has_paths):
            if current[: len(path) + 1] != [*path, title]:
                current = [*path, title]
                yield Heading(title, len(path), at, body, start, is_line=True)


def _lines(text: str, *, alone: bool) -> Iterator[tuple[str, int, int]]:
    """Lines that read as headings, where each begins and ends. `alone`: they are paragraphs of
    their own; else one may stand right above its text."""
    start = 0
    lines = text.split("\n")
    for n, line in enumerate(lines):
        opens = n == 0 or not lines[n - 1].strip()
        following = lines[n + 1].strip() if n + 1 < len(lines) else ""
        end = min(len(text), start + len(line) + 1)
        title = heading_of(line.strip()) if line.strip() else None
        is_one = opens and not following
        if title is not None and (is_one or (not alone and _is_above(line, following, opens))):
            yield title, start, end
        start = end


def _is_above(line: str, following: str, opens: bool) -> bool:
    """Whether a line with a number stands above its text, and not in a list."""
    folded = normalise(line.strip())
    if len(folded) > _LONGEST_LINE:
        return False
    if any(pattern.match(folded) for pattern in _CALLED):
        return True
    goes_on = any(pattern.match(normalise(following)) for _style, pattern in _BARE)
    return opens and not goes_on and any(pattern.match(folded) for _style, pattern in _BARE)


def _settled(found: Iterator[Heading]) -> Iterator[Heading]:
    """With their numbers. A bare one counts that follows the one before it, or begins."""
    ranks: dict[str, int] = {}
    seen: set[tuple[str, tuple[int, ...]]] = set()
    for own in found:
        folded = normalise(own.title).strip()
        for pattern in _CALLED:
            if match := pattern.match(folded):
                kind = match["kind"]
                yield replace(own, kind=same_kind(kind), number=number_of(match["n"]),
                              rank=KINDS[kind], name=folded[match.end() :])  # fmt: skip
                break
        else:
            style, match = next(
                ((style, match) for style, bare in _BARE if (match := bare.match(folded))),
                ("", None),
            )
            number = number_of(match["n"]) if match else ()
            before = (*number[:-1], number[-1] - 1) if number else ()
            if match is None or (number[-1] > 1 and (style, before) not in seen):
                yield replace(own, name=folded)
                continue
            seen.add((style, number))
            rank = ranks.setdefault(style, _BARE_RANK + len(ranks))
            yield replace(own, number=number, rank=rank, name=folded[match.end() :])
