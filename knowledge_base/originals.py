"""The files as they were given, once each, by content: `originals/ab/<sha256>`.

A file is staged (copied and hashed under a name of its own), and placed only once a row speaks of
it. So whatever lies in place, and whose row says that it is gone, is garbage at any moment, and a
sweep that holds the database's write lock can take it away without asking whose it was. A file of
which no row has ever heard is one that the database has lost, as when its log was cut off: it is
put aside, where a person finds it.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, TypeAlias

from knowledge_base.errors import FULL, LimitExceededError, StorageFullError
from knowledge_base.offloop import blocking

log = logging.getLogger(__name__)

BLOCK = 1 << 20
FOUND: Final = "found"
"""The folder beside the originals for what the database has lost."""
Fate: TypeAlias = Literal["wanted", "unwanted", "unknown"]
"""Of an original: some document has it; none has it any more; no row has ever heard of it."""


@contextlib.contextmanager
def full_disk_told() -> Iterator[None]:
    """Turn the operating system's "no space left" into `StorageFullError`."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise StorageFullError from error
        raise


def sync_folder(folder: Path) -> None:
    """Make a rename in the folder outlast a power cut."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Staged:
    """A copy that is whole and on disk, but in nobody's way yet."""

    path: Path
    sha256: str
    size: int


class Originals:
    """One folder; `staging/` inside it holds what is on its way, named by its holder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._staging = folder / "staging"
        self._found = folder.parent / FOUND

    @blocking
    def prepare(self) -> None:
        with full_disk_told():
            self._staging.mkdir(parents=True, exist_ok=True)

    @blocking
    def stage(self, source: Path, name: str, holder: str, max_mb: int) -> Staged:
        """Copy and hash. Raises `LimitExceededError` past the size, `StorageFullError`."""
        target = self._staging / f"{holder}-{uuid.uuid4().hex}"
        try:
            with full_disk_told(), source.open("rb") as given, target.open("xb") as copy:
                digest, size = hashlib.sha256(), 0
                while block := given.read(BLOCK):
                    size += len(block)
                    _require_size(name, size, max_mb)
                    digest.update(block)
                    copy.write(block)
                copy.flush()
                os.fsync(copy.fileno())
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        return Staged(target, digest.hexdigest(), size)

    @blocking
    def scratch(self, holder: str) -> Path:
        """A folder for what an archive holds; swept like what is staged."""
        folder = self._staging / f"{holder}-{uuid.uuid4().hex}"
        with full_disk_told():
            folder.mkdir()
        return folder

    @blocking
    def place(self, staged: Staged) -> Path:
        """Durable under its content's name when this returns."""
        path = self.path(staged.sha256)
        with full_disk_told():
            if not path.parent.is_dir():
                path.parent.mkdir(exist_ok=True)
                sync_folder(self._folder)
            staged.path.replace(path)
            sync_folder(path.parent)
        return path

    @blocking
    def discard(self, staged: Staged) -> None:
        staged.path.unlink(missing_ok=True)

    @blocking
    def delete(self, sha256: str) -> None:
        """The caller holds the write lock and knows that no row refers to it."""
        self.path(sha256).unlink(missing_ok=True)

    @blocking
    def sweep(self, fate_of: Callable[[str], Fate], alive: Callable[[str], bool]) -> int:
        """Delete what no row refers to, and what dead holders staged; put aside what none knows.
        How many files were swept; the caller as above."""
        swept = 0
        for path in self._staging.iterdir():
            if alive(path.name.partition("-")[0]):
                continue
            swept += 1
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        lost = 0
        for path in self._folder.glob("??/*"):
            match fate_of(path.name):
                case "wanted":
                    continue
                case "unwanted":
                    path.unlink(missing_ok=True)
                case "unknown":
                    self._found.mkdir(mode=0o700, exist_ok=True)
                    path.replace(self._found / path.name)
                    os.utime(self._found / path.name)  # its days are counted from now
                    lost += 1
            swept += 1
        if lost:
            log.error(
                "%d files were stored that the database does not know, as when its last writes are"
                " lost: they lie in %s now; `kb add` takes them in again",
                lost,
                self._found,
            )
        return swept

    @blocking
    def prune_found(self, before: datetime) -> int:
        """Delete what was put aside before that moment."""
        gone = 0
        for path in self._found.glob("*") if self._found.is_dir() else ():
            if path.stat().st_mtime < before.timestamp():
                path.unlink(missing_ok=True)
                gone += 1
        return gone

    def path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256

    @blocking
    def intact(self, sha256: str) -> bool:
        """Whether the file is there and still has the bytes of its name."""
        try:
            with self.path(sha256).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == sha256
        except FileNotFoundError:
            return False


def _require_size(name: str, size: int, max_mb: int) -> None:
    if size > max_mb << 20:
        raise LimitExceededError(name, "knowledge.max_file_mb", max_mb)
