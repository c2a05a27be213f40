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
from knowledge_base.sentences import Sentence, is_row, with_lists
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
_HEADING = re.compile(r"[^\d|:：;；\n]{1,80}[^\W\d]")
"""A line that ends without a mark; one with a number may say what is asked."""
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
    head: str = ""
    """Of a row of a table that does not say its columns' names: the line that does."""

    row: frozenset[int] | None = None
    """Of a row of a table: which of the question's terms it holds."""

    @property
    def text(self) -> str:
        """What is quoted."""
        return f"{self.head}\n{self.sentence.text}" if self.head else self.sentence.text


def preselect(
    question: str, weighed: LexicalQuery, passages: Sequence[tuple[str, float]]
) -> list[Candidate]:
    """All sentences of the passages (text, relevance), best fit first; each text once.

    Headings only lend their words to what stands below, unless there is nothing else.
    """
    asks_number = bool(_ASKS_NUMBER.search(question))
    named = _numbers(question)
    best = max((relevance for _, relevance in passages), default=0.0)
    found: dict[str, Candidate] = {}
    headings = set[str]()
    for index, (text, relevance) in enumerate(passages):
        doubt = _RELEVANCE * float(np.log(max(relevance, 1e-3) / max(best, 1e-3)))
        said = np.zeros(len(weighed.hashes))
        parts = with_lists(text)[:_MOST_SENTENCES]
        for sentence, head, is_head in zip(parts, *_heads(text, parts), strict=True):
            has = np.isin(weighed.hashes, terms_of(sentence.text).hashes)
            here = np.maximum(has, _FADING * said)
            row = frozenset(np.flatnonzero(has).tolist()) if is_row(sentence.text) else None
            if row is None or is_head:
                said = here  # One row says nothing of the next.
            fit = float(weighed.weights @ here) / max(1e-9, float(weighed.weights.sum())) + doubt
            if asks_number and not _numbers(sentence.text) <= named:
                fit += _NUMBER
            found.setdefault(sentence.text, Candidate(index, sentence, fit, head, row))
            if is_head or _is_heading(text, sentence):
                headings.add(sentence.text)
    told = [own for own in found.values() if own.sentence.text not in headings]
    return sorted(told or found.values(), key=lambda candidate: -candidate.fit)


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
    rows: list[tuple[int, frozenset[int]]] = []
    for i in np.argsort(-scores, kind="stable"):
        candidate, score = candidates[i], float(scores[i])
        if len(chosen) == limit or not np.isfinite(score) or (chosen and score <= 0):
            break
        said = Quotation(candidate.passage, candidate.text, candidate.sentence.start, score)
        row = candidate.row
        if row is not None:
            # Another row of what was quoted already is wanted for words of its own alone.
            if any(own[0] == candidate.passage and row <= own[1] for own in rows):
                continue
            rows.append((candidate.passage, row))
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


def _heads(text: str, parts: Sequence[Sentence]) -> tuple[list[str], list[bool]]:
    """For each part: of a row between bars the first line of its table, where that names the
    columns, else nothing; and whether it is such a line."""
    heads, are_heads = [""] * len(parts), [False] * len(parts)
    first, bars = -1, 0
    for at, part in enumerate(parts):
        line = part.text.split("\n", 1)[0]
        held = line.count("|")
        goes_on = 0 < held == bars and text.count("\n", parts[at - 1].end, part.start) < 2
        if not goes_on:
            first = at if held and not _NUMBERS.search(line) else -1
        elif first >= 0:
            heads[at], are_heads[first] = parts[first].text.split("\n", 1)[0], True
        bars = held
    return heads, are_heads


def _is_heading(text: str, sentence: Sentence) -> bool:
    """Whether it stands alone above something else, and says nothing by itself."""
    before, after = text[: sentence.start].rstrip(" \t"), text[sentence.end :].lstrip(" \t")
    is_apart = (not before or before.endswith("\n\n")) and after.startswith("\n\n")
    if sentence.text[-1] in ":：":
        # What it announces would stand with it, if it could be quoted whole.
        return is_apart or (after.startswith("\n") and "\n" not in sentence.text)
    return is_apart and bool(after.strip()) and _HEADING.fullmatch(sentence.text) is not None


def _overlap(one: Quotation, other: Quotation) -> bool:
    first, second = sorted((one, other), key=lambda own: own.start)
    return one.passage == other.passage and second.start < first.start + len(first.text)


def _deviations(signs: Vectors) -> Vectors:
    """From their mean, in standard deviations."""
    deviations: Vectors = (signs - signs.mean()) / max(1e-6, float(signs.std()))
    return deviations


def _numbers(text: str) -> frozenset[str]:
    return frozenset(number.casefold() for number in _NUMBERS.findall(text))
