"""Files that come with Telegram messages: named at once, fetched when somebody wants them."""

from __future__ import annotations

import asyncio
import mimetypes
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

import httpx2
from telegram import Bot, Message
from telegram.error import BadRequest, Forbidden, InvalidToken, TelegramError

from bot.errors import FileNotFetchedError, HostedDownloadLimitError
from core.errors import AttachmentTooLargeError
from core.events import Attachment
from knowledge_base.originals import full_disk_told

HOSTED_LIMIT: Final = 20 << 20
"""What Telegram's own server lets a bot download; a local one has no limit."""
FETCH_SECONDS: Final = 300.0
_PIECE: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file at Telegram."""

    file_id: str
    filename: str
    media_type: str
    size: int | None


def file_of(message: Message) -> RemoteFile | None:
    """The document or photo of a message. What is to be heard or watched is none of ours."""
    if message.document is not None and message.animation is None:
        document = message.document
        kind = document.mime_type or "application/octet-stream"
        suffix = mimetypes.guess_extension(kind) or ""
        name = document.file_name or f"document-{document.file_unique_id}{suffix}"
        return RemoteFile(document.file_id, name, kind, document.file_size)
    if message.photo:
        fitting = [size for size in message.photo if (size.file_size or 0) <= HOSTED_LIMIT]
        photo = max(fitting or message.photo, key=lambda size: size.width * size.height)
        name = f"photo-{photo.file_unique_id}.jpg"
        return RemoteFile(photo.file_id, name, "image/jpeg", photo.file_size)
    return None


class Files:
    """Fetches files through the Bot API."""

    def __init__(self, bot: Bot, client: httpx2.AsyncClient, *, local: bool) -> None:
        """`local`: the server is our own and has no limit; it may name files on this disk."""
        self._bot = bot
        self._client = client
        self._local = local

    @property
    def limit(self) -> int | None:
        """The largest file that can be fetched, in bytes."""
        return None if self._local else HOSTED_LIMIT

    def attachment(self, remote: RemoteFile) -> Attachment:
        """The file as the core takes it; nothing is fetched yet."""

        async def save(path: Path, limit: int) -> None:
            await self._save(remote, path, limit)

        return Attachment(remote.file_id, remote.filename, remote.media_type, remote.size, save)

    async def _save(self, remote: RemoteFile, path: Path, limit: int) -> None:
        """Raises `AttachmentTooLargeError`, `FileNotFetchedError`, `StorageFullError`."""
        if remote.size is not None and remote.size > limit:
            raise AttachmentTooLargeError(remote.filename, limit, "knowledge.max_file_mb")
        if self.limit is not None and (remote.size or 0) > self.limit:
            raise HostedDownloadLimitError(remote.filename, self.limit)
        try:
            async with asyncio.timeout(FETCH_SECONDS), aclosing(self._pieces(remote)) as pieces:
                await _write(pieces, path, limit, remote.filename)
        except (httpx2.HTTPError, TelegramError, TimeoutError, OSError) as error:
            raise FileNotFetchedError(remote.filename) from error

    async def _pieces(self, remote: RemoteFile) -> AsyncGenerator[bytes, None]:
        try:
            # Asked for only now: the address it gives is good for an hour.
            where = (await self._bot.get_file(remote.file_id)).file_path or ""
        except (Forbidden, InvalidToken) as error:
            raise FileNotFetchedError(remote.filename) from error
        except BadRequest as error:
            if "too big" in error.message.lower() and self.limit is not None:
                raise HostedDownloadLimitError(remote.filename, self.limit) from error
            raise
        if self._local and await asyncio.to_thread(os.path.isfile, where):
            with await asyncio.to_thread(open, where, "rb") as file:
                while piece := await asyncio.to_thread(file.read, _PIECE):
                    yield piece
            return
        async with self._client.stream("GET", where) as response:
            if response.status_code != HTTPStatus.OK:
                # Not by the library's exception: it names the address, which holds the token.
                raise FileNotFetchedError(remote.filename)
            async for piece in response.aiter_bytes(_PIECE):
                yield piece


async def _write(pieces: AsyncIterator[bytes], path: Path, limit: int, name: str) -> None:
    written = 0
    with full_disk_told(), await asyncio.to_thread(path.open, "wb") as file:
        async for piece in pieces:
            written += len(piece)
            if written > limit:
                raise AttachmentTooLargeError(name, limit, "knowledge.max_file_mb")
            await asyncio.to_thread(file.write, piece)
