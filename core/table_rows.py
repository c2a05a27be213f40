"""Rows of tables, as documents hold them, and whether two give another figure of the same thing.

A row says little: two are of the same thing only where all that names it is the same, and where
what they stand under speaks of nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from core.comparing import compared
from core.issue_dates import without_issue_dates
from core.measures import measures
from core.numerals import HAN_NUMERALS, canonical, han_value
from knowledge_base.models import Passage
from knowledge_base.sentences import NAMED_CELL, NAMED_ROW
from knowledge_base.terms import normalise

_LISTED: Final = re.compile(r"^\s*[-*•·]\s+")
_SHORT: Final = re.compile(
    r"^\|?\s*(?P<label>[^|;:\t\n\d]{1,40}?)\s*"
    r"(?:\||;\s|:|\t|\s{2,})\s*(?P<value>[^|;\n]{1,40}?)\s*\|?$"
)
"""A label and a value: "票价 | 2元", "Ticket price; 2 €", "Ticket price: 2 €"."""
_PLAIN: Final = frozenset(
    re.findall(
        r"\w+",
        "amount charge cost costs fee fees figure price prices rate value values "
        "价格 单价 金额 费用 收费 收费标准 标准 数值 数量 值 内容",
    )
)
"""Names of columns that say no more than that the value stands there."""
_NUMBER: Final = re.compile(rf"\d+(?:[:.,]\d+)*|{HAN_NUMERALS}")
_CODE: Final = re.compile(r"[a-z][-_]?\d")
"""What begins with letters is a name, not a figure."""
_BARE: Final = re.compile(r"[€$£¥]?\s*\d+(?:[.,]\d+)*\s*(?:[^\W\d_]+|[€$£¥%])?")
"""A figure with its unit, and nothing more."""
_YEAR: Final = re.compile(r"\s*(?:19|20)\d\d\s*年?\s*")
_YEARS: Final = re.compile(r"year|date|年")
_MODEL: Final = re.compile(r"(?<![^\W_])(?=[a-z]*\d)(?!v\d{1,2}(?!\d))[a-z\d]{3,}(?![^\W_])")
"""A name with a number in it, as products have."""
_KIND: Final = re.compile(
    r"\b(?:admission|brochure|charges?|costs?|current|draft|edition|fees?|guide|handbook|"
    r"information|info|leaflet|list|manual|new|notes?|notice|of|old|overview|polic(?:y|ies)|"
    r"prices?|rates?|regulations?|rules?|table|tariffs?|terms|the|updated?|version)\b|"
    r"须知|收费|标准|价目|价格|票价|表|指南|手册|说明|通知|公告|规定|介绍|信息|办法|制度|费用|一览|"
    r"最新|修订|[新旧]?版本?|[的新旧]"
)
"""What a document is, rather than what it is about."""


@dataclass(frozen=True, slots=True)
class Row:
    """Its cells in order, by the names of their columns; a short row's have none."""

    cells: tuple[tuple[str, str], ...]
    is_named: bool

    @property
    def short(self) -> tuple[str, str, str] | None:
        """The label, the value and the value's column, where there is nothing else."""
        if len(self.cells) != 2:
            return None
        (_first, label), (column, value) = self.cells
        return (label, value, "") if not self.is_named or column in _PLAIN else None


@lru_cache(maxsize=512)
def row_of(text: str) -> Row | None:
    """The row that a line is, folded; a label and a value only where the value is a figure."""
    folded = normalise(_LISTED.sub("", text.strip()).rstrip(".。;；"))
    if NAMED_ROW.match(folded):
        return Row(tuple(NAMED_CELL.findall(folded)), is_named=True)
    found = _SHORT.match(folded)
    if found is None or not _is_measured(found["value"]):
        return None
    return Row((("", found["label"]), ("", found["value"])), is_named=False)


def rows_differ(one: Row, other: Row) -> bool:
    """Whether two rows say another figure, in the same unit, of what is called the same."""
    first, second = one.short, other.short
    if first is not None and second is not None and not (one.is_named and other.is_named):
        return first[0] == second[0] and _is_other(first[1], second[1])
    held, there = dict(one.cells), dict(other.cells)
    if not (one.is_named and other.is_named) or held.keys() != there.keys():
        return False
    changed = [name for name in held if held[name] != there[name]]
    # The first column names what the row is about.
    if not changed or next(iter(held)) in changed:
        return False
    return all(
        _is_other(held[name], there[name])
        and not (_YEAR.fullmatch(held[name]) and (len(changed) > 1 or _YEARS.search(name)))
        for name in changed
    )


def same_subject(one: Passage, other: Passage, asked: frozenset[str]) -> bool:
    """Whether rows of the two may be of the same thing: what is asked about stands in both or in
    neither, and their headings name nothing that the other's do not."""
    if asked & _words(one) != asked & _words(other):
        return False
    (first, models), (second, others) = _subject(one), _subject(other)
    return not (_apart(first, second) or _apart(models, others))


def _words(passage: Passage) -> frozenset[str]:
    chunk = passage.chunk
    return _tokens("\n".join((passage.document.name, chunk.heading or "", chunk.text)))


@lru_cache(maxsize=64)
def _tokens(text: str) -> frozenset[str]:
    return frozenset(compared(normalise(text)))


def _subject(passage: Passage) -> tuple[frozenset[str], frozenset[str]]:
    """The words of its headings, and the names with numbers there or in its document's name."""
    heading = without_issue_dates(normalise(passage.chunk.heading or ""))
    name = without_issue_dates(normalise(passage.document.name))
    models = frozenset(_MODEL.findall(f"{heading} {name}"))
    return frozenset(compared(_KIND.sub(" ", heading))), models


def _apart(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether each has something that the other has not."""
    return bool(one - other) and bool(other - one)


def _is_other(one: str, other: str) -> bool:
    """Whether two cells are figures of one unit, and not the same ones."""
    if not _NUMBER.search(one) or _CODE.search(one) or _CODE.search(other):
        return False
    return _figures(one) != _figures(other) and (
        _form(one) == _form(other) or _unit(one) == _unit(other) != ()
    )


def _is_measured(value: str) -> bool:
    """Whether a value is a figure with what it counts, or a time of day."""
    if _CODE.search(value) or _YEAR.fullmatch(value):
        return False
    if measured := tuple(measures(value)):
        return len(measured) == len(_NUMBER.findall(value))
    return re.fullmatch(r"(?:\d{1,2}:\d\d\s*(?:[-–—~至到]|to)?\s*)+", value) is not None


def _form(value: str) -> str:
    return re.sub(r"\s", "", _NUMBER.sub("#", value))


def _figures(value: str) -> tuple[str, ...]:
    return tuple(
        canonical(number) if number[0].isdecimal() else str(han_value(number))
        for number in _NUMBER.findall(value)
    )


def _unit(value: str) -> tuple[str, ...]:
    """Of what is a measure and nothing more."""
    return tuple(own[2] for own in measures(value)) if _BARE.fullmatch(value) else ()
