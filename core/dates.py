"""Days of the year in a text, each as one thing: a day alone and a month alone are not a date.

Texts are folded (`knowledge_base.terms.normalise`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "january jan", "february feb", "march mar", "april apr", "may", "june jun",
            "july jul", "august aug", "september sept sep", "october oct", "november nov",
            "december dec",
        ),
        1,
    )
    for name in names.split()
}  # fmt: skip
"""By their names, whole and cut short."""
MONTH: Final = rf"(?P<month>{'|'.join(sorted(MONTHS, key=len, reverse=True))})\b\.?"
_DAY: Final = r"(?<![\d.,:])(?P<{}>\d{{1,2}})(?:st|nd|rd|th|\.(?=\s))?(?![\d:]|[.,]\d)"
_TO: Final = r"(?:\s*(?:-|–|—|to|until|till|through|(?P<list>and|or|,|&))\s*"
_HAN: Final = "[一二三四五六七八九十]{1,3}"
_PATTERNS: Final = (
    # The 14th to the 16th of June.
    re.compile(
        rf"{_DAY.format('first')}{_TO}(?:the\s+)?{_DAY.format('second')})?\s*(?:of\s+)?{MONTH}"
    ),
    # June 14th to 16th.
    re.compile(
        rf"\b{MONTH}\s*(?:the\s+)?{_DAY.format('first')}"
        rf"{_TO}{_DAY.format('second')}(?!\s*(?:of\s+)?{MONTH.replace('?P<month>', '?:')}))?"
    ),
    re.compile(
        rf"(?P<month>\d{{1,2}}|{_HAN})月\s*(?P<first>\d{{1,2}}|{_HAN})[日号]?"
        rf"(?:\s*[-–—~～至到]\s*(?P<second>\d{{1,2}}|{_HAN})(?=[日号]))?"
    ),
    re.compile(r"(?<!\d)\d{4}-(?P<month>\d{1,2})-(?P<first>\d{1,2})(?!\d)(?P<second>(?!))?"),
)
_HAN_DIGITS: Final = {digit: value for value, digit in enumerate("一二三四五六七八九", 1)}
_MOST_DAYS: Final = 31
_MOST_MONTHS: Final = 12


def dates(folded: str, *, surely: bool = False) -> Iterator[str]:
    """Every day of the year that is named, as "6-14"; `surely`: without what may be none, as the 5
    in "June 3 and 5 people"."""
    for match, month, first, second in _found(folded):
        in_list = "list" in match.re.groupindex and match["list"]
        if first and not (surely and in_list and match.re is _PATTERNS[0]):
            yield f"{month}-{first}"
        if second and not (surely and in_list and match.re is _PATTERNS[1]):
            yield f"{month}-{second}"


def without_dates(folded: str) -> str:
    """The text with blanks for them; a year beside them stays."""
    for match, *_rest in list(_found(folded)):
        start, end = match.span()
        blank = re.sub(r"(?<!\d)\d{4}(?!\d)|.", _unless_year, match.group(), flags=re.S)
        folded = folded[:start] + blank + folded[end:]
    return folded


def _unless_year(match: re.Match[str]) -> str:
    return match.group() if len(match.group()) > 1 else " "


def _found(folded: str) -> Iterator[tuple[re.Match[str], int, int | None, int | None]]:
    """Each with its month and its one or two days."""
    for pattern in _PATTERNS:
        for match in pattern.finditer(folded):
            month, first = _number(match["month"]), _number(match["first"])
            second = _number(match["second"]) if match["second"] else None
            if 0 < month <= _MOST_MONTHS and all(
                0 < day <= _MOST_DAYS for day in (first, second or 1)
            ):
                yield match, month, first, second


def _number(text: str) -> int:
    if text in MONTHS:
        return MONTHS[text]
    if text.isdecimal():
        return int(text)
    tens, ten, ones = text.rpartition("十")
    if not ten:
        return _HAN_DIGITS.get(text, 0)
    return 10 * _HAN_DIGITS.get(tens, 0 if tens else 1) + _HAN_DIGITS.get(ones, 0)
