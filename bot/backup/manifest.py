"""What a backup holds, on one page with its own checksum."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Final, TypeAlias

from pydantic import TypeAdapter, ValidationError

from bot.errors import DamagedBackupError

FORMAT: Final = 1
NAME: Final = "manifest.json"
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
    files: tuple[Entry, ...]
    """They lie among the contents, under their hash."""
    migrations: tuple[str, ...] = ()
    """Of `lorekeeper.db`, by name."""
    schema: int = 0
    """Of `knowledge.db`."""
    documents: int = 0
    missing: tuple[str, ...] = ()
    """Names of documents whose originals were gone or damaged when it was made."""
    format: int = field(default=FORMAT)

    @property
    def size(self) -> int:
        return sum(entry.size for entry in (*self.databases, *self.files))


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
    if manifest.format != FORMAT or not all(
        entry.is_plain for entry in (*manifest.databases, *manifest.files)
    ):
        raise DamagedBackupError(str(backup), NAME)
    return manifest
