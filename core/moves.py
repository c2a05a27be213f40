"""A channel goes on under another id: what is kept of it follows.

All rows of `lorekeeper.db` move in one transaction, which also records the move. What lies outside
(the names of bases) follows after it, and, where the program died in between, at the next start:
doing it twice does no harm.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import aiosqlite

from core.access import open_base_of, restricted_base_of
from core.bindings import MOVE, Bindings
from core.channels import Channels
from core.database import Database
from core.events import ChannelRef, MemberRef, Platform
from core.forms import drop_forms
from core.taught import move_taught
from core.team import move_team_questions
from core.team_answers import move_cards
from knowledge_base.errors import NoSuchBaseError
from knowledge_base.models import KnowledgeBase

_MOVED: Final = (
    ("settings", "subject_id"),
    ("pauses", "subject_id"),
    ("channels", "channel_id"),
    ("channels", "server_id"),
    ("channels", "parent_id"),
    ("channel_members", "channel_id"),
    ("greetings", "channel_id"),
    ("digests", "channel_id"),
    ("attached_bases", "channel_id"),
    ("used_channels", "channel_id"),
    ("admissions", "subject_id"),
    ("admissions", "channel_id"),
    ("admission_cards", "subject_id"),
    ("audit", "channel_id"),
    ("audit", "server_id"),
    ("review_places", "channel_id"),
    ("review_places", "card_channel_id"),
    ("opened_threads", "channel_id"),
    ("unasked_answers", "channel_id"),
    ("helped_threads", "channel_id"),
)


class Renaming(Protocol):
    """What a move asks of the library."""

    async def base(self, name: str) -> KnowledgeBase: ...

    async def rename(self, name: str, new: str) -> bool: ...


async def move_channel(connection: aiosqlite.Connection, old: ChannelRef, new: ChannelRef) -> None:
    """Let settings, attachments, admission and sightings follow; to be finished by `Moves`.

    Where both ids have something, what the channel had under its old one holds.
    """
    if old.platform is not new.platform:
        raise ValueError(new)
    for table, column in _MOVED:
        await connection.execute(
            f"UPDATE OR REPLACE {table} SET {column} = ?"  # noqa: S608 - our own names
            f" WHERE platform = ? AND {column} = ?",
            (new.channel_id, old.platform.value, old.channel_id),
        )
    # Some are told first that we left under the old id: the group is still there.
    await connection.execute(
        "UPDATE admissions SET left_at = NULL WHERE platform = ? AND subject_id = ?",
        (new.platform.value, new.channel_id),
    )
    await connection.execute(
        "UPDATE settings SET value = ? WHERE platform = ? AND key = 'log_channel' AND value = ?",
        (new.channel_id, old.platform.value, old.channel_id),
    )
    await move_taught(connection, old, new)
    await move_team_questions(connection, old, new)
    await move_cards(connection, old, new)
    await drop_forms(connection, old)
    # The rest of such a message comes, if at all, as part of another one.
    await connection.execute(
        "DELETE FROM held_parts WHERE platform = ? AND channel_id = ?",
        (old.platform.value, old.channel_id),
    )
    await connection.execute(
        "INSERT OR REPLACE INTO moves VALUES (?, ?, ?)",
        (old.platform.value, old.channel_id, new.channel_id),
    )


class Moves:
    """Finishes moves that are recorded."""

    def __init__(
        self,
        database: Database,
        library: Renaming,
        bindings: Bindings,
        channels: Channels,
        renamed: Callable[[str, str], Awaitable[None]] | None = None,
    ) -> None:
        """`renamed` is told of every base that goes by another name; perhaps twice."""
        self._database = database
        self._library = library
        self._bindings = bindings
        self._channels = channels
        self._renamed = renamed

    async def migrated(self, _old: ChannelRef, _new: ChannelRef) -> None:
        """For `Hooks.migrated`: the rows have moved."""
        await self.finish()

    async def finish(self) -> int:
        """Do what is left of recorded moves; how many there were. Call it at every start."""
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall("SELECT platform, old_id, new_id FROM moves")
        count = 0
        for platform, old_id, new_id in rows:
            old = ChannelRef(Platform(platform), old_id)
            await self._follow(old, ChannelRef(Platform(platform), new_id))
            async with self._database.transaction() as connection:
                await connection.execute(
                    "DELETE FROM moves WHERE platform = ? AND old_id = ?", (platform, old_id)
                )
            count += 1
        await self._channels.load()
        return count

    async def _follow(self, old: ChannelRef, new: ChannelRef) -> None:
        for name_of in (open_base_of, restricted_base_of):
            before, after = name_of(old), name_of(new)
            if before is None or after is None:
                continue
            if await self._library.rename(before, after):
                kept = None
            else:
                kept = await self._base(before)
            if kept is None:
                # Also where it was renamed before we died: who else knows its name may not know.
                if self._renamed is not None:
                    await self._renamed(before, after)
                continue
            # Something was taught under the new id meanwhile: both bases serve from now on.
            await self._bindings.attach(kept.base_id, new, MemberRef(old.platform, MOVE))

    async def _base(self, name: str) -> KnowledgeBase | None:
        try:
            return await self._library.base(name)
        except NoSuchBaseError:
            return None
