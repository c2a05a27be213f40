"""Turns in SQLite: what a question continues, and what an answer was made from."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import aiosqlite

from core.database import Database
from core.events import (
    Author,
    ChannelKind,
    ChannelRef,
    ConversationRef,
    IncomingMessage,
    Turn,
)
from core.pictured import kept_text
from core.replies import Sources
from core.text import storable
from knowledge_base.models import ChunkId

_CONVERSATION = "platform = ? AND channel_id = ? AND thread_id = ?"
_COLUMNS = "exchange_id, speaker, question, answer, quoted_id, cleared"


@dataclass(frozen=True, slots=True)
class StoredSource:
    """A passage that an answer was given, under its number there."""

    number: int
    chunk: ChunkId
    cited: bool
    relevance: float
    document: str
    """The document's name then; whoever shows more asks the library again, with a scope."""


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """A past answer, as "Sources" needs it."""

    question_id: str
    author_id: str
    question: str
    text: str
    interrupted: bool
    refused: bool
    sources: tuple[StoredSource, ...]


@dataclass(frozen=True, slots=True)
class _Exchange:
    exchange_id: int
    speaker: str
    question: str
    answer: str
    quoted_id: str | None
    cleared: bool

    def turns(self, kind: ChannelKind) -> tuple[Turn, ...]:
        if self.cleared or not self.answer:
            return ()
        speaker = self.speaker if kind is ChannelKind.GROUP else None
        return Turn("user", self.question, speaker), Turn("assistant", self.answer)


