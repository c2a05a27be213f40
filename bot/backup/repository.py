"""A folder of backups: each has its databases for itself, and all share what is stored by content.

```
lock                    held by who writes here
contents/ab/<sha256>    originals of documents and uploads that wait, once each
20261123T041200Z/       one backup: manifest.json, contents.txt, lorekeeper.db, knowledge.db; a
                        database that is the same in several lies there once, under several names
.unfinished-…           what is under way; whoever writes next clears it away
```
A backup is there from the moment its folder gets its name, and not before.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from bot.backup import manifest as manifests
from bot.backup.manifest import Entry, Manifest
from bot.errors import BackupBusyError, DamagedBackupError, NoBackupError
from knowledge_base.errors import StorageBusyError
from knowledge_base.leases import locked
from knowledge_base.originals import full_disk_told, sync_folder

log = logging.getLogger(__name__)

BLOCK: Final = 1 << 20
_NAME: Final = re.compile(r"(\d{8}T\d{6}Z)(?:-(\d+))?", re.ASCII)
_CONTENTS: Final = "contents"
_UNFINISHED: Final = ".unfinished-"


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup that is there; `manifest` is None for one that is damaged."""

    path: Path
    manifest: Manifest | None

    @property
    def name(self) -> str:
        return self.path.name


class Repository:
    """Every method blocks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def at(cls, path: Path) -> tuple[Repository, Path]:
        """The repository and the backup that a path names: a backup, its manifest, or a folder of
        backups for its newest. Raises `NoBackupError`."""
        path = path.resolve()
        if path.is_file() and path.name == manifests.NAME:
            path = path.parent
        if (path / manifests.NAME).exists() or (path.parent / _CONTENTS).is_dir():
            return cls(path.parent), path
        repository = cls(path)
        names = repository.names()
        if not names:
            raise NoBackupError(str(path))
        return repository, path / names[-1]

    def names(self) -> tuple[str, ...]:
        """Of the backups, oldest first; whatever else lies in the folder is none."""
        if not self.folder.is_dir():
            return ()
        found = [
            (name[1], int(name[2] or 1), name[0])
            for path in self.folder.iterdir()
            if (name := _NAME.fullmatch(path.name)) and path.is_dir()
        ]
        return tuple(name for _moment, _number, name in sorted(found))

    def kept(self) -> tuple[Kept, ...]:
        """The backups, oldest first."""
        return tuple(self._look(self.folder / name) for name in self.names())

    def _look(self, path: Path) -> Kept:
        try:
            return Kept(path, manifests.read(path))
        except DamagedBackupError:
            return Kept(path, None)

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """For one at a time; what somebody else left unfinished is cleared away.

        Raises `BackupBusyError`.
        """
        with full_disk_told():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self.folder / _CONTENTS).mkdir(mode=0o700, exist_ok=True)
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(locked(self.folder / "lock", wait_seconds=0))
            except StorageBusyError as error:
                raise BackupBusyError(str(self.folder)) from error
            self._clear()
            try:
                yield
            finally:
                self._clear()

    def _clear(self) -> None:
        for path in self.folder.glob(f"{_UNFINISHED}*"):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def begin(self) -> Path:
        """A folder for what becomes a backup."""
        path = self._unfinished()
        with full_disk_told():
            path.mkdir(mode=0o700)
        return path

    def _unfinished(self) -> Path:
        return self.folder / f"{_UNFINISHED}{uuid.uuid4().hex}"

    def finish(self, unfinished: Path, manifest: Manifest) -> Path:
        """Durable, and a backup, when this returns."""
        with full_disk_told():
            with (unfinished / manifests.NAME).open("xb") as file:
                file.write(manifests.written(manifest))
                file.flush()
                os.fsync(file.fileno())
            sync_folder(unfinished)
            path = self._free_name(manifest.began_at)
            unfinished.rename(path)
            sync_folder(self.folder)
        return path

    def _free_name(self, moment: datetime) -> Path:
        name = moment.strftime("%Y%m%dT%H%M%SZ")
        path, number = self.folder / name, 1
        while path.exists():
            number += 1
            path = self.folder / f"{name}-{number}"
        return path

    def content(self, sha256: str) -> Path:
        """Where the bytes of that hash lie."""
        return self.folder / _CONTENTS / sha256[:2] / sha256

    def has(self, sha256: str, size: int) -> bool:
        """By name and size: what they hold is for `damaged` to tell."""
        try:
            return self.content(sha256).stat().st_size == size
        except FileNotFoundError:
            return False

    def put(self, source: Path, watch: Callable[[int], None], sha256: str | None = None) -> Entry:
        """Store a file by its content; the entry's path is left empty.

        Raises `ValueError` where it is not what `sha256` says, `FileNotFoundError`.
        """
        new = self._unfinished()
        try:
            digest, size = copy_file(source, new, watch)
            if sha256 is not None and digest != sha256:
                raise ValueError(sha256)
            path = self.content(digest)
            with full_disk_told():
                path.parent.mkdir(exist_ok=True)
                new.replace(path)
                sync_folder(path.parent)
        finally:
            new.unlink(missing_ok=True)
        return Entry("", digest, size)

    def share(self, made: Path, manifest: Manifest) -> int:
        """Let older backups have the databases of this one, as far as they are the same, instead
        of files of their own; the bytes that were shared. It is the older ones that change: what
        was written and read just now is whole. Where files cannot have two names, nothing is done.
        """
        shared = set()
        for kept in self.kept():
            held = () if kept.manifest is None or kept.path == made else kept.manifest.databases
            for own in (one for one in manifest.databases if one in held):
                try:
                    self._replace(kept.path / own.path, made / own.path)
                except OSError as error:
                    log.info("databases of backups are not shared in %s: %s", self.folder, error)
                    return 0
                shared.add(own)
        return sum(own.size for own in shared)

    def _replace(self, old: Path, new: Path) -> None:
        """The old name for the new file, at once."""
        if old.exists() and old.samefile(new):
            return
        between = self._unfinished()
        os.link(new, between)
        between.replace(old)
        sync_folder(old.parent)

    def rotate(self, keep: int, made: str) -> tuple[str, ...]:
        """Let the oldest go until `keep` are left, and with them the contents that no other names;
        the names of those that went. The one that was `made` just now stays, also where a clock
        that was wrong has given older ones later names."""
        others = [name for name in self.names() if name != made]
        old = tuple(others[: max(0, len(others) + 1 - keep)])
        for name in old:
            # A name of its own first: a backup that is being removed is none.
            gone = self._unfinished()
            (self.folder / name).rename(gone)
            shutil.rmtree(gone, ignore_errors=True)
        self._sweep()
        sync_folder(self.folder)
        return old

    def _sweep(self) -> None:
        named: set[str] = set()
        try:
            for path in (self.folder / name for name in self.names()):
                listed = manifests.contents(path, manifests.read(path))
                named.update(entry.sha256 for entry in listed)
        except DamagedBackupError as error:
            log.warning("%s is damaged: what it may need is not removed", error.path)
            return
        for path in (self.folder / _CONTENTS).glob("??/*"):
            if path.name not in named:
                path.unlink(missing_ok=True)

    def damaged(
        self, backup: Path, manifest: Manifest, watch: Callable[[int], None]
    ) -> Iterator[str]:
        """The files of a backup that are missing or not what they were; all of them are read."""
        try:
            for path, entry in self.files(backup, manifest):
                try:
                    intact = _digest(path, watch) == entry.sha256
                except OSError:
                    intact = False
                if not intact:
                    yield str(path.relative_to(self.folder))
        except DamagedBackupError as error:
            yield f"{backup.name}/{error.file}"

    def files(self, backup: Path, manifest: Manifest) -> Iterator[tuple[Path, Entry]]:
        """Where each file of a backup lies. Raises `DamagedBackupError`."""
        for entry in manifest.databases:
            yield backup / entry.path, entry
        for entry in manifests.contents(backup, manifest):
            yield self.content(entry.sha256), entry


def copy_file(source: Path, target: Path, watch: Callable[[int], None]) -> tuple[str, int]:
    """Copy to a new file, on disk when this returns; hash and size. `watch` is told bytes."""
    digest, size = hashlib.sha256(), 0
    with full_disk_told(), source.open("rb") as given, target.open("xb") as copy:
        while block := given.read(BLOCK):
            watch(len(block))
            digest.update(block)
            copy.write(block)
            size += len(block)
        copy.flush()
        os.fsync(copy.fileno())
    return digest.hexdigest(), size


def entry_of(path: Path, watch: Callable[[int], None]) -> Entry:
    """A file that lies in a backup already."""
    return Entry(path.name, _digest(path, watch), path.stat().st_size)


def _digest(path: Path, watch: Callable[[int], None]) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            watch(len(block))
            digest.update(block)
    return digest.hexdigest()
