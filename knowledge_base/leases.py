"""Who is alive among the processes that share a data directory, told by file locks.

A lock on a file ends with the process that holds it, however it ends, and is seen from another
container too; a process id is not, and is given out again.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from knowledge_base.errors import StorageBusyError
from knowledge_base.offloop import blocking

POLL_SECONDS = 0.02

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def is_held(path: Path) -> bool:
    """Whether the process whose sign of life this is still runs."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not _try_lock(descriptor)
    finally:
        os.close(descriptor)


class Lease:
    """This holder's sign of life: a locked file whose name is the holder's."""

    def __init__(self, folder: Path, holder: str, descriptor: int) -> None:
        self._folder = folder
        self.holder = holder
        self._descriptor = descriptor

    @classmethod
    @blocking
    def take(cls, folder: Path) -> Lease:
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            holder = uuid.uuid4().hex
            path = folder / holder
            descriptor = _open(path)
            # Another process may have seen the file before it was locked, and swept it.
            if _try_lock(descriptor) and path.exists():
                return cls(folder, holder, descriptor)
            os.close(descriptor)

    def alive(self, holder: str) -> bool:
        """Whether that holder's process still runs."""
        if holder == self.holder:
            return True
        return is_held(self._folder / holder)

    def is_alone(self) -> bool:
        """Whether no other holder's process runs."""
        others = (path.name for path in self._folder.iterdir() if path.name != self.holder)
        return not any(map(self.alive, others))

    def sweep(self) -> None:
        """Remove the files of holders that are gone."""
        for path in self._folder.iterdir():
            if not self.alive(path.name):
                path.unlink(missing_ok=True)

    def release(self) -> None:
        (self._folder / self.holder).unlink(missing_ok=True)
        os.close(self._descriptor)


@contextlib.contextmanager
def locked(path: Path, wait_seconds: float) -> Iterator[None]:
    """Hold the lock of a file. Raises `StorageBusyError` when another keeps it that long."""
    descriptor = _open(path)
    try:
        deadline = time.monotonic() + wait_seconds
        while not _try_lock(descriptor):
            if time.monotonic() >= deadline:
                raise StorageBusyError
            time.sleep(POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)
