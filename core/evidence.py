"""Whether a passage supports a sentence, told from their words, numbers and names.

Words are compared folded (`knowledge_base.terms.normalise`), numbers and names exactly: a sentence
with a number that the passage does not hold is not supported, however similar the rest is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from typing import Final

from core.binding import Part, part_of, parts_of, says_otherwise
from core.cells import (
    NO_TABLES,
    Saying,
    Tables,
    sayings_of,
    says_another_cell,
    says_its_cells,
    tables_of,
)
from core.comparing import GRAMMAR, HAN_RUN, compared, han_runs, names_in, script
from core.dates import dates
from core.han_names import han_names, is_misnamed
from core.measures import measures, tells_shares, without_shares
from core.numerals import (
    WEEKDAYS,
    WORD_NUMBERS,
    all_numbers,
    claimed_numbers,
    counted,
)
from core.ordinals import are_others, ordinals
from core.polarity import denied_outright, says_opposite, says_outright
from core.reversal import is_reversed
from core.stances import Stance, stances
from knowledge_base.models import Passage
from knowledge_base.sentences import Sentence, sentences
from knowledge_base.terms import normalise

ENOUGH: Final = 0.6
"""Share of a sentence's words that a passage must hold."""
ENOUGH_NEW: Final = 0.5
"""The same of those that the question does not hold."""
ENOUGH_NUMBERED: Final = 0.3
"""Where a number that few sentences hold, or several, stand in one and the same sentence."""
SAME: Final = 0.8
"""A sentence that holds so much of a claim is the one that it was made from."""
_ALIKE: Final = 0.5
"""A sentence that holds so much of a claim speaks of the same."""
_TELLING: Final = 3
"""Digits of a number that few sentences hold."""
_ASKING: Final = re.compile(
    r"\b(?:much|many|long|often|far|about|else|tell|mean|exactly|really|please|true|happens?)\b|"
    r"多少钱?|什么(?:时候)?|怎么[样办]?|如何|哪[里儿个些]?|几[点个天]?|谁|为什么|多[久长远大]|是否|有没有|别的|"
    r"其他|还有|那么?|如果|那里|这里|它们?|他们?|她们?|这[个些]|那[个些]"
)

_WORKING_DAYS: Final = re.compile(r"\b(?:working|business) days?\b|工作日")
_NAME: Final = re.compile(r"(?<![\w'’])[A-Z\u00c0-\u00de][\w-]*[\w]")


class Verdict(Enum):
    """What comparing a sentence with passages came to."""

    SUPPORTED = auto()
    UNSUPPORTED = auto()
    UNKNOWN = auto()
    """They are in different scripts, and there is no number to go by."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence, as it is compared."""

    tokens: frozenset[str]
    new: frozenset[str]
    """Those that the question does not hold."""
    numbers: frozenset[str]
    names: frozenset[str]
    han: tuple[str, ...] = ()
    """Runs of Han characters without words of grammar."""
    han_names: frozenset[str] = frozenset()
    counted: frozenset[tuple[str, str]] = frozenset()
    """Numbers with what they count, as far as that stands behind them."""
    said: Part | None = None
    """What its numbers, dates and names stand with, where that is to be compared."""
    asked: Part | None = None
    """The same of the question."""
    measured: frozenset[tuple[str, str, str]] = frozenset()
    ordinals: frozenset[tuple[str, str]] = frozenset()
    tells_shares: bool = True
    """Whether it, or the question, speaks of per cent."""
    text: str = ""
    stances: tuple[Stance, ...] = ()
    """Its clauses, with what they affirm and deny."""
    sayings: tuple[Saying, ...] = ()
    """Its pieces with a number, to be looked for in tables."""

    @property
    def is_telling(self) -> bool:
        """Its numbers alone nearly say where it is from."""
        long = any(len(re.sub(r"\D", "", number)) >= _TELLING for number in self.numbers)
        return long or len(self.numbers) > 1 or any("." in number for number in self.numbers)

    @property
    def empty(self) -> bool:
        """True where there is nothing that could be supported."""
        return not self.tokens and not self.numbers


