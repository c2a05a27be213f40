"""A question that the documents do not answer goes to the people who help here.

It is the one message of ours that mentions anybody: a role, chosen by who administers the channel.
So it goes out once a question, seldom, and for the asker or a moderator alone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import Final

import aiosqlite

from core.access import home_of
from core.channels import Channels
from core.database import Database
from core.errors import DeliveryError
from core.events import (
    ActionPressed,
    Asked,
    ChannelKind,
    ChannelRef,
    ConversationRef,
    MemberRef,
    MessageRef,
    Platform,
)
from core.helpers import Helpers
from core.history import key_of
from core.inert import inert, one_line
from core.language import Words
from core.links import without_pings
from core.pacer import Pacers
from core.ports import MENTION_SPACE, Outbox
from core.team_answers import Card, TeamAnswers
from core.text import clip, escape_markdown, storable

_log = logging.getLogger(__name__)

ASKER_LIMIT: Final = 3
"""Questions an hour, of one person."""
CHANNEL_LIMIT: Final = 20
"""Questions a day, of one channel."""
_HOUR: Final = 3600
_DAY: Final = 86_400
_MOST_DOCUMENTS: Final = 5
_LONGEST_QUESTION: Final = 600
"""Quoting and escaping lengthen it, at most threefold."""


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """What the team is asked."""

    message_id: str
    """The question's, as `exchanges` has it."""
    asker: str
    text: str
    told_at: MessageRef
    """The message that leads to it."""
    documents: tuple[tuple[str, float], ...]
    """What was found, by name, each with its relevance; without what may not be named."""
    refused: bool
    asker_id: str = ""


class _Taken(Enum):
    """What became of a wish to ask."""

    YES = auto()
    ASKED_BEFORE = auto()
    ASKER_LIMIT = auto()
    CHANNEL_LIMIT = auto()


class Team:
    """Asks the helpers of a channel."""

    def __init__(
        self,
        database: Database,
        channels: Channels,
        outboxes: Mapping[Platform, Outbox],
        pacers: Pacers | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`pacers` are those of replies: what the team is asked shares their budgets."""
        self._rows = _Rows(database, clock)
        self._channels = channels
        self._outboxes = outboxes
        self._pacers = pacers or Pacers()
        self._answers = TeamAnswers(database, outboxes, pacers, clock=clock)

    def helpers(self, asked: Asked) -> Helpers | None:
        """Who helps where somebody asks; nobody in a private chat, which is its member's own."""
        if asked.kind is ChannelKind.PRIVATE:
            return None
        return self._channels.of(asked).helpers

    async def was_asked(self, conversation: ConversationRef, message_id: str) -> bool:
        """Whether that question went to the team already."""
        return await self._rows.has(conversation, message_id)

    async def ask(self, event: ActionPressed, question: OpenQuestion, _: Words) -> str:
        """Post it; what came of it, for the one who pressed."""
        helpers = self.helpers(event)
        if helpers is None:
            return _("Nobody is named here whom I could ask. `/settings helpers` names them.")
        match await self._rows.take(event.conversation, question.message_id, _member(event)):
            case _Taken.ASKED_BEFORE:
                return _("The team was asked this already.")
            case _Taken.ASKER_LIMIT:
                return _("You asked the team {count} times within an hour. Please try later.",
                         count=ASKER_LIMIT)  # fmt: skip
            case _Taken.CHANNEL_LIMIT:
                return _("The team was asked {count} questions from here today. Please try "
                         "tomorrow.", count=CHANNEL_LIMIT)  # fmt: skip
            case _Taken.YES:
                pass
        try:
            await self._post(event, helpers, question, _)
        except DeliveryError:
            _log.warning("a question could not be brought to the helpers", exc_info=True)
            await self._rows.give_back(event.conversation, question.message_id)
            return _(
                "I cannot write where the helpers are, so I could not ask them. Whoever "
                "administers this channel can change that with `/settings helpers`."
            )
        return _("I asked the team.")

    async def _post(
        self, event: ActionPressed, helpers: Helpers, question: OpenQuestion, _: Words
    ) -> None:
        channel = event.conversation.channel
        outbox = self._outboxes[channel.platform]
        to = event.conversation
        if helpers.channel_id is not None:
            to = ConversationRef(
                ChannelRef(channel.platform, helpers.channel_id), helpers.thread_id
            )
        # Others read there: names of documents that only few can see stay where those few are.
        hidden = event.place.is_restricted or event.place.parent is not None
        may_name = to.channel == channel or not hidden
        can = outbox.capabilities
        lines = _lines(question, outbox.link(question.told_at), may_name=may_name, _=_)
        text = clip("\n".join(lines), can.max_text - MENTION_SPACE, can.count)
        reply_to = question.told_at if to == event.conversation else None
        pacer = self._pacers.of(to.channel, ChannelKind.GROUP, can)
        asking = partial(outbox.send, to, text, reply_to=reply_to, mention=helpers.role_id)
        sent = await pacer.carry_out(asking)
        await self._answers.posted(
            Card(
                MessageRef(to, sent),
                question.message_id,
                question.told_at,
                question.asker,
                question.text,
                home_of(event) or "",
                question.asker_id,
            )
        )


class _Rows:
    """Which questions went to the team, and who sent them."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    async def has(self, conversation: ConversationRef, message_id: str) -> bool:
        async with self._database.reader() as connection:
            return await _has(connection, conversation, message_id)

    async def take(
        self, conversation: ConversationRef, message_id: str, member: MemberRef
    ) -> _Taken:
        """Note it before it is posted: of two who press at once, and of a run that dies between
        the two, nobody is mentioned twice."""
        now = self._clock()
        channel = conversation.channel
        asker = (member.platform.value, storable(member.user_id))
        place = (channel.platform.value, storable(channel.channel_id))
        async with self._database.transaction() as connection:
            if await _has(connection, conversation, message_id):
                return _Taken.ASKED_BEFORE
            if await _count(connection, "asker_id", asker, now - _HOUR) >= ASKER_LIMIT:
                return _Taken.ASKER_LIMIT
            if await _count(connection, "channel_id", place, now - _DAY) >= CHANNEL_LIMIT:
                return _Taken.CHANNEL_LIMIT
            await connection.execute(
                "INSERT INTO team_questions VALUES (?, ?, ?, ?, ?, ?)",
                (*key_of(conversation), storable(message_id), asker[1], now),
            )
        return _Taken.YES

    async def give_back(self, conversation: ConversationRef, message_id: str) -> None:
        """It was not posted."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "DELETE FROM team_questions WHERE platform = ? AND channel_id = ?"
                " AND thread_id = ? AND message_id = ?",
                (*key_of(conversation), storable(message_id)),
            )


