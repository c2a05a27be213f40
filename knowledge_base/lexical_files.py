"""Sealed segments of the lexical leg as files: arrays one after the other, used where they lie."""

from __future__ import annotations

import mmap
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from knowledge_base.index_files import DamagedSegmentError, SavedSegment, Write, Written, write
from knowledge_base.lexical import TermArrays, TermSegment
from knowledge_base.offloop import blocking
from knowledge_base.terms import TERMS_VERSION

KIND: Final = f"terms {TERMS_VERSION}"
"""Files of another version of the terms are not read."""
LEAST: Final = 4096
"""Chunks; smaller segments are read from the rows as fast as from a file."""
_ALIGNED = 64
_TYPES: Final = {
    "chunk_ids": "<i8", "lengths": "<f4", "scripts": "u1", "hashes": "<u8", "offsets": "<i8",
    "ordinals": "<i4", "counts": "u1",
}  # fmt: skip


@blocking
def save(segment: TermSegment, folder: Path) -> Written:
    """Raises `StorageFullError`."""
    parts: list[NDArray[Any]] = [
        np.ascontiguousarray(getattr(segment.arrays, field.name), dtype=_TYPES[field.name])
        for field in fields(TermArrays)
    ]

    def content(write: Write) -> None:
        head = np.array([len(part) for part in parts], dtype="<i8").tobytes()
        at = 0
        for block in (head, *(part.tobytes() for part in parts)):
            write(bytes(-at % _ALIGNED))
            at += -at % _ALIGNED + len(block)
            write(block)

    return write(folder, ".terms", content)


@blocking
def load(folder: Path, saved: SavedSegment) -> TermSegment:
    """Its pages are read as they are used. Raises `DamagedSegmentError`; bytes are not checked."""
    names = [field.name for field in fields(TermArrays)]
    try:
        with (folder / saved.written.file).open("rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        counts = np.frombuffer(content, "<i8", len(names)).tolist()
        arrays: dict[str, NDArray[Any]] = {}
        at = 8 * len(names)
        for name, count in zip(names, counts, strict=True):
            at += -at % _ALIGNED
            arrays[name] = np.frombuffer(content, _TYPES[name], count, at)
            at += arrays[name].nbytes
    except (OSError, ValueError) as error:
        raise DamagedSegmentError(saved.written.file) from error
    if len(arrays["chunk_ids"]) != saved.count:
        raise DamagedSegmentError(saved.written.file)
    return TermSegment.of(TermArrays(**arrays), file=saved.written.file)
