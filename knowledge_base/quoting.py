"""Choosing the sentences of retrieved passages that fit a question best, word for word.

Terms preselect, embedding decides among a handful: a sentence costs the bundled embedder about
25 ms. A sentence is also given credit for what those before it say, because "It opens at nine"
follows the sentence that names the library. Where the search was in doubt and read the passages
word by word, how near a sentence's own words come to the question's counts too; nothing is read
again for that.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from knowledge_base.lexical import LexicalQuery
from knowledge_base.models import Chunk, Passage, Quotation
from knowledge_base.sentences import Sentence, with_lists
from knowledge_base.terms import terms_of

EMBEDDED = 6
"""Sentences that are embedded for one question."""

_MOST_SENTENCES = 400
_FADING = 0.7
"""What a term is worth in each next sentence that does not have it."""
_RELEVANCE = 0.2
"""What a factor of e in a passage's relevance is worth, in shares of the question's terms."""
_NUMBER = 0.2
"""What a number that a question does not name is worth where it asks for one."""
_MEANING = 0.06
"""What one standard deviation of cosine among the embedded sentences is worth."""
_NEARNESS = 0.08
"""And one of how near their words come to the question's."""

_ASKS_NUMBER = re.compile(
    r"\bhow (?:many|much|long|old|far|often|tall|big|high|large)\b|\bwhen\b"
    r"|\b(?:what|which) (?:year|date|percent\w*|number|time|age|century|day|month|price)\b"
    r"|多少|几|幾|何时|何時|什么时候|什麼時候|哪年|哪一年|多大|多长|多久|多高|百分|いつ|いくつ|いくら"
    r"|몇|언제|얼마|сколько|когда|\bcombien\b|\bquand\b|\bcuánt|\bcuándo\b|\bwie ?viele?\b|\bwann\b"
    r"|\bquant[oia]\b|\bquando\b|bao nhiêu|khi nào|\bكم\b|متى|कितन|कब|กี่|เท่าไร|เมื่อไร",
    re.IGNORECASE,
)
_NUMBERS = re.compile(
    r"\d+(?:[.,]\d+)*|[零〇一二三四五六七八九十百千万亿两]{2,}|[二三四五六七八九十百千万亿两]"
    r"|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|hundred|thousand|million|half|twice)\b",
    re.IGNORECASE,
)
"""A single 一 is mostly an article, or a part of a word."""

Vectors = NDArray[np.float32]
Embed = Callable[[Sequence[str]], Awaitable[Vectors]]
"""Texts of documents -> unit vectors, one a row."""
Near = Callable[[str, Sequence[tuple[Chunk, int, int]]], Awaitable[Vectors]]
"""A question, and parts of chunks -> how near each comes to its words, NaN where nobody knows."""
NOTHING: Final[Vectors] = np.zeros(0, np.float32)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence that may be quoted."""

    passage: int
    sentence: Sentence
    fit: float
    """By terms, number and passage; comparable within one question only."""


def preselect(
    question: str, weighed: LexicalQuery, passages: Sequence[tuple[str, float]]
) -> list[Candidate]:
    """All sentences of the passages (text, relevance), best fit first; each text once."""
    asks_number = bool(_ASKS_NUMBER.search(question))
    named = _numbers(question)
    best = max((relevance for _, relevance in passages), default=0.0)
    found: dict[str, Candidate] = {}
    for index, (text, relevance) in enumerate(passages):
        doubt = _RELEVANCE * float(np.log(max(relevance, 1e-3) / max(best, 1e-3)))
        said = np.zeros(len(weighed.hashes))
        for sentence in with_lists(text)[:_MOST_SENTENCES]:
            has = np.isin(weighed.hashes, terms_of(sentence.text).hashes)
            said = np.maximum(has, _FADING * said)
            fit = float(weighed.weights @ said) / max(1e-9, float(weighed.weights.sum())) + doubt
            if asks_number and not _numbers(sentence.text) <= named:
                fit += _NUMBER
            found.setdefault(sentence.text, Candidate(index, sentence, fit))
    return sorted(found.values(), key=lambda candidate: -candidate.fit)


def choose(
    candidates: Sequence[Candidate], cosines: Vectors, limit: int, nearness: Vectors = NOTHING
) -> list[Quotation]:
    """At most `limit` quotations, best first; after the first only such as fit at all.

    `cosines` are those of the question and the first candidates; without any, terms decide alone.
    `nearness`: of the same candidates, NaN where it is unknown.
    """
    scores = np.array([candidate.fit for candidate in candidates])
    if len(cosines):
        scores[len(cosines) :] -= np.inf
    for signs, worth in ((cosines, _MEANING), (nearness, _NEARNESS)):
        known = np.flatnonzero(~np.isnan(signs))
        if len(known):
            scores[known] += worth * _deviations(signs[known])
    chosen: list[Quotation] = []
    for i in np.argsort(-scores, kind="stable"):
        candidate, score = candidates[i], float(scores[i])
        if len(chosen) == limit or not np.isfinite(score) or (chosen and score <= 0):
            break
        said = Quotation(
            candidate.passage, candidate.sentence.text, candidate.sentence.start, score
        )
        # A line of a list is not said again beside the list, nor the list beside its line.
        if not any(_overlap(said, other) for other in chosen):
            chosen.append(said)
    return chosen


async def quote(
    question: str,
    weighed: LexicalQuery,
    passages: Sequence[Passage],
    meaning: tuple[Vectors, Embed] | None,
    limit: int = 2,
    near: Near | None = None,
) -> list[Quotation]:
    """At most `limit` sentences, best first; `meaning` is the question's vector and its embedder's
    way to embed documents, None where there is none: then terms decide alone. `near`: by what was
    read closely.
    """
    texts = [(passage.chunk.text, passage.relevance) for passage in passages]
    # Some milliseconds for each passage, which other turns need not wait for.
    candidates = await asyncio.to_thread(preselect, question, weighed, texts)
    cosines, nearness = NOTHING, NOTHING
    first = candidates[:EMBEDDED]
    if meaning and len(candidates) > 1:
        vector, embed = meaning
        cosines = await embed([own.sentence.text for own in first]) @ vector
    if near and len(candidates) > 1:
        parts = [(passages[c.passage].chunk, c.sentence.start, c.sentence.end) for c in first]
        nearness = await near(question, parts)
    return choose(candidates, cosines, limit, nearness)


def _overlap(one: Quotation, other: Quotation) -> bool:
    first, second = sorted((one, other), key=lambda own: own.start)
    return one.passage == other.passage and second.start < first.start + len(first.text)


def _deviations(signs: Vectors) -> Vectors:
    """From their mean, in standard deviations."""
    deviations: Vectors = (signs - signs.mean()) / max(1e-6, float(signs.std()))
    return deviations


def _numbers(text: str) -> frozenset[str]:
    return frozenset(number.casefold() for number in _NUMBERS.findall(text))
