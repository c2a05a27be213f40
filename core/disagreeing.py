"""Documents that disagree: the same said of the same thing, with another number, or the opposite.

Told without a model, clause by clause, from words, names, numbers and what they count, and from
what a clause affirms or denies where all the rest is the same. Opposites that are put in other
words are not seen: there a model has to read, and our prompts ask it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from core.evidence import Claim, alike, claim_of, content, stances_of
from core.inert import inert
from core.language import Words
from core.polarity import are_opposite
from core.stances import Stance
from knowledge_base.models import Passage, Quotation
from knowledge_base.sentences import sentences
from knowledge_base.terms import normalise

_SAME: Final = 0.75
"""Share of its words that each of two clauses must have of the other."""
_WORD_FOR_WORD: Final = 0.9
"""The same where nothing but the number was changed: it need not be told what it counts."""
_LEAST_WORDS: Final = 2
_MOST_CLAUSES: Final = 80
"""Of a passage."""
_BETWEEN: Final = re.compile(r"[，；、;]|,(?=\s)|(?<=[a-z])\s(?=and\s|but\s)")
_ROW: Final = re.compile(r"^[^:;\n]{1,80}: [^;\n]*; [^:;\n]{1,80}: ")
"""A row of a table, see `knowledge_base.loaders.tables`."""
_CELL: Final = re.compile(r"(?:^|; )([^:;\n]{1,80}): ([^;\n]*)")
_DIGIT: Final = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Two passages, counted from 0, and the clauses in which they disagree."""

    newer: int
    older: int
    newer_says: str
    older_says: str

    @property
    def passages(self) -> frozenset[int]:
        """Both."""
        return frozenset((self.newer, self.older))


@dataclass(frozen=True, slots=True)
class _Clause:
    text: str
    claim: Claim
    stances: tuple[Stance, ...]


def disagreements(question: str, passages: Sequence[Passage]) -> tuple[Disagreement, ...]:
    """Where passages of several documents disagree about what is asked, once for each two
    documents: in what holds the most of the question. Pure; takes milliseconds a passage."""
    asked = content(question)
    if not asked or len({own.document.document_id for own in passages}) < 2:
        return ()
    clauses = [list(_about(asked, passage.chunk.text)) for passage in passages]
    best: dict[frozenset[int], tuple[int, Disagreement]] = {}
    for one, other in combinations(range(len(passages)), 2):
        documents = frozenset(passages[at].document.document_id for at in (one, other))
        pair = _differing(asked, clauses[one], clauses[other]) if len(documents) > 1 else None
        if pair is not None and pair[0] > best.get(documents, (0,))[0]:
            found = _ordered(passages, (one, pair[1]), (other, pair[2]))
            best[documents] = pair[0], found
    return tuple(found for _held, found in best.values())


def newer_first(
    passages: Sequence[Passage], found: Sequence[Disagreement]
) -> tuple[tuple[Passage, ...], tuple[Disagreement, ...]]:
    """The passages, of two that disagree the newer before the older; and the same disagreements
    by their new places."""
    order = list(range(len(passages)))
    for one in found:
        before, after = order.index(one.older), order.index(one.newer)
        if before < after:
            order.insert(before, order.pop(after))
    place = {was: now for now, was in enumerate(order)}
    moved = tuple(
        Disagreement(place[own.newer], place[own.older], own.newer_says, own.older_says)
        for own in found
    )
    return tuple(passages[at] for at in order), moved


def with_rivals(
    quotations: Sequence[Quotation], question: str, passages: Sequence[Passage]
) -> tuple[Quotation, ...]:
    """Before a quotation, the sentence of a newer document that says otherwise; each text once."""
    found = disagreements(question, passages)
    said: dict[str, Quotation] = {}
    for quotation in quotations:
        for one in found:
            if one.older == quotation.passage and one.older_says in quotation.text:
                rival = _sentence_of(one, passages)
                said.setdefault(rival.text, rival)
        said.setdefault(quotation.text, quotation)
    return tuple(said.values())


def told(
    found: Sequence[Disagreement], passages: Sequence[Passage], cited: set[int], _: Words
) -> str:
    """Which of the passages that an answer cites, counted from 1, are contradicted, and by what;
    empty: none. Both are cited then."""
    lines = []
    for one in found:
        there = max(one.passages) < len(passages)
        if there and not cited.isdisjoint({one.newer + 1, one.older + 1}):
            newer, older = passages[one.newer].document, passages[one.older].document
            lines.append(
                _(
                    "The documents disagree: {newer} ({newer_date:%Y-%m-%d}, the newer one) says "
                    "{newer_says} [{newer_number}], {older} ({older_date:%Y-%m-%d}) says "
                    "{older_says} [{older_number}].",
                    newer=inert(newer.name), newer_date=newer.added_at,
                    newer_says=inert(one.newer_says), newer_number=one.newer + 1,
                    older=inert(older.name), older_date=older.added_at,
                    older_says=inert(one.older_says), older_number=one.older + 1,
                )
            )  # fmt: skip
            cited |= {one.newer + 1, one.older + 1}
    return "\n".join(lines)


