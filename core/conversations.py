"""What one member said with us before, conversation by conversation, for surfaces that list it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from core.database import Database
from core.events import ChannelRef, ConversationRef
from core.history import key_of
from core.text import clip, storable

_LONGEST_TITLE: Final = 80
_OWN: Final = "platform = ? AND channel_id = ? AND author_id = ?"
_WHERE: Final = "platform = ? AND channel_id = ? AND thread_id = ? AND author_id = ?"


@dataclass(frozen=True, slots=True)
class Opening:
    """A conversation as a list shows it."""

    thread_id: str
    title: str
    """The beginning of its first question."""
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question with its answer; None: there is none yet, or it never came."""

    message_id: str
    question: str
    answer: str | None
    interrupted: bool


class Conversations:
    """Rows of the history, of one member alone: nobody opens or removes another's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, channel: ChannelRef, author_id: str, most: int = 50) -> tuple[Opening, ...]:
        """The member's conversations in a channel, the last one first."""
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT listed.thread_id, question, last FROM exchanges JOIN ("  # noqa: S608
                " SELECT thread_id, min(exchange_id) AS opening, max(asked_at) AS last"
                f" FROM exchanges WHERE {_OWN} AND thread_id <> '' AND cleared = 0"
                " GROUP BY thread_id ORDER BY last DESC LIMIT ?"
                ") AS listed ON exchanges.exchange_id = listed.opening ORDER BY last DESC",
                (channel.platform.value, storable(channel.channel_id), storable(author_id), most),
            )
        return tuple(
            Opening(
                thread_id,
                clip(" ".join(str(question).split()), _LONGEST_TITLE),
                datetime.fromtimestamp(last, UTC),
            )
            for thread_id, question, last in rows
        )

    async def exchanges(
        self, conversation: ConversationRef, author_id: str, most: int = 200
    ) -> tuple[Exchange, ...]:
        """What the member asked there, oldest first; the last `most` of it."""
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT message_id, question, answer, interrupted FROM exchanges"  # noqa: S608
                f" WHERE {_WHERE} AND cleared = 0 ORDER BY exchange_id DESC LIMIT ?",
                (*key_of(conversation), storable(author_id), most),
            )
        return tuple(
            Exchange(message_id, question, answer, bool(interrupted))
            for message_id, question, answer, interrupted in list(rows)[::-1]
        )

    async def remove(self, conversation: ConversationRef, author_id: str) -> int:
        """Take out what the member asked there, with answers and verdicts; how many questions."""
        key = (*key_of(conversation), storable(author_id))
        async with self._database.transaction() as connection:
            await connection.execute(
                "DELETE FROM feedback WHERE platform = ? AND channel_id = ? AND thread_id = ?"  # noqa: S608
                f" AND message_id IN (SELECT message_id FROM exchanges WHERE {_WHERE})",
                (*key_of(conversation), *key),
            )
            cursor = await connection.execute(f"DELETE FROM exchanges WHERE {_WHERE}", key)  # noqa: S608
            return cursor.rowcount
