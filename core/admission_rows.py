"""Rows of servers and groups that added us, and of strangers who wrote to us."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias

import aiosqlite

from core.database import Database
from core.events import (
    ChannelRef,
    ConversationRef,
    MemberRef,
    MessageRef,
    Platform,
    ServerRef,
)
from core.text import clip, storable

Verdict: TypeAlias = Literal["pending", "admitted", "refused"]
Subject: TypeAlias = ServerRef | MemberRef

_VERDICTS: Final[dict[str, Verdict]] = {"admitted": "admitted", "refused": "refused"}
_COLUMNS = (
    "platform, level, subject_id, name, verdict, told, left_at, channel_id, thread_id, contact,"
    " decided_by"
)
_KEY = "platform = ? AND level = ? AND subject_id = ?"
_LONGEST_NAME: Final = 100
_WRITTEN: Final = re.compile(r"(?P<platform>[a-z]+):(?P<at>@?)(?P<id>-?\w+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Applicant:
    """Somebody who wants to be served."""

    subject: Subject
    name: str = ""
    verdict: Verdict = "pending"
    told: bool = False
    """Whether they were told that they wait."""
    left_at: datetime | None = None
    """When we were taken out of the server or group."""
    conversation: ConversationRef | None = None
    """Where they can be written to."""
    contact: str | None = None
    """The id of who is told how to begin: who added us there, else who is in charge."""
    decided_by: str | None = None


def written(subject: Subject) -> str:
    """As people and buttons name it: "discord:42" a server, "discord:@42" a member."""
    match subject:
        case ServerRef(platform, server_id):
            return f"{platform.value}:{server_id}"
        case MemberRef(platform, user_id):
            return f"{platform.value}:@{user_id}"


def subject_of(text: str) -> Subject | None:
    """What `written` wrote; None for anything else."""
    match = _WRITTEN.fullmatch(text)
    if match is None or match["platform"] not in set(Platform):
        return None
    platform = Platform(match["platform"])
    own_id = match["id"]
    return MemberRef(platform, own_id) if match["at"] else ServerRef(platform, own_id)


class Admissions:
    """What is kept of applicants: an id, a name, and what was decided."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def find(self, subject: Subject) -> Applicant | None:
        async with self._database.reader() as connection:
            return await _find(connection, subject)

    async def all(self) -> tuple[Applicant, ...]:
        """Those who wait first, then by platform and name."""
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                f"SELECT {_COLUMNS} FROM admissions"  # noqa: S608 - our own words
                " ORDER BY verdict <> 'pending', platform, name, subject_id"
            )
        return tuple(_applicant(tuple(row)) for row in rows)

    async def joined(
        self,
        server: ServerRef,
        name: str,
        conversation: ConversationRef | None,
        contact: str | None = None,
    ) -> Applicant:
        """We were added there; what was decided before holds."""
        applicant = Applicant(server, name, conversation=conversation, contact=contact)
        async with self._database.transaction() as connection:
            await self._insert(connection, applicant)
            await connection.execute(
                f"UPDATE admissions SET left_at = NULL, told = 0 WHERE {_KEY}"  # noqa: S608
                " AND left_at IS NOT NULL",
                _key(server),
            )
            return await _existing(connection, server)

    async def left(self, server: ServerRef) -> None:
        """We were taken out; known from now on, also where nothing was on record."""
        async with self._database.transaction() as connection:
            await self._insert(connection, Applicant(server))
            await connection.execute(
                f"UPDATE admissions SET left_at = ? WHERE {_KEY}",  # noqa: S608
                (self._clock(), *_key(server)),
            )

    async def left_before(self, moment: float) -> tuple[ServerRef, ...]:
        """The places that we were taken out of by then, and not added to since."""
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT platform, subject_id FROM admissions"
                " WHERE level = 'server' AND left_at < ? ORDER BY left_at",
                (moment,),
            )
        return tuple(ServerRef(Platform(platform), own_id) for platform, own_id in rows)

    async def tell_once(self, applicant: Applicant) -> bool:
        """Note that they were told; True the first time alone."""
        async with self._database.transaction() as connection:
            await self._insert(connection, applicant)
            cursor = await connection.execute(
                f"UPDATE admissions SET told = 1 WHERE {_KEY} AND told = 0",  # noqa: S608
                _key(applicant.subject),
            )
            return cursor.rowcount == 1

    async def announced(self, subject: Subject) -> bool:
        """Note that they were told what was decided; False where they did not wait."""
        async with self._database.transaction() as connection:
            cursor = await connection.execute(
                f"UPDATE admissions SET told = 0 WHERE {_KEY} AND told = 1",  # noqa: S608
                _key(subject),
            )
            return cursor.rowcount == 1

    async def asked(self, subject: Subject, cards: Sequence[MessageRef]) -> None:
        """Owners were asked, by these messages."""
        async with self._database.transaction() as connection:
            await connection.executemany(
                "INSERT OR REPLACE INTO admission_cards VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (
                        *_key(subject),
                        card.conversation.channel.platform.value,
                        storable(card.conversation.channel.channel_id),
                        storable(card.message_id),
                    )
                    for card in cards
                ],
            )

    async def take_cards(self, subject: Subject) -> tuple[MessageRef, ...]:
        """The messages by which owners were asked, to be settled now."""
        async with self._database.transaction() as connection:
            rows = await connection.execute_fetchall(
                f"DELETE FROM admission_cards WHERE {_KEY}"  # noqa: S608 - our own words
                " RETURNING owner_platform, owner_channel_id, message_id",
                _key(subject),
            )
        return tuple(
            MessageRef(ConversationRef(ChannelRef(Platform(platform), channel_id)), message_id)
            for platform, channel_id, message_id in rows
        )

    async def unasked(self) -> tuple[Applicant, ...]:
        """Those who wait, were told so, and of whom no owner knows."""
        return await self._read(
            "verdict = 'pending' AND told = 1 AND left_at IS NULL AND NOT EXISTS ("
            "SELECT 1 FROM admission_cards AS cards WHERE cards.platform = admissions.platform"
            " AND cards.level = admissions.level AND cards.subject_id = admissions.subject_id)"
        )

    async def unsettled(self) -> tuple[Applicant, ...]:
        """Those of whom it was decided, perhaps elsewhere, who were told that they wait."""
        return await self._read("verdict <> 'pending' AND told = 1 AND left_at IS NULL")

    async def _read(self, where: str) -> tuple[Applicant, ...]:
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                f"SELECT {_COLUMNS} FROM admissions WHERE {where}"  # noqa: S608 - our own words
                " ORDER BY changed_at, subject_id"
            )
        return tuple(_applicant(tuple(row)) for row in rows)

    async def decide(self, subject: Subject, verdict: Verdict, by: str) -> Applicant:
        """Keep what was decided, by whom; also of somebody of whom nothing was on record."""
        async with self._database.transaction() as connection:
            await self._insert(connection, Applicant(subject))
            await connection.execute(
                "UPDATE admissions SET verdict = ?, decided_by = ?, changed_at = ?"  # noqa: S608
                f" WHERE {_KEY}",
                (verdict, storable(by), self._clock(), *_key(subject)),
            )
            return await _existing(connection, subject)

    async def _insert(self, connection: aiosqlite.Connection, applicant: Applicant) -> None:
        """A row for them; of one that is there, what was unknown is filled in."""
        to = applicant.conversation
        await connection.execute(
            "INSERT INTO admissions (platform, level, subject_id, name, changed_at, channel_id,"
            " thread_id, contact) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " contact = coalesce(excluded.contact, contact),"
            " name = CASE excluded.name WHEN '' THEN name ELSE excluded.name END,"
            " channel_id = coalesce(excluded.channel_id, channel_id),"
            " thread_id = CASE WHEN excluded.channel_id IS NULL THEN thread_id"
            " ELSE excluded.thread_id END",
            (
                *_key(applicant.subject),
                storable(clip(applicant.name, _LONGEST_NAME)),
                self._clock(),
                None if to is None else storable(to.channel.channel_id),
                None if to is None else to.thread_id,
                None if applicant.contact is None else storable(applicant.contact),
            ),
        )


