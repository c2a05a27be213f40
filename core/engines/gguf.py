"""What the head of a .gguf file says: the model's shape, and whether the file is whole.

The format: github.com/ggml-org/ggml/blob/master/docs/gguf.md. Only the head is read, whatever the
file's size, and the vocabulary in it is stepped over.
"""

from __future__ import annotations

import mmap
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Final, TypeAlias

from core.engines.shape import LARGEST, MOST_LAYERS, ModelShape, UnknownShapeError, sound

Value: TypeAlias = int | float | bool | str | tuple[int, ...]

_MAGIC: Final = b"GGUF"
_VERSIONS: Final = (2, 3)
_NUMBERS: Final = {
    0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i",
    6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d",
}  # fmt: skip
_TEXT: Final = 8
_LIST: Final = 9
_FLOATS: Final = (6, 12)
_KEPT: Final = 4096
"""Lists of numbers up to this length are kept: those with one for each layer."""
_LONGEST: Final = 1 << 32
"""Of a text or a list in a file that is not broken."""
_MOST_DIMENSIONS: Final = 8
"""Of a tensor in one; ggml itself knows four."""
_BLOCKS: Final[Mapping[int, tuple[int, int]]] = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
    9: (32, 40), 10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210),
    15: (256, 292), 16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18),
    21: (256, 110), 22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8),
    28: (1, 8), 29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66), 39: (32, 17),
    40: (64, 36), 41: (128, 18),
}  # fmt: skip
"""Of each type of tensor: numbers in a block, and the bytes that the block takes."""
_PART: Final = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")


class BrokenGgufError(Exception):
    """The file is no GGUF file, or not the whole of one; `problem` is "magic", "version" or
    "truncated"."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class GgufHead:
    """What stands before the tensors."""

    values: Mapping[str, Value]
    embedding_parameters: int
    parameters: int
    vocabulary: int
    """Rows of the input embedding; 0 where this part of a model holds none."""
    tokens: int
    """Entries of the tokenizer's vocabulary; 0 where there is none."""
    needed_bytes: int
    """The file is not whole where it is shorter."""

    def text(self, key: str) -> str:
        value = self.values.get(key)
        return value if isinstance(value, str) else ""

    def number(self, key: str) -> int:
        """Of the architecture; of a list, the largest of it."""
        value = self.values.get(f"{self.text('general.architecture')}.{key}", 0)
        if isinstance(value, tuple):
            return max(value, default=0)
        return int(value) if isinstance(value, int) else 0

    def each(self, key: str, layers: int) -> list[int]:
        """One number for each layer, whether the file lists them or has one for all."""
        value = self.values.get(f"{self.text('general.architecture')}.{key}", 0)
        if isinstance(value, tuple):
            return list(value)[:layers]
        return [int(value) if isinstance(value, int) else 0] * layers


def read_gguf(path: Path) -> GgufHead:
    """Raises `BrokenGgufError` and `OSError`."""
    with path.open("rb") as file:
        start = file.read(8)
        if len(start) < 8 or start[:4] != _MAGIC:
            raise BrokenGgufError("magic")
        if struct.unpack("<I", start[4:])[0] not in _VERSIONS:
            raise BrokenGgufError("version")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
            try:
                return _Reader(whole, 8).head()
            except (struct.error, IndexError, UnicodeDecodeError, RecursionError) as error:
                raise BrokenGgufError("truncated") from error


def parts_of(path: Path) -> tuple[Path, ...]:
    """The files of a model that is split, itself where it is not; some may be missing."""
    found = _PART.search(path.name)
    if found is None:
        return (path,)
    stem, count = path.name[: found.start()], int(found[2])
    return tuple(path.with_name(f"{stem}-{n:05}-of-{count:05}.gguf") for n in range(1, count + 1))


def shape_of_gguf(head: GgufHead) -> ModelShape:
    """The shape that the head describes. Raises `UnknownShapeError` with what is missing."""
    layers = _need(head, "block_count", MOST_LAYERS)
    hidden, window = _need(head, "embedding_length"), _need(head, "context_length")
    heads = _need(head, "attention.head_count")
    key_size = head.number("attention.key_length") or hidden // heads
    value_size = head.number("attention.value_length") or key_size
    kv_heads = head.each("attention.head_count_kv", layers)
    if not any(kv_heads):
        kv_heads = [heads] * layers
    kinds = _kinds(head, layers, kv_heads)
    full = [kv for kv, kind in zip(kv_heads, kinds, strict=False) if kind == "full"]
    sliding = [kv for kv, kind in zip(kv_heads, kinds, strict=False) if kind == "sliding"]
    sliding_size = (head.number("attention.key_length_swa") or key_size) + (
        head.number("attention.value_length_swa") or value_size
    )
    compressed = head.number("attention.kv_lora_rank")
    each_full = max(full, default=0) * (key_size + value_size)
    if compressed:  # keys and values come from the same numbers
        each_full = compressed + head.number("rope.dimension_count")
    return sound(
        ModelShape(
            window=window,
            layers=layers,
            hidden=hidden,
            vocabulary=head.vocabulary or head.tokens,
            embedding_parameters=head.embedding_parameters,
            other_parameters=head.parameters - head.embedding_parameters,
            full_layers=len(full),
            sliding_layers=len(sliding),
            sliding_window=head.number("attention.sliding_window") or window,
            cached_per_layer=each_full,
            cached_per_sliding_layer=max(sliding, default=0) * sliding_size,
            state_per_slot=kinds.count("fixed") * _state(head),
        )
    )


