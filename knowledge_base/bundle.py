"""A base as one file: a zip of its originals and a manifest that says what they are.

It holds no vectors: whoever imports it embeds with their own model. What is imported is unpacked
and checked whole (in the worker process) before the first document of it is added.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from knowledge_base import notes
from knowledge_base.errors import (
    EncryptedDocumentError,
    LimitExceededError,
    UnreadableDocumentError,
    UnsafeArchiveError,
)
from knowledge_base.models import ENTRY_TYPE, PAGE_TYPE, Document, Upload
from knowledge_base.offloop import blocking
from knowledge_base.originals import Originals, full_disk_told, sync_folder
from knowledge_base.settings import ReaderLimits
from knowledge_base.web import document_name
from knowledge_base.zips import BROKEN, blocks

MEDIA_TYPE: Final = "application/zip"
MANIFEST: Final = "manifest.json"
FORMAT: Final = "lorekeeper base"
VERSION: Final = 1
_LONGEST_MANIFEST: Final = 64 << 20
_LONGEST_NAME: Final = 100_000
"""Letters. What lay in an archive within an archive has a name of all their folders."""
_BLOCK: Final = 1 << 20
_STORED_FROM: Final = 1 << 20
"""Bytes. Larger files are not packed: most are already, and none looks like a bomb then."""
_SMALL: Final = 10 << 20
_HASH: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
NO_LETTER: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Controls, ends of lines, turns of direction and halves of letters. All else is a name's own: wide
blanks are usual in Chinese names, narrow ones in those of screenshots."""
_VOUCHED: Final = (notes.MEDIA_TYPE, PAGE_TYPE, ENTRY_TYPE)
_BROKEN: Final = (*BROKEN, KeyError, RecursionError)
"""Of the archive, of its directory, and of a manifest that is nested past all reason."""


@dataclass(frozen=True, slots=True)
class Bundled:
    """What was written."""

    documents: int
    size: int
    missing: tuple[str, ...]
    """Names of documents whose originals are not there any more, or damaged."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One document of a bundle; fields as in the manifest."""

    name: str
    file: str
    sha256: str
    version: int = 1
    added_at: str = ""
    media_type: str = ""
    uploader: str | None = None
    uploader_id: str | None = None
    expires_at: str | None = None
    source: str | None = None

    @property
    def added(self) -> datetime | None:
        """When this version was added, where it was."""
        return _moment(self.added_at)

    def brought_by(self, uploader_id: str) -> Entry:
        """As somebody's own, under the name that stands there."""
        return replace(self, uploader_id=uploader_id)

    def upload(self, path: Path) -> Upload:
        """As it is to be added. A page's address counts only with the name that it gives."""
        source = self.source
        if source is not None and document_name(source) != self.name:
            source = None
        return Upload(
            self.name,
            path,
            self.uploader,
            self.uploader_id,
            self.media_type if self.media_type in _VOUCHED else None,
            _moment(self.expires_at or ""),
            source,
        )


def _moment(written: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def nobody(_done: int, _total: int) -> None:
    """Progress that nobody waits for."""


@blocking
def write(
    path: Path,
    base: str,
    documents: Sequence[Document],
    originals: Originals,
    *,
    uploaders: bool,
    told: Callable[[int, int], None] = nobody,
) -> Bundled:
    """Write a base's documents to a new file, which is there only when it is whole and on disk.
    Without `uploaders` nobody's name goes with them. `told`: documents written, of how many."""
    if path.exists():
        raise FileExistsError(path)
    unfinished = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        with full_disk_told():
            entries, missing = _filled(unfinished, base, documents, originals, uploaders, told)
            with unfinished.open("rb+") as file:
                os.fsync(file.fileno())
            unfinished.replace(path)
            sync_folder(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)  # where it came to its end, it has its own name now
    told(len(documents), len(documents))
    return Bundled(entries, path.stat().st_size, missing)


def _filled(
    path: Path,
    base: str,
    documents: Sequence[Document],
    originals: Originals,
    uploaders: bool,
    told: Callable[[int, int], None],
) -> tuple[int, tuple[str, ...]]:
    """How many documents were written, and the names of those that could not be."""
    entries: list[Entry] = []
    missing: list[str] = []
    names: set[str] = set()
    # A clock that was never set counts from 1970, where zip archives know no time before 1980.
    with zipfile.ZipFile(path, "x", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for number, document in enumerate(documents, start=1):
            told(number - 1, len(documents))
            entry = _entry(number, document, _portable(document.name, names), uploaders=uploaders)
            original = originals.path(document.sha256)
            if not originals.intact(document.sha256):
                missing.append(document.name)
                continue
            if not uploaders and document.media_type == notes.MEDIA_TYPE:
                content = _nameless(original.read_bytes())
                entry = replace(entry, sha256=hashlib.sha256(content).hexdigest())
                archive.writestr(entry.file, content)
            else:
                large = document.size >= _STORED_FROM
                packed = zipfile.ZIP_STORED if large else zipfile.ZIP_DEFLATED
                archive.write(original, entry.file, packed)
            entries.append(entry)
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "base": base,
            "documents": [asdict(entry) for entry in entries],
        }
        archive.writestr(MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1))
    return len(entries), tuple(missing)


