"""Files of sealed segments of both legs: written whole, vouched for by the store, checked."""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeAlias

from knowledge_base.offloop import blocking
from knowledge_base.originals import full_disk_told, sync_folder

READ_AT_ONCE: Final = 16 << 20
"""Bytes of a file whose checksum is computed before it is used; a larger one is used when its size
and time are those that were noted, and its checksum computed in the background."""

PART: Final = 1 << 20
"""Bytes that are looked at without a rest."""

Write: TypeAlias = Callable[[bytes], int]


class Leg(StrEnum):
    """Which index a segment is of."""

    DENSE = "dense"
    LEXICAL = "lexical"


@dataclass(frozen=True, slots=True)
class Written:
    """A file that is whole and on disk."""

    file: str
    sha256: str
    size: int
    modified: int
    """Nanoseconds, as the file system tells them."""


@dataclass(frozen=True, slots=True)
class SavedSegment:
    """A sealed segment's file, as the store vouches for it."""

    leg: Leg
    low: int
    high: int
    generation: int
    written: Written
    kind: str
    count: int


class DamagedSegmentError(Exception):
    """A segment's file is not what was written, or is gone."""


@blocking
def write(folder: Path, suffix: str, content: Callable[[Write], None]) -> Written:
    """Whole and on disk when this returns. Raises `StorageFullError`; what is half written lies
    under a name that nothing refers to."""
    name = f"{uuid.uuid4().hex}{suffix}"
    temporary = folder / f"{name}.part"
    with full_disk_told():
        try:
            with temporary.open("xb") as file:
                digest = hashlib.sha256()

                def write(block: bytes) -> int:
                    digest.update(block)
                    return file.write(block)

                content(write)
                file.flush()
                os.fsync(file.fileno())
                told = os.fstat(file.fileno())
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        temporary.replace(folder / name)
        sync_folder(folder)
    return Written(name, digest.hexdigest(), told.st_size, told.st_mtime_ns)


def at_once(_seconds: float) -> None:
    """Without a rest."""


@blocking
def is_intact(folder: Path, written: Written, rest: Callable[[float], None] = at_once) -> bool:
    """Whether every byte is what was written. `rest` is called after each part that was read, with
    the seconds that it took; what it raises ends the reading."""
    digest = hashlib.sha256()
    try:
        with (folder / written.file).open("rb") as file:
            begun = time.monotonic()
            while part := file.read(PART):
                digest.update(part)
                rest(time.monotonic() - begun)
                begun = time.monotonic()
    except OSError:
        return False
    return digest.hexdigest() == written.sha256


@blocking
def require(folder: Path, written: Written) -> bool:
    """Raises `DamagedSegmentError`. False: by its size and time it is whole, its bytes were not
    looked at."""
    try:
        told = (folder / written.file).stat()
    except OSError as error:
        raise DamagedSegmentError(written.file) from error
    if told.st_size != written.size:
        raise DamagedSegmentError(written.file)
    if told.st_size > READ_AT_ONCE and told.st_mtime_ns == written.modified:
        return False
    if not is_intact(folder, written):
        raise DamagedSegmentError(written.file)
    return True