@dataclass(frozen=True, slots=True)
class _Part:
    """What one sentence of a passage holds."""

    tokens: frozenset[str]
    numbers: frozenset[str]
    counted: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one passage, or several together, hold."""

    tokens: frozenset[str]
    numbers: frozenset[str]
    names: frozenset[str]
    """All its words, since any may be somebody's name."""
    text: str = ""
    """Folded."""
    parts: tuple[_Part, ...] = ()
    dates: frozenset[str] = frozenset()
    measured: frozenset[tuple[str, str, str]] = frozenset()
    ordinals: frozenset[tuple[str, str]] = frozenset()
    bare: frozenset[str] = frozenset()
    """Its numbers that are not of per cent."""
    tells_shares: bool = False
    """Whether it speaks of per cent beside them."""
    written: tuple[str, ...] = ()
    """The texts of the passages, as they stand."""
    tables: Tables = NO_TABLES

    @classmethod
    def of(cls, passage: Passage) -> Evidence:
        """The passage with its heading and its document's name."""
        return _read(passage.document.name, passage.chunk.heading or "", passage.chunk.text)

    @classmethod
    def read(cls, name: str, heading: str, body: str) -> Evidence:
        """The same of its texts."""
        text = "\n".join((name, heading, body))
        folded = normalise(text)
        bare = without_shares(folded)
        numbers = frozenset(all_numbers(folded))
        return cls(
            frozenset(compared(folded)),
            numbers,
            frozenset(names_in(folded)),
            folded,
            tuple(map(_part, sentences(body))),
            frozenset(dates(folded)),
            frozenset(measures(folded)),
            frozenset(ordinals(folded)),
            numbers if bare == folded else frozenset(all_numbers(bare)),
            tells_shares(bare),
            (body,),
            tables_of(body, compared),
        )

    @classmethod
    def together(cls, parts: Iterable[Evidence]) -> Evidence:
        """What several hold between them."""
        several = tuple(parts)
        return cls(
            frozenset().union(*(part.tokens for part in several)),
            frozenset().union(*(part.numbers for part in several)),
            frozenset().union(*(part.names for part in several)),
            "\n".join(part.text for part in several),
            tuple(own for part in several for own in part.parts),
            frozenset().union(*(part.dates for part in several)),
            frozenset().union(*(part.measured for part in several)),
            frozenset().union(*(part.ordinals for part in several)),
            frozenset().union(*(part.bare for part in several)),
            any(part.tells_shares for part in several),
            tuple(text for part in several for text in part.written),
            Tables.together(part.tables for part in several),
        )

    def supports(self, claim: Claim) -> tuple[Verdict, float]:
        """The verdict and, among supporters, how well it fits."""
        if not self._holds_numbers(claim):
            return Verdict.UNSUPPORTED, 0.0
        if script(claim.tokens) not in (None, *map(script, (self.tokens,))):
            return (Verdict.SUPPORTED if claim.numbers else Verdict.UNKNOWN), 0.0
        if not claim.names <= self.names:
            return Verdict.UNSUPPORTED, 0.0
        if is_misnamed(claim.han_names, self.text) or self._says_otherwise(claim):
            return Verdict.UNSUPPORTED, 0.0
        whole, new = _held(claim, self.tokens), _share(claim.new, self.tokens)
        # A number that is there says more than one or two words that are said otherwise.
        lenient = bool(claim.numbers) and len(claim.new) < 3
        enough = whole >= ENOUGH and (new >= ENOUGH_NEW or lenient)
        if not enough and not (whole >= ENOUGH_NUMBERED and self._has_its_numbers(claim)):
            return Verdict.UNSUPPORTED, 0.0
        if self._is_of_another_cell(claim) or self._binds_otherwise(claim):
            return Verdict.UNSUPPORTED, 0.0
        if self._says_opposite(claim):
            return Verdict.UNSUPPORTED, 0.0
        return Verdict.SUPPORTED, whole + new

    def speaks_of(self, claim: Claim) -> bool:
        """Whether it says what the claim says, in its script, be it of other numbers or names."""
        if script(claim.tokens) not in (None, script(self.tokens)):
            return False
        named = bool(claim.names or claim.han_names)
        return any(
            (part.numbers or named) and _held(claim, part.tokens) >= ENOUGH for part in self.parts
        )

    def _holds_numbers(self, claim: Claim) -> bool:
        """Whether its numbers are here, and dates and measures are not of something else."""
        if not claim.numbers <= self.numbers or self._dates_otherwise(claim):
            return False
        if are_others(claim.ordinals, self.ordinals) or self._shares_otherwise(claim):
            return False
        here = {(number, kind) for number, kind, _unit in self.measured}
        return all((own[0], own[1]) not in here for own in claim.measured - self.measured)

    def _shares_otherwise(self, claim: Claim) -> bool:
        """Whether a number is of per cent in the claim alone, or here alone."""
        if claim.said is None:
            return False
        claimed, here = (
            {number for number, kind, _unit in own if kind == "share"}
            for own in (claim.measured, self.measured)
        )
        if not self.tells_shares and claimed - here:
            return True
        return not claim.tells_shares and not (claim.numbers & here) <= self.bare

    def _dates_otherwise(self, claim: Claim) -> bool:
        """Whether a date of the claim is none of these, though the day or the month is."""
        if claim.said is None or claim.asked is None:
            return False
        own = {item.value for item in claim.said.items if item.kind == "date"} - claim.asked.forms
        halves = {half for date in self.dates for half in _halves(date)}
        return any(not halves.isdisjoint(_halves(date)) for date in own - self.dates)

    def _binds_otherwise(self, claim: Claim) -> bool:
        """Whether a number, date or name of the claim belongs to something else here."""
        if claim.said is None or claim.asked is None or not claim.said.items:
            return False
        asked = claim.asked.words | claim.asked.forms
        if says_its_cells(claim.sayings, asked, claim.asked.forms, self.tables):
            return False
        written = [_parts(text) for text in self.written]
        levels = (
            [part for whole, _clauses in written for part in whole],
            [part for _whole, clauses in written for part in clauses],
        )
        return says_otherwise(claim.said, claim.asked, levels)

    def _is_of_another_cell(self, claim: Claim) -> bool:
        """Whether a number of the claim stands in another row or column of a table here."""
        if not self.tables.tables or claim.asked is None:
            return False
        asked = claim.asked
        return says_another_cell(claim.sayings, asked.words | asked.forms, asked.forms, self.tables)

    def _says_opposite(self, claim: Claim) -> bool:
        """Whether what the claim was made from denies what it affirms, or the other way round, or
        says it of somebody else."""
        if not claim.stances or claim.asked is None:
            return False
        if is_reversed(claim.text, self.written):
            return True
        return says_opposite(claim.stances, self._said(), claim.asked.words)

    def denies(self, claim: Claim) -> tuple[Stance, ...]:
        """What of the claim it denies in so many words."""
        if claim.asked is None:
            return ()
        return denied_outright(claim.stances, self._said(), claim.asked.words)

    def says(self, stance: Stance) -> bool:
        """Whether it says that in so many words."""
        return says_outright(stance, self._said())

    def _said(self) -> list[Stance]:
        return [stance for text in self.written for stance in _stances(text)]

    def _says_otherwise(self, claim: Claim) -> bool:
        """The sentence that the claim was made from counts another number of the same, and the
        claim's own stands where the passage speaks of something else."""
        if not claim.counted:
            return False
        held = [(_held(claim, part.tokens), part) for part in self.parts]
        made_from = [part for share, part in held if share >= SAME]
        numbers = frozenset().union(*(part.numbers for share, part in held if share >= _ALIKE))
        units = {unit for part in made_from for _number, unit in part.counted}
        return any(number not in numbers and unit in units for number, unit in claim.counted)

    def _has_its_numbers(self, claim: Claim) -> bool:
        """Whether one sentence holds all numbers of a claim that is known by them."""
        if not claim.is_telling:
            return False
        return any(
            claim.numbers <= part.numbers and not part.tokens.isdisjoint(claim.tokens)
            for part in self.parts
        )