def _portable(name: str, taken: set[str]) -> str:
    """The name, as whoever imports it takes it: what is no letter is written out."""
    name = NO_LETTER.sub(lambda found: ascii(found.group())[1:-1], name)
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def _entry(number: int, document: Document, name: str, *, uploaders: bool) -> Entry:
    last = document.name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    shown = re.sub(r"[^\w.() -]", "_", last).strip(". ")[-80:] or "document"
    return Entry(
        name=name,
        file=f"documents/{number:06d}-{shown}",
        sha256=document.sha256,
        version=document.version,
        added_at=document.added_at.isoformat(),
        media_type=document.media_type,
        uploader=document.uploader if uploaders else None,
        uploader_id=document.uploader_id if uploaders else None,
        expires_at=document.expires_at.isoformat() if document.expires_at else None,
        source=document.source,
    )


def _nameless(content: bytes) -> bytes:
    note = notes.note_of(content)
    if note is None:
        return content
    return notes.note_bytes(replace(note, author="", author_id="", link=None))


def unpack(path: Path, name: str, limits: ReaderLimits, folder: Path) -> list[tuple[Entry, Path]]:
    """The documents of a bundle as files in `folder`, all of them checked; runs in the worker.

    Raises `UnreadableDocumentError` for what is no bundle, or not as its manifest says,
    `UnsafeArchiveError`, `LimitExceededError`, `EncryptedDocumentError`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return list(_unpacked(archive, name, limits, folder))
    except _BROKEN as error:
        raise UnreadableDocumentError(name, MEDIA_TYPE) from error
    except RuntimeError as error:  # zipfile's word for "needs a password"
        raise EncryptedDocumentError(name) from error


def _unpacked(
    archive: zipfile.ZipFile, name: str, limits: ReaderLimits, folder: Path
) -> Iterator[tuple[Entry, Path]]:
    for member in archive.namelist():
        if (
            member.startswith(("/", "\\"))
            or ".." in re.split(r"[/\\]", member)
            or member[1:2] == ":"
        ):
            raise UnsafeArchiveError(name, member[:200])
    content = next(blocks(archive, MANIFEST, _LONGEST_MANIFEST + 1), b"")
    if len(content) > _LONGEST_MANIFEST:
        raise UnreadableDocumentError(name, MEDIA_TYPE)
    entries = read_manifest(content)
    if entries is None:
        raise UnreadableDocumentError(name, MEDIA_TYPE)
    left = limits.max_import_mb << 20
    for number, entry in enumerate(entries):
        target = folder / f"{number:06d}"
        left -= _copy(archive, entry, target, name, limits, left)
        yield entry, target


def _copy(
    archive: zipfile.ZipFile, entry: Entry, target: Path, name: str, limits: ReaderLimits, left: int
) -> int:
    """The bytes written, counted as they come."""
    packed = archive.getinfo(entry.file).compress_size
    most = max(packed * limits.max_archive_ratio, _SMALL)
    digest, size = hashlib.sha256(), 0
    with target.open("xb") as file:
        for block in blocks(archive, entry.file, _BLOCK):
            size += len(block)
            if size > left:
                raise LimitExceededError(name, "knowledge.max_import_mb", limits.max_import_mb)
            if size > limits.max_file_mb << 20:
                raise LimitExceededError(entry.name, "knowledge.max_file_mb", limits.max_file_mb)
            if size > most:
                key = "knowledge.max_archive_ratio"
                raise LimitExceededError(name, key, limits.max_archive_ratio)
            digest.update(block)
            file.write(block)
    if digest.hexdigest() != entry.sha256:
        raise UnreadableDocumentError(entry.name, MEDIA_TYPE)
    return size


def read_manifest(content: bytes) -> list[Entry] | None:
    """The documents that it tells of, each file and each name once; None: it is no manifest."""
    found = json.loads(content)
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        return None
    if found.get("version") != VERSION or not isinstance(found.get("documents"), list):
        return None
    entries = [entry_of(told) for told in found["documents"]]
    known = [entry for entry in entries if entry is not None]
    names, files = {e.name for e in known}, {e.file for e in known}
    if not len(entries) == len(known) == len(names) == len(files):
        return None
    return known


def entry_of(told: object) -> Entry | None:
    """A document of a manifest; None where it is not told as it must be."""
    if not isinstance(told, Mapping):
        return None
    match told:
        case {"name": str(name), "file": str(file), "sha256": str(sha256)}:
            pass
        case _:
            return None
    texts = {
        key: value
        for key in ("uploader", "uploader_id", "expires_at", "source")
        if isinstance(value := told.get(key), str)
    }
    version, added_at, kind = told.get("version"), told.get("added_at"), told.get("media_type")
    named = 0 < len(name) <= _LONGEST_NAME and NO_LETTER.search(name) is None
    if not named or not _HASH.fullmatch(sha256) or not file:
        return None
    return Entry(
        name,
        file,
        sha256,
        version if isinstance(version, int) else 1,
        added_at if isinstance(added_at, str) else "",
        kind if isinstance(kind, str) else "",
        **texts,
    )
