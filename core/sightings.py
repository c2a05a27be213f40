"""Channels as they were last seen, and who was seen there: for names and lists, never for access.

Only what is addressed to us is seen, in places that were admitted.
"""

from __future__ import annotations

import difflib
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

import aiosqlite

from core.channels import server_of
from core.database import Database
from core.errors import AmbiguousChannelError, UnknownChannelError
from core.events import Asked, ChannelKind, ChannelRef, MemberRef, Platform, ServerRef
from core.text import storable

_FRESH_SECONDS: Final = 86_400
"""For so long, what has not changed is not written again."""
_MOST_REMEMBERED: Final = 20_000
_COLUMNS = "platform, channel_id, name, server_id, server_name, parent_id, restricted"
_Row: TypeAlias = tuple[str, str, str, str | None, str, str | None, int]


@dataclass(frozen=True, slots=True)
class SeenChannel:
    """A channel of a group as it was when somebody last addressed us there."""

    channel: ChannelRef
    name: str = ""
    server: ServerRef | None = None
    server_name: str = ""
    parent: ChannelRef | None = None
    is_restricted: bool = False

    @property
    def title(self) -> str:
        """For people: the name with its server's; the number where there is no name."""
        own = self.name or self.channel.channel_id
        return f"{self.server_name} / {own}" if self.server_name and self.server else own


class Sightings:
    """Rows of channels and of who was seen there."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock
        self._seen: dict[ChannelRef, SeenChannel] = {}
        self._written: dict[tuple[ChannelRef, str], float] = {}

    async def saw(self, asked: Asked) -> None:
        """Note a channel and who asks there; a private chat is nobody else's business."""
        channel = asked.conversation.channel
        if asked.kind is ChannelKind.PRIVATE or channel.platform.is_operators:
            return
        seen, user_id = seen_channel(asked), storable(asked.author.user_id)
        now = self._clock()
        since = now - self._written.get((channel, user_id), -math.inf)
        is_fresh = since < _FRESH_SECONDS and self._seen.get(channel) == seen
        # Who was forgotten since, in whatever process, is met anew.
        if is_fresh and await self._is_noted(channel, user_id):
            return
        async with self._database.transaction() as connection:
            await connection.execute(
                "INSERT OR REPLACE INTO channels VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (*_row_of(seen), now),
            )
            await connection.execute(
                "INSERT OR REPLACE INTO channel_members VALUES (?, ?, ?, ?)",
                (channel.platform.value, user_id, channel.channel_id, now),
            )
        if len(self._written) >= _MOST_REMEMBERED:
            self._written.clear()
            self._seen.clear()
        self._written[channel, user_id] = now
        self._seen[channel] = seen

    async def channel(self, channel: ChannelRef) -> SeenChannel | None:
        """A channel as last seen."""
        found = await self._read("platform = ? AND channel_id = ?", _ref(channel))
        return next(iter(found), None)

    async def channels_of(self, member: MemberRef) -> tuple[SeenChannel, ...]:
        """Where a member was seen, by server and name."""
        return await self._read(
            "(platform, channel_id) IN (SELECT platform, channel_id FROM channel_members"
            " WHERE platform = ? AND user_id = ?)",
            (member.platform.value, storable(member.user_id)),
        )

    async def channels_on(self, platform: Platform) -> tuple[SeenChannel, ...]:
        """All channels of a platform that were ever seen."""
        return await self._read("platform = ?", (platform.value,))

    async def channels_in(self, server: ServerRef) -> tuple[SeenChannel, ...]:
        """The channels of a server (a group: itself), those that everybody sees first."""
        found = await self._read(
            "platform = ? AND (server_id = ? OR channel_id = ?)",
            (server.platform.value, server.server_id, server.server_id),
        )
        return tuple(sorted(found, key=lambda seen: seen.is_restricted))

    async def is_known(self, member: MemberRef, server: ServerRef) -> bool:
        """Whether a member was seen in a server or group."""
        return any(
            server in (seen.server, ServerRef(seen.channel.platform, seen.channel.channel_id))
            for seen in await self.channels_of(member)
        )

    async def greet(self, asked: Asked) -> bool:
        """Whether this is the first time in this channel or private chat; True once."""
        async with self._database.transaction() as connection:
            cursor = await connection.execute(
                "INSERT OR IGNORE INTO greetings VALUES (?, ?)", _ref(asked.conversation.channel)
            )
            return cursor.rowcount == 1

    async def _is_noted(self, channel: ChannelRef, user_id: str) -> bool:
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT 1 FROM channel_members JOIN channels USING (platform, channel_id)"
                " WHERE platform = ? AND user_id = ? AND channel_id = ?",
                (channel.platform.value, user_id, storable(channel.channel_id)),
            )
        return bool(list(rows))

    async def _read(self, where: str, parameters: tuple[str, ...]) -> tuple[SeenChannel, ...]:
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                f"SELECT {_COLUMNS} FROM channels WHERE {where}"  # noqa: S608 - our own words
                " ORDER BY server_name, name, channel_id",
                parameters,
            )
        return tuple(_seen_of((a, b, c, d, e, f, g)) for a, b, c, d, e, f, g in rows)


async def forget_sightings(connection: aiosqlite.Connection, member: MemberRef) -> None:
    """Take out where a member was seen, and the channel that their private chat uses."""
    for table in ("channel_members", "used_channels"):
        await connection.execute(
            f"DELETE FROM {table} WHERE platform = ? AND user_id = ?",  # noqa: S608 - our own names
            (member.platform.value, storable(member.user_id)),
        )


def seen_channel(asked: Asked) -> SeenChannel:
    """What a message says of the channel it came from."""
    place = asked.place
    return SeenChannel(
        asked.conversation.channel,
        storable(place.channel_name),
        server_of(asked),
        storable(place.server_name),
        place.parent,
        place.is_restricted,
    )


def named(typed: str, channels: Iterable[SeenChannel]) -> SeenChannel:
    """The channel that is meant: by its mention, its number or its name.

    Raises `UnknownChannelError` and `AmbiguousChannelError`. A name opens nothing: what may be done
    with the channel is asked of the platform by its id.
    """
    wanted = typed.strip().removeprefix("<#").removesuffix(">").removeprefix("#").strip()
    by_id = {seen.channel.channel_id: seen for seen in channels}
    if wanted in by_id:
        return by_id[wanted]
    called = wanted.casefold()
    found = [s for s in by_id.values() if called in (s.name.casefold(), s.title.casefold())]
    if len(found) == 1:
        return found[0]
    if found:
        raise AmbiguousChannelError(
            wanted, tuple(f"{seen.channel.channel_id} ({seen.title})" for seen in found)
        )
    names = {seen.name for seen in by_id.values() if seen.name}
    raise UnknownChannelError(wanted, tuple(difflib.get_close_matches(wanted, names, 3)))


def _ref(channel: ChannelRef) -> tuple[str, str]:
    return channel.platform.value, storable(channel.channel_id)


def _row_of(seen: SeenChannel) -> _Row:
    return (
        *_ref(seen.channel),
        seen.name,
        seen.server.server_id if seen.server is not None else None,
        seen.server_name,
        seen.parent.channel_id if seen.parent is not None else None,
        int(seen.is_restricted),
    )


def _seen_of(row: _Row) -> SeenChannel:
    name, channel_id, own, server_id, server_name, parent_id, restricted = row
    platform = Platform(name)
    return SeenChannel(
        ChannelRef(platform, channel_id),
        own,
        None if server_id is None else ServerRef(platform, server_id),
        server_name,
        None if parent_id is None else ChannelRef(platform, parent_id),
        bool(restricted),
    )
