"""Fetching files that take hours: resumed where they broke off, whole or not there at all."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from bot.models.errors import PullError
from bot.models.sources import RemoteFile, host_of, refuse

if TYPE_CHECKING:
    import httpx2

_SPARE_BYTES: Final = 512 << 20
"""Stays free on the disk, whatever is fetched."""
_TRIES: Final = 6
"""One after another without a single new byte."""
POINTER: Final = b"version https://git-lfs.github.com/spec/"
_LONGEST_POINTER: Final = 1024


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that lies on the disk, whole."""

    path: str
    size: int
    sha256: str


class Download:
    """Files of one model into one folder. What is under way ends in `.part`."""

    def __init__(
        self,
        client: httpx2.AsyncClient,
        model: str,
        folder: Path,
        *,
        pause_seconds: float = 1.0,
    ) -> None:
        self._client = client
        self._model = model
        self._folder = folder
        self._pause = pause_seconds

    def check_disk(self, files: Sequence[RemoteFile]) -> None:
        """Raises `PullError` where they do not fit beside what is there already."""
        needed = sum(max(0, (file.size or 0) - self._there(file)) for file in files)
        free = shutil.disk_usage(self._folder).free
        if needed + _SPARE_BYTES > free:
            missing = needed + _SPARE_BYTES - free
            raise PullError("disk", self._model, str(self._folder), missing)

    async def fetch(self, file: RemoteFile, progress: Callable[[int], None]) -> Fetched:
        """One file; `progress` is told how many bytes of it there are. Raises `PullError`.

        What has the right size and sum already is left as it is. A wrong sum is tried once more
        from the beginning.
        """
        target = self._folder / file.path
        await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
        if target.is_file() and (held := await asyncio.to_thread(_whole, target, file)):
            progress(held.size)
            return held
        part = self._part(file)
        for _ in range(2):
            await self._bytes(file, part, progress)
            if await asyncio.to_thread(is_pointer, part):
                part.unlink()
                raise PullError("pointer", self._model, file.path)
            if (held := await asyncio.to_thread(_whole, part, file)) is not None:
                await asyncio.to_thread(part.replace, target)
                await asyncio.to_thread(self._drop_others, file)
                return Fetched(file.path, held.size, held.sha256)
            part.unlink()
        raise PullError("checksum", self._model, file.path)

    async def _bytes(self, file: RemoteFile, part: Path, progress: Callable[[int], None]) -> None:
        """Until the part is as long as it should be."""
        import httpx2

        left = _TRIES
        while True:
            before = _size(part)
            if file.size is not None and before == file.size > 0:
                progress(before)
                return
            try:
                ended = await self._some(file, part, progress)
            except (httpx2.TransportError, _BusyError):
                ended = False
            if ended and (file.size is None or _size(part) >= file.size):
                return
            left = _TRIES if _size(part) > before else left - 1
            if not left:
                raise PullError("broken_off", self._model, file.path)
            await asyncio.sleep(self._pause * 2 ** (_TRIES - left - 1))

    async def _some(self, file: RemoteFile, part: Path, progress: Callable[[int], None]) -> bool:
        """As much as one connection gives; True where it came to its end."""
        if "://" not in file.url:
            await asyncio.to_thread(shutil.copyfile, file.url, part)
            progress(_size(part))
            return True
        have = _size(part)
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
        async with self._client.stream("GET", file.url, headers=headers) as reply:
            if reply.status_code == 416:  # longer than what the server has: another version
                await asyncio.to_thread(part.unlink, missing_ok=True)
                return False
            if reply.status_code >= 500 or reply.status_code == 429:
                raise _BusyError(host_of(file.url))
            refuse(reply.status_code, self._model, file.url)
            begins = _begins_at(reply.headers.get("Content-Range", ""))
            resumed = reply.status_code == 206 and begins == have
            if have and not resumed:
                have = 0
            with part.open("ab" if resumed else "wb") as out:
                # As they come: what is gathered first would be lost where the line breaks.
                await _write(reply.aiter_raw(), out, have, progress)
        return True

    def _part(self, file: RemoteFile) -> Path:
        # Under the name of its sum: what is left of another version is not continued.
        version = (file.sha256 or file.blob or str(file.size))[:12]
        return self._folder / f"{file.path}.{version}.part"

    def _drop_others(self, file: RemoteFile) -> None:
        """What was half fetched of other versions."""
        target = self._folder / file.path
        for path in target.parent.iterdir():
            if path.name.startswith(f"{target.name}.") and path.suffix == ".part":
                path.unlink()

    def _there(self, file: RemoteFile) -> int:
        return max(_size(self._folder / file.path), _size(self._part(file)))


class _BusyError(Exception):
    """The server asks to come again later."""


async def _write(
    chunks: AsyncIterator[bytes], out: BinaryIO, have: int, progress: Callable[[int], None]
) -> None:
    async for chunk in chunks:
        await asyncio.to_thread(out.write, chunk)
        have += len(chunk)
        progress(have)


def is_pointer(path: Path) -> bool:
    """Whether it is what git leaves where a large file is not fetched."""
    if _size(path) > _LONGEST_POINTER:
        return False
    return path.read_bytes().startswith(POINTER)


def sha256_of(path: Path) -> str:
    """Reads the whole file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _whole(path: Path, file: RemoteFile) -> Fetched | None:
    """What lies there, where size and sum are those that the source tells."""
    size = _size(path)
    if file.size is not None and size != file.size:
        return None
    found = sha256_of(path)
    if file.sha256 is not None and found != file.sha256.casefold():
        return None
    if file.sha256 is None and file.blob and len(file.blob) == 40 and _blob(path) != file.blob:
        return None
    return Fetched(file.path, size, found)


def _blob(path: Path) -> str:
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _begins_at(content_range: str) -> int | None:
    """The first byte of "bytes 5-9/10"."""
    first = content_range.removeprefix("bytes ").partition("-")[0]
    return int(first) if first.isdigit() else None
