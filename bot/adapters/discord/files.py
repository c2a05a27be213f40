"""Files that come with Discord messages: named at once, fetched when somebody wants them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import aiohttp
import discord

from bot.adapters.discord.endpoint import is_loopback, may_fetch
from bot.errors import FileNotFetchedError
from core.errors import AttachmentTooLargeError
from core.events import Attachment
from knowledge_base.originals import full_disk_told

FETCH_SECONDS: Final = 300.0
SILENCE_SECONDS: Final = 30.0
"""How long nothing may come before a download is given up."""
_PIECE: Final = 1 << 16
_KEY: Final = "knowledge.max_file_mb"


class Files:
    """Fetches attachments from where Discord keeps them. Close it at the end."""

    def __init__(
        self, base: str, *, proxy: str | None, connector: aiohttp.BaseConnector | None
    ) -> None:
        self._base = base
        self._proxy = proxy
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=FETCH_SECONDS, sock_read=SILENCE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def aclose(self) -> None:
        """End the connections."""
        await self._session.close()

    def attachment(self, remote: discord.Attachment) -> Attachment:
        """The file as the core takes it; nothing is fetched yet."""
        name = name_of(remote)

        async def save(path: Path, limit: int) -> None:
            if remote.size > limit:
                raise AttachmentTooLargeError(name, limit, _KEY)
            await self._save(remote.url, name, path, limit)

        kind = remote.content_type or "application/octet-stream"
        return Attachment(str(remote.id), name, kind, remote.size, save)

    async def _save(self, url: str, name: str, path: Path, limit: int) -> None:
        """Raises `AttachmentTooLargeError`, `FileNotFetchedError`, `StorageFullError`."""
        if not may_fetch(url, self._base):
            raise FileNotFetchedError(name)
        proxy = None if is_loopback(url) else self._proxy
        try:
            # Redirects are not followed: they could lead anywhere, into this network too.
            async with self._session.get(url, proxy=proxy, allow_redirects=False) as response:
                if response.status != 200:
                    raise FileNotFetchedError(name)
                await _write(response.content, name, path, limit)
        except (aiohttp.ClientError, OSError) as error:
            raise FileNotFetchedError(name) from error


async def _write(content: aiohttp.StreamReader, name: str, path: Path, limit: int) -> None:
    written = 0
    with full_disk_told(), await asyncio.to_thread(path.open, "wb") as file:
        async for piece in content.iter_chunked(_PIECE):
            written += len(piece)
            # What the platform said of the size is not believed.
            if written > limit:
                raise AttachmentTooLargeError(name, limit, _KEY)
            await asyncio.to_thread(file.write, piece)


def name_of(remote: discord.Attachment) -> str:
    """The name that the member gave the file.

    Discord takes what is not ASCII out of `filename` and keeps the name, without its suffix, as
    `title`.
    """
    if not remote.title:
        return remote.filename
    _stem, dot, suffix = remote.filename.rpartition(".")
    if not dot or remote.title.casefold().endswith(f".{suffix}".casefold()):
        return remote.title
    return f"{remote.title}.{suffix}"
