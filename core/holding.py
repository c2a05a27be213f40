"""Parts of messages that a platform hands over piece by piece: on disk until the whole is there.

Nobody is told when such a message is complete, and what its platform was told that we have it does
not give again: a process that dies in between would lose it.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from core.database import Database
from core.events import ChannelRef, IncomingMessage, Platform
from core.inbox import DurableInbox
from core.packing import packed, unpacked
from core.ports import Part
from core.replying import Replying
from core.text import storable
from core.turns import Turns

_Key: TypeAlias = tuple[ChannelRef, str]


@dataclass(slots=True)
class _Open:
    """A message that is not whole yet."""

    asked: IncomingMessage | None = None
    """The part for which it is dealt with, as it is taken; None: so far nobody means us."""
    admitted: bool | None = None
    unwritten: list[IncomingMessage] = field(default_factory=list)


class Holding:
    """Keeps parts. Like messages they are not kept where they are not for us, or not admitted."""

    def __init__(
        self,
        replying: Replying,
        inbox: DurableInbox,
        database: Database,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._replying = replying
        self._inbox = inbox
        self._database = database
        self._clock = clock
        self._open: dict[_Key, _Open] = {}
        self._leaving: set[_Key] = set()
        self._lines = Turns()
        """One for each whole: what is begun with it first ends first."""

    def hold(self, part: Part) -> None:
        """See `Inbox`."""
        message, key = part.message, _key(part.message, part.whole)
        whole = self._open.setdefault(key, _Open())
        whole.asked = whole.asked or self._replying.meant(message)
        # One part says whom all of them are for, and others may have come before it.
        whole.unwritten.append(message)
        if whole.asked is not None and not self._replying.is_missed(whole.asked):
            self._chore(key, partial(self._write, key, whole, whole.asked), "holding")

    def release(self, message: IncomingMessage, whole: str) -> None:
        """See `Inbox`."""
        key = _key(message, whole)
        was = self._open.pop(key, None)
        if was is not None and was.asked is not None:
            self._leaving.add(key)
            self._chore(key, partial(self._release, key, message), "letting go of parts")

    async def noted(self) -> None:
        """Until what was begun so far is on disk."""
        for key in tuple(self._open):
            turn = self._lines.line_up(key)
            try:
                await turn.reached.wait()
            finally:
                turn.leave()

    async def held(self, platform: Platform) -> tuple[Part, ...]:
        """See `Inbox`."""
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT channel_id, whole, payload FROM held_parts WHERE platform = ?"
                " ORDER BY held_at, message_id",
                (platform.value,),
            )
        found = []
        for channel_id, whole, payload in rows:
            key = (ChannelRef(platform, channel_id), whole)
            if key in self._leaving:
                continue
            message, _had_files = unpacked(payload)
            self._open.setdefault(key, _Open(message, admitted=True))
            found.append(Part(message, whole))
        return tuple(found)

    def _chore(self, key: _Key, work: Callable[[], Awaitable[None]], name: str) -> None:
        self._replying.chore(work, name, self._lines.line_up(key))

    async def _write(self, key: _Key, whole: _Open, asked: IncomingMessage) -> None:
        if whole.admitted is None:
            forgotten = await self._inbox.was_forgotten(asked)
            whole.admitted = not forgotten and await self._replying.admits(asked)
        if not whole.admitted:
            return
        written = tuple(whole.unwritten)
        channel, name = key
        async with self._database.transaction() as connection:
            await connection.executemany(
                "INSERT OR REPLACE INTO held_parts (platform, channel_id, whole, message_id,"
                " author_id, payload, held_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        channel.platform.value,
                        storable(channel.channel_id),
                        storable(name),
                        storable(message.message_id),
                        storable(message.author.user_id),
                        packed(message),
                        self._clock(),
                    )
                    for message in written
                ],
            )
        del whole.unwritten[: len(written)]

    async def _release(self, key: _Key, message: IncomingMessage) -> None:
        """The whole has its row, or was turned away. At our end it may have come to neither: then
        the next start puts it together anew, and its row, should there be one, drops the double."""
        await self._replying.runs.noted()
        is_kept = await self._inbox.find(message.conversation, message.message_id) is not None
        if self._replying.closing.is_set() and not is_kept:
            return
        channel, name = key
        async with self._database.transaction() as connection:
            await connection.execute(
                "DELETE FROM held_parts WHERE platform = ? AND channel_id = ? AND whole = ?",
                (channel.platform.value, storable(channel.channel_id), storable(name)),
            )
        self._leaving.discard(key)


def _key(message: IncomingMessage, whole: str) -> _Key:
    return message.conversation.channel, whole
