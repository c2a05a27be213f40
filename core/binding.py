"""What a number, a date or a name of a passage stands with: it belongs to what is said around it.

That a passage holds a number is not enough: where one sentence of it says what a claim says, with
another number, and the claim's own stands beside something else, the claim says otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from core.dates import dates, without_dates
from core.han_names import han_names
from core.numerals import WEEKDAYS, all_numbers, claimed_numbers, counted, without_days
from core.ordinals import ordinals, without_ordinals
from knowledge_base.sentences import NAMED_ROW, sentences
from knowledge_base.terms import normalise

_WHOLE: Final = 0.9
"""Share of a claim's words that stand in what it was made from, word for word."""
_MOST: Final = 0.7
"""The same where it was said a little otherwise."""
_HALF: Final = 0.5
_ROW_SHARE: Final = 0.6
"""The same in a row of a table: what a column is called is said in many ways."""
_BETWEEN: Final = re.compile(r"[，；、;]|,(?=\s)|(?<=\w)\s(?=and\s|but\s)")
_LISTED: Final = re.compile(
    rf"(?:(?:and|or)\s+)?(?:[A-Z0-9]|[周每]?[星期礼拜周]*[一二三四五六日天]|{'|'.join(WEEKDAYS)})"
)
"""What goes on with a list: it stands with what stands around that."""
_SHORT: Final = 3
_MANY: Final = 6
"""Words from which on nearly all of them stand in one sentence by no chance."""
_NAME: Final = re.compile(r"(?<![\w'’])[A-Z\u00c0-\u00de][\w-]*[\w]")
_YEAR: Final = re.compile(r"1[5-9]\d\d|20\d\d")
_OWN_KINDS: Final = frozenset(("date", "time", "day", "year", "name"))

Tokens = Callable[[str], Iterator[str]]
"""The words of a folded text, as they are compared."""


@dataclass(frozen=True, slots=True)
class Item:
    """A number, a date or a name, and what it is or counts; "" where that is not said."""

    value: str
    kind: str

    def is_like(self, other: Item) -> bool:
        """Whether one may stand where the other does."""
        if self.kind == other.kind:
            return True
        return "" in (self.kind, other.kind) and _OWN_KINDS.isdisjoint((self.kind, other.kind))


@dataclass(frozen=True, slots=True)
class Part:
    """A sentence or a clause: its words without its items, and its items in every form."""

    words: frozenset[str]
    items: frozenset[Item]
    forms: frozenset[str]
    is_row: bool = False
    lent: frozenset[str] = frozenset()
    """Those of its words that only the clause before it has."""
    leans_on: frozenset[str] = frozenset()
    """Words of the sentence before a short one, which goes on with it."""


def part_of(text: str, tokens: Tokens, *, surely: bool = False) -> Part:
    """What is said in a sentence or a clause, as it is written; `surely`: as in `dates`."""
    folded = normalise(text)
    plain = without_dates(folded)
    people = han_names(plain)
    names = frozenset(_names(text))
    own = without_ordinals(without_days(plain))
    for name in people:
        own = own.replace(name, " ")
    kinds = dict(counted(plain))
    numbers = frozenset(claimed_numbers(plain))
    items = [
        *(Item(date, "date") for date in dates(folded, surely=surely)),
        *(Item(number, _kind(number, kinds)) for number in numbers),
        *(Item(f"{kind} {number}", f"nth {kind}") for number, kind in ordinals(plain)),
        *(Item(name, "name") for name in (*names, *people)),
    ]
    stems = frozenset(stem for name in names for stem in tokens(name))
    return Part(
        frozenset(tokens(own)) - stems,
        frozenset(items),
        frozenset((*(item.value for item in items), *all_numbers(plain))),
        text.lstrip().startswith("|") or NAMED_ROW.match(text) is not None,
    )


def parts_of(text: str, tokens: Tokens) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """The sentences of a passage, and the clauses of those."""
    whole: list[Part] = []
    clauses: list[Part] = []
    before: frozenset[str] = frozenset()
    for sentence in sentences(text):
        own = part_of(sentence.text, tokens)
        leans_on = before if len(own.words) <= _SHORT and not own.is_row else frozenset[str]()
        whole.append(replace(own, leans_on=leans_on))
        pieces = [own] if own.is_row else _clauses(sentence.text, tokens)
        clauses += [replace(piece, leans_on=leans_on) for piece in pieces]
        before = own.words
    return tuple(whole), tuple(clauses)


