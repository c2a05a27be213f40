"""What people think of answers: one verdict a person and answer, with what was judged."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from enum import StrEnum

import aiosqlite

from core.database import Database
from core.events import ChannelRef, ConversationRef
from core.followup import Lean, lean_of
from core.golden import Golden
from core.history import StoredAnswer, StoredSource, key_of
from core.text import storable
from knowledge_base.models import ChunkId


class Verdict(StrEnum):
    """Thumbs."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Judged:
    """An answer as somebody judged it; without names."""

    verdict: Verdict
    question: str
    answer: str
    refused: bool
    sources: tuple[StoredSource, ...]
    given_at: float

    @property
    def golden(self) -> Golden | None:
        """The question with what it tells of its answer; None where only a person knows better."""
        if self.verdict is Verdict.DOWN:
            return None
        if self.refused:
            return Golden(self.question, kind="feedback")
        cited = next((source.document for source in self.sources if source.cited), "")
        return Golden(self.question, cited, kind="feedback") if cited else None


def settled(verdicts: Iterable[Judged]) -> tuple[Judged, ...]:
    """The last verdict on each question; where people disagree about that answer, a 👎: who is
    right only a person knows."""
    last: dict[str, Judged] = {}
    for judged in sorted(verdicts, key=lambda own: own.given_at):
        key = judged.question.casefold().strip()
        before = last.get(key)
        if before is None or before.verdict is Verdict.UP or before.answer != judged.answer:
            last[key] = judged
    return tuple(last.values())


def searchable(verdicts: Iterable[Judged], documents: Container[str]) -> tuple[Golden, ...]:
    """What verdicts tell of searches alone: of questions that stand alone and whose document is
    still one of these."""
    found = (judged.golden for judged in settled(verdicts))
    return tuple(
        golden
        for golden in found
        if golden is not None
        and lean_of(golden.question) is not Lean.SURELY
        and (not golden.document or golden.document in documents)
    )


class Feedback:
    """Rows of verdicts."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def give(
        self, conversation: ConversationRef, answer: StoredAnswer, author_id: str, verdict: Verdict
    ) -> None:
        """What this person thinks of the answer now; it replaces what they thought before."""
        async with self._database.transaction() as connection:
            rows = await connection.execute_fetchall(
                "INSERT INTO feedback (platform, channel_id, thread_id, message_id, author_id,"
                " verdict, question, answer, refused, given_at, asker_id)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                " verdict = excluded.verdict, question = excluded.question,"
                " answer = excluded.answer, refused = excluded.refused,"
                " given_at = excluded.given_at RETURNING feedback_id",
                (
                    *key_of(conversation),
                    answer.question_id,
                    storable(author_id),
                    verdict,
                    answer.question,
                    answer.text,
                    answer.refused,
                    self._clock(),
                    answer.author_id,
                ),
            )
            for (feedback_id,) in rows:
                await connection.execute(
                    "DELETE FROM feedback_sources WHERE feedback_id = ?", (feedback_id,)
                )
                await connection.executemany(
                    "INSERT INTO feedback_sources VALUES (?, ?, ?, ?, ?, ?)",
                    [
                        (feedback_id, s.number, s.chunk, s.cited, s.relevance, s.document)
                        for s in answer.sources
                    ],
                )

    async def of(
        self, conversation: ConversationRef, question_id: str, author_id: str
    ) -> Verdict | None:
        """What this person thinks of the answer to that question."""
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT verdict FROM feedback WHERE platform = ? AND channel_id = ?"
                " AND thread_id = ? AND message_id = ? AND author_id = ?",
                (*key_of(conversation), storable(question_id), storable(author_id)),
            )
            return next((Verdict(verdict) for (verdict,) in rows), None)

    async def given_in(self, channel: ChannelRef, since: float = 0) -> tuple[Judged, ...]:
        """Every verdict given in a channel and its threads from that moment on, oldest first."""
        return await self._judged(channel, since)

    async def given(self) -> tuple[Judged, ...]:
        """Every verdict that is kept, oldest first."""
        return await self._judged(None, 0)

    async def _judged(self, channel: ChannelRef | None, since: float) -> tuple[Judged, ...]:
        platform = None if channel is None else channel.platform.value
        channel_id = None if channel is None else storable(channel.channel_id)
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT feedback_id, verdict, question, answer, refused, given_at FROM feedback"
                " WHERE (?1 IS NULL OR platform = ?1 AND channel_id = ?2) AND given_at >= ?3"
                " ORDER BY feedback_id",
                (platform, channel_id, since),
            )
            return tuple(
                [
                    Judged(
                        Verdict(verdict),
                        question,
                        answer,
                        bool(refused),
                        await _sources(connection, feedback_id),
                        given_at,
                    )
                    for feedback_id, verdict, question, answer, refused, given_at in rows
                ]
            )

    async def remove(self, conversation: ConversationRef, question_id: str) -> None:
        """Take out what was thought of an answer, with its words, as the answer is taken out."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "DELETE FROM feedback WHERE platform = ? AND channel_id = ? AND thread_id = ?"
                " AND message_id = ?",
                (*key_of(conversation), storable(question_id)),
            )

    async def prune(self, days: float = 180) -> int:
        """Let go of verdicts given longer ago; the number of them."""
        async with self._database.transaction() as connection:
            cursor = await connection.execute(
                "DELETE FROM feedback WHERE given_at < ?", (self._clock() - days * 86_400,)
            )
            return cursor.rowcount


async def move_feedback(connection: aiosqlite.Connection, old: ChannelRef, new: ChannelRef) -> None:
    """Let what was thought of a channel's answers go on under its new id, as its turns do."""
    await connection.execute(
        "UPDATE feedback SET platform = ?, channel_id = ?,"
        " message_id = channel_id || ':' || message_id WHERE platform = ? AND channel_id = ?",
        (new.platform.value, new.channel_id, old.platform.value, old.channel_id),
    )


async def _sources(connection: aiosqlite.Connection, feedback_id: int) -> tuple[StoredSource, ...]:
    rows = await connection.execute_fetchall(
        "SELECT number, chunk_id, cited, relevance, document FROM feedback_sources"
        " WHERE feedback_id = ? ORDER BY number",
        (feedback_id,),
    )
    return tuple(
        StoredSource(number, ChunkId(chunk), bool(cited), relevance, document)
        for number, chunk, cited, relevance, document in rows
    )