def content(question: str) -> frozenset[str]:
    """The words of a question that say what it is about; none in "and how much is it?"."""
    return frozenset(compared(_ASKING.sub(" ", normalise(question))))


def alike(one: Claim, other: Claim) -> float:
    """The share of its words that each has of the other, the lesser one; numbers do not count."""
    return min(_held(one, other.tokens), _held(other, one.tokens))


def claim_of(sentence: str, question: str, *, binds: bool = False) -> Claim:
    """What a sentence claims; names that the question holds need no support. `binds`: with what its
    numbers, dates and names stand with."""
    folded, asked = normalise(sentence), normalise(question)
    tokens = frozenset(compared(folded))
    first = re.search(r"\w", sentence)
    names = {
        normalise(match.group())
        for match in _NAME.finditer(sentence)
        if first is None or match.start() != first.start()
    }
    return Claim(
        tokens,
        tokens - frozenset(compared(asked)),
        frozenset(claimed_numbers(folded)),
        frozenset(
            word
            for name in names
            for word in names_in(name)
            if word not in GRAMMAR and word not in WORD_NUMBERS and word not in WEEKDAYS
        )
        - frozenset(names_in(asked)),
        tuple(han_runs(folded)),
        han_names(folded),
        frozenset(counted(folded)),
        part_of(sentence, compared, surely=True) if binds else None,
        part_of(question, compared) if binds else None,
        frozenset(_measured(folded, asked)) if binds else frozenset(),
        frozenset(ordinals(folded)) - frozenset(ordinals(asked)) if binds else frozenset(),
        tells_shares(folded) or tells_shares(asked),
        sentence,
        stances(sentence, compared) if binds else (),
        sayings_of(sentence, compared) if binds else (),
    )


