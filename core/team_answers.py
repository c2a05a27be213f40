"""What helpers answer to a question that was brought to them, on its way back to who asked."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final

import aiosqlite

from core.database import Database
from core.errors import NoLongerOpenError, NotYoursError
from core.events import (
    ChannelKind,
    ChannelRef,
    ConversationRef,
    IncomingMessage,
    MessageRef,
    Platform,
)
from core.history import key_of
from core.inert import inert
from core.language import Words
from core.links import without_pings
from core.pacer import Pacers
from core.ports import Outbox
from core.text import clip, storable

KEPT_SECONDS: Final = 180 * 86_400
LONGEST_ANSWER: Final = 4000
_TOKEN_BYTES: Final = 8
_CARD: Final = (
    "platform, channel_id, thread_id, message_id, question_channel_id, question_thread_id,"
    " question_id, told_at_id, asker, question, base"
)


@dataclass(frozen=True, slots=True)
class Card:
    """A question where the helpers read it."""

    at: MessageRef
    """The message of ours that asks them."""
    question_id: str
    told_at: MessageRef
    """The message that leads to it, where it was asked."""
    asker: str
    question: str
    base: str
    """Where a note about it belongs; empty where it can be kept nowhere."""
    asker_id: str = ""


@dataclass(frozen=True, slots=True)
class HelpersAnswer:
    """A reply to a card."""

    token: str
    card: Card
    author_id: str
    author: str
    text: str
    link: str | None
    written_at: datetime


class TeamAnswers:
    """Remembers where the helpers were asked, and what they said."""

    def __init__(
        self,
        database: Database,
        outboxes: Mapping[Platform, Outbox],
        pacers: Pacers | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`pacers` are those of replies: an answer that is brought shares their budgets."""
        self._database = database
        self._outboxes = outboxes
        self._pacers = pacers or Pacers()
        self._clock = clock

    async def posted(self, card: Card) -> None:
        """The helpers were asked there."""
        now = self._clock()
        told_in = card.told_at.conversation
        async with self._database.transaction() as connection:
            for table, column in (("team_cards", "asked_at"), ("team_answers", "written_at")):
                await connection.execute(
                    f"DELETE FROM {table} WHERE {column} < ?",  # noqa: S608 - names of our own
                    (now - KEPT_SECONDS,),
                )
            await connection.execute(
                f"INSERT OR REPLACE INTO team_cards ({_CARD}, asked_at, asker_id)"  # noqa: S608
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *key_of(card.at.conversation),
                    storable(card.at.message_id),
                    *key_of(told_in)[1:],
                    storable(card.question_id),
                    storable(card.told_at.message_id),
                    storable(card.asker),
                    storable(card.question),
                    storable(card.base),
                    now,
                    storable(card.asker_id),
                ),
            )

    async def card_at(self, conversation: ConversationRef, message_id: str) -> Card | None:
        """The card that this message of ours is."""
        async with self._database.reader() as connection:
            return await _card(connection, conversation, message_id)

    async def hold(self, card: Card, message: IncomingMessage) -> str:
        """Keep a reply to a card until somebody brings it; its token."""
        token = secrets.token_hex(_TOKEN_BYTES)
        link = self._outboxes[message.conversation.channel.platform].link(
            MessageRef(message.conversation, message.message_id)
        )
        async with self._database.transaction() as connection:
            # A reply that was edited, or that a restart brings again, is one answer.
            await connection.execute(
                "DELETE FROM team_answers WHERE platform = ? AND channel_id = ?"
                " AND thread_id = ? AND message_id = ? AND brought = 0",
                (*key_of(message.conversation), storable(message.message_id)),
            )
            await connection.execute(
                "INSERT INTO team_answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
                (
                    token,
                    *key_of(card.at.conversation),
                    storable(card.at.message_id),
                    storable(message.message_id),
                    storable(message.author.user_id),
                    storable(message.author.display_name),
                    storable(message.text.strip()[:LONGEST_ANSWER]),
                    link,
                    message.sent_at.timestamp(),
                ),
            )
        return token

    async def take(
        self, token: str, conversation: ConversationRef, by: str | None
    ) -> HelpersAnswer:
        """The answer, to be brought now; a second press finds nothing.

        `by`: who brings it, if they may bring no answer but their own. Raises `NotYoursError`, and
        `NoLongerOpenError`, also in any other place than where it was given.
        """
        async with self._database.transaction() as connection:
            rows = await connection.execute_fetchall(
                "UPDATE team_answers SET brought = 1 WHERE token = ? AND platform = ?"
                " AND channel_id = ? AND thread_id = ? AND brought = 0"
                " RETURNING card_id, author_id, author, text, link, written_at",
                (storable(token), *key_of(conversation)),
            )
            for card_id, author_id, author, text, link, written_at in rows:
                if by is not None and by != author_id:
                    raise NotYoursError
                card = await _card(connection, conversation, card_id)
                if card is not None:
                    written = datetime.fromtimestamp(written_at, UTC)
                    return HelpersAnswer(token, card, author_id, author, text, link, written)
        raise NoLongerOpenError

    async def give_back(self, token: str) -> None:
        """It was not brought."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "UPDATE team_answers SET brought = 0 WHERE token = ?", (storable(token),)
            )

    async def bring(self, answer: HelpersAnswer, _: Words) -> None:
        """Say it where it was asked. Raises `DeliveryError`."""
        told_at = answer.card.told_at
        outbox = self._outboxes[told_at.conversation.channel.platform]
        can = outbox.capabilities
        lines = [_("{name} answers:", name=inert(answer.author))]
        lines += [f"> {without_pings(line)}".rstrip() for line in answer.text.splitlines()]
        text = clip("\n".join(lines), can.max_text, can.count)
        where = told_at.conversation
        pacer = self._pacers.of(where.channel, ChannelKind.GROUP, can)
        await pacer.carry_out(partial(outbox.send, where, text, reply_to=told_at))

    async def renamed(self, old: str, new: str) -> None:
        """A base goes on under another name."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "UPDATE team_cards SET base = ? WHERE base = ?", (storable(new), storable(old))
            )


async def move_cards(connection: aiosqlite.Connection, old: ChannelRef, new: ChannelRef) -> None:
    """Questions that were asked in a channel are answered under its new id; cards that stood in it
    are gone with the messages."""
    refs = (old.platform.value, old.channel_id)
    for table in ("team_cards", "team_answers"):
        await connection.execute(
            f"DELETE FROM {table} WHERE platform = ? AND channel_id = ?",  # noqa: S608 - our names
            refs,
        )
    await connection.execute(
        "UPDATE team_cards SET question_channel_id = ?, told_at_id = ''"
        " WHERE platform = ? AND question_channel_id = ?",
        (new.channel_id, *refs),
    )


async def _card(
    connection: aiosqlite.Connection, conversation: ConversationRef, message_id: str
) -> Card | None:
    rows = await connection.execute_fetchall(
        f"SELECT {_CARD} FROM team_cards WHERE platform = ? AND channel_id = ?"  # noqa: S608
        " AND thread_id = ? AND message_id = ?",
        (*key_of(conversation), storable(message_id)),
    )
    for row in rows:
        platform, *_at, channel_id, thread_id, question_id, told_at, asker, question, base = row
        asked_in = ConversationRef(ChannelRef(Platform(platform), channel_id), thread_id or None)
        return Card(
            MessageRef(conversation, message_id),
            question_id,
            MessageRef(asked_in, told_at),
            asker,
            question,
            base,
        )
    return None