def _clauses(sentence: str, tokens: Tokens) -> list[Part]:
    """Its clauses with an item in each, short ones with the words of the first, which they lean
    on; what is listed stays together."""
    parts: list[Part] = []
    begun = at = 0
    for gap in (*_BETWEEN.finditer(sentence), None):
        end = gap.end() if gap else len(sentence)
        is_list = at > 0 and sentence[at - 1] in "、 " and _LISTED.match(sentence, at) is not None
        if parts and (is_list or not parts[-1].items):
            parts.pop()
        else:
            begun = at
        parts.append(part_of(sentence[begun:end], tokens))
        at = end
    first = parts[0].words
    return [
        replace(part, words=part.words | first, lent=first - part.words)
        if len(part.words) <= _SHORT
        else part
        for part in parts
    ]


def says_otherwise(claim: Part, asked: Part, levels: tuple[Sequence[Part], Sequence[Part]]) -> bool:
    """Whether an item of the claim belongs to something else there, and another one to this.

    `asked`: the question, whose words need not be said again; `levels`: the sentences there, and
    their clauses.
    """
    values = frozenset(item.value for item in claim.items)
    looked_at = [item for item in claim.items if item.value not in asked.forms]
    if any(_is_said_by(sentence, claim, values) for sentence in levels[0]):
        return False
    return any(
        _belongs_elsewhere(item, claim, asked, parts, values)
        for parts in levels
        for item in looked_at
    )


def _is_said_by(part: Part, claim: Part, values: frozenset[str]) -> bool:
    """Whether a part says all of the claim, with the same items and no other."""
    own = {item.value for item in part.items}
    held = claim.words & part.words
    return values <= part.forms and own <= values and len(held) >= _MOST * len(claim.words)


def _belongs_elsewhere(
    item: Item, claim: Part, asked: Part, parts: Sequence[Part], values: frozenset[str]
) -> bool:
    holders = [part for part in parts if item.value in part.forms]
    if not holders:
        return False
    # Not the names: of two words of one, each would stand with the other.
    others = {own.value for own in claim.items if own.kind != "name"}
    said = claim.words | (others - {item.value})
    known = said | asked.words | asked.forms | {item.value}
    # Where all that it stands with is meant, it may well be said of this.
    stray = all(not _around(holder, item) <= known for holder in holders)
    for other in parts:
        if item.value in other.forms or not said or (claim.is_row and not other.is_row):
            continue
        rivals = [
            one
            for one in other.items
            if one.value not in values and (one.kind == "name") == (item.kind == "name")
        ]
        if rivals and _is_rather(item, said, other, rivals, holders, stray=stray):
            return True
    return False


def _is_rather(
    item: Item,
    said: frozenset[str],
    other: Part,
    rivals: Sequence[Item],
    holders: Sequence[Part],
    *,
    stray: bool,
) -> bool:
    """Whether the claim was made from another part than those that hold its item."""
    held = said & (other.words | other.forms)
    share = len(held) / len(said)
    alike = any(one.is_like(item) for one in rivals)
    if item.kind == "name" and not alike:
        return False
    # What is said of the same there is a part of what is said here: it is not about this.
    further = all(said & (own.words | own.forms | own.leans_on) < held for own in holders)
    if further and share >= _WHOLE and (alike or len(said) >= _MANY):
        return True
    if not alike or not stray:
        return False
    common = any(said & own.words for own in holders)
    if further and common and share >= (_ROW_SHARE if other.is_row else _MOST):
        return item.kind != "name"
    is_listed = any(own.words <= own.lent for own in holders)
    if not other.words or (is_listed and item.kind.startswith("nth ")):
        return False
    apart = all(said.isdisjoint(own.words - own.lent) for own in holders)
    nearly = len(other.words & said) >= _HALF * len(other.words)
    return (other.words <= said and share >= _HALF) or (nearly and apart and share >= _WHOLE)


def _around(part: Part, item: Item) -> frozenset[str]:
    """What a part says beside an item of it, other items included."""
    return part.words | {own.value for own in part.items if own.value != item.value}


def _kind(number: str, units: dict[str, str]) -> str:
    if number.startswith("day "):
        return "day"
    if ":" in number:
        return "time"
    if _YEAR.fullmatch(number):
        return "year"
    unit = units.get(number, "")
    return "time" if unit in ("点", "时") else unit


def _names(text: str) -> Iterator[str]:
    """Words with a capital that does not begin the sentence; months and days are none."""
    first = re.search(r"\w", text)
    for match in _NAME.finditer(text):
        if first is not None and match.start() == first.start():
            continue
        name = normalise(match.group())
        if name.removesuffix("s") not in WEEKDAYS and not any(True for _ in dates(f"1 {name}")):
            yield name
