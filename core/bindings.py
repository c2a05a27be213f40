"""Which bases of other places a channel is answered from, and which channel a private chat uses."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from core.database import Database
from core.events import ChannelRef, MemberRef, Platform
from core.text import storable
from knowledge_base.models import BaseId

MOVE: Final = "migration"
"""Stands for who attached what a channel learnt under an id that it had before: it is its own."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A base that serves a channel besides its own; who decided so, and when."""

    base_id: BaseId
    channel: ChannelRef
    by: str
    at: datetime


class Bindings:
    """Rows; whether somebody may make them is asked elsewhere."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def attach(self, base: BaseId, channel: ChannelRef, by: MemberRef) -> None:
        """Let a base serve a channel from now on."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "INSERT OR REPLACE INTO attached_bases VALUES (?, ?, ?, ?, ?)",
                (base, *_ref(channel), storable(by.user_id), self._clock()),
            )

    async def detach(self, base: BaseId, channel: ChannelRef) -> bool:
        """False where it did not serve that channel."""
        async with self._database.transaction() as connection:
            cursor = await connection.execute(
                "DELETE FROM attached_bases WHERE base_id = ? AND platform = ? AND channel_id = ?",
                (base, *_ref(channel)),
            )
            return cursor.rowcount > 0

    async def attached_to(self, channel: ChannelRef) -> tuple[Attached, ...]:
        """What serves a channel besides its own."""
        return await self._read("platform = ? AND channel_id = ?", _ref(channel))

    async def places_of(self, base: BaseId) -> tuple[Attached, ...]:
        """The channels that a base serves besides its own."""
        return await self._read("base_id = ?", (base,))

    async def use(self, member: MemberRef, channel: ChannelRef) -> None:
        """Let a member's private chat be answered from a channel of the same platform."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "INSERT OR REPLACE INTO used_channels VALUES (?, ?, ?)",
                (member.platform.value, storable(member.user_id), storable(channel.channel_id)),
            )

    async def unuse(self, member: MemberRef) -> bool:
        """Back to the member's own documents; False where that is so already."""
        async with self._database.transaction() as connection:
            cursor = await connection.execute(
                "DELETE FROM used_channels WHERE platform = ? AND user_id = ?",
                (member.platform.value, storable(member.user_id)),
            )
            return cursor.rowcount > 0

    async def used_by(self, member: MemberRef) -> ChannelRef | None:
        """The channel that a member's private chat uses."""
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT channel_id FROM used_channels WHERE platform = ? AND user_id = ?",
                (member.platform.value, storable(member.user_id)),
            )
        return next((ChannelRef(member.platform, row[0]) for row in rows), None)

    async def _read(self, where: str, parameters: tuple[str | int, ...]) -> tuple[Attached, ...]:
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT base_id, platform, channel_id, attached_by, attached_at"  # noqa: S608
                f" FROM attached_bases WHERE {where} ORDER BY attached_at",
                parameters,
            )
        return tuple(
            Attached(
                BaseId(base_id),
                ChannelRef(Platform(platform), channel_id),
                by,
                datetime.fromtimestamp(at, UTC),
            )
            for base_id, platform, channel_id, by, at in rows
        )


def _ref(channel: ChannelRef) -> tuple[str, str]:
    return channel.platform.value, storable(channel.channel_id)
