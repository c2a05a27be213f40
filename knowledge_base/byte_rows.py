"""Vectors by their place, a byte for each dimension: what the coarse codes of a large segment found
is put in its exact order by them.

They are read from the file at each use and not mapped: a few hundred places all over a gigabyte
would keep all of it in the process's memory.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from knowledge_base.embedders.base import Vectors

_MOST = 127

Ids = NDArray[np.int64]


class Rows(Protocol):
    """Vectors by place, within the error of a byte; read by many threads at once."""

    scales: NDArray[np.float32]
    """What each vector's codes are to be multiplied by."""

    @property
    def nbytes(self) -> int:
        """In memory."""
        ...

    def take(self, at: Ids) -> Vectors:
        """The vectors at these places; shape (len(at), dimension)."""
        ...

    def codes_at(self, at: Ids) -> NDArray[np.int8]:
        """Their codes."""
        ...


@dataclass(slots=True, eq=False)
class ByteRows:
    """In memory."""

    codes: Sequence[NDArray[np.int8]]
    """In parts of shape (n, dimension)."""
    scales: NDArray[np.float32]

    @classmethod
    def of(cls, parts: Iterable[tuple[NDArray[np.int8], NDArray[np.float32]]]) -> ByteRows:
        """Of what `rounded` gives."""
        codes, scales = zip(*parts, strict=True)
        return cls(codes, np.concatenate(scales))

    @property
    def nbytes(self) -> int:
        return self.scales.nbytes + sum(part.nbytes for part in self.codes)

    def take(self, at: Ids) -> Vectors:
        return _scaled(self.codes_at(at), self.scales[at])

    def codes_at(self, at: Ids) -> NDArray[np.int8]:
        ends = np.cumsum([len(part) for part in self.codes])
        own = np.searchsorted(ends, at, "right")
        rows = np.empty((len(at), self.codes[0].shape[1]), np.int8)
        for part in np.unique(own):
            here = own == part
            rows[here] = self.codes[part][at[here] - (ends[part] - len(self.codes[part]))]
        return rows


def rounded(vectors: Vectors) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Codes and scales of some vectors."""
    scales = np.abs(vectors).max(axis=1) / np.float32(_MOST)
    scales[scales == 0] = 1
    return np.rint(vectors / scales[:, None]).astype(np.int8), scales.astype(np.float32)


class FiledRows:
    """In a file, which stays readable for as long as this lives, whoever deletes it."""

    def __init__(self, path: Path, begin: int, scales: NDArray[np.float32], dimension: int) -> None:
        """Raises `OSError`. Codes begin at that byte."""
        self._begin = begin
        self.scales = scales
        self._dimension = dimension
        self._mapped: NDArray[np.int8] | None = None
        if not _READS_AT_PLACES:
            shape = (len(scales), dimension)
            self._mapped = np.memmap(path, np.int8, "r", begin, shape)
            return
        self._file = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        weakref.finalize(self, os.close, self._file)
        if _SAYS:
            os.posix_fadvise(self._file, 0, 0, os.POSIX_FADV_RANDOM)

    @property
    def nbytes(self) -> int:
        """In memory."""
        return self.scales.nbytes

    def take(self, at: Ids) -> Vectors:
        """Raises `OSError` where the disk does."""
        return _scaled(self.codes_at(at), self.scales[at])

    def codes_at(self, at: Ids) -> NDArray[np.int8]:
        if self._mapped is not None:
            return self._mapped[at]
        size = self._dimension
        if _SAYS:
            for place in at.tolist():
                os.posix_fadvise(
                    self._file, self._begin + size * place, size, os.POSIX_FADV_WILLNEED
                )
        told = [os.pread(self._file, size, self._begin + size * place) for place in at.tolist()]
        return np.frombuffer(b"".join(told), np.int8).reshape(len(at), size)


_READS_AT_PLACES: Final = hasattr(os, "pread")
_SAYS: Final = hasattr(os, "posix_fadvise")
"""Which places are read next, so that the disk reads several at once."""


def _scaled(codes: NDArray[Any], scales: NDArray[np.float32]) -> Vectors:
    return codes.astype(np.float32) * scales[:, None]
