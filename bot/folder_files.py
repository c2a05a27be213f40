"""What lies in folders that bases follow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from knowledge_base.models import Upload

State: TypeAlias = "tuple[int, int]"
"""Size and time of the last change of a file."""
Place: TypeAlias = "tuple[int, int]"
"""Device and inode of a folder: another one is mounted there, or none any more."""


def root_of(folder: Path) -> Path:
    """The folder itself, or the documents in one laid out as langchain-ChatGLM does."""
    content = folder / "content"
    return content if content.is_dir() and (folder / "vector_store").is_dir() else folder


def places_of(folders: Mapping[str, Path]) -> dict[str, Place]:
    """Of the folders that are there, by base."""
    found = {}
    for name, folder in folders.items():
        with suppress(OSError):
            status = root_of(folder).stat()
            found[name] = (status.st_dev, status.st_ino)
    return found


def state_of(path: Path) -> State | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def states_of(uploads: Iterable[Upload]) -> dict[str, State]:
    """Of those that are there."""
    found = ((upload.name, state_of(upload.path)) for upload in uploads)
    return {name: state for name, state in found if state is not None}


def is_gone(path: Path) -> bool:
    """Whether it is known not to be there: where one may not look, nothing is known."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    # A link that leads out of the folder now, or something hidden: it is not followed.
    return True
