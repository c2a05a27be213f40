"""Messages that became documents: who wrote them, where they stand, and under which name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from core.database import Database
from core.events import ChannelRef
from core.filenames import file_name
from core.inert import one_line
from core.text import storable

if TYPE_CHECKING:
    import aiosqlite

    from core.events import Platform, Quoted


_TAIL: Final = 12
"""Letters of a message's id that its document's name ends in."""


@dataclass(frozen=True, slots=True)
class TaughtMessage:
    """A message as the document that it became."""

    base: str
    name: str
    author_id: str
    author: str
    link: str | None
    written_at: datetime | None


class TaughtMessages:
    """Which messages of which channels stand in which bases."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(self, channel: ChannelRef, quoted: Quoted, base: str, name: str) -> None:
        """The message stands in that base under that name."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "INSERT OR REPLACE INTO taught_messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *_key(channel, quoted.message_id),
                    storable(base),
                    storable(name),
                    storable(quoted.author.user_id),
                    storable(quoted.author.display_name),
                    storable(quoted.link) if quoted.link else None,
                    quoted.sent_at.timestamp() if quoted.sent_at else None,
                ),
            )

    async def of(self, channel: ChannelRef, message_id: str) -> tuple[TaughtMessage, ...]:
        """The documents that a message became."""
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT base, name, author_id, author, link, written_at FROM taught_messages"
                " WHERE platform = ? AND channel_id = ? AND message_id = ?",
                _key(channel, message_id),
            )
            return tuple(_told(*row) for row in rows)

    async def latest(
        self, platform: Platform, most: int
    ) -> tuple[tuple[ChannelRef, str, TaughtMessage], ...]:
        """The newest messages of a platform that have an address, by channel and id."""
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT channel_id, message_id, base, name, author_id, author, link, written_at"
                " FROM taught_messages WHERE platform = ? AND link IS NOT NULL"
                " ORDER BY written_at DESC LIMIT ?",
                (platform.value, most),
            )
            return tuple(
                (ChannelRef(platform, channel_id), str(message_id), _told(*facts))
                for channel_id, message_id, *facts in rows
            )

    async def author_of(self, base: str, name: str) -> str | None:
        """The id of who wrote the message that became this document; None: it is no message."""
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT author_id FROM taught_messages WHERE base = ? AND name = ?",
                (storable(base), storable(name)),
            )
            return next((str(author_id) for (author_id,) in rows), None)

    async def renamed(self, old: str, new: str) -> None:
        """A base goes on under another name."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "UPDATE OR REPLACE taught_messages SET base = ? WHERE base = ?",
                (storable(new), storable(old)),
            )

    async def forget(self, base: str, name: str) -> None:
        """The document is gone."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "DELETE FROM taught_messages WHERE base = ? AND name = ?",
                (storable(base), storable(name)),
            )


async def move_taught(connection: aiosqlite.Connection, old: ChannelRef, new: ChannelRef) -> None:
    """Let the messages of a channel, and what waits there, go on under its new id."""
    refs = (new.platform.value, new.channel_id, old.platform.value, old.channel_id)
    await connection.execute(
        "UPDATE taught_messages SET platform = ?, channel_id = ?,"
        " message_id = channel_id || ':' || message_id WHERE platform = ? AND channel_id = ?",
        refs,
    )
    await connection.execute(
        "UPDATE confirmations SET platform = ?, channel_id = ?"
        " WHERE platform = ? AND channel_id = ?",
        refs,
    )


def document_name(quoted: Quoted) -> str:
    """Who and when; the end of its id tells messages of one day apart."""
    when = f" {quoted.sent_at:%Y-%m-%d}" if quoted.sent_at else ""
    digits = re.sub(r"[^A-Za-z0-9]", "", quoted.message_id)[-_TAIL:]
    return file_name(f"{one_line(quoted.author.display_name, 60)}{when} {digits}.md")


def document_text(quoted: Quoted) -> str:
    """Author, date and address stand in the text, so that whoever cites it sees them."""
    facts = [one_line(quoted.author.display_name)]
    if quoted.sent_at is not None:
        facts.append(f"{quoted.sent_at:%Y-%m-%d %H:%M}")
    if quoted.link is not None:
        facts.append(one_line(quoted.link, 300))
    return f"{' · '.join(facts)}\n\n{quoted.text.strip()}\n"


def _told(
    base: str, name: str, author_id: str, author: str, link: str | None, written: float | None
) -> TaughtMessage:
    written_at = None if written is None else datetime.fromtimestamp(written, UTC)
    return TaughtMessage(base, name, author_id, author, link, written_at)


def _key(channel: ChannelRef, message_id: str) -> tuple[str, str, str]:
    return channel.platform.value, storable(channel.channel_id), storable(message_id)
