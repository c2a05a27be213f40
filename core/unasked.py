"""Rows that keep us reserved: how often we spoke unasked, where others help, what we opened."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import aiosqlite

from core.database import Database
from core.events import ConversationRef, MessageRef
from core.history import key_of
from core.inbox import InboxId
from core.text import storable

_HOUR: Final = 3600.0
_KEPT_SECONDS: Final = 90 * 86_400.0
_HERE: Final = "platform = ? AND channel_id = ? AND thread_id = ?"


class Reserve:
    """A method that has returned is on disk."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def has_asked(self, conversation: ConversationRef, user_id: str | None = None) -> bool:
        """Whether that member (None: anybody) asked us something there."""
        who, member = ("", ()) if user_id is None else (" AND author_id = ?", (storable(user_id),))
        parameters = (*key_of(conversation), *member)
        return await self._any(
            f"SELECT 1 FROM exchanges WHERE {_HERE}{who} UNION ALL"  # noqa: S608 - our own words
            f" SELECT 1 FROM inbox WHERE {_HERE}{who} AND state IN ('received', 'answering')"
            " LIMIT 1",
            (*parameters, *parameters),
        )

    async def is_helped(self, conversation: ConversationRef) -> bool:
        """Whether somebody who helps has spoken in that thread."""
        query = f"SELECT 1 FROM helped_threads WHERE {_HERE}"  # noqa: S608 - our own words
        return await self._any(query, key_of(conversation))

    async def helped(self, conversation: ConversationRef) -> None:
        """Somebody who helps has spoken in that thread."""
        if await self.is_helped(conversation):
            return
        now = self._clock()
        async with self._database.transaction() as connection:
            await connection.execute(
                "INSERT OR IGNORE INTO helped_threads VALUES (?, ?, ?, ?)",
                (*key_of(conversation), now),
            )
            await connection.execute(
                "DELETE FROM helped_threads WHERE since < ?", (now - _KEPT_SECONDS,)
            )

    async def has_room(self, question: MessageRef, thread_hourly: int, channel_hourly: int) -> bool:
        """Whether one more answer would keep within the limits."""
        async with self._database.reader() as connection:
            return await self._has_room(connection, question, thread_hourly, channel_hourly)

    async def take(self, question: MessageRef, thread_hourly: int, channel_hourly: int) -> bool:
        """Count an answer before it is said, once for each question; False: that is too many."""
        now = self._clock()
        async with self._database.transaction() as connection:
            if not await self._has_room(connection, question, thread_hourly, channel_hourly):
                return False
            await connection.execute(
                "INSERT OR IGNORE INTO unasked_answers VALUES (?, ?, ?, ?, ?)",
                (*key_of(question.conversation), storable(question.message_id), now),
            )
            await connection.execute(
                "DELETE FROM unasked_answers WHERE spoken_at < ?", (now - 2 * _HOUR,)
            )
        return True

    async def _has_room(
        self,
        connection: aiosqlite.Connection,
        question: MessageRef,
        thread_hourly: int,
        channel_hourly: int,
    ) -> bool:
        platform, channel_id, thread_id = key_of(question.conversation)
        message_id, since = storable(question.message_id), self._clock() - _HOUR
        rows = await connection.execute_fetchall(
            "SELECT thread_id, message_id FROM unasked_answers"
            " WHERE platform = ? AND channel_id = ? AND spoken_at BETWEEN ? AND ?",
            (platform, channel_id, since, since + _HOUR),
        )
        others = [thread for thread, own in rows if (thread, own) != (thread_id, message_id)]
        in_thread = others.count(thread_id) if thread_id else 0
        return len(others) < channel_hourly and in_thread < thread_hourly

    async def has_spoken(self, question: MessageRef) -> bool:
        """Whether that question was answered lately though nobody asked us."""
        return await self._any(
            f"SELECT 1 FROM unasked_answers WHERE {_HERE} AND message_id = ?",  # noqa: S608
            (*key_of(question.conversation), storable(question.message_id)),
        )

    async def home(self, asked: MessageRef) -> ConversationRef | None:
        """The thread that we opened for a question."""
        platform, channel_id, thread_id = key_of(asked.conversation)
        if thread_id:
            return None
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT thread_id FROM opened_threads"
                " WHERE platform = ? AND channel_id = ? AND message_id = ?",
                (platform, channel_id, storable(asked.message_id)),
            )
        for (own,) in rows:
            return ConversationRef(asked.conversation.channel, own)
        return None

    async def move(self, inbox_id: InboxId, asked: MessageRef, home: ConversationRef) -> None:
        """The question and what is kept of its answer go on in the thread that we opened."""
        message_id = storable(asked.message_id)
        platform, channel_id, thread_id = key_of(home)
        async with self._database.transaction() as connection:
            await connection.execute(
                "INSERT OR REPLACE INTO opened_threads VALUES (?, ?, ?, ?, ?)",
                (platform, channel_id, message_id, thread_id, self._clock()),
            )
            await connection.execute(
                "UPDATE inbox SET thread_id = ? WHERE inbox_id = ?", (thread_id, inbox_id)
            )
            for table in ("exchanges", "unasked_answers"):
                await connection.execute(
                    f"UPDATE OR REPLACE {table} SET thread_id = ?"  # noqa: S608 - our own names
                    f" WHERE {_HERE} AND message_id = ?",
                    (thread_id, *key_of(asked.conversation), message_id),
                )

    async def _any(self, query: str, parameters: tuple[str, ...]) -> bool:
        async with self._database.reader() as connection:
            return bool(list(await connection.execute_fetchall(query, parameters)))
