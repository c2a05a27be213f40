"""Whether a passage says what is asked, told from its sentences: without a model, in milliseconds.

A passage may be about the subject and not say the thing. What tells the two apart: how much of the
question stands in one sentence and the two beside it, whether its names and numbers stand there at
all, and whether the passage stands out among the others. A few weights make one probability of
these and of the relevance that the search found; `benchmarks/fit_saying.py` learns them from
pseudo-questions, asked with and without the passage that they were made from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from knowledge_base.calibration import SHIPPED
from knowledge_base.lexical import LexicalQuery
from knowledge_base.models import Passage
from knowledge_base.sentences import sentences
from knowledge_base.splitter import searched
from knowledge_base.terms import (
    PREFIX_LETTERS,
    is_word,
    normalise,
    paired_runs,
    pairs_of,
    plain,
    script_of,
    tokens_of,
    word_terms,
    words_of,
)

BESIDE: Final = 0.7
"""What stands in a sentence beside is worth, of what stands in the sentence itself."""
_OTHER_FORM: Final = 0.8
"""What a word is worth that is there with another ending."""
_MOST_SENTENCES: Final = 200
_MOST_ABSENT: Final = 2
_LEAST_CHANCE: Final = 1e-6

_ASKING: Final = frozenset(
    re.findall(
        "[a-z]+",
        "a an and any are as at be been being between by can could did do does during far for from "
        "had has have how if in into is it its kind long many may might much must name named no "
        "not of often old on or other shall should so some sort tell than that the their them then "
        "there these they this those to type was we were what when where which who whom whose why "
        "will with would you your called her his he she i me my our us also about please",
    )
)
"""English words that ask, or bind; those of other languages weigh little by being frequent."""
_ASKING_HAN: Final = re.compile(
    r"什么(?:时候|时间|地方|样|人)?|为什么|为何|怎么样?|怎样|如何|多[少大长久高远重]|哪(?:一?[个年种些里儿位国天])?|"
    r"几[个年月日点]?|何[时地处人种]?|谁|是否|吗|呢|么|请问|以及|其中|[的了是在和与及也都就着把被为于之而或有其该对由以从到这那]"
)
_NAME: Final = re.compile(r"(?<=[^\W_])[\s,'’\"“(]+([A-Z][^\W_]+)")
"""A word with a capital that does not begin the question."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A word of a question, or a character of an unspaced script with those beside it."""

    weight: float
    words: tuple[int, ...] = ()
    """Terms of the word: itself, then what other forms of it share."""
    pairs: tuple[str, ...] = ()
    """The pairs that the character stands in."""
    is_name: bool = False
    """A name or a number: nothing else can stand for it."""

    def found(self, text: str, terms: frozenset[int]) -> float:
        """What of it stands in a folded text whose words have these terms, in [0, 1]."""
        if self.pairs:
            return 1.0 if any(pair in text for pair in self.pairs) else 0.0
        if self.words[0] in terms:
            return 1.0
        return 0.0 if terms.isdisjoint(self.words) else _OTHER_FORM


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question wants to find in a passage; weights add up to 1."""

    wanted: tuple[_Wanted, ...]
    knowing: float
    """How surely the searched bases would use the question's words, in [0, 1]."""
    script: str
    beginnings: frozenset[str]
    """Of its words. A word of ASCII that begins otherwise has no term of theirs."""

    def found(self, text: str) -> list[float]:
        """What of each word stands in a text, in [0, 1]."""
        folded = normalise(text)
        # To look up the terms of all words is what would take the longest.
        like = [
            word
            for word in (tokens_of(folded) if self.beginnings else ())
            if word[:PREFIX_LETTERS] in self.beginnings or not word.isascii()
        ]
        terms = frozenset(term for word in like if is_word(word) for term in word_terms(word))
        return [own.found(folded, terms) for own in self.wanted]


@dataclass(frozen=True, slots=True)
class Signs:
    """What speaks for one passage; shares of the question lie in [0, 1]."""

    odds: float
    """Log-odds of the relevance that the search found."""
    margin: float
    """How far it stands out: its score less that of the best other one."""
    held: float
    """Share of the question that the passage holds."""
    close: float
    """Share that one sentence holds, with the two beside it at `BESIDE`."""
    absent: int
    """Names and numbers of the question that it does not hold, two at most."""


@dataclass(frozen=True, slots=True)
class SayingModel:
    """Log-odds that a passage says what is asked, as a sum of its signs."""

    odds: float
    margin: float
    held: float
    close: float
    absent: float
    bias: float
    leaning: float = 0.0
    """Set by hand: below 0, a question is rather refused than answered in doubt."""
    alone: float = 0.0
    """How many times as much more all of that is worth where the dense leg has no say: by words
    alone passages stand out less, and everything would seem to be in doubt."""
    alone_bias: float = 0.0

    def of(self, signs: Signs, trust: float = 1.0) -> float:
        """The log-odds; `trust`: the dense leg's say, in [0, 1]."""
        together = (
            self.odds * signs.odds
            + self.margin * signs.margin
            + self.held * signs.held
            + self.close * signs.close
            + self.absent * signs.absent
            + self.bias
            + self.leaning
        )
        return together + (1 - trust) * (self.alone * together + self.alone_bias)


