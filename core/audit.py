"""What was done with a channel: settings, documents, admission. Who, what, where and when."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from core.database import Database
from core.envoy import Envoy
from core.events import Asked, ChannelKind, ChannelRef, MemberRef, ServerRef
from core.inert import inert
from core.language import N_, Words
from core.noticeboard import Noticeboards
from core.text import clip, storable

_DAY: Final = 86_400
_LONGEST_ABOUT: Final = 200


class Act(StrEnum):
    """What can be done; the values stand in the database."""

    SETTING = "setting"
    PAUSED = "paused"
    RESUMED = "resumed"
    ATTACHED = "attached"
    DETACHED = "detached"
    SHARED = "shared"
    CREATED = "created"
    RENAMED = "renamed"
    REMOVED = "removed"
    PURGED = "purged"
    UNDONE = "undone"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    NOTED = "noted"
    IMPORTED = "imported"
    EXPORTED = "exported"
    TUNED = "tuned"
    ADMITTED = "admitted"
    REFUSED = "refused"
    KEY_MADE = "key made"
    KEY_WITHDRAWN = "key withdrawn"
    ACCOUNT_MADE = "account made"
    ACCOUNT_CHANGED = "account changed"
    ACCOUNT_REMOVED = "account removed"


_SENTENCES: Final[dict[Act, str]] = {
    Act.SETTING: N_("{name} changed a setting: {about}."),
    Act.PAUSED: N_("{name} paused me: {about}."),
    Act.RESUMED: N_("{name} let me answer again: {about}."),
    Act.ATTACHED: N_("{name} attached the documents of {about}."),
    Act.DETACHED: N_("{name} detached the documents of {about}."),
    Act.SHARED: N_("{name} shared a document: {about}."),
    Act.CREATED: N_("{name} made the knowledge base {about}."),
    Act.RENAMED: N_("{name} renamed a knowledge base: {about}."),
    Act.REMOVED: N_("{name} removed {about}."),
    Act.PURGED: N_("{name} removed all that a member had added: {about}."),
    Act.UNDONE: N_("{name} brought back {about}."),
    Act.ACCEPTED: N_("{name} accepted an upload: {about}."),
    Act.REJECTED: N_("{name} rejected an upload: {about}."),
    Act.NOTED: N_("{name} wrote a note: {about}."),
    Act.IMPORTED: N_("{name} imported {about}."),
    Act.EXPORTED: N_("{name} exported {about}."),
    Act.TUNED: N_("{name} tuned the search: {about}."),
    Act.ADMITTED: N_("{name} approved {about}."),
    Act.REFUSED: N_("{name} refused {about}."),
    Act.KEY_MADE: N_("{name} made a key: {about}."),
    Act.KEY_WITHDRAWN: N_("{name} withdrew a key: {about}."),
    Act.ACCOUNT_MADE: N_("{name} made an account of the console: {about}."),
    Act.ACCOUNT_CHANGED: N_("{name} changed the password of an account of the console: {about}."),
    Act.ACCOUNT_REMOVED: N_("{name} removed an account of the console: {about}."),
}


_OWN: Final = frozenset((Act.SETTING, Act.REMOVED, Act.PURGED, Act.NOTED))
"""What a member does with what is their own, where it is done in private."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was done."""

    act: Act
    author: str
    """The name of who did it, as it was then."""
    author_id: str
    about: str
    at: datetime

    def told(self, _: Words) -> str:
        """As a sentence in which nothing is markup."""
        return _(_SENTENCES[self.act], name=inert(self.author), about=inert(self.about))


class Audit:
    """Rows, and a line in the log channel where one is chosen."""

    def __init__(
        self,
        database: Database,
        boards: Noticeboards,
        envoy: Envoy,
        words_of: Callable[[Asked], Words],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._boards = boards
        self._envoy = envoy
        self._words_of = words_of
        self._clock = clock

    async def note(self, asked: Asked, act: Act, about: str = "") -> bool:
        """Somebody did something where they ask. `about` names it; no words of a message.

        False: the log channel did not take its line. What somebody does in their own private chat
        is nobody's business.
        """
        if asked.kind is ChannelKind.PRIVATE and act in _OWN:
            return True
        entry = await self.record(asked, act, about)
        channel = asked.conversation.channel
        board = await self._boards.of(asked)
        if board is None:
            return True
        _ = self._words_of(asked)
        told = entry.told(_)
        if board.conversation.channel != channel and asked.place.channel_name:
            told = _("{name}: {text}", name=inert(asked.place.channel_name), text=told)
        return await self._envoy.say(board.conversation, told)

    async def record(
        self, asked: Asked, act: Act, about: str = "", channel: ChannelRef | None = None
    ) -> Entry:
        """Keep it without a line in the log channel; `channel`: done of another than asked in."""
        author, now = asked.author, self._clock()
        entry = Entry(
            act,
            storable(author.display_name),
            storable(author.user_id),
            storable(clip(about, _LONGEST_ABOUT)),
            datetime.fromtimestamp(now, UTC),
        )
        await self._insert(channel or asked.conversation.channel, asked.server_id, entry, now)
        return entry

    async def decided(self, subject: ServerRef | MemberRef, name: str, by: str, act: Act) -> None:
        """An owner decided about a place or a person; `name` is theirs, `by` who decided."""
        now = self._clock()
        entry = Entry(act, by, by, storable(name), datetime.fromtimestamp(now, UTC))
        server_id = subject.server_id if isinstance(subject, ServerRef) else None
        await self._insert(ChannelRef(subject.platform, ""), server_id, entry, now)

    async def of_channel(self, channel: ChannelRef, most: int = 10) -> tuple[Entry, ...]:
        """What was done there, the latest first."""
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT act, author, author_id, about, done_at FROM audit"
                " WHERE platform = ? AND channel_id = ? ORDER BY audit_id DESC LIMIT ?",
                (channel.platform.value, storable(channel.channel_id), most),
            )
        known = {act.value for act in Act}
        return tuple(
            Entry(Act(act), author, author_id, about, datetime.fromtimestamp(done_at, UTC))
            for act, author, author_id, about, done_at in rows
            if act in known
        )

    async def prune(self, days: float = 365) -> int:
        """Let go of what was done longer ago; the number of rows."""
        async with self._database.transaction() as connection:
            cursor = await connection.execute(
                "DELETE FROM audit WHERE done_at < ?", (self._clock() - days * _DAY,)
            )
            return cursor.rowcount

    async def _insert(
        self, channel: ChannelRef, server_id: str | None, entry: Entry, now: float
    ) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(
                "INSERT INTO audit (platform, channel_id, server_id, author_id, author, act, about,"
                " done_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    channel.platform.value,
                    storable(channel.channel_id),
                    None if server_id is None else storable(server_id),
                    entry.author_id,
                    entry.author,
                    entry.act.value,
                    entry.about,
                    now,
                ),
            )
