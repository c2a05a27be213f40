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
from core.issue_dates import issued, order
from core.language import Words
from core.polarity import are_opposite
from core.stances import Stance
from core.table_rows import Row, row_of, rows_differ, same_subject
from knowledge_base.models import Passage, Quotation
from knowledge_base.sentences import sentences

_SAME: Final = 0.75
"""Share of its words that each of two clauses must have of the other."""
_WORD_FOR_WORD: Final = 0.9
"""The same where nothing but the number was changed: it need not be told what it counts."""
_LEAST_WORDS: Final = 2
_MOST_CLAUSES: Final = 80
"""Of a passage."""
_BETWEEN: Final = re.compile(r"[，；、;]|,(?=\s)|(?<=[a-z])\s(?=and\s|but\s)")


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
    row: Row | None

    @classmethod
    def of(cls, text: str) -> _Clause:
        return cls(text, claim_of(text, ""), stances_of(text), row_of(text))


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
        if len(documents) < 2:
            continue
        of_one = same_subject(passages[one], passages[other], asked)
        pair = _differing(asked, clauses[one], clauses[other], rows=of_one)
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
            newer, older = passages[one.newer], passages[one.older]
            newer_date, older_date = _dates(newer, older, _)
            lines.append(
                _(
                    "The documents disagree: {newer} ({newer_date}, the newer one) says "
                    "{newer_says} [{newer_number}], {older} ({older_date}) says "
                    "{older_says} [{older_number}].",
                    newer=inert(newer.document.name), newer_date=newer_date,
                    newer_says=inert(one.newer_says), newer_number=one.newer + 1,
                    older=inert(older.document.name), older_date=older_date,
                    older_says=inert(one.older_says), older_number=one.older + 1,
                )
            )  # fmt: skip
            cited |= {one.newer + 1, one.older + 1}
    return "\n".join(lines)


def _dates(newer: Passage, older: Passage, _: Words) -> tuple[str, str]:
    """What makes one the newer: the dates that they give themselves, else when they were added."""
    own = issued(newer), issued(older)
    if order(*own):
        return _("dated {date}", date=str(own[0])), _("dated {date}", date=str(own[1]))
    return f"{newer.document.added_at:%Y-%m-%d}", f"{older.document.added_at:%Y-%m-%d}"


def differ(one: str, other: str) -> bool:
    """Whether two clauses, or rows of tables, say another number or the opposite of the same."""
    return _clauses_differ(_Clause.of(one), _Clause.of(other), frozenset())


def _about(asked: frozenset[str], text: str) -> Iterator[_Clause]:
    """The clauses of a text with a word of the question."""
    for text_of in _clauses(text):
        clause = _Clause.of(text_of)
        if not clause.claim.tokens.isdisjoint(asked):
            yield clause


def _clauses(text: str) -> Iterator[str]:
    left = _MOST_CLAUSES
    for sentence in sentences(text):
        is_row = row_of(sentence.text) is not None
        for part in [sentence.text] if is_row else _BETWEEN.split(sentence.text):
            if left and part.strip():
                left -= 1
                yield part.strip().rstrip(".。")


def _differing(
    asked: frozenset[str], ones: Sequence[_Clause], others: Sequence[_Clause], *, rows: bool
) -> tuple[int, str, str] | None:
    """The two clauses that differ and hold the most of the question, and how many words of it;
    `rows`: rows of tables too."""
    pairs = [
        (len(one.claim.tokens & asked), one.text, other.text)
        for one in ones
        for other in others
        if (rows or one.row is None or other.row is None) and _clauses_differ(one, other, asked)
    ]
    return max(pairs, key=lambda pair: pair[0], default=None)


def _clauses_differ(one: _Clause, other: _Clause, asked: frozenset[str]) -> bool:
    if one.row is not None and other.row is not None:
        return rows_differ(one.row, other.row)
    if any(row is not None and row.is_named for row in (one.row, other.row)):
        return False
    return _claims_differ(one.claim, other.claim, asked) or _are_opposite(one, other)


def _are_opposite(one: _Clause, other: _Clause) -> bool:
    first, second = one.claim, other.claim
    if min(len(first.tokens), len(second.tokens)) < _LEAST_WORDS or first.numbers != second.numbers:
        return False
    return first.names == second.names and are_opposite(one.stances, other.stances)


def _claims_differ(one: Claim, other: Claim, asked: frozenset[str]) -> bool:
    if not one.numbers or not other.numbers:
        return False
    if _apart(one.tokens, other.tokens) and not asked.isdisjoint(one.tokens ^ other.tokens):
        return False  # of a week ticket, where a day ticket was asked for
    share = alike(one, other)
    if min(len(one.tokens), len(other.tokens)) < _LEAST_WORDS or share < _SAME:
        return False
    if _apart(one.names, other.names) or _apart(one.han_names, other.han_names):
        return False  # of somebody or something else
    if share >= _WORD_FOR_WORD and len(one.numbers) == len(other.numbers):
        return _apart(one.numbers, other.numbers)
    units = {unit for _number, unit in one.counted} & {unit for _number, unit in other.counted}
    return any(_apart(_numbers(one, unit), _numbers(other, unit)) for unit in units)


def _apart(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether each has something that the other has not."""
    return bool(one - other) and bool(other - one)


def _numbers(claim: Claim, unit: str) -> frozenset[str]:
    return frozenset(number for number, own in claim.counted if own == unit)


def _ordered(
    passages: Sequence[Passage], one: tuple[int, str], other: tuple[int, str]
) -> Disagreement:
    newer, older = one, other
    first, second = passages[one[0]], passages[other[0]]
    by_own_dates = order(issued(first), issued(second))
    if by_own_dates < 0 or (
        not by_own_dates and first.document.added_at < second.document.added_at
    ):
        newer, older = other, one
    return Disagreement(newer[0], older[0], newer[1], older[1])


def _sentence_of(one: Disagreement, passages: Sequence[Passage]) -> Quotation:
    """The whole sentence that a newer clause stands in."""
    text = passages[one.newer].chunk.text
    for sentence in sentences(text):
        if one.newer_says in sentence.text:
            return Quotation(one.newer, sentence.text, sentence.start, 1.0)
    return Quotation(one.newer, one.newer_says, max(0, text.find(one.newer_says)), 1.0)
