"""Uploads that wait for a moderator: their files lie aside, and nothing of them is searched."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import time
from collections.abc import AsyncGenerator, Callable, Container, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

import aiosqlite

from core.database import Database
from core.errors import NoLongerOpenError
from core.events import ChannelRef, ConversationRef, MessageRef, Platform
from core.filenames import file_name
from core.shielding import to_the_end
from core.text import storable

_TOKEN_BYTES: Final = 6
_ANY_SECONDS: Final = 3600
"""Files without a row that are older than this were left by a process that died."""


@dataclass(frozen=True, slots=True)
class HeldFile:
    """One file of an upload that waits."""

    name: str
    size: int
    beginning: str
    """Its first lines, for whoever decides."""
    path: Path
    source: str | None = None
    """Address of the page of the web that it was fetched from."""
    media_type: str | None = None
    """What it is, where that is known; else its content tells."""


@dataclass(frozen=True, slots=True)
class Review:
    """An upload that waits."""

    token: str
    base: str
    uploader: str
    uploader_id: str
    held_at: datetime
    files: tuple[HeldFile, ...]
    origin: MessageRef | None = None
    """The message that it came with; None: it was held before that was kept."""
    card: MessageRef | None = None
    """What shows it to moderators in their log channel."""


class Reviews:
    """What waits, by base. The folder is its own: nothing else lies there."""

    def __init__(
        self, database: Database, folder: Path, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._folder = folder
        self._clock = clock
        self._lines: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def hold(
        self,
        base: str,
        uploader: str,
        uploader_id: str,
        files: Sequence[HeldFile],
        origin: MessageRef | None = None,
    ) -> Review:
        """Take the files over, by copying them, until somebody decides."""
        token = secrets.token_hex(_TOKEN_BYTES)
        folder = self._folder / token
        held = tuple(
            replace(file, path=folder / f"{place:03}" / file_name(file.name))
            for place, file in enumerate(files)
        )
        now = self._clock()
        try:
            await to_the_end(asyncio.to_thread(_copy, files, held))
            async with self._database.transaction() as connection:
                await connection.execute(
                    "INSERT INTO reviews VALUES (?, ?, ?, ?, ?)",
                    (token, storable(base), storable(uploader), storable(uploader_id), now),
                )
                await connection.executemany(
                    "INSERT INTO review_files VALUES (?, ?, ?, ?, ?, ?, ?)",
                    [_row(token, place, file) for place, file in enumerate(held)],
                )
                if origin is not None:
                    place = origin.conversation
                    await connection.execute(
                        "INSERT INTO review_places VALUES (?, ?, ?, ?, ?, NULL, NULL)",
                        (
                            token,
                            place.channel.platform.value,
                            storable(place.channel.channel_id),
                            storable(place.thread_id or ""),
                            storable(origin.message_id),
                        ),
                    )
        except BaseException:
            await to_the_end(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))
            raise
        at = datetime.fromtimestamp(now, UTC)
        return Review(token, base, uploader, uploader_id, at, held, origin)

    async def carded(self, review: Review, card: MessageRef) -> None:
        """A message elsewhere shows it; its buttons decide about it too."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "UPDATE review_places SET card_channel_id = ?, card_message_id = ? WHERE token = ?",
                (
                    storable(card.conversation.channel.channel_id),
                    storable(card.message_id),
                    review.token,
                ),
            )

    async def waiting(self, base: str) -> tuple[Review, ...]:
        """What waits for this base, oldest first."""
        async with self._database.reader() as connection:
            tokens = [
                str(token)
                for (token,) in await connection.execute_fetchall(
                    "SELECT token FROM reviews WHERE base = ? ORDER BY held_at, token",
                    (storable(base),),
                )
            ]
        found = [await self._find(token) for token in tokens]
        return tuple(review for review in found if review is not None)

    async def by(self, uploader_id: str) -> tuple[Review, ...]:
        """What waits of one person, anywhere."""
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall(
                "SELECT token FROM reviews WHERE uploader_id = ? ORDER BY held_at, token",
                (storable(uploader_id),),
            )
            tokens = [str(token) for (token,) in rows]
        found = [await self._find(token) for token in tokens]
        return tuple(review for review in found if review is not None)

    @asynccontextmanager
    async def deciding(self, token: str) -> AsyncGenerator[None, None]:
        """Decide about one alone: who comes second looks for it when the first is done."""
        async with self._lines.setdefault(token, asyncio.Lock()):
            yield

    async def open(self, token: str, bases: Container[str]) -> Review:
        """One that waits for one of these bases. Raises `NoLongerOpenError`."""
        review = await self._find(token)
        if review is None or review.base not in bases:
            raise NoLongerOpenError
        return review

    async def behind(self, token: str, card: MessageRef) -> Review | None:
        """The one that this very message in a log channel shows; None for any other message."""
        review = await self._find(token)
        shown = None if review is None else review.card
        if shown is None or shown.message_id != card.message_id:
            return None
        return review if shown.conversation.channel == card.conversation.channel else None

    async def close(self, review: Review) -> bool:
        """It is decided: the files go. False where somebody else decided first."""
        async with self._database.transaction() as connection:
            cursor = await connection.execute(
                "DELETE FROM reviews WHERE token = ?", (review.token,)
            )
        await to_the_end(
            asyncio.to_thread(shutil.rmtree, self._folder / review.token, ignore_errors=True)
        )
        return cursor.rowcount > 0

    async def renamed(self, old: str, new: str) -> None:
        """A base goes on under another name."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "UPDATE reviews SET base = ? WHERE base = ?", (storable(new), storable(old))
            )

    async def sweep(self) -> None:
        """Take away files that no row refers to; call it once, at the start."""
        async with self._database.reader() as connection:
            rows = await connection.execute_fetchall("SELECT token FROM reviews")
            tokens = {str(token) for (token,) in rows}
        await asyncio.to_thread(_sweep, self._folder, tokens, self._clock() - _ANY_SECONDS)

    async def _find(self, token: str) -> Review | None:
        async with self._database.reader() as connection:
            rows = list(
                await connection.execute_fetchall(
                    "SELECT base, uploader, uploader_id, held_at FROM reviews WHERE token = ?",
                    (storable(token),),
                )
            )
            if not rows:
                return None
            files = await connection.execute_fetchall(
                "SELECT name, size, beginning, place, source, media_type FROM review_files"
                " WHERE token = ?"
                " ORDER BY place",
                (storable(token),),
            )
            origin, card = await _places(connection, token)
            base, uploader, uploader_id, held_at = rows[0]
            folder = self._folder / token
            return Review(
                token,
                base,
                uploader,
                uploader_id,
                datetime.fromtimestamp(held_at, UTC),
                tuple(
                    HeldFile(
                        name,
                        size,
                        beginning,
                        folder / f"{place:03}" / file_name(name),
                        source,
                        kind,
                    )
                    for name, size, beginning, place, source, kind in files
                ),
                origin,
                card,
            )


def _row(token: str, place: int, file: HeldFile) -> tuple[str | int | None, ...]:
    name, beginning = storable(file.name), storable(file.beginning)
    source = storable(file.source) if file.source else None
    return token, place, name, file.size, beginning, source, file.media_type


async def _places(
    connection: aiosqlite.Connection, token: str
) -> tuple[MessageRef | None, MessageRef | None]:
    """The message that an upload came with, and the card that shows it elsewhere."""
    rows = await connection.execute_fetchall(
        "SELECT platform, channel_id, thread_id, message_id, card_channel_id, card_message_id"
        " FROM review_places WHERE token = ?",
        (storable(token),),
    )
    for name, channel_id, thread_id, message_id, card_channel_id, card_id in rows:
        platform = Platform(name)
        came_to = ConversationRef(ChannelRef(platform, channel_id), thread_id or None)
        origin = MessageRef(came_to, message_id)
        if card_channel_id is None:
            return origin, None
        return origin, MessageRef(ConversationRef(ChannelRef(platform, card_channel_id)), card_id)
    return None, None


def _copy(files: Sequence[HeldFile], held: Sequence[HeldFile]) -> None:
    for given, kept in zip(files, held, strict=True):
        kept.path.parent.mkdir(parents=True)
        shutil.copyfile(given.path, kept.path)


def _sweep(folder: Path, tokens: set[str], before: float) -> None:
    if not folder.is_dir():
        return
    for entry in folder.iterdir():
        if entry.name not in tokens and entry.stat().st_mtime < before:
            shutil.rmtree(entry, ignore_errors=True)
