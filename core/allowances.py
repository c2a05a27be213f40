"""What members used of their limits, on disk: a restart gives nobody a new day."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

import aiosqlite

from core import quota
from core.database import Database
from core.errors import DiskLowError, FullBaseError
from core.events import MemberRef
from core.quota import DAY, MEGABYTE, Allowed, Refused, Ruling, Use
from core.settings import LimitSettings
from core.text import storable

_MOST_BLOCKED: Final = 20_000
_SLACK: Final = 60.0
"""What lies further ahead was counted by a clock that has been set back since."""
_KIND: Final = "platform = ? AND user_id = ? AND kind = ?"


class Allowances:
    """Counts, and judges by `core.quota`."""

    def __init__(
        self,
        database: Database,
        limits: LimitSettings,
        folder: Path,
        *,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """`folder` lies on the disk that is to keep some room. `clock` may be set back or forward
        meanwhile: what was used at a moment that is still to come counts no more."""
        self.limits = limits
        """As they are now: an operator may change them while we run."""
        self._database = database
        self._folder = folder
        self._clock = clock
        self._steady = steady
        self._blocked: dict[MemberRef, float] = {}

    async def ask(self, member: MemberRef, message_id: str) -> Ruling:
        """Count a question, if it is allowed. One that a restart brings again was counted."""
        now = self._clock()
        async with self._database.transaction() as connection:
            used = await _used(connection, member, "question", now, once=message_id)
            ruling = quota.question(used, now, self.limits)
            if isinstance(ruling, Allowed):
                await _count(connection, member, "question", message_id, 1, now)
        return ruling

    async def upload(self, member: MemberRef, message_id: str, size: int) -> Ruling:
        """Count a file of that size, if it is allowed."""
        now = self._clock()
        async with self._database.transaction() as connection:
            used = await _used(connection, member, "upload", now, once=message_id)
            ruling = quota.upload(used, size, now, self.limits)
            if isinstance(ruling, Allowed):
                await _count(connection, member, "upload", message_id, size, now)
        return ruling

    async def first_time(self, member: MemberRef, ruling: Refused, notice: str) -> bool:
        """Whether they have not been told this within the budget's time; True once."""
        now = self._clock()
        key = (member.platform.value, storable(member.user_id), f"{notice} {ruling.budget}")
        until = now + max(ruling.wait, 1.0)
        if notice == "refused" and ruling.budget in ("questions", "daily_questions"):
            if len(self._blocked) >= _MOST_BLOCKED:
                self._blocked.clear()
            self._blocked[member] = self._steady() + max(ruling.wait, 1.0)
        async with self._database.transaction() as connection:
            await connection.execute(
                "DELETE FROM limits_told WHERE platform = ? AND user_id = ?"
                " AND (until <= ? OR until > ?)",
                (*key[:2], now, now + DAY),
            )
            cursor = await connection.execute(
                "INSERT OR IGNORE INTO limits_told VALUES (?, ?, ?, ?)", (*key, until)
            )
            return cursor.rowcount > 0

    def is_blocked(self, member: MemberRef) -> bool:
        """Whether they were told lately that they asked enough, and when they may again."""
        until = self._blocked.get(member)
        if until is None:
            return False
        if until <= self._steady():
            del self._blocked[member]
            return False
        return True

    async def require_room(self) -> None:
        """Raises `DiskLowError` where too little of the disk is free."""
        least = self.limits.min_free_disk_percent
        usage = await asyncio.to_thread(shutil.disk_usage, self._folder)
        if usage.free < usage.total * least / 100:
            raise DiskLowError(usage.free, least)

    def require_place(self, documents: int, size: int, added: int) -> None:
        """Raises `FullBaseError` where a base of that extent does not take a file of that size."""
        limits = self.limits
        if limits.base_documents and documents >= limits.base_documents:
            raise FullBaseError("limits.base_documents", limits.base_documents)
        if limits.base_mb and size + added > limits.base_mb * MEGABYTE:
            raise FullBaseError("limits.base_mb", limits.base_mb)

    async def prune(self) -> None:
        """Let go of what counts no more."""
        now = self._clock()
        async with self._database.transaction() as connection:
            await connection.execute(
                "DELETE FROM uses WHERE used_at <= ? OR used_at > ?", (now - DAY, now + DAY)
            )
            await connection.execute(
                "DELETE FROM limits_told WHERE until <= ? OR until > ?", (now, now + DAY)
            )


async def _used(
    connection: aiosqlite.Connection,
    member: MemberRef,
    kind: Literal["question", "upload"],
    now: float,
    *,
    once: str,
) -> list[Use]:
    """The uses of the last day, without one of this very message."""
    rows = await connection.execute_fetchall(
        f"SELECT used_at, amount, message_id FROM uses WHERE {_KIND} AND used_at > ?"  # noqa: S608
        " AND used_at <= ? ORDER BY used_at, use_id",
        (member.platform.value, storable(member.user_id), kind, now - DAY, now + _SLACK),
    )
    found = []
    is_first = True
    for used_at, amount, message_id in rows:
        if is_first and message_id == storable(once):
            is_first = False
            continue
        found.append(Use(used_at, amount))
    return found


async def _count(
    connection: aiosqlite.Connection,
    member: MemberRef,
    kind: Literal["question", "upload"],
    message_id: str,
    amount: int,
    now: float,
) -> None:
    await connection.execute(
        "INSERT INTO uses (platform, user_id, kind, message_id, amount, used_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (member.platform.value, storable(member.user_id), kind, storable(message_id), amount, now),
    )
