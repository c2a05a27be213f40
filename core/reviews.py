"""Uploads that wait for a moderator: their files lie aside, and nothing of them is searched."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import time
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from core.database import Database
from core.errors import NoLongerOpenError
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


@dataclass(frozen=True, slots=True)
class Review:
    """An upload that waits."""

    token: str
    base: str
    uploader: str
    uploader_id: str
    held_at: datetime
    files: tuple[HeldFile, ...]


class Reviews:
    """What waits, by base. The folder is its own: nothing else lies there."""

    def __init__(
        self, database: Database, folder: Path, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._folder = folder
        self._clock = clock

    async def hold(
        self, base: str, uploader: str, uploader_id: str, files: Sequence[HeldFile]
    ) -> Review:
        """Take the files over, by copying them, until somebody decides."""
        token = secrets.token_hex(_TOKEN_BYTES)
        folder = self._folder / token
        held = tuple(
            HeldFile(
                file.name, file.size, file.beginning, folder / f"{place:03}" / file_name(file.name)
            )
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
                    "INSERT INTO review_files VALUES (?, ?, ?, ?, ?)",
                    [
                        (token, place, storable(file.name), file.size, storable(file.beginning))
                        for place, file in enumerate(held)
                    ],
                )
        except BaseException:
            await to_the_end(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))
            raise
        return Review(token, base, uploader, uploader_id, datetime.fromtimestamp(now, UTC), held)

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

    async def open(self, token: str, bases: Container[str]) -> Review:
        """One that waits for one of these bases. Raises `NoLongerOpenError`."""
        review = await self._find(token)
        if review is None or review.base not in bases:
            raise NoLongerOpenError
        return review

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
                "SELECT name, size, beginning, place FROM review_files WHERE token = ?"
                " ORDER BY place",
                (storable(token),),
            )
            base, uploader, uploader_id, held_at = rows[0]
            folder = self._folder / token
            return Review(
                token,
                base,
                uploader,
                uploader_id,
                datetime.fromtimestamp(held_at, UTC),
                tuple(
                    HeldFile(name, size, beginning, folder / f"{place:03}" / file_name(name))
                    for name, size, beginning, place in files
                ),
            )


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
