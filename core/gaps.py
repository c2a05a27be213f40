"""What was asked in vain: refused, or answered and disliked; alike questions together, no names."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.database import Database
from core.events import ChannelRef
from core.evidence import claim_of
from core.notes import fits, is_note
from core.text import storable
from knowledge_base.models import KnowledgeBase
from knowledge_base.notes import Note

if TYPE_CHECKING:
    from knowledge_base.library import Library

Vectors: TypeAlias = NDArray[np.float32]

DAYS: Final = 30
MOST_QUESTIONS: Final = 400
"""So many of the latest are looked at."""
_DAY: Final = 86_400
_NEAR: Final = 0.35
"""How much of the way from an unrelated question's cosine to 1 two of a group may lie apart."""
_UNRELATED: Final = (
    "What is the capital of France?",
    "How do I bake bread?",
    "Who wrote this symphony?",
    "When does the train leave?",
    "今天天气怎么样？",
    "谁发明了电话？",
    "怎么学游泳？",
    "哪里可以买花？",
)
"""What questions have to do with each other that have nothing to do with each other."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Questions that mean the same."""

    key: str
    """Names the latest of them."""
    question: str
    """In its words."""
    asked: int
    disliked: int
    """How many 👎 their answers got."""


class Gaps:
    """Reads them out of what was asked and judged; nothing is kept for it."""

    def __init__(
        self, database: Database, library: Library, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._library = library
        self._clock = clock

    async def of(
        self,
        channel: ChannelRef,
        homes: Sequence[KnowledgeBase],
        days: float = DAYS,
        *,
        by_words: bool = False,
    ) -> tuple[Gap, ...]:
        """The gaps of a channel and its threads, the most asked first.

        What a note of these bases answers by now is none any more. `by_words`: nothing of it goes
        to the embedder.
        """
        asked = await self._asked(channel, self._clock() - days * _DAY)
        answered = [
            known
            for base in homes
            for document in await self._library.documents(base.base_id)
            if is_note(document) and (known := await self._library.note(document)) is not None
            and (known.expires_at is None or known.expires_at.timestamp() > self._clock())
        ]  # fmt: skip
        # Each with each: not on the loop.
        left = await asyncio.to_thread(_unanswered, asked, answered)
        questions = [*(gap.question for gap in left), *_UNRELATED]
        vectors = None if by_words else await self._library.vectors(questions)
        found = await asyncio.to_thread(grouped, left, vectors)
        return tuple(sorted(found, key=lambda gap: (-gap.asked - gap.disliked, gap.question)))

    async def question(self, channel: ChannelRef, key: str) -> str | None:
        """The words of a gap, if it is one of this channel's."""
        asked = await self._asked(channel, self._clock() - DAYS * _DAY)
        return next((gap.question for gap in asked if gap.key == key), None)

    async def _asked(self, channel: ChannelRef, since: float) -> list[Gap]:
        """Each question once, the latest first; not what was forgotten or asked in private."""
        place = (channel.platform.value, storable(channel.channel_id), since)
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT exchange_id, question, refused, (SELECT count(*) FROM feedback WHERE"
                " feedback.platform = exchanges.platform"
                " AND feedback.channel_id = exchanges.channel_id"
                " AND feedback.thread_id = exchanges.thread_id"
                " AND feedback.message_id = exchanges.message_id AND verdict = 'down') AS downs"
                " FROM exchanges WHERE platform = ? AND channel_id = ? AND asked_at >= ?"
                " AND cleared = 0 AND question <> '' AND answer IS NOT NULL"
                " AND (refused = 1 OR downs > 0) ORDER BY asked_at DESC LIMIT ?",
                (*place, MOST_QUESTIONS),
            )
            return [
                Gap(str(exchange_id), " ".join(question.split()), 1, int(downs))
                for exchange_id, question, _refused, downs in rows
                if question.strip()
            ]


def _unanswered(asked: Sequence[Gap], answered: Sequence[Note]) -> list[Gap]:
    return [
        gap
        for gap in asked
        if not any(fits(gap.question, known.question, known.answer) for known in answered)
    ]


def grouped(asked: Sequence[Gap], vectors: Vectors | None) -> list[Gap]:
    """Those that mean the same in one, under the words of the first, which is the latest. Pure.

    `vectors` has a unit vector for each, then one for each of `_UNRELATED`; without, words decide.
    Different numbers are different questions.
    """
    near = 1.0
    if vectors is not None and len(asked):
        own, others = vectors[: len(asked)], vectors[len(asked) :]
        far = float(np.median(own @ others.T))
        near = 1.0 - _NEAR * (1.0 - far)
    heads: list[int] = []
    groups: dict[int, Gap] = {}
    for place, gap in enumerate(asked):
        head = next((one for one in heads if _alike(asked, vectors, one, place, near)), None)
        if head is None:
            heads.append(place)
            groups[place] = gap
        else:
            first = groups[head]
            groups[head] = replace(
                first, asked=first.asked + gap.asked, disliked=first.disliked + gap.disliked
            )
    return list(groups.values())


def _alike(
    asked: Sequence[Gap], vectors: Vectors | None, one: int, other: int, near: float
) -> bool:
    first, second = asked[one].question, asked[other].question
    if claim_of(first, "").numbers != claim_of(second, "").numbers:
        return False
    if fits(first, second) and fits(second, first):
        return True
    return vectors is not None and float(vectors[one] @ vectors[other]) >= near
