"""A place that took us out keeps what it taught us for a while; then everything of it goes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import aiosqlite

from core.access import open_base_of, restricted_base_of, server_base_of
from core.admission_rows import Admissions
from core.bindings import MOVE, Bindings
from core.channels import Channels
from core.database import Database
from core.events import ChannelRef, ServerRef
from core.reviews import Reviews
from core.sightings import Sightings
from core.text import storable
from knowledge_base.models import BaseId, KnowledgeBase

GRACE_DAYS: Final = 30
_DAY: Final = 86_400
_OTHERWISE: Final = frozenset(("admissions",))
"""Tables with a channel whose rows are dealt with by themselves."""
_log = logging.getLogger(__name__)


class Emptying(Protocol):
    """What is asked of the library."""

    async def bases(self) -> tuple[KnowledgeBase, ...]: ...

    async def empty(self, base: BaseId) -> None: ...


class Leaving:
    """Forgets places. Until then everything waits for their return."""

    def __init__(
        self,
        database: Database,
        library: Emptying,
        channels: Channels,
        reviews: Reviews,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._library = library
        self._channels = channels
        self._reviews = reviews
        self._rows = Admissions(database, clock=clock)
        self._sightings = Sightings(database)
        self._bindings = Bindings(database)
        self._clock = clock

    async def prune(self, days: float = GRACE_DAYS) -> int:
        """Forget the places that were left longer ago; how many. What an earlier call of a process
        that died left half done is finished."""
        left = await self._rows.left_before(self._clock() - days * _DAY)
        for server in left:
            await self._forget(server)
            _log.info("everything of %s:%s is deleted", server.platform.value, server.server_id)
        if left:
            await self._channels.load()
        return len(left)

    async def _forget(self, server: ServerRef) -> None:
        seen = {one.channel for one in await self._sightings.channels_in(server)}
        channels = sorted(
            # A group with nothing above it is its own only channel.
            seen | {ChannelRef(server.platform, server.server_id)},
            key=lambda own: own.channel_id,
        )
        names = {server_base_of(server)}
        for channel in channels:
            names |= {open_base_of(channel), restricted_base_of(channel)}
        # What lies outside this file goes first: the row that says we left is the last to go.
        own = {
            attached.base_id
            for channel in channels
            for attached in await self._bindings.attached_to(channel)
            if attached.by == MOVE
        }
        bases = [
            base
            for base in await self._library.bases()
            if base.name in names or base.base_id in own
        ]
        for base in bases:
            for review in await self._reviews.waiting(base.name):
                await self._reviews.close(review)
            await self._library.empty(base.base_id)
        async with self._database.transaction() as connection:
            await _forget_channels(connection, server, channels)
            await _forget_bases(connection, bases)
            await _forget_server(connection, server)


async def tables_of_channels(connection: aiosqlite.Connection) -> tuple[str, ...]:
    """The tables whose rows say which channel they are of, by the columns that they have."""
    found = []
    tables = await connection.execute_fetchall(
        "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
    )
    for (table,) in tables:
        columns = await connection.execute_fetchall(
            "SELECT name FROM pragma_table_info(?)", (table,)
        )
        if {"platform", "channel_id"} <= {str(name) for (name,) in columns}:
            found.append(str(table))
    return tuple(found)


async def _forget_channels(
    connection: aiosqlite.Connection, server: ServerRef, channels: Sequence[ChannelRef]
) -> None:
    platform = server.platform.value
    for table in await tables_of_channels(connection):
        if table in _OTHERWISE:
            continue
        await connection.executemany(
            f"DELETE FROM {table} WHERE platform = ? AND channel_id = ?",  # noqa: S608 - our own
            [(platform, storable(channel.channel_id)) for channel in channels],
        )
    subjects = [("channel", channel.channel_id) for channel in channels]
    for table in ("settings", "pauses"):
        await connection.executemany(
            f"DELETE FROM {table} WHERE platform = ? AND level = ?"  # noqa: S608 - our own names
            " AND subject_id = ?",
            [
                (platform, level, storable(own_id))
                for level, own_id in (*subjects, ("server", server.server_id))
            ],
        )


async def _forget_bases(connection: aiosqlite.Connection, bases: Sequence[KnowledgeBase]) -> None:
    await connection.executemany(
        "DELETE FROM attached_bases WHERE base_id = ?", [(base.base_id,) for base in bases]
    )
    await connection.executemany(
        "DELETE FROM taught_messages WHERE base = ?", [(storable(base.name),) for base in bases]
    )
    await connection.executemany(
        "DELETE FROM document_summaries WHERE base_id = ?", [(base.base_id,) for base in bases]
    )
    # A job says which bases it found damaged.
    await connection.executemany(
        "UPDATE jobs SET detail = '', said = '{}' WHERE instr(detail || said, ?) > 0",
        [(storable(base.name),) for base in bases],
    )


async def _forget_server(connection: aiosqlite.Connection, server: ServerRef) -> None:
    """Of a place that was refused the number stays: it is not to be asked about again."""
    key = (server.platform.value, storable(server.server_id))
    await connection.execute("DELETE FROM audit WHERE platform = ? AND server_id = ?", key)
    await connection.execute(
        "DELETE FROM admission_cards WHERE platform = ? AND level = 'server' AND subject_id = ?",
        key,
    )
    await connection.execute(
        "UPDATE admissions SET name = '', decided_by = NULL, told = 0, left_at = NULL,"
        " channel_id = NULL, thread_id = NULL, contact = NULL"
        " WHERE platform = ? AND level = 'server' AND subject_id = ? AND verdict = 'refused'",
        key,
    )
    await connection.execute(
        "DELETE FROM admissions WHERE platform = ? AND level = 'server' AND subject_id = ?"
        " AND verdict <> 'refused'",
        key,
    )
