"""The durable inbox: which questions came, which messages answer them, which are still owed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NewType

import aiosqlite

from core.database import Database
from core.events import (
    ChannelRef,
    ConversationRef,
    IncomingMessage,
    MessageRef,
    Platform,
)
from core.history import key_of, moved_id
from core.packing import digest_of, packed, unpacked
from core.replies import SentMessage
from core.text import storable

InboxId = NewType("InboxId", int)


class InboxState(StrEnum):
    """How far a question has come."""

    RECEIVED = "received"
    ANSWERING = "answering"
    DONE = "done"
    SKIPPED = "skipped"
    """Too old when we saw it."""


@dataclass(frozen=True, slots=True)
class Owed:
    """A question that an earlier run of the program left without a complete answer."""

    inbox_id: InboxId
    message: IncomingMessage
    sent: tuple[SentMessage, ...]
    had_attachments: bool
    """Files came with it; only the platform still has them."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which question a message of ours answers, and whose it is."""

    inbox_id: InboxId
    message_id: str
    author_id: str
    is_kept: bool
    """Whether its words are still there, to answer it anew."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is kept of a question."""

    inbox_id: InboxId
    state: InboxState
    digest: str
    received_at: float
    sent: tuple[SentMessage, ...]


class DurableInbox:
    """Rows of questions; a method that has returned is on disk."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def receive(
        self, message: IncomingMessage, state: InboxState = InboxState.RECEIVED
    ) -> InboxId | None:
        """Note the question; None if it is there already: somebody answers, or has answered."""
        async with self._database.transaction() as connection:
            rows = await connection.execute_fetchall(
                "INSERT INTO inbox (platform, channel_id, thread_id, message_id, author_id, state,"
                " digest, payload, sent_at, received_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT DO NOTHING RETURNING inbox_id",
                (
                    *key_of(message.conversation),
                    storable(message.message_id),
                    storable(message.author.user_id),
                    state,
                    digest_of(message),
                    packed(message) if state is InboxState.RECEIVED else None,
                    message.sent_at.timestamp(),
                    self._clock(),
                ),
            )
            return next((InboxId(row[0]) for row in rows), None)

    async def was_forgotten(self, message: IncomingMessage) -> bool:
        """Whether it is from the time of which its author is forgotten.

        Their rows are gone, so what a platform tells anew of that time would pass for new.
        """
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT 1 FROM forgotten WHERE platform = ? AND user_id = ? AND heard_until >= ?",
                (
                    message.conversation.channel.platform.value,
                    storable(message.author.user_id),
                    message.sent_at.timestamp(),
                ),
            )
        return bool(list(rows))

    async def receive_again(self, inbox_id: InboxId, message: IncomingMessage) -> None:
        """Note that the question was edited and is owed a new answer."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "UPDATE inbox SET state = 'received', digest = ?, payload = ? WHERE inbox_id = ?",
                (digest_of(message), packed(message), inbox_id),
            )

    async def begin(self, inbox_id: InboxId) -> None:
        """The answer is being made."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "UPDATE inbox SET state = 'answering' WHERE inbox_id = ?", (inbox_id,)
            )

    async def finish(self, inbox_id: InboxId, state: InboxState = InboxState.DONE) -> None:
        """Nothing is owed any more.

        The words are kept as long as the history has them, so that the question can be answered
        anew; of what is no question (a command, a file) only its place is.
        """
        async with self._database.transaction() as connection:
            await connection.execute(
                "UPDATE inbox SET state = ?, payload = CASE WHEN EXISTS ("
                "SELECT 1 FROM exchanges WHERE exchanges.platform = inbox.platform"
                " AND exchanges.channel_id = inbox.channel_id"
                " AND exchanges.thread_id = inbox.thread_id"
                " AND exchanges.message_id = inbox.message_id AND cleared = 0"
                ") THEN payload END WHERE inbox_id = ?",
                (state, inbox_id),
            )

    async def discard(self, inbox_id: InboxId) -> None:
        """Let go of a question that nobody asked us and that we did not answer, and of its turn."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "DELETE FROM exchanges WHERE (platform, channel_id, thread_id, message_id) ="
                " (SELECT platform, channel_id, thread_id, message_id FROM inbox"
                " WHERE inbox_id = ?)",
                (inbox_id,),
            )
            await connection.execute("DELETE FROM inbox WHERE inbox_id = ?", (inbox_id,))

    async def sent(self, inbox_id: InboxId, message: SentMessage) -> None:
        """A message of ours is part of the answer."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "INSERT OR REPLACE INTO inbox_replies"
                " SELECT inbox_id, ?, ?, platform, channel_id, ? FROM inbox WHERE inbox_id = ?",
                (message.part, message.kind, storable(message.message_id), inbox_id),
            )

    async def removed(self, inbox_id: InboxId, message: SentMessage) -> None:
        """The message was taken away."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "DELETE FROM inbox_replies WHERE inbox_id = ? AND kind = ? AND part = ?",
                (inbox_id, message.kind, message.part),
            )

    async def find(self, conversation: ConversationRef, message_id: str) -> Entry | None:
        """What is kept of the question with this id."""
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT inbox_id, state, digest, received_at FROM inbox WHERE platform = ?"
                " AND channel_id = ? AND thread_id = ? AND message_id = ?",
                (*key_of(conversation), storable(message_id)),
            )
            for inbox_id, state, digest, received_at in rows:
                sent = await _sent(connection, InboxId(inbox_id))
                return Entry(InboxId(inbox_id), InboxState(state), digest, received_at, sent)
        return None

    async def behind(self, conversation: ConversationRef, ours: str) -> Question | None:
        """The question that this message of ours answers, in this very conversation."""
        platform, channel_id, thread_id = key_of(conversation)
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT inbox_id, inbox.message_id, author_id, payload IS NOT NULL"
                " FROM inbox_replies JOIN inbox USING (inbox_id)"
                " WHERE inbox_replies.platform = ? AND inbox_replies.channel_id = ?"
                " AND inbox_replies.message_id = ? AND thread_id = ?",
                (platform, channel_id, storable(ours), thread_id),
            )
            for inbox_id, message_id, author_id, is_kept in rows:
                return Question(InboxId(inbox_id), message_id, author_id, bool(is_kept))
        return None

    async def followed(self, conversation: ConversationRef, ours: str) -> MessageRef | None:
        """Where a message of ours belongs that was not sent in this very conversation: to where the
        channel has moved since, or to the thread that a platform did not name."""
        platform, channel_id, thread_id = key_of(conversation)
        moved = (platform, moved_id(channel_id, storable(ours)))
        sought: list[tuple[str, tuple[str, ...]]] = [("", moved)]
        if not thread_id:
            here = " AND inbox_replies.channel_id = ?"
            sought.append((here, (platform, storable(ours), channel_id)))
        async with self._database.reader() as connection:
            for where, parameters in sought:
                rows = await connection.execute_fetchall(
                    "SELECT inbox_replies.channel_id, thread_id, inbox_replies.message_id"  # noqa: S608
                    " FROM inbox_replies JOIN inbox USING (inbox_id)"
                    f" WHERE inbox_replies.platform = ? AND inbox_replies.message_id = ?{where}",
                    parameters,
                )
                for found_in, thread, found in rows:
                    channel = ChannelRef(conversation.channel.platform, found_in)
                    return MessageRef(ConversationRef(channel, thread or None), found)
        return None

    async def kept(self, conversation: ConversationRef, message_id: str) -> Owed | None:
        """A question as it was asked and the messages that answer it, while its words are kept."""
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT inbox_id, payload FROM inbox WHERE platform = ? AND channel_id = ?"
                " AND thread_id = ? AND message_id = ? AND payload IS NOT NULL",
                (*key_of(conversation), storable(message_id)),
            )
            for row_id, payload in rows:
                message, had_attachments = unpacked(payload)
                # The channel may have moved since the question was packed.
                message = replace(message, conversation=conversation, message_id=message_id)
                sent = await _sent(connection, InboxId(row_id))
                return Owed(InboxId(row_id), message, sent, had_attachments)
        return None

    async def prune(self, days: float = 30) -> int:
        """Let go of questions answered longer ago, but where a stored answer still needs them.

        Buttons find their answer through these rows; they go when the history has let go of it.
        """
        before = self._clock() - days * 86_400
        async with self._database.transaction() as connection:
            await connection.execute(
                "UPDATE inbox SET payload = NULL"
                " WHERE state IN ('done', 'skipped') AND received_at < ? AND payload IS NOT NULL",
                (before,),
            )
            cursor = await connection.execute(
                "DELETE FROM inbox WHERE state IN ('done', 'skipped') AND received_at < ?"
                " AND NOT EXISTS (SELECT 1 FROM exchanges"
                " WHERE exchanges.platform = inbox.platform"
                " AND exchanges.channel_id = inbox.channel_id"
                " AND exchanges.thread_id = inbox.thread_id"
                " AND exchanges.message_id = inbox.message_id)",
                (before,),
            )
            return cursor.rowcount

    async def addressed(self, platform: Platform, most: int = 100) -> tuple[MessageRef, ...]:
        """The conversations in which we were addressed lately, each with the newest message."""
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                """
                SELECT channel_id, thread_id, message_id, max(sent_at) AS newest FROM inbox
                WHERE platform = ? GROUP BY channel_id, thread_id ORDER BY newest DESC LIMIT ?
                """,
                (platform.value, most),
            )
        return tuple(
            MessageRef(
                ConversationRef(ChannelRef(platform, channel_id), thread_id or None), message_id
            )
            for channel_id, thread_id, message_id, _newest in rows
        )

    async def recent(self, platform: Platform, since: float, most: int) -> tuple[Owed, ...]:
        """The latest questions of which the words are kept, answered or not, the newest first."""
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT inbox_id, payload, channel_id, thread_id, message_id FROM inbox"
                " WHERE platform = ? AND received_at >= ? AND payload IS NOT NULL"
                " ORDER BY inbox_id DESC LIMIT ?",
                (platform.value, since, most),
            )
            found = []
            for row_id, payload, channel_id, thread_id, message_id in rows:
                message, had_attachments = unpacked(payload)
                place = ConversationRef(ChannelRef(platform, channel_id), thread_id or None)
                message = replace(message, conversation=place, message_id=message_id)
                sent = await _sent(connection, InboxId(row_id))
                found.append(Owed(InboxId(row_id), message, sent, had_attachments))
        return tuple(found)

    async def owed(self, platforms: Iterable[Platform]) -> tuple[Owed, ...]:
        """Every question of these platforms without a complete answer, in order of arrival."""
        found: list[Owed] = []
        async with self._database.reader() as connection:
            for platform in platforms:
                rows = await connection.execute_fetchall(
                    "SELECT inbox_id, payload, channel_id, thread_id FROM inbox WHERE platform = ?"
                    " AND state IN ('received', 'answering') ORDER BY inbox_id",
                    (platform.value,),
                )
                for row_id, payload, channel_id, thread_id in rows:
                    inbox_id = InboxId(row_id)
                    message, had_attachments = unpacked(payload)
                    # The channel may have moved since the question was packed.
                    place = ConversationRef(ChannelRef(platform, channel_id), thread_id or None)
                    message = replace(message, conversation=place)
                    sent = await _sent(connection, inbox_id)
                    found.append(Owed(inbox_id, message, sent, had_attachments))
        return tuple(sorted(found, key=lambda owed: owed.inbox_id))


async def move_inbox(connection: aiosqlite.Connection, old: ChannelRef, new: ChannelRef) -> None:
    """Let the questions of a channel go on under its new id.

    Message ids start anew there: the old ones are told apart by the channel they were given in.
    """
    refs = (new.platform.value, new.channel_id, old.platform.value, old.channel_id)
    for table in ("inbox", "inbox_replies"):
        await connection.execute(
            f"UPDATE {table} SET platform = ?, channel_id = ?,"  # noqa: S608 - two of our own names
            " message_id = channel_id || ':' || message_id WHERE platform = ? AND channel_id = ?",
            refs,
        )


async def _sent(connection: aiosqlite.Connection, inbox_id: InboxId) -> tuple[SentMessage, ...]:
    rows = await connection.execute_fetchall(
        "SELECT kind, part, message_id FROM inbox_replies WHERE inbox_id = ? ORDER BY kind, part",
        (inbox_id,),
    )
    return tuple(
        SentMessage("file" if kind == "file" else "text", part, message_id)
        for kind, part, message_id in rows
    )