async def _find(connection: aiosqlite.Connection, subject: Subject) -> Applicant | None:
    rows = await connection.execute_fetchall(
        f"SELECT {_COLUMNS} FROM admissions WHERE {_KEY}",  # noqa: S608 - our own words
        _key(subject),
    )
    return next((_applicant(tuple(row)) for row in rows), None)


async def _existing(connection: aiosqlite.Connection, subject: Subject) -> Applicant:
    found = await _find(connection, subject)
    if found is None:
        raise LookupError(subject)
    return found


def _key(subject: Subject) -> tuple[str, str, str]:
    match subject:
        case ServerRef(platform, server_id):
            return platform.value, "server", storable(server_id)
        case MemberRef(platform, user_id):
            return platform.value, "member", storable(user_id)


def _applicant(row: tuple[object, ...]) -> Applicant:
    name, level, own_id, title, verdict, told, left_at, channel_id, thread_id, *rest = row
    contact, decided_by = (None if value is None else str(value) for value in rest)
    platform = Platform(str(name))
    is_server = level == "server"
    return Applicant(
        ServerRef(platform, str(own_id)) if is_server else MemberRef(platform, str(own_id)),
        str(title),
        _VERDICTS.get(str(verdict), "pending"),
        bool(told),
        datetime.fromtimestamp(left_at, UTC) if isinstance(left_at, float) else None,
        None
        if channel_id is None
        else ConversationRef(
            ChannelRef(platform, str(channel_id)), None if thread_id is None else str(thread_id)
        ),
        contact,
        decided_by,
    )