LEARNT: Final = SayingModel(
    odds=0.144,
    margin=5.472,
    held=1.389,
    close=1.977,
    absent=-0.32,
    bias=-2.377,
    leaning=-0.12,
    alone=1.0,
    alone_bias=0.75,
)
"""`leaning` and the last two were set by hand."""


def asked(question: str, weighed: LexicalQuery) -> Asked:
    """`weighed` holds the question's terms as the searched bases know them."""
    weights = dict(zip(weighed.hashes.tolist(), weighed.weights.tolist(), strict=True))
    wanted = [*_words(question, weights), *_characters(question, weights)]
    total = sum(own.weight for own in wanted)
    return Asked(
        tuple(replace(own, weight=own.weight / total) for own in wanted) if total else (),
        float(SHIPPED.knowing(np.array(weighed.known))),
        script_of(question),
        frozenset(
            word[:PREFIX_LETTERS] for own in _asked_for(question) for word in (own, plain(own))
        ),
    )


def _asked_for(question: str) -> list[str]:
    """Its words but for those that only ask, unless it has no others."""
    words = words_of(question)
    return [own for own in words if own not in _ASKING] or words


def _words(question: str, weights: Mapping[int, float]) -> Iterator[_Wanted]:
    names = {word for name in _NAME.findall(question) for word in words_of(name)}
    for word in _asked_for(question):
        terms = word_terms(word)
        is_name = word in names or word.isdecimal()
        yield _Wanted(weights.get(terms[0], 0.0), words=terms, is_name=is_name)


def _characters(question: str, weights: Mapping[int, float]) -> Iterator[_Wanted]:
    for run in paired_runs(question):
        for part in _ASKING_HAN.split(run):
            pairs = [part[at : at + 2] for at in range(len(part) - 1)]
            worth = [weights.get(own, 0.0) for own in pairs_of(part).tolist()]
            for at in range(len(part) if pairs else 0):
                beside = slice(max(at - 1, 0), at + 1)
                mean = sum(worth[beside]) / len(worth[beside])
                yield _Wanted(mean, pairs=tuple(pairs[beside]))


def signs(question: Asked, text: str, above: str, relevance: float, margin: float) -> Signs:
    """What speaks for a passage of this text, with `above` over it: headings, its document's name.

    What stands above a passage stands beside each of its sentences.
    """
    chance = min(max(relevance, _LEAST_CHANCE), 1 - _LEAST_CHANCE)
    weights = np.array([own.weight for own in question.wanted])
    parts = [part.text for part in sentences(text)[:_MOST_SENTENCES]] or [text]
    found = np.array([question.found(part) for part in parts])
    beside = np.broadcast_to(question.found(above), found.shape).copy()
    somewhere = np.maximum(found.max(axis=0), beside[0])
    beside[1:] = np.maximum(beside[1:], found[:-1])
    beside[:-1] = np.maximum(beside[:-1], found[1:])
    close = np.maximum(found, BESIDE * beside) @ weights
    absent = sum(
        own.is_name and not there for own, there in zip(question.wanted, somewhere, strict=True)
    )
    return Signs(
        odds=float(np.log(chance / (1 - chance))),
        margin=margin,
        held=float(somewhere @ weights),
        close=float(close.max()),
        absent=min(_MOST_ABSENT, absent),
    )


def revised(
    question: str,
    weighed: LexicalQuery,
    passages: Sequence[Passage],
    scores: Sequence[float],
    trust: Sequence[float] | None = None,
    model: SayingModel = LEARNT,
) -> list[Passage]:
    """The passages with the probability that they say what is asked, the likeliest first.

    `scores` are what the search ranked them by, `trust` the dense leg's say in each, in [0, 1];
    None: all of it. Where the bases do not use the question's words, and for a passage in another
    script, the search's own relevance holds: no word tells anything.
    """
    wanted = asked(question, weighed)
    if not wanted.wanted:
        return list(passages)
    ranked = np.array(scores, float)
    odds = []
    for at, passage in enumerate(passages):
        others = np.delete(ranked, at)
        margin = float(ranked[at] - others.max(initial=0.0))
        text = passage.chunk.text
        above = searched("", passage.chunk.heading, passage.document.name)
        found = signs(wanted, text, above, passage.relevance, margin)
        knowing = wanted.knowing if script_of(text) in ("", wanted.script) else 0.0
        dense = 1.0 if trust is None else trust[at]
        odds.append(knowing * model.of(found, dense) + (1 - knowing) * found.odds)
    chances = 1 / (1 + np.exp(-np.array(odds, float)))
    return [
        replace(passages[at], relevance=float(chances[at]))
        for at in np.argsort(-chances, kind="stable")
    ]
