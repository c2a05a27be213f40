"""Whether a sentence says of one what its passage says of the other: "A reports to B" for "B
reports to A", 李四向张三汇报 for 张三向李四汇报.

Told from the words themselves: two of them have changed places around the very words between them.
What goes both ways ("A and B", "A met B", A和B) is never told so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice, pairwise
from typing import Final

from core.numerals import HAN
from knowledge_base.sentences import sentences
from knowledge_base.terms import normalise

_TOKEN: Final = re.compile(rf"[{HAN}]|'s\b|[^\W_{HAN}]+|[,;:、]")
_ARTICLES: Final = frozenset(("the", "a", "an"))
_BOTH_WAYS: Final = frozenset("和与跟同及或、,;:到至邻") | frozenset(
    re.findall(
        r"\w+",
        "and or nor neither with married marries met meets meet equals between versus vs near "
        "beside like same borders neighbours neighbors joins adjoins friend partner cousin sibling "
        "brother sister twin colleague rival",
    )
)
_WEAK: Final = frozenset("是为在的不未无没可能得须应要会") | frozenset(
    re.findall(r"\w+", "is are was were be of in on at to by for from has had not can may must")
)
"""Between two words they tell them apart only by what follows."""
_LONGEST: Final = 6
"""Words, or characters, of each and of what stands between them."""
_MOST_PLACES: Final = 4
_MOST_BEGINNINGS: Final = 32
_MOST_SENTENCES: Final = 8
_MOST_LOOKED_AT: Final = 1600
"""Places in all. What people write needs fewer; what says the same over and over would need
millions."""
_MOST: Final = 0.8
"""Share of the claim's words that stand in the sentence."""

_Words = tuple[str, ...]


def is_reversed(claim: str, texts: Sequence[str]) -> bool:
    """Whether two things of the claim have changed places in a sentence of the texts, and none says
    it in the claim's order."""
    said = _words(claim)
    own = set(said)
    spoken = list(dict.fromkeys(words for text in texts for words in _sentences(text)))
    alike = [words for words in spoken if len(own.intersection(words)) >= _MOST * len(own)]
    alike = alike[:_MOST_SENTENCES]
    places = _MOST_LOOKED_AT // max(len(alike), 1)
    return any(
        not any(_holds(words, order) for words in spoken)
        for there in alike
        for order in islice(_reversed(said, there, places), _MOST_PLACES)
    )


@lru_cache(maxsize=64)
def _sentences(text: str) -> tuple[_Words, ...]:
    return tuple(_words(sentence.text) for sentence in sentences(text))


def _words(text: str) -> _Words:
    folded = normalise(text).replace("’", "'")
    return tuple(word for word in _TOKEN.findall(folded) if word not in _ARTICLES)


def _reversed(said: _Words, there: _Words, places: int) -> Iterator[_Words]:
    """What the claim says in an order that is the other one there: both things, and what stands
    between them. No more places than that are looked at."""
    for start, end, at in islice(_places(said, there), places):
        between = said[start:end]
        after = at + len(between)
        left = _common(said[:start], there[after:])
        right = _common(there[:at], said[end:])
        if not left or not right or _overlap(left, right):
            continue
        if not (_begins(said, start - len(left)) and _begins(there, at - len(right))):
            continue
        tails = said[end + len(right) :], there[after + len(left) :]
        if not _WEAK.issuperset(between) or _share_tail(*tails):
            yield (*left, *between, *right)


def _places(said: _Words, there: _Words) -> Iterator[tuple[int, int, int]]:
    """Where a run of the claim begins and ends, and where the same begins there."""
    at_word: dict[str, list[int]] = {}
    for at, word in enumerate(there[1:], 1):
        at_word.setdefault(word, []).append(at)
    for start in range(1, len(said) - 1):
        beginnings = at_word.get(said[start], [])[:_MOST_BEGINNINGS]
        for end in range(start + 1, min(start + _LONGEST, len(said) - 1) + 1):
            if said[end - 1] in _BOTH_WAYS:
                break
            part = said[start:end]
            fits = (
                at
                for at in beginnings
                if at < len(there) - len(part) and there[at : at + len(part)] == part
            )
            yield from ((start, end, at) for at in islice(fits, _MOST_PLACES))


def _common(ending: _Words, beginning: _Words) -> _Words:
    """The longest run that ends the one and begins the other, if it names anything."""
    for length in range(min(_LONGEST, len(ending), len(beginning)), 0, -1):
        run = ending[len(ending) - length :]
        if run == beginning[:length]:
            names = [word for word in run if word not in _WEAK and not word[0].isdigit()]
            long = sum(1 if "\u3400" <= word <= "\u9fff" else 2 for word in names)
            return run if long > 1 and _BOTH_WAYS.isdisjoint(run) else ()
    return ()


def _begins(words: _Words, at: int) -> bool:
    """Whether a clause may begin there; of Han, which has no spaces, what begins a word is not
    known otherwise."""
    return not at or not "\u3400" <= words[at] <= "\u9fff" or words[at - 1] in ",;:、由"


def _overlap(one: _Words, other: _Words) -> bool:
    """Whether they have a word, or two characters in a row, in common."""
    if any(len(word) > 1 for word in (*one, *other)):
        return not set(one).isdisjoint(other)
    return not set(pairwise(one)).isdisjoint(pairwise(other))


def _share_tail(one: _Words, other: _Words) -> bool:
    """Whether the same follows, and something of substance."""
    return (
        len(one) > 1 and len(other) > 1 and one[:2] == other[:2] and not _WEAK.issuperset(one[:2])
    )


def _holds(words: _Words, part: _Words) -> bool:
    return any(words[at : at + len(part)] == part for at in range(len(words) - len(part) + 1))
