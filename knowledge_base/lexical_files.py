"""Sealed segments of the lexical leg as files: arrays one after the other, used where they lie."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from itertools import chain, islice
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from knowledge_base.index_files import DamagedSegmentError, SavedSegment, Write, Written, write
from knowledge_base.offloop import blocking
from knowledge_base.packed import Gaps, Halves, Once, PackedTerms, Steps
from knowledge_base.packing import packed
from knowledge_base.reading_ahead import MappedArray, by_places
from knowledge_base.term_segments import TermSegment
from knowledge_base.terms import TERMS_VERSION

KIND: Final = f"packed 1, terms {TERMS_VERSION}"
"""Files of another layout, or of another version of the terms, are not read: what is in them is
made anew from the rows."""
LEAST: Final = 4096
"""Chunks; smaller segments are read from the rows as fast as from a file."""
_ALIGNED = 64
_LAYOUT: Final = {
    "chunk_ids": "<i8", "lengths": "<f4", "scripts": "u1",
    "once.hashes": "<u8", "once.ordinals": "<i4",
    "wide.hashes": "<u8", "wide.sizes": "<u2", "wide.first": "<i4", "wide.begin": "<u4",
    "wide.gaps": "<u2",
    "narrow.hashes": "<u8", "narrow.sizes": "<u4", "narrow.first": "<i4", "narrow.begin": "<u4",
    "narrow.gaps": "u1", "steps.begin": "<u4", "steps.reached": "<i4",
    "halves.hashes": "<u8", "halves.sizes": "<u4", "halves.counts": "u1", "halves.begin": "<u4",
    "halves.ordinals": "<i4", "halves.large": "u1",
}  # fmt: skip
"""Raise the number in `KIND` when this changes, or what the arrays mean."""


@blocking
def save(segment: TermSegment, folder: Path) -> Written:
    """Raises `StorageFullError`."""
    arrays = segment.arrays
    kept = arrays if isinstance(arrays, PackedTerms) else packed(arrays.loose())
    parts = [
        np.ascontiguousarray(attrgetter(name)(kept), dtype=kind).reshape(-1)
        for name, kind in _LAYOUT.items()
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
    try:
        with (folder / saved.written.file).open("rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        arrays = iter(_mapped(content))
        chunks = next(arrays), next(arrays), next(arrays)
        once = Once(next(arrays), next(arrays))
        wide, narrow = (_gaps(content, arrays) for _ in range(2))
        steps = Steps(next(arrays), next(arrays))
        hashes, sizes, counts = next(arrays), next(arrays), next(arrays)
        halves = Halves(
            hashes, sizes, counts.reshape(len(hashes), -(-len(chunks[0]) // 2)), *arrays
        )
    except (OSError, ValueError, StopIteration) as error:
        raise DamagedSegmentError(saved.written.file) from error
    if len(chunks[0]) != saved.count:
        raise DamagedSegmentError(saved.written.file)
    by_places(content)
    # What every question needs, and opening too; of the terms it needs a few.
    small = (narrow.hashes, narrow.sizes, narrow.first, narrow.begin, halves.counts)
    for array in chain(chunks, small, (steps.begin, steps.reached)):
        MappedArray(content, array).whole()
    kept = PackedTerms(*chunks, once, wide, narrow, steps, halves)
    return TermSegment.of(kept, file=saved.written.file)


def _gaps(content: mmap.mmap, arrays: Iterator[NDArray[Any]]) -> Gaps:
    hashes, sizes, first, begin, gaps = islice(arrays, 5)
    return Gaps(hashes, sizes, first, begin, gaps, MappedArray(content, gaps))


def _mapped(content: mmap.mmap) -> Iterator[NDArray[Any]]:
    """In the order of the layout."""
    counts = np.frombuffer(content, "<i8", len(_LAYOUT)).tolist()
    at = 8 * len(_LAYOUT)
    for kind, count in zip(_LAYOUT.values(), counts, strict=True):
        at += -at % _ALIGNED
        # Of nothing there may be no bytes left to point to.
        array = np.frombuffer(content, kind, count, at) if count else np.zeros(0, kind)
        at += array.nbytes
        yield array