def _kinds(head: GgufHead, layers: int, kv_heads: list[int]) -> list[str]:
    shared = head.number("attention.shared_kv_layers")
    interval = head.number("full_attention_interval")
    window = head.number("attention.sliding_window")
    pattern = head.values.get(
        f"{head.text('general.architecture')}.attention.sliding_window_pattern"
    )
    kinds = []
    for layer in range(layers):
        kind = "full"
        if (interval and (layer + 1) % interval) or not sum(kv_heads[layer : layer + 1]):
            kind = "fixed"
        elif isinstance(pattern, tuple) and layer < len(pattern):
            kind = "sliding" if pattern[layer] else "full"
        elif window:
            every = int(pattern) if isinstance(pattern, int) else _EVERY.get(_family(head), 0)
            # An unknown family is taken to look at everything: too much memory, not too little.
            kind = "sliding" if every and (layer + 1) % every else "full"
        kinds.append(kind if layer < layers - shared else "shared")
    return kinds


_EVERY: Final = {"gemma2": 2, "gemma3": 6, "gemma3n": 5, "gpt-oss": 2, "cohere2": 4, "llama4": 4}
"""Every which layer looks at everything, in families whose files do not say it."""


def _family(head: GgufHead) -> str:
    return head.text("general.architecture")


def _state(head: GgufHead) -> int:
    """Numbers that a layer of fixed state keeps of a request, in 32 bits where a cache has 16."""
    inner, size = head.number("ssm.inner_size"), head.number("ssm.state_size")
    return 2 * inner * size


def _need(head: GgufHead, key: str, most: int = LARGEST) -> int:
    if 0 < (found := head.number(key)) <= most:
        return found
    raise UnknownShapeError(f"{_family(head)}.{key}")


class _Reader:
    """Walks over the head of a mapped file."""

    def __init__(self, data: mmap.mmap, at: int) -> None:
        self._data = data
        self._at = at

    def head(self) -> GgufHead:
        tensors, pairs = self._number("<Q"), self._number("<Q")
        values: dict[str, Value] = {}
        tokens = 0
        for _ in range(pairs):
            key, kind = self._text(), self._number("<I")
            if kind == _LIST:
                count, kept = self._list()
                if key == "tokenizer.ggml.tokens":
                    tokens = count
                if kept:
                    values[key] = kept
            else:
                values[key] = self._text() if kind == _TEXT else self._scalar(kind)
        return self._tensors(tensors, values, tokens)

    def _tensors(self, count: int, values: dict[str, Value], tokens: int) -> GgufHead:
        embedded = parameters = vocabulary = end = 0
        for _ in range(count):
            name = self._text()
            many = self._number("<I")
            if many > _MOST_DIMENSIONS:
                raise IndexError
            dimensions = [self._number("<Q") for _ in range(many)]
            kind, offset = self._number("<I"), self._number("<Q")
            numbers = prod(dimensions)
            parameters += numbers
            if name in ("token_embd.weight", "output.weight"):
                embedded += numbers
            if name == "token_embd.weight":
                vocabulary = dimensions[-1]
            block, size = _BLOCKS.get(kind, (1, 0))  # a type of later: only its start is known
            end = max(end, offset + numbers // block * size)
        alignment = values.get("general.alignment", 32)
        step = alignment if isinstance(alignment, int) and alignment > 0 else 32
        start = -(-self._at // step) * step
        return GgufHead(values, embedded, parameters, vocabulary, tokens, start + end)

    def _list(self) -> tuple[int, tuple[int, ...]]:
        """How long a list is, and its numbers where it is short and they are whole."""
        kind, count = self._number("<I"), self._number("<Q")
        if count > _LONGEST:
            raise IndexError
        if kind == _TEXT:
            for _ in range(count):
                self._skip(self._number("<Q"))
            return count, ()
        if kind == _LIST:
            for _ in range(count):
                self._list()
            return count, ()
        layout = _layout(kind)
        if count <= _KEPT and kind not in _FLOATS:
            return count, tuple(int(self._number(layout)) for _ in range(count))
        self._skip(count * struct.calcsize(layout))
        return count, ()

    def _scalar(self, kind: int) -> int | float | bool:
        value: int | float | bool = struct.unpack_from(_layout(kind), self._data, self._at)[0]
        self._at += struct.calcsize(_layout(kind))
        return value

    def _number(self, layout: str) -> int:
        value: int = struct.unpack_from(layout, self._data, self._at)[0]
        self._at += struct.calcsize(layout)
        return value

    def _text(self) -> str:
        size = self._number("<Q")
        start = self._at
        self._skip(size)
        return self._data[start : start + size].decode("utf-8", "replace")

    def _skip(self, size: int) -> None:
        self._at += size
        if size > _LONGEST or self._at > len(self._data):
            raise IndexError


def _layout(kind: int) -> str:
    try:
        return _NUMBERS[kind]
    except KeyError:
        raise IndexError from None
