"""What a loader is given: one file, what it may cost, and whom to tell how far it has come."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from knowledge_base.errors import (
    EncryptedDocumentError,
    LimitExceededError,
    UnreadableDocumentError,
)
from knowledge_base.settings import ReaderLimits
from knowledge_base.zips import BROKEN

MEGABYTE = 1024 * 1024


def _nobody(done: int, total: int | None) -> None:
    """Progress that nobody waits for."""


def _unheard(*_: int) -> None:
    """Facts that nobody wants."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file whose type is known by now. `name` is what errors call it."""

    path: Path
    name: str
    media_type: str
    limits: ReaderLimits = field(default_factory=ReaderLimits)
    progress: Callable[[int, int | None], None] = _nobody
    recognised: Callable[[], None] = _unheard
    """Called after each page that was read by OCR: that takes its time, and may."""
    left_out: Callable[[int], None] = _unheard
    """Called with the number of each page that is a picture, and was not read."""
    depth: int = 0
    """How many files this one came in (an attachment: 1)."""

    def read(self) -> bytes:
        """The whole file; its size was checked before a loader saw it."""
        return self.path.read_bytes()

    def unreadable(self) -> UnreadableDocumentError:
        """The error for content that is not what its type promises."""
        return UnreadableDocumentError(self.name, self.media_type)


class Container:
    """Members of a document that is a zip inside (OOXML, ODF, EPUB), unpacked within a limit.

    Sizes are counted as the bytes come: what the directory of a zip says proves nothing.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._left = source.limits.max_archive_mb * MEGABYTE
        try:
            self._zip = zipfile.ZipFile(source.path)
        except (*BROKEN, OSError) as error:
            raise source.unreadable() from error
        self.names = frozenset(self._zip.namelist())

    def __enter__(self) -> Container:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def read(self, member: str) -> bytes:
        """The bytes of a member that is there; `KeyError` where it is not."""
        if member not in self.names:
            raise KeyError(member)
        limit = self._source.limits.max_archive_mb
        try:
            with self._zip.open(member) as stream:
                content = stream.read(self._left + 1)
        except (*BROKEN, OSError) as error:
            raise self._source.unreadable() from error
        except RuntimeError as error:  # zipfile's word for "needs a password"
            raise EncryptedDocumentError(self._source.name) from error
        if len(content) > self._left:
            raise LimitExceededError(self._source.name, "knowledge.max_archive_mb", limit)
        self._left -= len(content)
        return content

    def find(self, pattern: str) -> list[str]:
        """Members whose whole name matches, in the order people count (slide2 before slide10)."""
        matching = [name for name in self.names if re.fullmatch(pattern, name)]
        return sorted(matching, key=_natural)


def _natural(name: str) -> list[tuple[int, str]]:
    return [
        (int(part), "") if part.isdigit() and part.isascii() else (0, part)
        for part in re.split(r"(\d+)", name)
    ]
