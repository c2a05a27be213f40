"""Zip archives from strangers: members as files under one folder, within limits, never outside."""

from __future__ import annotations

import contextlib
import re
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from knowledge_base.errors import (
    EmptyDocumentError,
    EncryptedDocumentError,
    LimitExceededError,
    UnreadableDocumentError,
    UnsafeArchiveError,
)
from knowledge_base.loaders import media
from knowledge_base.loaders.detect import detect
from knowledge_base.loaders.encoding import decode
from knowledge_base.loaders.outline import flat
from knowledge_base.loaders.source import MEGABYTE
from knowledge_base.models import Upload
from knowledge_base.settings import ReaderLimits
from knowledge_base.zips import BROKEN, blocks

_BLOCK = 64 * 1024
_RATIO_FROM = 10 * MEGABYTE
"""Small members may shrink as much as they like: a page of blanks does."""
_UTF8_NAME = 0x800
_DRIVE = re.compile(r"[A-Za-z]:")
_NOBODYS = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini"})


def extract(path: Path, name: str, limits: ReaderLimits, destination: Path) -> list[Upload]:
    """Unpack an archive and the archives in it; errors name the outermost one.

    What was written stays in `destination` when it fails: the caller owns that folder.
    """
    unpacking = _Unpacking(name, limits, destination)
    unpacking.open(path, prefix="", depth=1)
    if not unpacking.members:
        raise EmptyDocumentError(name)
    return unpacking.members


class _Unpacking:
    def __init__(self, name: str, limits: ReaderLimits, destination: Path) -> None:
        self._name = name
        self._limits = limits
        self._destination = destination
        self._left = limits.max_archive_mb * MEGABYTE
        self._files = 0
        self._names: set[str] = set()
        self.members: list[Upload] = []

    def open(self, path: Path, prefix: str, depth: int) -> None:
        if depth > self._limits.max_archive_depth:
            raise self._exceeded("max_archive_depth", self._limits.max_archive_depth)
        try:
            with zipfile.ZipFile(path) as archive:
                for member in self._wanted(archive):
                    self._member(archive, member, prefix, depth)
        except BROKEN as error:
            raise UnreadableDocumentError(self._name, media.ZIP) from error

    def _wanted(self, archive: zipfile.ZipFile) -> Iterator[zipfile.ZipInfo]:
        """Members to unpack; the names of all are looked at before the first is written."""
        wanted = []
        for member in archive.infolist():
            name = _name_of(member)
            if _points_outside(name) or stat.S_ISLNK(member.external_attr >> 16):
                raise UnsafeArchiveError(self._name, flat(name)[:200])
            parts = PurePosixPath(name).parts
            hidden = any(part.startswith(".") or part in _NOBODYS for part in parts)
            if not member.is_dir() and not hidden and parts:
                wanted.append(member)
        yield from wanted

    def _member(
        self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, prefix: str, depth: int
    ) -> None:
        self._files += 1
        if self._files > self._limits.max_archive_files:
            raise self._exceeded("max_archive_files", self._limits.max_archive_files)
        if member.flag_bits & 1:
            raise EncryptedDocumentError(self._name)
        name = self._unique(prefix + flat(_name_of(member)))
        # The name on disk is ours: a stranger's may be too long, reserved or another's in disguise.
        path = self._destination / f"{self._files:05d}{_safe_suffix(name)}"
        self._write(archive, member, path)
        if path.stat().st_size and detect(path, name) == media.ZIP:
            self.open(path, prefix=f"{name}/", depth=depth + 1)
            path.unlink()
        else:
            self.members.append(Upload(name, path))

    def _write(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> None:
        # Bytes are counted as they come: what the directory says of sizes proves nothing.
        written = 0
        most = max(member.compress_size * self._limits.max_archive_ratio, _RATIO_FROM)
        with path.open("xb") as target:
            for block in blocks(archive, member, _BLOCK):
                written += len(block)
                self._left -= len(block)
                if self._left < 0:
                    raise self._exceeded("max_archive_mb", self._limits.max_archive_mb)
                if written > most:
                    raise self._exceeded("max_archive_ratio", self._limits.max_archive_ratio)
                target.write(block)

    def _unique(self, name: str) -> str:
        unique, number = name, 1
        while unique in self._names:
            number += 1
            stem = PurePosixPath(name)
            unique = str(stem.with_name(f"{stem.stem} ({number}){stem.suffix}"))
        self._names.add(unique)
        return unique

    def _exceeded(self, field: str, limit: int) -> LimitExceededError:
        return LimitExceededError(self._name, f"knowledge.{field}", limit)


def _name_of(member: zipfile.ZipInfo) -> str:
    """The member's name; what old tools wrote in their own code page is told from its bytes."""
    name = member.orig_filename
    if not member.flag_bits & _UTF8_NAME:
        with contextlib.suppress(UnicodeEncodeError):
            name = decode(name.encode("cp437"))
    return name.split("\x00")[0]


def _points_outside(name: str) -> bool:
    parts = re.split(r"[/\\]", name)
    return name.startswith(("/", "\\")) or ".." in parts or _DRIVE.match(name) is not None


def _safe_suffix(name: str) -> str:
    suffix = PurePosixPath(name).suffix
    return suffix if re.fullmatch(r"\.[A-Za-z0-9]{1,10}", suffix) else ""
