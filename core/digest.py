"""Once a week, where a channel chose it: what was asked there in vain, for its moderators to read.

It goes to the channel's log channel on the chosen day, at nine by the channel's own clock. What was
missed is made up for within a day; nobody is told twice, but where our end came while a digest was
being sent: then nobody can know whether it is out, and it is sent once more, and never again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from datetime import time as wall_time
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from core.access import homes_of
from core.channel_settings import ChannelSettings
from core.channels import Channels
from core.commands.notes import gap_lines
from core.cron import zone_named
from core.database import Database
from core.distance import EnginePlace, is_within
from core.envoy import Envoy
from core.events import (
    Asked,
    Author,
    ChannelKind,
    ChannelRef,
    ConversationRef,
    IncomingMessage,
    Place,
    ServerRef,
    Trigger,
)
from core.gaps import Gap, Gaps
from core.inert import inert
from core.language import Words, words
from core.noticeboard import Noticeboards
from core.shielding import to_the_end
from core.sightings import SeenChannel, Sightings
from core.text import storable

if TYPE_CHECKING:
    from knowledge_base.library import Library

HOUR: Final = 9
GRACE: Final = timedelta(days=1)
DAYS: Final = 7
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NOBODY: Final = Author("", "")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Readers:
    """Who reads it where, and how they are reached."""

    channels: Channels
    sightings: Sightings
    boards: Noticeboards
    envoy: Envoy
    serves: Callable[[Asked], Awaitable[bool]]
    """Whether a place is served at all."""


class Digests:
    """Posts what is due."""

    def __init__(
        self,
        database: Database,
        library: Library,
        readers: Readers,
        embedder_place: EnginePlace = "local",
        zone: tzinfo = UTC,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`zone` is for channels that chose none."""
        self._rows = _Rows(database)
        self._library = library
        self._gaps = Gaps(database, library, clock=clock)
        self._readers = readers
        self._embedder_place = embedder_place
        self._zone = zone
        self._clock = clock

    async def post(self) -> int:
        """How many channels' digests went out now. What failed for some is raised in the end, when
        the others have theirs."""
        posted, failed = 0, []
        for seen in await self._choosing():
            (ended,) = await asyncio.gather(self._post(seen), return_exceptions=True)
            if isinstance(ended, Exception):
                failed.append(ended)
            elif isinstance(ended, BaseException):
                raise ended
            else:
                posted += ended
        if failed:
            raise ExceptionGroup("not every digest could be posted", failed)
        return posted

    async def _choosing(self) -> Iterable[SeenChannel]:
        found: dict[ChannelRef, SeenChannel] = {}
        for subject in self._readers.channels.choosing("digest"):
            if isinstance(subject, ServerRef):
                seen = await self._readers.sightings.channels_in(subject)
            else:
                one = await self._readers.sightings.channel(subject)
                seen = (one or SeenChannel(subject),)
            found |= {own.channel: own for own in seen}
        return found.values()

    async def _post(self, seen: SeenChannel) -> bool:
        readers, channel = self._readers, seen.channel
        settings = readers.channels.at(channel, seen.parent, seen.server)
        now = self._clock()
        due = due_at(settings, self._zone, now)
        if due is None or settings.is_paused(now) or not readers.envoy.reaches(channel.platform):
            return False
        standing = await self._rows.standing(channel, due)
        if standing is _Standing.OUT:
            return False
        asked = _asked(seen, now)
        board = await readers.boards.of(asked) if await readers.serves(asked) else None
        if board is None:
            _log.info("a digest has no log channel to go to")
            return False
        found = await self._found(asked, settings)
        again = standing is _Standing.BEGUN
        await self._rows.note(channel, due, is_out=again or not found)
        if not found:
            return False
        _ = readers.envoy.words() if settings.language == "auto" else words(settings.language)
        if not await readers.envoy.say(board.conversation, told(seen, found, due, _)):
            await self._rows.forget(channel)
            return False
        if not again:
            await to_the_end(self._rows.note(channel, due, is_out=True))
        return True

    async def _found(self, asked: Asked, settings: ChannelSettings) -> tuple[Gap, ...]:
        names = homes_of(asked)
        homes = [base for base in await self._library.bases() if base.name in names]
        near = is_within(self._embedder_place, settings.place)
        return await self._gaps.of(asked.conversation.channel, homes, DAYS, by_words=not near)


def due_at(settings: ChannelSettings, zone: tzinfo, now: float) -> datetime | None:
    """When a channel's last digest was due, by its own clock; None: none, or too long ago. Pure."""
    if settings.digest == "off":
        return None
    if settings.time_zone:
        zone = zone_named(settings.time_zone)
    here = datetime.fromtimestamp(now, zone)
    back = (here.weekday() - _WEEKDAYS.index(settings.digest)) % 7
    day = here.date() - timedelta(days=back)
    due = datetime.combine(day, wall_time(HOUR), zone)
    if due.timestamp() > now:
        due = datetime.combine(day - timedelta(days=7), wall_time(HOUR), zone)
    return due if now - due.timestamp() <= GRACE.total_seconds() else None


def told(seen: SeenChannel, found: tuple[Gap, ...], due: datetime, _: Words) -> str:
    """What the moderators read; what members wrote in it does nothing there."""
    begin = due - timedelta(days=DAYS)
    title = _(
        "{channel}, {begin:%Y-%m-%d} to {end:%Y-%m-%d}: asked, and not answered or not well",
        channel=inert(seen.name or seen.channel.channel_id),
        begin=begin,
        end=due,
    )
    last = _("`/kb gaps` there lists them with a button to answer each.")
    return "\n".join([title, *gap_lines(found, _), last])


def _asked(seen: SeenChannel, now: float) -> IncomingMessage:
    """As if the channel itself had asked."""
    return IncomingMessage(
        conversation=ConversationRef(seen.channel),
        kind=ChannelKind.GROUP,
        trigger=Trigger.SCHEDULED,
        message_id="",
        author=_NOBODY,
        text="",
        sent_at=datetime.fromtimestamp(now, UTC),
        server_id=seen.server.server_id if seen.server is not None else seen.channel.channel_id,
        place=Place(
            seen.name, seen.server_name, is_restricted=seen.is_restricted, parent=seen.parent
        ),
    )


class _Standing(Enum):
    """How it stands with a channel's digest that is due."""

    NOT_YET = auto()
    BEGUN = auto()
    """It was being sent when our end came."""
    OUT = auto()
    """Or there was nothing to say, or it was sent a second time."""


class _Rows:
    """Which digest each channel had last."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def standing(self, channel: ChannelRef, due: datetime) -> _Standing:
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT is_out FROM digests WHERE platform = ? AND channel_id = ? AND due_at >= ?",
                (*_key(channel), due.timestamp()),
            )
        for (is_out,) in rows:
            return _Standing.OUT if is_out else _Standing.BEGUN
        return _Standing.NOT_YET

    async def note(self, channel: ChannelRef, due: datetime, *, is_out: bool) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(
                "INSERT OR REPLACE INTO digests (platform, channel_id, due_at, is_out)"
                " VALUES (?, ?, ?, ?)",
                (*_key(channel), due.timestamp(), is_out),
            )

    async def forget(self, channel: ChannelRef) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(
                "DELETE FROM digests WHERE platform = ? AND channel_id = ?", _key(channel)
            )


def _key(channel: ChannelRef) -> tuple[str, str]:
    return channel.platform.value, storable(channel.channel_id)
