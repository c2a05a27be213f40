"""A second look at what a search found, by a model that reads question and passage together.

Such a model (a cross-encoder) costs a pass for each passage, so it looks at a handful, and within
a budget of time: what it does not finish counts for nothing, and the search's own order holds.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from knowledge_base.errors import RerankerUnavailableError
from knowledge_base.models import Passage

log = logging.getLogger(__name__)

LOOKED_AT = 12
"""Passages that are scored for one question, where the search finds so many."""
_FAR = 8.0
"""Log-odds past which a model's certainty counts for no more."""

Floats = NDArray[np.float64]


class Reranker(Protocol):
    """Scores passages for a question; may be asked by several questions at once."""

    @property
    def name(self) -> str: ...

    async def scores(self, question: str, texts: Sequence[str]) -> Floats:
        """Log-odds that each text answers, shape (len(texts),). Cancelling leaves undone what is
        not begun. Raises `RerankerUnavailableError`."""
        ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class SecondLook:
    """A reranker, and the time that it has for a question."""

    reranker: Reranker
    budget_seconds: float

    async def at(self, question: str, passages: Sequence[Passage]) -> tuple[Passage, ...] | None:
        """The passages in their new order with what they are worth now; None where there was no
        time for all of the first `LOOKED_AT`, or no model."""
        first, others = passages[:LOOKED_AT], passages[LOOKED_AT:]
        texts = [_read(passage) for passage in first]
        try:
            async with asyncio.timeout(self.budget_seconds):
                scores = await self.reranker.scores(question, texts)
        except TimeoutError:
            log.info("%s had no time for %d passages", self.reranker.name, len(texts))
            return None
        except RerankerUnavailableError:
            log.warning("%s does not score passages", self.reranker.name, exc_info=True)
            return None
        return (*reranked(first, scores), *others)


def reranked(passages: Sequence[Passage], scores: Floats) -> tuple[Passage, ...]:
    """Best first; a passage's log-odds are half the search's and half the model's.

    A model that cannot tell (all scores alike) so leaves the order as it was.
    """
    own = np.array([passage.relevance for passage in passages], float).clip(1e-6, 1 - 1e-6)
    odds = (np.log(own / (1 - own)) + np.clip(scores, -_FAR, _FAR)) / 2
    worth = 1 / (1 + np.exp(-odds))
    order = np.argsort(-odds, kind="stable")
    return tuple(replace(passages[i], relevance=float(worth[i])) for i in order)


def _read(passage: Passage) -> str:
    heading = passage.chunk.heading
    return f"{heading}\n{passage.chunk.text}" if heading else passage.chunk.text
