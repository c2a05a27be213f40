"""A channel's last days in numbers: what was asked, answered, refused, and liked."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import aiosqlite

from core.database import Database
from core.events import ChannelRef
from core.text import storable
from knowledge_base.models import ChunkId

DAYS: Final = 7
_DAY: Final = 86_400
_MOST_DOCUMENTS: Final = 20
_WHERE: Final = "platform = ? AND channel_id = ?"


@dataclass(frozen=True, slots=True)
class CitedDocument:
    """A document that answers cited; whoever shows it asks first whether it may be seen."""

    name: str
    answers: int
    chunk: ChunkId
    """One passage of it."""


@dataclass(frozen=True, slots=True)
class Week:
    """The numbers. A question that was stopped counts as neither answered nor refused."""

    questions: int
    members: int
    answered: int
    refused: int
    liked: int
    disliked: int
    gaps: int
    """Questions that were refused, or whose answer somebody disliked."""
    documents: tuple[CitedDocument, ...]


class Weeks:
    """Counts in the history and the verdicts, threads included."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def of(self, channel: ChannelRef, days: float = DAYS) -> Week:
        """Up to now."""
        since = self._clock() - days * _DAY
        place = (channel.platform.value, storable(channel.channel_id), since)
        async with self._database.reader() as connection:
            questions, members, answered, refused = await _row(
                connection,
                "SELECT count(*), count(DISTINCT author_id),"  # noqa: S608 - our own words
                " count(*) FILTER (WHERE answer IS NOT NULL AND NOT refused AND NOT interrupted),"
                f" count(*) FILTER (WHERE refused) FROM exchanges WHERE {_WHERE} AND asked_at >= ?",
                place,
            )
            liked, disliked = await _row(
                connection,
                "SELECT count(*) FILTER (WHERE verdict = 'up'),"  # noqa: S608
                f" count(*) FILTER (WHERE verdict = 'down') FROM feedback WHERE {_WHERE}"
                " AND given_at >= ?",
                place,
            )
            (gaps,) = await _row(
                connection,
                "SELECT count(*) FROM (SELECT thread_id, message_id FROM exchanges"  # noqa: S608
                f" WHERE {_WHERE} AND asked_at >= ? AND refused"
                " UNION SELECT thread_id, message_id FROM feedback"
                f" WHERE {_WHERE} AND given_at >= ? AND verdict = 'down')",
                place * 2,
            )
            documents = await connection.execute_fetchall(
                "SELECT document, count(DISTINCT exchange_id) AS answers, max(chunk_id)"  # noqa: S608
                " FROM exchanges JOIN answer_sources USING (exchange_id)"
                f" WHERE {_WHERE} AND asked_at >= ? AND cited GROUP BY document"
                " ORDER BY answers DESC, document LIMIT ?",
                (*place, _MOST_DOCUMENTS),
            )
        return Week(
            questions,
            members,
            answered,
            refused,
            liked,
            disliked,
            gaps,
            tuple(CitedDocument(name, count, ChunkId(chunk)) for name, count, chunk in documents),
        )


async def _row(
    connection: aiosqlite.Connection, statement: str, parameters: tuple[str | float, ...]
) -> tuple[int, ...]:
    (row,) = await connection.execute_fetchall(statement, parameters)
    return tuple(int(value) for value in row)
