"""Summaries of what was said long ago in a conversation: rows beside the turns they tell of.

A summary goes as soon as one of its turns is changed, cleared or deleted, whoever does that:
triggers of the database see to it (`m014_summaries`), so that nothing outlives the words it was
made from.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import aiosqlite

from core.database import Database
from core.events import ChannelKind, ConversationRef, IncomingMessage
from core.history import key_of
from core.text import storable

_CONVERSATION: Final = "platform = ? AND channel_id = ? AND thread_id = ?"
_MOST_EXCHANGES: Final = 40
"""Of a long conversation without a summary the newest are told."""


@dataclass(frozen=True, slots=True)
class Recap:
    """What was said before, in few words."""

    text: str
    is_needed: bool
    """It tells of more than the turns that go with a question."""


@dataclass(frozen=True, slots=True)
class Said:
    """A question and its answer."""

    exchange_id: int
    speaker: str
    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Material:
    """What is to be told: turns, after a summary of those before them."""

    conversation: ConversationRef
    earlier: str
    covers_from: int
    exchanges: tuple[Said, ...]
    """Oldest first; at least one."""

    def without_the_oldest(self) -> Material:
        """Less, where it does not fit: then the summary tells of nothing before it either."""
        left = self.exchanges[1:] if not self.earlier else self.exchanges
        return replace(self, earlier="", covers_from=left[0].exchange_id, exchanges=left)


class Summaries:
    """One for each private chat and thread. In a group nobody's question continues more than half
    an hour of their own turns, so there is none."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def behind(self, message: IncomingMessage, limit: int) -> Recap | None:
        """What was said before a message that goes with its last `limit` turns."""
        if not is_told(message):
            return None
        key = key_of(message.conversation)
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                # A question that is asked again hears nothing of what came after it.
                f"SELECT text, covers_from FROM summaries WHERE {_CONVERSATION}"  # noqa: S608
                " AND covers_to < coalesce((SELECT exchange_id FROM exchanges"
                f" WHERE {_CONVERSATION} AND message_id = ?), 1 << 62)",
                (*key, *key, storable(message.message_id)),
            )
            for text, covers_from in rows:
                shown = await _oldest_of(connection, key, limit // 2)
                return Recap(str(text), shown is None or int(covers_from) < shown)
        return None

    async def material(
        self, conversation: ConversationRef, enough: int, kept: int, least: int
    ) -> Material | None:
        """What no summary tells yet, without the newest `kept`; None: fewer than `enough`, or
        fewer than `least` to be told."""
        key = key_of(conversation)
        async with self._database.reader() as connection:
            found = await connection.execute_fetchall(
                f"SELECT text, covers_from, covers_to FROM summaries WHERE {_CONVERSATION}",  # noqa: S608
                key,
            )
            earlier, covers_from, covers_to = next(iter(found), ("", None, 0))
            rows = list(
                await connection.execute_fetchall(
                    "SELECT exchange_id, speaker, question, answer FROM exchanges"  # noqa: S608
                    f" WHERE {_CONVERSATION} AND exchange_id > ? AND cleared = 0 AND answer <> ''"
                    " ORDER BY exchange_id DESC LIMIT ?",
                    (*key, covers_to, _MOST_EXCHANGES + kept),
                )
            )
        told = tuple(Said(*row) for row in rows[kept:][::-1])
        if len(rows) < enough or len(told) < least:
            return None
        if len(told) == _MOST_EXCHANGES:
            earlier, covers_from = "", None
        first = told[0].exchange_id if covers_from is None else int(covers_from)
        return Material(conversation, str(earlier), first, told)

    async def keep(self, material: Material, text: str, engine: str, tokens: int) -> bool:
        """Store what was made of it; False: its turns are not what they were."""
        key = key_of(material.conversation)
        last = material.exchanges[-1].exchange_id
        async with self._database.transaction() as connection:
            rows = await connection.execute_fetchall(
                "SELECT exchange_id, speaker, question, answer FROM exchanges"  # noqa: S608
                f" WHERE {_CONVERSATION} AND exchange_id BETWEEN ? AND ?"
                " AND cleared = 0 AND answer <> '' ORDER BY exchange_id",
                (*key, material.exchanges[0].exchange_id, last),
            )
            if tuple(Said(*row) for row in rows) != material.exchanges:
                return False
            if material.earlier:
                still = await connection.execute_fetchall(
                    f"SELECT 1 FROM summaries WHERE {_CONVERSATION} AND text = ?",  # noqa: S608
                    (*key, material.earlier),
                )
                if not list(still):
                    return False
            await connection.execute(
                "INSERT OR REPLACE INTO summaries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *key,
                    material.covers_from,
                    last,
                    storable(text),
                    storable(engine),
                    tokens,
                    self._clock(),
                ),
            )
        return True


def is_told(message: IncomingMessage) -> bool:
    """Whether what is said there is summarised: where the conversation is the context."""
    private = message.kind is ChannelKind.PRIVATE or message.conversation.thread_id is not None
    return private and message.context is None


async def _oldest_of(
    connection: aiosqlite.Connection, key: tuple[str, str, str], count: int
) -> int | None:
    """The oldest of the newest `count` exchanges; 0 where there are fewer, None of none."""
    if count < 1:
        return None
    rows = await connection.execute_fetchall(
        f"SELECT exchange_id FROM exchanges WHERE {_CONVERSATION}"  # noqa: S608
        " AND cleared = 0 AND answer <> '' ORDER BY exchange_id DESC LIMIT 1 OFFSET ?",
        (*key, count - 1),
    )
    return next((int(row[0]) for row in rows), 0)