def _measured(folded: str, asked: str) -> Iterator[tuple[str, str, str]]:
    """What a sentence measures; of days, nothing where working days were asked for."""
    is_known = _WORKING_DAYS.search(asked) is not None
    for number, kind, unit in measures(folded):
        if not (is_known and unit == "day"):
            yield number, kind, unit


@lru_cache(maxsize=64)
def _stances(text: str) -> tuple[Stance, ...]:
    return stances_of(text)


def stances_of(text: str) -> tuple[Stance, ...]:
    """Its clauses, with what they affirm and deny."""
    return stances(text, compared)


@lru_cache(maxsize=64)
def _read(name: str, heading: str, body: str) -> Evidence:
    return Evidence.read(name, heading, body)


@lru_cache(maxsize=64)
def _parts(text: str) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    return parts_of(text, compared)


def _halves(date: str) -> tuple[str, str]:
    month, _, day = date.partition("-")
    return f"month {month}", f"day {day}"


def _part(sentence: Sentence) -> _Part:
    folded = normalise(sentence.text)
    return _Part(
        frozenset(compared(folded)),
        frozenset(all_numbers(folded)),
        frozenset(counted(folded)),
    )


def _held(claim: Claim, tokens: frozenset[str]) -> float:
    """Share of a claim that stands in a text: of Han, the characters within pairs that do."""
    letters = {token for token in claim.tokens if not HAN_RUN.match(token)}
    held, whole = 2 * len(letters & tokens), 2 * len(letters)
    for run in claim.han:
        covered = {n + k for n in range(len(run) - 1) if run[n : n + 2] in tokens for k in (0, 1)}
        held, whole = held + len(covered), whole + len(run)
    return held / whole if whole else 1.0


def _share(part: frozenset[str], whole: frozenset[str]) -> float:
    return len(part & whole) / len(part) if part else 1.0
