"""Which of several of a kind a text names: the second floor, chapter 3, 第二层.

Texts are folded (`knowledge_base.terms.normalise`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from core.dates import without_dates
from core.numerals import HAN_NUMERALS, WORD_NUMBERS, han_value

ORDINALS: Final = {
    word: number
    for number, word in enumerate(
        re.findall(
            r"\w+",
            "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth",
        ),
        1,
    )
}
"""By the word that names it."""
_NUMBER: Final = rf"\d+|\b(?:{'|'.join(WORD_NUMBERS)})\b"
_NO_KIND: Final = frozenset(
    re.findall(
        r"\w+",
        "the and for was are who has had with from that this one two three few time place hand "
        "half person choice class rate name aid language",
    )
)
_BEFORE: Final = re.compile(
    rf"(?<!\d )(?<![\w-])(?P<n>{'|'.join(ORDINALS)}|\d+(?=st|nd|rd|th))(?:st|nd|rd|th)?"
    r"\s+(?P<kind>[a-z]{3,})"
)
_BEHIND: Final = re.compile(
    r"\b(?P<kind>floor|level|chapter|section|part|page|step|phase|stage|volume|grade|gate|platform|"
    rf"article|round|season|episode|room|line)\s+(?P<n>{_NUMBER})(?![\w.:]*\d)"
)
_HAN: Final = re.compile(
    rf"第(?P<n>\d+|{HAN_NUMERALS})个?(?P<kind>阶段|[章节条款页层楼天次届期周年季组号步名项回卷场局轮代位课排列])|"
    rf"(?<![\d第])(?P<n2>\d+|{HAN_NUMERALS})(?P<kind2>[楼层])(?!楼|高)"
)
_COUNTING: Final = re.compile(rf"(?<!\d )\b(?:{'|'.join(ORDINALS)})\b")


def ordinals(folded: str) -> Iterator[tuple[str, str]]:
    """Each with what is counted; the storeys of a house are one kind."""
    folded = without_dates(folded)
    for match in _BEFORE.finditer(folded):
        kind = match["kind"].removesuffix("s")
        if kind not in _NO_KIND and kind not in WORD_NUMBERS:
            yield str(ORDINALS.get(match["n"]) or int(match["n"])), kind
    for match in _BEHIND.finditer(folded):
        yield str(WORD_NUMBERS.get(match["n"], match["n"])), match["kind"]
    for match in _HAN.finditer(folded):
        number, kind = match["n"] or match["n2"], match["kind"] or match["kind2"]
        value = int(number) if number.isdecimal() else han_value(number)
        yield str(value), "层" if kind == "楼" else kind


def without_ordinals(folded: str) -> str:
    """The text with blanks for the words that count."""
    return _COUNTING.sub(" ", folded)


def are_others(claimed: frozenset[tuple[str, str]], here: frozenset[tuple[str, str]]) -> bool:
    """Whether one is claimed that is not here, though others of its kind are."""
    kinds = {kind for _number, kind in here}
    return any(kind in kinds for _number, kind in claimed - here)
