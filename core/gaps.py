"""What was asked in vain: refused, or answered and disliked; alike questions together, no names."""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.database import Database
from core.events import ChannelRef
from core.evidence import claim_of
from core.language import language_of
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
_NEAR: Final = 0.38
"""How much of the way from an unrelated question's cosine to 1 those of a group may lie apart."""
_NEAR_ACROSS: Final = 0.47
"""The same of questions in different languages, which no word of theirs brings together."""
_UNRELATED: Final = {
    "en": (
        "What is the capital of France?",
        "How do I bake bread?",
        "Who wrote this symphony?",
        "When does the train leave?",
        "Why is the sky blue?",
        "Where can I buy flowers?",
        "How much does a ticket cost?",
        "Can I pay by card?",
        "Is there a place to sit?",
        "What does this word mean?",
        "How long does the film last?",
        "Which bus goes to the airport?",
        "Do I need a licence for it?",
        "Who won the game yesterday?",
        "What should I do when it rains?",
        "How do I reset my password?",
    ),
    "zh": (
        "法国的首都是哪里？",
        "怎么烤面包？",
        "谁写了这首交响曲？",
        "火车什么时候开？",
        "天空为什么是蓝色的？",
        "哪里可以买花？",
        "一张票多少钱？",
        "可以刷卡付款吗？",
        "有坐的地方吗？",
        "这个词是什么意思？",
        "电影有多长？",
        "哪路公交车去机场？",
        "这个需要许可证吗？",
        "昨天谁赢了比赛？",
        "下雨了怎么办？",
        "怎么重置密码？",
    ),
}
"""Questions that have nothing to do with each other. What those of a language have in common is the
language, and that they are questions: without it the same in two languages lies together."""
UNRELATED: Final = tuple(question for known in _UNRELATED.values() for question in known)
_HAN: Final = re.compile(r"[\u3400-\u9fff]")
_NAME: Final = re.compile(r"(?<!^)(?<![.!?] )\b[A-Z][\w+#.]*\w")
_NAME_IN_HAN: Final = re.compile(r"[A-Za-z][A-Za-z0-9+#.]+")


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
    asked_at: float = 0.0
    """When the latest was."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a person answered by now."""

    note: Note
    at: float


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
        now = self._clock()
        answered = [
            Answered(known, document.added_at.timestamp())
            for base in homes
            for document in await self._library.documents(base.base_id)
            if is_note(document) and (known := await self._library.note(document)) is not None
            and (known.expires_at is None or known.expires_at.timestamp() > now)
        ]  # fmt: skip
        questions = [*(gap.question for gap in asked), *UNRELATED]
        vectors = None if by_words else await self._library.vectors(questions)
        # Each with each: not on the loop.
        found = await asyncio.to_thread(grouped, asked, vectors, answered)
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
                "SELECT exchange_id, question, asked_at, (SELECT count(*) FROM feedback WHERE"
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
                Gap(str(exchange_id), " ".join(question.split()), 1, int(downs), float(asked_at))
                for exchange_id, question, asked_at, downs in rows
                if question.strip()
            ]


def grouped(
    asked: Sequence[Gap], vectors: Vectors | None, answered: Sequence[Answered] = ()
) -> list[Gap]:
    """Those that mean the same in one, under the words of the first, which is the latest. Pure.

    `vectors` has a unit vector for each, then one for each of `UNRELATED`; without, words decide.
    Different numbers, or names, are different questions. What was asked before somebody answered
    it, in these words or in others, is left out.
    """
    near = _nearness(asked, vectors) if vectors is not None and len(asked) else None
    groups: list[list[int]] = []
    for place in range(len(asked)):
        group = _group_of(place, asked, groups, near)
        if group is None:
            groups.append([place])
        else:
            group.append(place)
    found = (_left([asked[place] for place in group], answered) for group in groups)
    return [gap for gap in found if gap is not None]


def _group_of(
    place: int, asked: Sequence[Gap], groups: Sequence[list[int]], near: Vectors | None
) -> list[int] | None:
    """Where a question belongs: with the same words, else with the nearest that are near enough."""
    wanted = asked[place].question
    alike: list[tuple[float, list[int]]] = []
    for group in groups:
        first = asked[group[0]].question
        if not _may_be_same(first, wanted):
            continue
        if fits(first, wanted) and fits(wanted, first):
            return group
        if near is not None and (likeness := float(near[place, group].mean())) >= 0:
            alike.append((likeness, group))
    return max(alike, key=lambda own: own[0])[1] if alike else None


def _nearness(asked: Sequence[Gap], vectors: Vectors) -> Vectors:
    """How near each lies to each: at 0 just near enough for a group, at most 1."""
    own, others = vectors[: len(asked)], vectors[len(asked) :]
    centres: dict[str, Vectors] = {}
    at = 0
    for language, known in _UNRELATED.items():
        centres[language] = others[at : at + len(known)].mean(axis=0)
        at += len(known)
    middle = np.stack(list(centres.values())).mean(axis=0)
    own = _turned(own - np.stack([centres.get(language_of(g.question), middle) for g in asked]))
    of_others = [centres[language] for language, known in _UNRELATED.items() for _each in known]
    others = _turned(others - np.stack(of_others))
    far = float(np.median(own @ others.T))
    languages = np.array([language_of(gap.question) for gap in asked])
    apart = np.where(languages[:, None] == languages, _NEAR, _NEAR_ACROSS) * max(1.0 - far, 1e-6)
    return np.asarray(1.0 - (1.0 - own @ own.T) / apart, dtype=np.float32)


def _turned(vectors: Vectors) -> Vectors:
    """With unit length."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-6), dtype=np.float32)


def _may_be_same(first: str, second: str) -> bool:
    if claim_of(first, "").numbers != claim_of(second, "").numbers:
        return False
    names = _names(first), _names(second)
    return not all(names) or bool(names[0] & names[1])


def _names(question: str) -> frozenset[str]:
    """What is called by a name: "Windows", also in a Chinese question."""
    pattern = _NAME_IN_HAN if _HAN.search(question) else _NAME
    return frozenset(name.casefold() for name in pattern.findall(question))


def _left(group: Sequence[Gap], answered: Sequence[Answered]) -> Gap | None:
    """What of a group is still to be answered."""
    by_note = {
        gap.key: [
            own.at for own in answered if fits(gap.question, own.note.question, own.note.answer)
        ]
        for gap in group
    }
    since = max((at for known in by_note.values() for at in known), default=-math.inf)
    left = [gap for gap in group if gap.asked_at > since and not by_note[gap.key]]
    if not left:
        return None
    return replace(
        left[0],
        asked=sum(gap.asked for gap in left),
        disliked=sum(gap.disliked for gap in left),
    )