async def move_team_questions(
    connection: aiosqlite.Connection, old: ChannelRef, new: ChannelRef
) -> None:
    """Let what the team was asked go on under a channel's new id, as its turns do."""
    await connection.execute(
        "UPDATE team_questions SET channel_id = ?, message_id = channel_id || ':' || message_id"
        " WHERE platform = ? AND channel_id = ?",
        (new.channel_id, old.platform.value, old.channel_id),
    )
    # "42", "42/7", "42 @9": the id ends where something else begins.
    await connection.execute(
        "UPDATE settings SET value = ? || substr(value, ?) WHERE platform = ? AND key = 'helpers'"
        " AND (value = ? OR substr(value, 1, ?) IN (? || '/', ? || ' '))",
        (
            new.channel_id,
            len(old.channel_id) + 1,
            old.platform.value,
            old.channel_id,
            len(old.channel_id) + 1,
            old.channel_id,
            old.channel_id,
        ),
    )


def found_in(named: Iterable[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    """Documents by their best passage, the most relevant first."""
    best: dict[str, float] = {}
    for name, relevance in named:
        best[name] = max(relevance, best.get(name, 0.0))
    ranked = sorted(best.items(), key=lambda own: own[1], reverse=True)
    return tuple(ranked[:_MOST_DOCUMENTS])


def _lines(question: OpenQuestion, link: str | None, *, may_name: bool, _: Words) -> Sequence[str]:
    """What the helpers read; what others wrote in it does nothing there."""
    said = one_line(question.text, _LONGEST_QUESTION)
    lines = [
        _("{name} asks the team:", name=inert(question.asker)),
        f"> {without_pings(escape_markdown(said))}",
    ]
    if link is not None:
        lines.append(link)
    if not question.documents:
        lines.append(_("I found nothing about it."))
    elif not may_name:
        lines.append(_("What I found is not named here: fewer people can see where it was asked."))
    else:
        found = _(", ").join(
            _("{name} ({percent} %)", name=inert(name), percent=round(relevance * 100))
            for name, relevance in question.documents
        )
        if question.refused:
            lines.append(_("I had no answer. The nearest that I found: {found}.", found=found))
        else:
            lines.append(_("I answered from: {found}.", found=found))
    return lines


def _member(event: ActionPressed) -> MemberRef:
    return MemberRef(event.conversation.channel.platform, event.author.user_id)


async def _has(
    connection: aiosqlite.Connection, conversation: ConversationRef, message_id: str
) -> bool:
    rows = await connection.execute_fetchall(
        "SELECT 1 FROM team_questions WHERE platform = ? AND channel_id = ? AND thread_id = ?"
        " AND message_id = ?",
        (*key_of(conversation), storable(message_id)),
    )
    return bool(list(rows))


async def _count(
    connection: aiosqlite.Connection, column: str, of: tuple[str, str], since: float
) -> int:
    rows = await connection.execute_fetchall(
        f"SELECT count(*) FROM team_questions WHERE platform = ? AND {column} = ?"  # noqa: S608
        " AND asked_at > ?",
        (*of, since),
    )
    return next(int(count) for (count,) in rows)
