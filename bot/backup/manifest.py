"""What a backup holds: one page with its own checksum, and a list with a line for every file.

The list is apart since it may have a hundred thousand lines: parsed as one text, it would keep the
interpreter, and with it the bot that runs here, for a second.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Final, TypeAlias

from pydantic import TypeAdapter, ValidationError

from bot.errors import DamagedBackupError
from knowledge_base.originals import full_disk_told

FORMAT: Final = 1
NAME: Final = "manifest.json"
LIST: Final = "contents.txt"
_SUM: Final = "sha256"
_Written: TypeAlias = "dict[str, object]"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file as it lay in the data directory."""

    path: str
    sha256: str
    size: int

    @property
    def is_plain(self) -> bool:
        """Whether the path stays below the directory that it is put into."""
        parts = PurePosixPath(self.path).parts
        return bool(parts) and ".." not in parts and not self.path.startswith("/")


@dataclass(frozen=True, slots=True)
class Manifest:
    """One backup."""

    program: str
    """The version that made it."""
    began_at: datetime
    """What was committed before is in it."""
    made_at: datetime
    databases: tuple[Entry, ...]
    """They lie beside the manifest."""
    listed: Entry
    """The list of all other files, which lie among the contents, under their hash."""
    size: int
    """Of databases and contents together, in bytes."""
    migrations: tuple[str, ...] = ()
    """Of `lorekeeper.db`, by name."""
    schema: int = 0
    """Of `knowledge.db`."""
    documents: int = 0
    missing: tuple[str, ...] = ()
    """Names of documents whose originals were gone or damaged when it was made."""
    format: int = field(default=FORMAT)


_MANIFEST: Final[TypeAdapter[Manifest]] = TypeAdapter(Manifest)


def written(manifest: Manifest) -> bytes:
    """As it lies in a backup: one line of JSON, with the sum over all else in it."""
    told: _Written = json.loads(_MANIFEST.dump_json(manifest))
    return _sealed(told)


def _sealed(told: _Written) -> bytes:
    plain = {key: value for key, value in told.items() if key != _SUM}
    digest = hashlib.sha256(_line(plain)).hexdigest()
    return _line({**plain, _SUM: digest})


def _line(told: _Written) -> bytes:
    return json.dumps(told, ensure_ascii=True, sort_keys=True).encode("ascii") + b"\n"


def read(backup: Path) -> Manifest:
    """The manifest of a backup's folder. Raises `DamagedBackupError`."""
    try:
        raw = (backup / NAME).read_bytes()
        told = json.loads(raw)
        if not isinstance(told, dict) or _sealed(told) != raw:
            raise DamagedBackupError(str(backup), NAME)
        told.pop(_SUM)
        manifest = _MANIFEST.validate_json(_line(told))
    except (OSError, ValueError, ValidationError) as error:
        raise DamagedBackupError(str(backup), NAME) from error
    own = (*manifest.databases, manifest.listed)
    if manifest.format != FORMAT or not all(entry.is_plain for entry in own):
        raise DamagedBackupError(str(backup), NAME)
    return manifest


def write_list(folder: Path, files: Iterable[Entry]) -> Entry:
    """Write the list of contents, on disk when this returns; an entry about it."""
    digest, size = hashlib.sha256(), 0
    with full_disk_told(), (folder / LIST).open("xb") as listing:
        for entry in files:
            line = f"{entry.sha256} {entry.size} {json.dumps(entry.path)}\n".encode("ascii")
            listing.write(line)
            digest.update(line)
            size += len(line)
        listing.flush()
        os.fsync(listing.fileno())
    return Entry(LIST, digest.hexdigest(), size)


def contents(backup: Path, manifest: Manifest) -> Iterator[Entry]:
    """The list of contents, line by line. Raises `DamagedBackupError` before the first one, or
    for a path that would lead outside the directory that it is put into."""
    try:
        with (backup / LIST).open("rb") as listing:
            digest = hashlib.file_digest(listing, "sha256").hexdigest()
            if digest != manifest.listed.sha256:
                raise DamagedBackupError(str(backup), LIST)
            listing.seek(0)
            for line in listing:
                sha256, size, path = line.decode("ascii").split(" ", 2)
                entry = Entry(json.loads(path), sha256, int(size))
                if not entry.is_plain:
                    raise DamagedBackupError(str(backup), LIST)
                yield entry
    except OSError as error:
        raise DamagedBackupError(str(backup), LIST) from error
