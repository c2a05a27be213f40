"""The date that a document gives itself: in its name, its heading or its first lines.

Only a plain one: a document whose name, heading and first lines tell of several has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final

from core.dates import MONTH, MONTHS
from knowledge_base.models import Passage
from knowledge_base.terms import normalise

_BELOW: Final = " › "
"""Between the headings of a path."""
_FIRST_LINES: Final = 4
_LONGEST_TITLE: Final = 60
_LONGEST_LINE: Final = 120
_YEARS_AHEAD: Final = 2
"""A date so far after the document was added is none of its own."""
_YEAR: Final = r"(?<![\da-z])(?P<year>(?:19[89]|20\d)\d)"
"""In `rfc2024` there is none."""
_DAY: Final = r"(?<!\d)(?P<day>\d{1,2})(?:st|nd|rd|th|\.)?"
_DATES: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_YEAR}\s*年(?:\s*(?P<month>\d{{1,2}})\s*月(?:\s*(?P<day>\d{{1,2}})\s*[日号])?)?",
        rf"{_DAY}\s*{MONTH},?\s*{_YEAR}(?!\d)",
        rf"\b{MONTH}\s*{_DAY},?\s+{_YEAR}(?!\d)",
        rf"\b{MONTH},?\s*{_YEAR}(?!\d)",
        rf"{_YEAR}(?P<month>\d\d)(?P<day>\d\d)(?!\d)",
        rf"{_YEAR}[-._/](?P<month>\d{{1,2}})(?:[-._/](?P<day>\d{{1,2}}))?(?!\d)",
        rf"{_YEAR}(?!\d)",
    )
)
"""The fuller before the shorter; what one has found, none behind it reads."""
_SAYS: Final = re.compile(
    r"^(?:stand|as (?:of|at)|status|date|dated|version|edition|revision|revised|issued|published|"
    r"(?:last )?(?:updated?|revised|changed|modified)|effective|valid (?:from|as of)|in force)\b|"
    r"^(?:截至|更新|修订|发布|颁布|公布|生效|施行|实施|版本|日期|编制|最后更新|自)|"
    r"(?:版|修订|修订版|更新|发布|起(?:施行|实施|生效|执行))[)）]?$"
)
"""A line that says of itself that its date is the document's."""
_TERM: Final = re.compile(r"\b(?:to|until|till|through)\b|[-–—~～至到]\s*(?=\d{4}|\d+\s*[月日])")
"""A time that something holds for is none."""


@dataclass(frozen=True, slots=True, order=True)
class IssueDate:
    """A year, with its month and its day where they are told (0: they are not)."""

    year: int
    month: int = 0
    day: int = 0

    def __str__(self) -> str:
        known = (f"{self.year:04}", f"{self.month:02}", f"{self.day:02}")
        return "-".join(known[: 1 + bool(self.month) + bool(self.day)])

    def within(self, other: IssueDate) -> bool:
        """Whether it says the same, or more exactly."""
        return str(self).startswith(str(other))


def issued(passage: Passage) -> IssueDate | None:
    """The date that the passage's document gives itself, as far as this passage shows it."""
    chunk, document = passage.chunk, passage.document
    is_first = chunk.ordinal == 0
    path = (chunk.heading or "").split(_BELOW)
    # The only heading of a later passage may be that of a part.
    title = path[0] if is_first or len(path) > 1 else ""
    opening = chunk.text if is_first else ""
    first = opening.split("\n", 1)[0].strip()
    if not title and len(first) <= _LONGEST_TITLE and first[-1:].isalnum():
        title = first
    return _issued(document.name, title, opening, document.added_at.year)


def order(one: IssueDate | None, other: IssueDate | None) -> int:
    """Below 0 where one is surely older than the other, above 0 where it is newer; 0: nobody
    knows."""
    if one is None or other is None or one.within(other) or other.within(one):
        return 0
    return -1 if one < other else 1


def without_issue_dates(folded: str) -> str:
    """The text with blanks for what reads as the date of a document."""
    for pattern in _DATES:
        folded = pattern.sub(" ", folded)
    return folded


@lru_cache(maxsize=256)
def _issued(name: str, heading: str, opening: str, added: int) -> IssueDate | None:
    told = [*_dates(name), *_dates(heading)]
    for line in opening.split("\n")[:_FIRST_LINES]:
        told += _dates(line) if len(line) <= _LONGEST_LINE and _says(line) else ()
    exact = max(told, key=lambda own: len(str(own)), default=None)
    if exact is None or exact.year > added + _YEARS_AHEAD:
        return None
    return exact if all(exact.within(own) for own in told) else None


def _says(line: str) -> bool:
    bare = normalise(line).strip(" *_#()[]>-。.")
    return _SAYS.search(bare) is not None and _TERM.search(bare) is None


def _dates(text: str) -> Iterator[IssueDate]:
    folded = normalise(text)
    for pattern in _DATES:
        for match in pattern.finditer(folded):
            found = _date(match.groupdict())
            if found is not None:
                yield found
        folded = pattern.sub(" ", folded)


def _date(parts: dict[str, str | None]) -> IssueDate | None:
    year, day = int(parts["year"] or 0), int(parts.get("day") or 0)
    told = parts.get("month") or "0"
    month = MONTHS.get(told) or int(told)
    try:
        date(year, month or 1, day or 1)
    except ValueError:
        return None
    return IssueDate(year, month, day)
