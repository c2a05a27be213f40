"""Which documents of a followed folder are files that only have another name now."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Final

from knowledge_base.models import Document, Upload
from knowledge_base.renaming import Renaming

ABSENT_SECONDS: Final = 60.0
"""How long such a document waits."""
ANOTHER: Final = ""
"""In place of a checksum: whatever it is, it is none that was looked for."""


class Absences:
    """Documents whose files are gone, while another file is being written that may be the same one
    under another name: some programs rename by copying."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since: dict[tuple[str, str], float] = {}

    def waiting(
        self, base: str, gone: Mapping[str, int], written: Collection[int]
    ) -> frozenset[str]:
        """Names, of those that are gone with their sizes, that are to wait for a file of their size
        that is being written; not for ever."""
        now = self._clock()
        for key in [key for key in self._since if key[0] == base and key[1] not in gone]:
            del self._since[key]
        waiting = {name for name, size in gone.items() if size in written}
        return frozenset(
            name
            for name in waiting
            if now - self._since.setdefault((base, name), now) < ABSENT_SECONDS
        )


def sha256_of(path: Path, sizes: Collection[int]) -> str:
    """Of a file of one of these sizes; else, and where it cannot be read, `ANOTHER`."""
    try:
        if path.stat().st_size not in sizes:
            return ANOTHER
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ANOTHER  # adding it will tell


def displaced(
    own: Mapping[str, Document], contents: Mapping[str, str], gone: Collection[str]
) -> dict[str, Document]:
    """Documents whose file is gone, or says something else now, by what they say."""
    return {
        document.sha256: document
        for name, document in own.items()
        if name in gone or contents.get(name, document.sha256) != document.sha256
    }


async def contents_of(
    uploads: Collection[Upload], own: Mapping[str, Document], gone: Collection[str]
) -> dict[str, str]:
    """Checksums of these files by their names: of those that have a document, and, where a
    document lost its file, of others of its size."""
    contents = {
        upload.name: await asyncio.to_thread(sha256_of, upload.path, (own[upload.name].size,))
        for upload in uploads
        if upload.name in own
    }
    sizes = {document.size for document in displaced(own, contents, gone).values()}
    if not sizes:
        return contents
    for upload in uploads:
        if contents.get(upload.name, ANOTHER) == ANOTHER:
            found = await asyncio.to_thread(sha256_of, upload.path, sizes)
            if found != ANOTHER:
                contents[upload.name] = found
    return contents


def renamings(
    stored: Mapping[str, Document],
    own: Mapping[str, Document],
    contents: Mapping[str, str],
    gone: Collection[str],
) -> list[Renaming]:
    """`stored`: all documents of the base by their names, of which those from the folder are `own`;
    `contents`: checksums of files by their names, as far as they are known; `gone`: names in `own`
    without a file."""
    lost = displaced(own, contents, gone)
    found: dict[str, Document] = {}
    # A new name before one that says something else now: of two copies one may have been there.
    for name in sorted(contents, key=lambda name: (name in own, name)):
        if name in stored and name not in own:
            continue  # somebody added another document of this name
        document = lost.get(contents[name])
        if document is not None and document.name != name:
            found[name] = lost.pop(document.sha256)
    moving = {document.name for document in found.values()}
    return [
        Renaming(document, name, None if name in moving else own.get(name))
        for name, document in found.items()
    ]
