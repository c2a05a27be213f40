"""Questions of which the right document is known, or that there is none: how a search does on them.

Pure: the searches are somebody else's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from knowledge_base.models import Passage, SearchResult
from knowledge_base.terms import normalise

MOST: Final = 1000
PLACES: Final = (1, 3, 5)
"""Hit@k is told for these k."""
_LEAST_OF_EACH: Final = 3
"""Questions with an answer and without one, for a threshold to be suggested."""
_LETTERS: Final = re.compile(r"[^\w]|_")
_NONE: Final = frozenset(("-", "–", "unanswerable", "none", "无", "无答案", "不可回答"))


class BadGoldenError(ValueError):
    """A line that is no golden question, or one too many."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


@dataclass(frozen=True, slots=True)
class Golden:
    """A question, and what a right search finds; nothing named: there is no answer to it."""

    question: str
    document: str = ""
    words: tuple[str, ...] = ()
    """What an answering passage says, word for word."""
    page: int | None = None
    """Where a right passage stands, counted from 1; None: wherever."""
    turns: tuple[str, ...] = ()
    """What the same person asks before it, in the same conversation."""
    kind: str = ""
    """Questions of one kind are told apart in figures."""
    golden_id: str = ""

    @property
    def is_answerable(self) -> bool:
        return bool(self.document or self.words)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a search did on one of them."""

    golden: Golden
    rank: int | None
    """Place of the first right passage, counted from 1; None where none was found."""
    relevance: float
    """Of the best passage."""
    found: tuple[str, ...]
    """Names of the documents found, best first."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What outcomes come to under one threshold; shares in [0, 1], None where nothing counts."""

    questions: int
    answerable: int
    hits: tuple[tuple[int, float], ...]
    """Share of the answerable whose right passage is among the first k, by k."""
    mrr: float | None
    """Mean reciprocal rank of the first right passage."""
    refused_rightly: float | None
    """Share of the unanswerable that are refused."""
    refused_wrongly: float | None
    """Share of the answerable that are refused."""


def read(text: str) -> tuple[Golden, ...]:
    """One a line: an object of JSON, or `question | document | words; more words`, with `-` for the
    document where there is no answer. Raises `BadGoldenError` with the number of the line."""
    found: list[Golden] = []
    for number, line in enumerate(text.lstrip("\ufeff").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        golden = _object(line) if line.lstrip().startswith("{") else _typed(line)
        if golden is None or len(found) == MOST:
            raise BadGoldenError(number)
        found.append(golden)
    return tuple(found)


def _object(line: str) -> Golden | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    question = row.get("question")
    document, words = row.get("document") or "", row.get("words") or []
    if isinstance(words, str):
        words = [words]
    if not isinstance(question, str) or not question.strip() or not isinstance(document, str):
        return None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return None
    if row.get("unanswerable") is True:
        document, words = "", []
    elif not document and not words and ("document" not in row or "unanswerable" in row):
        # A field that is misspelt is no reason to expect a refusal.
        return None
    page, turns = row.get("page"), row.get("turns") or []
    if not isinstance(page, int | None) or isinstance(page, bool) or not _are_texts(turns):
        return None
    kind, own_id = row.get("kind") or "", row.get("id", "")
    if not isinstance(kind, str) or not isinstance(own_id, str | int):
        return None
    return Golden(
        question.strip(),
        document.strip(),
        tuple(words),
        page if document else None,
        tuple(turns),
        kind.strip(),
        str(own_id),
    )


def _are_texts(turns: object) -> bool:
    return isinstance(turns, list) and all(isinstance(own, str) and own.strip() for own in turns)


def _typed(line: str) -> Golden | None:
    parts = [part.strip() for part in line.replace("｜", "|").split("|")]
    if not parts[0] or len(parts) > 3 or len(parts) < 2:
        return None
    question, document, said = (*parts, "")[:3]
    if document.casefold() in _NONE:
        return None if said else Golden(question)
    words = tuple(word.strip() for word in said.replace("；", ";").split(";") if word.strip())
    return Golden(question, document, words) if document or words else None


def unknown(questions: Iterable[Golden], documents: Container[str]) -> tuple[str, ...]:
    """Documents that questions name and that are none of these: a wrong name is never found."""
    named = dict.fromkeys(golden.document for golden in questions if golden.document)
    return tuple(name for name in named if name not in documents)


def outcome(golden: Golden, result: SearchResult) -> Outcome:
    """Where the first right passage of a search stands."""
    return Outcome(golden, rank_of(golden, result.passages), result.relevance, result.nearest)


def rank_of(golden: Golden, passages: Sequence[Passage]) -> int | None:
    """Place of the first right passage, counted from 1.

    Right is what stands in the document, on the page and says one of the words, where these are
    told.
    """
    wanted = [_folded(word) for word in golden.words]
    for place, passage in enumerate(passages, start=1):
        text = _folded(passage.chunk.text)
        if is_of(golden, passage) and (not wanted or any(own in text for own in wanted)):
            return place
    return None


def is_of(golden: Golden, passage: Passage) -> bool:
    """Whether a passage stands where the answer does; never where there is none."""
    named = not golden.document or passage.document.name == golden.document
    return golden.is_answerable and named and golden.page in (None, passage.chunk.page)


def says(golden: Golden, text: str) -> bool:
    """Whether an answer holds one of the words, whatever its spaces and punctuation."""
    plain = _LETTERS.sub("", normalise(text))
    return any(_LETTERS.sub("", normalise(word)) in plain for word in golden.words)


def measured(outcomes: Sequence[Outcome], threshold: float) -> Measured:
    """Refused is what has no passage at or above the threshold."""
    answerable = [own for own in outcomes if own.golden.is_answerable]
    others = [own for own in outcomes if not own.golden.is_answerable]
    ranks = [own.rank for own in answerable]
    return Measured(
        len(outcomes),
        len(answerable),
        tuple((k, _share(r is not None and r <= k for r in ranks) or 0.0) for k in PLACES),
        sum(1 / r for r in ranks if r is not None) / len(ranks) if ranks else None,
        _share(own.relevance < threshold for own in others),
        _share(own.relevance < threshold for own in answerable),
    )


def suggested(outcomes: Sequence[Outcome]) -> float | None:
    """The threshold that refuses most of the unanswerable and fewest of the rest, weighed alike:
    in the middle of the widest gap that does it best. None where there are too few of either."""
    answerable = sorted(own.relevance for own in outcomes if own.golden.is_answerable)
    others = sorted(own.relevance for own in outcomes if not own.golden.is_answerable)
    if min(len(answerable), len(others)) < _LEAST_OF_EACH:
        return None

    def quality(threshold: float) -> float:
        kept = sum(own >= threshold for own in answerable) / len(answerable)
        refused = sum(own < threshold for own in others) / len(others)
        return kept + refused

    edges = sorted({0.0, *answerable, *others, 1.0})
    gaps = [(high - low, (low + high) / 2) for low, high in pairwise(edges)]
    _quality, _width, middle = max((quality(middle), width, -middle) for width, middle in gaps)
    return round(-middle, 2)


def _share(those: Iterable[bool]) -> float | None:
    listed = list(those)
    return sum(listed) / len(listed) if listed else None


def _folded(text: str) -> str:
    return " ".join(normalise(text).split())
