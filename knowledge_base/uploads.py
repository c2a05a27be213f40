"""What paths name: single files out of folders and archives."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import unicodedata
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

from knowledge_base.errors import NoRegularFileError, RejectedDocumentError
from knowledge_base.models import Upload
from knowledge_base.offloop import blocking
from knowledge_base.originals import Originals
from knowledge_base.reading import FileReader
from knowledge_base.threads import Threads, run

ZIP_MAGIC = b"PK"

Uploads: TypeAlias = AsyncGenerator[Upload | RejectedDocumentError, None]


class Unpacking:
    """Expands folders and archives, whose members lie in scratch folders while they are used."""

    def __init__(
        self, reader: FileReader, originals: Originals, threads: Threads, holder: str
    ) -> None:
        self._reader = reader
        self._originals = originals
        self._threads = threads
        self._holder = holder

    @asynccontextmanager
    async def uploads(
        self, paths: Sequence[Path], uploader: str | None, uploader_id: str | None = None
    ) -> AsyncGenerator[Uploads, None]:
        """One item a file, in order; a file that cannot be opened up is told, not raised.

        Files out of archives are there until the context is left.
        """
        async with (
            AsyncExitStack() as scratches,
            aclosing(
                self._each(paths, Upload("", Path(), uploader, uploader_id), scratches)
            ) as found,
        ):
            yield found

    @asynccontextmanager
    async def members(self, upload: Upload) -> AsyncGenerator[Uploads, None]:
        """The files of one archive, named below it; any other file as it is."""

        async def each(scratches: AsyncExitStack) -> Uploads:
            if not await run(self._threads.files, partial(_maybe_archive, upload.path)):
                yield upload
                return
            for member in await self._opened(upload, f"{upload.name}/", scratches):
                yield member

        async with AsyncExitStack() as scratches, aclosing(each(scratches)) as found:
            yield found

    async def _each(
        self, paths: Sequence[Path], like: Upload, scratches: AsyncExitStack
    ) -> Uploads:
        for path in paths:
            found = await run(self._threads.files, partial(_files, path, like))
            is_folder = await run(self._threads.files, path.is_dir)
            for upload in found:
                if isinstance(upload, RejectedDocumentError):
                    yield upload
                    continue
                if not await run(self._threads.files, partial(_maybe_archive, upload.path)):
                    yield upload
                    continue
                prefix = f"{upload.name}/" if is_folder else ""
                for member in await self._opened(upload, prefix, scratches):
                    yield member

    async def _opened(
        self, upload: Upload, prefix: str, scratches: AsyncExitStack
    ) -> Sequence[Upload | RejectedDocumentError]:
        """The members of an archive; the file itself where it is none after all."""
        scratch = await run(
            self._threads.files, partial(self._originals.scratch, self._holder), discard
        )
        scratches.push_async_callback(run, self._threads.files, partial(discard, scratch))
        changed = await run(self._threads.files, partial(_changed, upload.path))
        try:
            members = await self._reader.extract(upload, scratch)
        except RejectedDocumentError as error:
            return (error,)
        if members is None:
            return (upload,)
        await run(self._threads.files, partial(_as_old_as, changed, members))
        return [
            replace(upload, name=composed(prefix + member.name), path=member.path)
            for member in members
        ]


@blocking
def _files(path: Path, like: Upload) -> Sequence[Upload | RejectedDocumentError]:
    """The files there are, of whoever `like` is of."""
    if path.exists() and not (path.is_dir() or path.is_file()):
        return [NoRegularFileError(composed(path.name))]
    if not path.is_dir():
        return [replace(like, name=composed(path.name), path=path)]
    root = path.resolve()
    names = [
        found.relative_to(path)
        for found in path.rglob("*")
        if found.is_file() and found.resolve().is_relative_to(root)
    ]
    visible = [name for name in names if not any(part.startswith(".") for part in name.parts)]
    return [
        replace(like, name=composed(name.as_posix()), path=path / name)
        for name in sorted(visible, key=lambda name: name.parts)
    ]


@blocking
def require_file(upload: Upload) -> None:
    """Raises `NoRegularFileError` for what may never end, such as a pipe; what is not there at all
    is told by whoever opens it."""
    with contextlib.suppress(OSError):
        mode = upload.path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise NoRegularFileError(upload.name)


def composed(name: str) -> str:
    """Some file systems take letters apart; a name is one name on all of them.

    Bytes that are no UTF-8 are written out (`\\xff`): a name is text wherever it goes.
    """
    with contextlib.suppress(UnicodeEncodeError):
        name = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return unicodedata.normalize("NFC", name.encode("utf-8", "backslashreplace").decode())


@blocking
def _maybe_archive(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(2) == ZIP_MAGIC
    except OSError:
        return False  # adding it will tell


@blocking
def _changed(archive: Path) -> int | None:
    """When the archive was changed last, in nanoseconds; asked before it is read."""
    try:
        return archive.stat().st_mtime_ns
    except OSError:
        return None


@blocking
def _as_old_as(changed: int | None, members: Sequence[Upload]) -> None:
    """Whoever follows a folder tells by a file's time whether it is another one: what is unpacked
    anew each time is no newer than the archive that it lies in."""
    if changed is None:
        return
    for member in members:
        with contextlib.suppress(OSError):
            os.utime(member.path, ns=(changed, changed))


@blocking
def discard(scratch: Path) -> None:
    """Take a scratch folder away."""
    shutil.rmtree(scratch, ignore_errors=True)