def differ(one: str, other: str) -> bool:
    """Whether two clauses, or rows of tables, say another number or the opposite of the same."""
    rows = _ROW.match(one), _ROW.match(other)
    if all(rows):
        return _rows_differ(one, other)
    if any(rows):
        return False
    return _clauses_differ(
        *(_Clause(own, claim_of(own, ""), stances_of(own)) for own in (one, other))
    )


def _about(asked: frozenset[str], text: str) -> Iterator[_Clause]:
    """The clauses of a text with a word of the question."""
    for clause in _clauses(text):
        claim = claim_of(clause, "")
        if not claim.tokens.isdisjoint(asked):
            yield _Clause(clause, claim, stances_of(clause))


def _clauses(text: str) -> Iterator[str]:
    left = _MOST_CLAUSES
    for sentence in sentences(text):
        parts = [sentence.text] if _ROW.match(sentence.text) else _BETWEEN.split(sentence.text)
        for part in parts:
            if left and part.strip():
                left -= 1
                yield part.strip().rstrip(".。")


def _differing(
    asked: frozenset[str], ones: Sequence[_Clause], others: Sequence[_Clause]
) -> tuple[int, str, str] | None:
    """The two clauses that differ and hold the most of the question, and how many words of it."""
    pairs = [
        (len(one.claim.tokens & asked), one.text, other.text)
        for one in ones
        for other in others
        if _clauses_differ(one, other)
    ]
    return max(pairs, key=lambda pair: pair[0], default=None)


def _clauses_differ(one: _Clause, other: _Clause) -> bool:
    rows = _ROW.match(one.text), _ROW.match(other.text)
    if any(rows):
        return all(rows) and _rows_differ(one.text, other.text)
    return _claims_differ(one.claim, other.claim) or _are_opposite(one, other)


def _are_opposite(one: _Clause, other: _Clause) -> bool:
    first, second = one.claim, other.claim
    if min(len(first.tokens), len(second.tokens)) < _LEAST_WORDS or first.numbers != second.numbers:
        return False
    return first.names == second.names and are_opposite(one.stances, other.stances)


def _claims_differ(one: Claim, other: Claim) -> bool:
    if not one.numbers or not other.numbers:
        return False
    share = alike(one, other)
    if min(len(one.tokens), len(other.tokens)) < _LEAST_WORDS or share < _SAME:
        return False
    if _apart(one.names, other.names) or _apart(one.han_names, other.han_names):
        return False  # of somebody or something else
    if share >= _WORD_FOR_WORD and len(one.numbers) == len(other.numbers):
        return _apart(one.numbers, other.numbers)
    units = {unit for _number, unit in one.counted} & {unit for _number, unit in other.counted}
    return any(_apart(_numbers(one, unit), _numbers(other, unit)) for unit in units)


def _rows_differ(one: str, other: str) -> bool:
    """Rows of the same columns, in which only figures differ."""
    first, second = dict(_CELL.findall(one)), dict(_CELL.findall(other))
    if first.keys() != second.keys():
        return False
    changed = [name for name in first if normalise(first[name]) != normalise(second[name])]
    figures = all(_DIGIT.search(first[name]) and _DIGIT.search(second[name]) for name in changed)
    # The first column names what the row is about.
    return bool(changed) and figures and next(iter(first)) not in changed


def _apart(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether each has something that the other has not."""
    return bool(one - other) and bool(other - one)


def _numbers(claim: Claim, unit: str) -> frozenset[str]:
    return frozenset(number for number, own in claim.counted if own == unit)


def _ordered(
    passages: Sequence[Passage], one: tuple[int, str], other: tuple[int, str]
) -> Disagreement:
    newer, older = one, other
    if passages[one[0]].document.added_at < passages[other[0]].document.added_at:
        newer, older = other, one
    return Disagreement(newer[0], older[0], newer[1], older[1])


def _sentence_of(one: Disagreement, passages: Sequence[Passage]) -> Quotation:
    """The whole sentence that a newer clause stands in."""
    text = passages[one.newer].chunk.text
    for sentence in sentences(text):
        if one.newer_says in sentence.text:
            return Quotation(one.newer, sentence.text, sentence.start, 1.0)
    return Quotation(one.newer, one.newer_says, max(0, text.find(one.newer_says)), 1.0)
