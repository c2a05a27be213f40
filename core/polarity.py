"""Whether a sentence says the opposite of what a passage says: "allowed" where dogs are not, 开放
for 关闭, "at most" for "at least".

A clause of a claim is compared with the clause that it was most likely made from, and with no
other: what another clause denies is no matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from core.opposites import MAY
from core.stances import Stance

_ALIKE: Final = 0.7
"""Share of their words that two clauses have in common where one was made from the other."""
_SAME: Final = 0.9
"""The same where nothing else was changed."""
_MOST: Final = 0.6
"""Share of the words of a claim."""
_CLOSE: Final = 0.05
_LENT: Final = 0.9
"""What a word counts that only the clause before has."""


def says_opposite(claim: Sequence[Stance], there: Sequence[Stance], asked: frozenset[str]) -> bool:
    """Whether a clause of the claim says the opposite of the one that it was made from; `asked`:
    words of the question, which need not be said again."""
    return any(_is_denied(one, there, asked) for one in claim if not one.is_exception)


def are_opposite(one: Sequence[Stance], other: Sequence[Stance]) -> bool:
    """Whether two clauses have all but their words of yes and no in common."""
    if len(one) != 1 or len(other) != 1 or not _contradicts(one[0], other[0]):
        return False
    nothing = frozenset[str]()
    return all(
        _likeness(first, second, nothing) >= _SAME
        for first, second in ((one[0], other[0]), (other[0], one[0]))
    )


def denied_outright(
    claim: Sequence[Stance], there: Sequence[Stance], asked: frozenset[str]
) -> tuple[Stance, ...]:
    """The clauses of a claim that one there denies in all their words."""
    return tuple(
        one
        for one in claim
        if any(
            _contradicts(one, other) and one.words <= other.forms | other.lent for other in there
        )
        and _is_denied(one, there, asked)
    )


def says_outright(one: Stance, there: Sequence[Stance]) -> bool:
    """Whether a clause there says it in all its words, none of which is another clause's."""
    return any(one.words <= other.forms and not _contradicts(one, other) for other in there)


def _is_denied(one: Stance, there: Sequence[Stance], asked: frozenset[str]) -> bool:
    against = [other for other in there if _contradicts(one, other)]
    nearest = max((_against(one, other, asked) for other in against), default=0.0)
    if nearest < _ALIKE:
        return False
    return not any(
        _likeness(one, other, asked) > nearest - _CLOSE for other in there if other not in against
    )


def _against(one: Stance, other: Stance, asked: frozenset[str]) -> float:
    """How like they are; where they differ in "may" and "must" alone, by their own words alone."""
    if one.says == other.says and not _turns(one, other):
        one, other = (replace(own, lent=frozenset[str]()) for own in (one, other))
    return _likeness(one, other, asked)


def _contradicts(one: Stance, other: Stance) -> bool:
    """Whether they differ in one thing, or in three: two opposites together say the same again."""
    if one.says is None or other.says is None or one.is_only != other.is_only:
        return False
    if _is_unclear(one, other) or _is_unclear(other, one):
        return False
    apart = _turns(one, other)
    if one.says != other.says:
        denying, saying = (one, other) if one.says < 0 else (other, one)
        if not denying.focus.isdisjoint(saying.lacking):
            return apart % 2 == 1
        if not denying.focus <= saying.words | saying.lent:
            return False
        apart += 1
    return apart % 2 == 1 or (not apart and _modes_apart(one, other))


def _turns(one: Stance, other: Stance) -> int:
    """In how many words other than "not" they differ."""
    return _poles_apart(one, other) + (_lacks(one, other) or _lacks(other, one))


def _lacks(one: Stance, other: Stance) -> bool:
    """Whether it is of what lacks something that the other has."""
    return bool(one.lacking) and _is_free(one, other) and one.lacking <= other.words


def _is_unclear(one: Stance, other: Stance) -> bool:
    """Whether the other has a part of what it lacks, in words that may mean all of it."""
    shared = one.lacking & other.words
    return bool(shared) and _is_free(one, other) and shared != one.lacking


def _is_free(one: Stance, other: Stance) -> bool:
    """Whether the other denies nothing of what it lacks."""
    return one.lacking.isdisjoint(other.lacking | other.focus)


def _modes_apart(claim: Stance, there: Stance) -> bool:
    """Whether one may what the other must, or need not what the other must not. What must be done
    in 14 days may be done in 14 days."""
    if not claim.mode or not there.mode or claim.mode == there.mode:
        return False
    is_bounded = any(word[0].isdecimal() for word in claim.words)
    return not (is_bounded and claim.mode == MAY and claim.says == 1)


def _poles_apart(one: Stance, other: Stance) -> int:
    if not one.poles or not other.poles:
        return 0
    return sum(
        (pole, -value) in other.poles
        and (pole, -value) not in one.poles
        and (pole, value) not in other.poles
        for pole, value in one.poles
    )


def _likeness(one: Stance, other: Stance, asked: frozenset[str]) -> float:
    """Share of their words that both have; what goes before and the question may lend some."""
    own = len(one.words & other.forms)
    lent = len((one.words & other.lent) - other.forms)
    if not own or own + lent < _MOST * len(one.words):
        return 0.0
    if one.subject and one.subject not in other.forms | other.lent:
        return 0.0  # It is said of something else.
    lent_back = len((other.words & (one.lent | asked)) - one.words)
    both = 2 * (own + _LENT * (lent + lent_back))
    return both / (len(one.words) + lent_back + len(other.words) + lent)
