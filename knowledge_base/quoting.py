"""Choosing the sentences of retrieved passages that fit a question best, word for word.

Terms preselect, embedding decides among a handful: a sentence costs the bundled embedder about
25 ms. A sentence is also given credit for what the one before it says, because "It opens at nine"
follows the sentence that names the library.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knowledge_base.lexical import LexicalQuery
from knowledge_base.models import Passage, Quotation
from knowledge_base.sentences import Sentence, with_lists
from knowledge_base.terms import terms_of

EMBEDDED = 6
"""Sentences that are embedded for one question."""

_MOST_SENTENCES = 400
_BEFORE = 0.4
"""What a term in the sentence before is worth."""
_RELEVANCE = 0.2
"""What a factor of e in a passage's relevance is worth, in shares of the question's terms."""
_NUMBER = 0.1
"""What a number is worth in answer to a question that asks for one."""
_MEANING = 0.1
"""What one standard deviation of cosine among the embedded sentences is worth."""

_ASKS_NUMBER = re.compile(
    r"\bhow (?:many|much|long|old|far|often|tall|big|high|large)\b|\bwhen\b"
    r"|\b(?:what|which) (?:year|date|percent\w*|number|time|age|century|day|month|price)\b"
    r"|多少|几|幾|何时|何時|什么时候|什麼時候|哪年|哪一年|多大|多长|多久|多高|百分|いつ|いくつ|いくら"
    r"|몇|언제|얼마|сколько|когда|\bcombien\b|\bquand\b|\bcuánt|\bcuándo\b|\bwie ?viele?\b|\bwann\b"
    r"|\bquant[oia]\b|\bquando\b|bao nhiêu|khi nào|\bكم\b|متى|कितन|कब|กี่|เท่าไร|เมื่อไร",
    re.IGNORECASE,
)
_HAS_NUMBER = re.compile(
    r"\d|[一二三四五六七八九十百千万亿两]"
    r"|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|hundred|thousand|million|half|twice)\b",
    re.IGNORECASE,
)

Vectors = NDArray[np.float32]
Embed = Callable[[Sequence[str]], Awaitable[Vectors]]
"""Texts of documents -> unit vectors, one a row."""


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
    best = max((relevance for _, relevance in passages), default=0.0)
    found: dict[str, Candidate] = {}
    for index, (text, relevance) in enumerate(passages):
        doubt = _RELEVANCE * float(np.log(max(relevance, 1e-3) / max(best, 1e-3)))
        before = np.zeros(len(weighed.hashes), bool)
        for sentence in with_lists(text)[:_MOST_SENTENCES]:
            has = np.isin(weighed.hashes, terms_of(sentence.text).hashes)
            fit = _share(weighed, has) + _BEFORE * _share(weighed, before & ~has) + doubt
            if asks_number and _HAS_NUMBER.search(sentence.text):
                fit += _NUMBER
            found.setdefault(sentence.text, Candidate(index, sentence, fit))
            before = has
    return sorted(found.values(), key=lambda candidate: -candidate.fit)


def choose(
    candidates: Sequence[Candidate], cosines: NDArray[np.float32], limit: int
) -> list[Quotation]:
    """At most `limit` quotations, best first; after the first only such as fit at all.

    `cosines` are those of the question and the first candidates; without any, terms decide alone.
    """
    scores = np.array([candidate.fit for candidate in candidates])
    if len(cosines):
        deviations = (cosines - cosines.mean()) / max(1e-6, float(cosines.std()))
        scores[: len(cosines)] += _MEANING * deviations
        scores[len(cosines) :] -= np.inf
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
) -> list[Quotation]:
    """At most `limit` sentences, best first; `meaning` is the question's vector and its embedder's
    way to embed documents, None where there is none: then terms decide alone.
    """
    texts = [(passage.chunk.text, passage.relevance) for passage in passages]
    # Some milliseconds for each passage, which other turns need not wait for.
    candidates = await asyncio.to_thread(preselect, question, weighed, texts)
    cosines = np.zeros(0, np.float32)
    if meaning and len(candidates) > 1:
        vector, embed = meaning
        cosines = await embed([c.sentence.text for c in candidates[:EMBEDDED]]) @ vector
    return choose(candidates, cosines, limit)


def _overlap(one: Quotation, other: Quotation) -> bool:
    first, second = sorted((one, other), key=lambda own: own.start)
    return one.passage == other.passage and second.start < first.start + len(first.text)


def _share(weighed: LexicalQuery, has: NDArray[np.bool_]) -> float:
    return float(weighed.weights[has].sum() / max(1e-9, float(weighed.weights.sum())))
