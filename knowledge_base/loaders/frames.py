"""What the program and its worker process say to each other: lengths and JSON, never pickles.

The worker has read strangers' files: what comes from it is checked like anybody's data.
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass, fields
from typing import Final, TypeAlias, get_type_hints

HEADER: Final = struct.Struct(">I")
LONGEST_FRAME: Final = 8 * 1024 * 1024
LONGEST_SECTION: Final = 32 * 1024
"""Characters of a section sent at once: the reader's loop decodes no more in one turn."""


class BrokenFrameError(Exception):
    """The bytes are no frame of this protocol."""


@dataclass(frozen=True, slots=True)
class Settings:
    """First frame to the worker; the fields are those of `ReaderLimits` and `TokenizerSpec`."""

    limits: str
    tokenizer: str
    max_tokens: int
    overhead: int
    tokenizer_path: str | None


@dataclass(frozen=True, slots=True)
class Job:
    """One file to read. `destination` is a folder for the members of an archive, or the file that a
    picture is redrawn to, at most `side` pixels wide and high."""

    task: str
    path: str
    name: str
    destination: str | None = None
    side: int = 0
    media_type: str | None = None
    """What the file is, where that is known."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker has started; `limited`: it cannot take more memory than it may."""

    limited: bool


@dataclass(frozen=True, slots=True)
class Detected:
    """The type of the file, before it is read."""

    media_type: str


@dataclass(frozen=True, slots=True)
class Reading:
    """How far the worker has come."""

    done: int
    total: int | None


@dataclass(frozen=True, slots=True)
class Recognised:
    """A page was read by OCR, which may take its time again for the next."""


@dataclass(frozen=True, slots=True)
class ReadChunk:
    """A chunk; `terms` are packed terms in base64."""

    text: str
    heading: str | None
    page: int | None
    terms: str


@dataclass(frozen=True, slots=True)
class ReadSection:
    """A section, or a part of a long one."""

    text: str
    heading: str | None
    page: int | None
    records: bool


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive, unpacked."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Redrawn:
    """A picture, written anew."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Done:
    """The job is done. `retire`: this process has grown and should not take another."""

    pages: int | None
    retire: bool
    archive: bool = False
    unread: str = ""
    """Numbers of pages that are pictures and were not read, with blanks between."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The file cannot be read: an error's class and its facts."""

    error: str
    media_type: str | None = None
    member: str | None = None
    key: str | None = None
    limit: int | None = None
    retire: bool = False


@dataclass(frozen=True, slots=True)
class OutOfMemory:
    """The file needs more memory than it may take; the process ends."""


Frame: TypeAlias = (
    Settings
    | Job
    | Ready
    | Detected
    | Reading
    | Recognised
    | ReadChunk
    | ReadSection
    | Member
    | Redrawn
    | Done
    | Rejected
    | OutOfMemory
)
_KINDS: Final = {
    kind.__name__: kind
    for kind in (
        Settings,
        Job,
        Ready,
        Detected,
        Reading,
        Recognised,
        ReadChunk,
        ReadSection,
        Member,
        Redrawn,
        Done,
        Rejected,
        OutOfMemory,
    )
}


def encode(frame: Frame) -> bytes:
    """A frame with its length before it."""
    content = json.dumps(
        {"kind": type(frame).__name__, **asdict(frame)}, ensure_ascii=False, separators=(",", ":")
    ).encode("utf-8", "surrogatepass")  # names of files may hold what is no character
    return HEADER.pack(len(content)) + content


def decode(content: bytes) -> Frame:
    """A frame from the bytes after its length."""
    try:
        values = json.loads(content)
        kind = _KINDS[values.pop("kind")]
        hints = get_type_hints(kind)
        if values.keys() != {field.name for field in fields(kind)} or not all(
            isinstance(value, hints[name]) for name, value in values.items()
        ):
            raise BrokenFrameError
        return kind(**values)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BrokenFrameError from error
