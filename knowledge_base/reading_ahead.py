"""Saying which parts of a file are read next, where they may not be in memory yet.

Left alone, a system reads some hundred kilobytes or even megabytes around each place of a mapped
file that is touched for the first time. A question touches a thousand places all over a large
index: its first answer would wait for all of the file. So what is small and needed by every
question is asked for as a whole, and of the rest what this question needs, all of it at once,
before the first byte of it is read.

Where the system does not offer this, nothing is said, and everything is read as it is touched.
"""

from __future__ import annotations

import mmap
import os
import sys
import weakref
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]

_PAGE: Final = mmap.PAGESIZE
_SAYS: Final = hasattr(os, "posix_fadvise")
_ADVISES: Final = hasattr(mmap.mmap, "madvise") and hasattr(mmap, "MADV_WILLNEED")
_MAPS: Final = Path("/proc/self/maps")
_TOUCHED: Final = 4
"""Times that the lists of an index were read, all told, after which hardly any is not in memory."""
_SLICES: Final = 500
"""That are asked for, after which a file is read as any other: some fifty questions' worth."""


class FilePlaces:
    """Places of a file by their bytes."""

    def __init__(self, path: Path) -> None:
        """Raises `OSError`."""
        self._file = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0)) if _SAYS else -1
        if _SAYS:
            weakref.finalize(self, os.close, self._file)

    def soon(self, begin: int, size: int) -> None:
        """These bytes are read next."""
        if _SAYS:
            os.posix_fadvise(self._file, begin, size, os.POSIX_FADV_WILLNEED)


class MappedArray:
    """An array in a mapped file, of which slices are asked for before they are read.

    Several arrays may share a file: the first that was asked often enough speaks for all of it.
    """

    def __init__(self, content: mmap.mmap, array: NDArray[Any]) -> None:
        whole = np.frombuffer(content, np.uint8)
        self._content = content
        self._begin = _address(array) - _address(whole) if len(array) else 0
        self._item = array.itemsize
        self._length = len(array) * array[:1].nbytes
        self._left = _SLICES

    def soon(self, low: int, high: int) -> None:
        """These items are read next."""
        if high <= low or self._left <= 0:
            return
        self._left -= 1  # Several threads may count one turn together: it is no exact number.
        self._soon(self._begin + low * self._item, self._begin + high * self._item)
        if self._left <= 0 and _ADVISES:
            # Most is in memory by now, and comes into the process sooner by several pages at once.
            self._content.madvise(mmap.MADV_NORMAL)

    def whole(self) -> None:
        """All of them are."""
        if self._length:
            self._soon(self._begin, self._begin + self._length)

    def _soon(self, begin: int, end: int) -> None:
        if _ADVISES:
            begin -= begin % _PAGE
            self._content.madvise(mmap.MADV_WILLNEED, begin, end - begin)


def by_places(content: mmap.mmap) -> None:
    """A mapped file is read at places that have nothing to do with each other: read no more than
    what is touched or asked for."""
    if _ADVISES:
        content.madvise(mmap.MADV_RANDOM)


class ListsAhead:
    """The lists of an inverted file that FAISS has mapped: a question looks at some hundreds."""

    def __init__(self, path: Path, inverted: Any) -> None:  # noqa: ANN401 - FAISS is untyped
        """Raises `OSError`."""
        self._file = FilePlaces(path)
        self._code = int(inverted.code_size)
        lists = inverted.invlists
        numbers = range(inverted.nlist)
        sizes = np.array([lists.list_size(number) for number in numbers], np.int64)
        self._sizes = sizes * self._code
        at = np.array([int(lists.get_codes(number) or 0) for number in numbers], np.uint64)
        begin = _mapped_at(int(at[sizes > 0].min())) if sizes.any() else None
        self._begins = None if begin is None else at - np.uint64(begin)
        self._left = _TOUCHED * inverted.nlist // max(1, inverted.nprobe)

    def search(self, index: Any, vector: NDArray[np.float32]) -> None:  # noqa: ANN401
        """This vector is searched for next."""
        if self._left <= 0 or self._begins is None:
            return
        self._left -= 1  # Several threads may count one turn together: it is no exact number.
        import faiss

        inverted = faiss.extract_index_ivf(index)
        asked = vector[None, :]
        if isinstance(index, faiss.IndexPreTransform):
            turning: Any = index.chain
            asked = turning.at(0).apply(asked)
        _, nearest = inverted.quantizer.search(asked, inverted.nprobe)
        for number in np.sort(nearest[0][nearest[0] >= 0]).tolist():
            self._file.soon(int(self._begins[number]), int(self._sizes[number]))

    def vectors(self, index: Any, at: Ids) -> None:  # noqa: ANN401
        """The vectors at these positions are read next."""
        if self._left <= 0 or self._begins is None:
            return
        known = index.direct_map.array
        for position in at.tolist():
            number, place = divmod(int(known.at(position)), 1 << 32)
            self._file.soon(int(self._begins[number]) + place * self._code, self._code)


def _address(array: NDArray[Any]) -> int:
    return int(array.__array_interface__["data"][0])


def _mapped_at(address: int) -> int | None:
    """Where in memory the file begins whose bytes are at that address."""
    if not _SAYS or sys.platform != "linux":
        return None
    for line in _MAPS.read_text(encoding="utf-8", errors="replace").splitlines():
        span, _rights, offset, *_rest = line.split(maxsplit=3)
        low, high = (int(end, 16) for end in span.split("-"))
        if low <= address < high:
            return low - int(offset, 16) if line.rstrip().endswith(".vectors") else None
    return None