class History:
    """Questions with their answers. A group member's question never sees a stranger's turns."""

    def __init__(
        self,
        database: Database,
        *,
        group_minutes: float = 30,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._group_seconds = group_minutes * 60
        self._clock = clock

    async def context(self, message: IncomingMessage, limit: int) -> tuple[Turn, ...]:
        """At most `limit` turns that the message continues, oldest first.

        In a private chat or thread those of the conversation; in a group the chain of replies, or
        without one this member's own of the last `group_minutes`.
        """
        if message.context is not None:
            return message.context[-limit:] if limit > 0 else ()
        async with self._database.reader() as connection:
            if message.kind is ChannelKind.PRIVATE or message.conversation.thread_id is not None:
                found = await _conversation(connection, message, limit)
            elif message.quoted is not None:
                found = await _chain(connection, message, limit)
            else:
                since = message.sent_at.timestamp() - self._group_seconds
                found = await _own(connection, message, since, limit)
        return tuple(turn for exchange in found for turn in exchange.turns(message.kind))

    async def append_question(self, message: IncomingMessage) -> None:
        """Store the question; one that is there already (edited, asked again) is replaced.

        Nothing is kept of a caller who brings the history along.
        """
        if message.context is not None:
            return
        quoted = message.quoted.message_id if message.quoted is not None else None
        async with self._database.transaction() as connection:
            await connection.execute(
                "INSERT INTO exchanges (platform, channel_id, thread_id, message_id, author_id,"
                " speaker, question, quoted_id, asked_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET question = excluded.question, answer = NULL,"
                " speaker = excluded.speaker, quoted_id = excluded.quoted_id, cleared = 0",
                (
                    *key_of(message.conversation),
                    storable(message.message_id),
                    storable(message.author.user_id),
                    storable(message.author.display_name),
                    storable(kept_text(message)),
                    quoted,
                    message.sent_at.timestamp(),
                ),
            )

    async def append_answer(
        self,
        message: IncomingMessage,
        text: str,
        *,
        interrupted: bool = False,
        sources: Sources | None = None,
    ) -> None:
        """Store the answer beside its question, with the passages under their numbers.

        A reset that came in between is respected: of the answer only the numbers are kept.
        """
        platform, channel_id, thread_id = key_of(message.conversation)
        asked = storable(message.message_id)
        # The channel may have moved since the question was put down.
        questions = (
            (f"{_CONVERSATION} AND message_id = ?", (platform, channel_id, thread_id, asked)),
            ("platform = ? AND message_id = ?", (platform, moved_id(channel_id, asked))),
        )
        refused = sources is not None and sources.refused
        async with self._database.transaction() as connection:
            for question, parameters in questions:
                rows = await connection.execute_fetchall(
                    "UPDATE exchanges SET answer = CASE cleared WHEN 0 THEN ? ELSE '' END,"  # noqa: S608
                    f" interrupted = ?, refused = ?, answered_at = ? WHERE {question}"
                    " RETURNING exchange_id",
                    (storable(text), interrupted, refused, self._clock(), *parameters),
                )
                for (exchange_id,) in rows:
                    await _replace_sources(connection, int(exchange_id), sources)
                    return

    async def answer(self, conversation: ConversationRef, message_id: str) -> StoredAnswer | None:
        """The answer to that question, or the answer that this message of ours is part of."""
        return await self._stored(
            conversation, _QUESTIONS, _question_parameters(conversation, message_id)
        )

    async def answer_behind(self, conversation: ConversationRef, ours: str) -> StoredAnswer | None:
        """The answer that this message of ours is part of, in this very conversation."""
        return await self._stored(
            conversation, _BEHIND, _question_parameters(conversation, ours)[1:]
        )

    async def _stored(
        self, conversation: ConversationRef, questions: str, parameters: tuple[str, ...]
    ) -> StoredAnswer | None:
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT exchange_id, message_id, author_id, question, answer, interrupted, refused"  # noqa: S608
                f" FROM exchanges WHERE {_CONVERSATION} AND answer IS NOT NULL"
                f" AND message_id IN ({questions})",
                (*key_of(conversation), *parameters),
            )
            for exchange_id, question_id, author_id, question, text, interrupted, refused in rows:
                sources = await connection.execute_fetchall(
                    "SELECT number, chunk_id, cited, relevance, document FROM answer_sources"
                    " WHERE exchange_id = ? ORDER BY number",
                    (exchange_id,),
                )
                return StoredAnswer(
                    question_id,
                    author_id,
                    question,
                    text,
                    bool(interrupted),
                    bool(refused),
                    tuple(
                        StoredSource(number, ChunkId(chunk), bool(cited), relevance, document)
                        for number, chunk, cited, relevance, document in sources
                    ),
                )
        return None

    async def latest(self, conversation: ConversationRef, author: Author) -> StoredAnswer | None:
        """The newest answer to this member in the conversation, reset or not."""
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                f"SELECT message_id FROM exchanges WHERE {_CONVERSATION}"  # noqa: S608
                " AND author_id = ? AND answer IS NOT NULL ORDER BY exchange_id DESC LIMIT 1",
                (*key_of(conversation), storable(author.user_id)),
            )
        for (message_id,) in rows:
            return await self.answer(conversation, message_id)
        return None

    async def clear(self, conversation: ConversationRef, author: Author | None = None) -> int:
        """Forget what was said, by one member or by all; the number of questions forgotten.

        The words go; the numbers of the sources stay, so that "Sources" still works.
        """
        members = "" if author is None else " AND author_id = ?"
        async with self._database.transaction() as connection:
            # Kept for answering anew: the words go there too, unless an answer is still owed.
            await connection.execute(
                f"UPDATE inbox SET payload = NULL WHERE {_CONVERSATION}"  # noqa: S608
                f" AND state IN ('done', 'skipped'){members}",
                (*key_of(conversation), *(() if author is None else (storable(author.user_id),))),
            )
            cursor = await connection.execute(
                "UPDATE exchanges SET cleared = 1, question = '', speaker = '',"  # noqa: S608
                " answer = CASE WHEN answer IS NULL THEN NULL ELSE '' END"
                f" WHERE {_CONVERSATION} AND cleared = 0{members}",
                (*key_of(conversation), *(() if author is None else (author.user_id,))),
            )
            return cursor.rowcount

    async def hide(self, conversation: ConversationRef, message_id: str) -> None:
        """Forget the words of one question and its answer: nothing else may continue them."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "UPDATE exchanges SET cleared = 1, question = '', speaker = '',"  # noqa: S608
                " answer = CASE WHEN answer IS NULL THEN NULL ELSE '' END"
                f" WHERE {_CONVERSATION} AND message_id = ?",
                (*key_of(conversation), storable(message_id)),
            )

    async def remove(self, conversation: ConversationRef, message_id: str) -> None:
        """Take out a question and its answer altogether."""
        async with self._database.transaction() as connection:
            await connection.execute(
                f"DELETE FROM exchanges WHERE {_CONVERSATION} AND message_id = ?",  # noqa: S608
                (*key_of(conversation), storable(message_id)),
            )


def key_of(conversation: ConversationRef) -> tuple[str, str, str]:
    """The columns platform, channel_id and thread_id of a conversation."""
    channel = conversation.channel
    return (
        channel.platform.value,
        storable(channel.channel_id),
        storable(conversation.thread_id or ""),
    )


def moved_id(channel_id: str, message_id: str) -> str:
    """What a message is called that was sent under an id that its channel no longer has."""
    return f"{channel_id}:{message_id}"


async def move_exchanges(
    connection: aiosqlite.Connection, old: ChannelRef, new: ChannelRef
) -> None:
    """Let the turns of a channel, and what sums them up, go on under its new id.

    Message ids start anew there: the old ones are told apart by the channel they were given in.
    """
    await connection.execute(
        "UPDATE OR REPLACE summaries SET platform = ?, channel_id = ?"
        " WHERE platform = ? AND channel_id = ?",
        (new.platform.value, new.channel_id, old.platform.value, old.channel_id),
    )
    await connection.execute(
        "UPDATE exchanges SET platform = ?, channel_id = ?,"
        " message_id = channel_id || ':' || message_id,"
        " quoted_id = channel_id || ':' || quoted_id"
        " WHERE platform = ? AND channel_id = ?",
        (new.platform.value, new.channel_id, old.platform.value, old.channel_id),
    )


# Questions that a message id may stand for: itself, or the one that our message answers.
_BEHIND = (
    "SELECT inbox.message_id FROM inbox_replies JOIN inbox USING (inbox_id)"
    " WHERE inbox_replies.platform = ? AND inbox_replies.channel_id = ?"
    " AND inbox_replies.message_id = ?"
)
_QUESTIONS = f"SELECT ? UNION {_BEHIND}"


def _question_parameters(
    conversation: ConversationRef, message_id: str
) -> tuple[str, str, str, str]:
    platform, channel_id, _thread = key_of(conversation)
    return storable(message_id), platform, channel_id, storable(message_id)


async def _conversation(
    connection: aiosqlite.Connection, message: IncomingMessage, limit: int
) -> list[_Exchange]:
    # A question that is asked again sees what stood before it, not what came since.
    own = (*key_of(message.conversation), storable(message.message_id))
    rows = await connection.execute_fetchall(
        f"SELECT {_COLUMNS} FROM exchanges WHERE {_CONVERSATION}"  # noqa: S608
        " AND cleared = 0 AND answer <> '' AND exchange_id < coalesce("
        f"(SELECT exchange_id FROM exchanges WHERE {_CONVERSATION} AND message_id = ?), 1 << 62)"
        " ORDER BY exchange_id DESC LIMIT ?",
        (*key_of(message.conversation), *own, limit // 2),
    )
    return [_Exchange(*row) for row in rows][::-1]


async def _own(
    connection: aiosqlite.Connection, message: IncomingMessage, since: float, limit: int
) -> list[_Exchange]:
    own = (*key_of(message.conversation), storable(message.message_id))
    rows = await connection.execute_fetchall(
        f"SELECT {_COLUMNS} FROM exchanges WHERE {_CONVERSATION}"  # noqa: S608
        " AND author_id = ? AND asked_at >= ? AND cleared = 0 AND answer <> ''"
        " AND exchange_id < coalesce("
        f"(SELECT exchange_id FROM exchanges WHERE {_CONVERSATION} AND message_id = ?), 1 << 62)"
        " ORDER BY exchange_id DESC LIMIT ?",
        (
            *key_of(message.conversation),
            storable(message.author.user_id),
            since,
            *own,
            limit // 2,
        ),
    )
    return [_Exchange(*row) for row in rows][::-1]


async def _chain(
    connection: aiosqlite.Connection, message: IncomingMessage, limit: int
) -> list[_Exchange]:
    found: list[_Exchange] = []
    seen: set[int] = set()
    quoted_id = message.quoted.message_id if message.quoted is not None else None
    while quoted_id is not None and len(found) < limit // 2:
        rows = await connection.execute_fetchall(
            f"SELECT {_COLUMNS} FROM exchanges"  # noqa: S608
            f" WHERE {_CONVERSATION} AND message_id IN ({_QUESTIONS}) LIMIT 1",
            (
                *key_of(message.conversation),
                *_question_parameters(message.conversation, quoted_id),
            ),
        )
        quoted_id = None
        for row in rows:
            exchange = _Exchange(*row)
            if exchange.exchange_id not in seen and not exchange.cleared:
                seen.add(exchange.exchange_id)
                found.append(exchange)
                quoted_id = exchange.quoted_id
    return found[::-1]


async def _replace_sources(
    connection: aiosqlite.Connection, exchange_id: int, sources: Sources | None
) -> None:
    await connection.execute("DELETE FROM answer_sources WHERE exchange_id = ?", (exchange_id,))
    await connection.executemany(
        "INSERT INTO answer_sources VALUES (?, ?, ?, ?, ?, ?)",
        [
            (
                exchange_id,
                source.number,
                source.passage.chunk.chunk_id,
                source.cited,
                source.passage.relevance,
                storable(source.passage.document.name),
            )
            for source in (sources.passages if sources is not None else ())
        ],
    )
