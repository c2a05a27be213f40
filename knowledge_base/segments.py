"""Sealed segments of the dense leg: never changed once built, searched by many threads at once."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowledge_base.embedders.base import Vectors
from knowledge_base.index_files import DamagedSegmentError, SavedSegment, Write, Written, write
from knowledge_base.offloop import blocking

FP16_UP_TO = 200_000
"""Half precision moves a cosine in its fifth digit, and is read in half the time of "flat"."""
SQ8_UP_TO = 1_000_000
TRAINING_VECTORS = 100_000
PROBES = 64
"""Lists of an inverted file that a search looks into."""

Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Parts:
    """What a function yields, from the beginning each time that it is gone through."""

    made: Callable[[], Iterator[tuple[Ids, Vectors]]]

    def __iter__(self) -> Iterator[tuple[Ids, Vectors]]:
        return self.made()


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Vectors with their ids; `index` is FAISS's, over positions in `ids`."""

    low: int
    high: int
    """Holds what was alive of the ids low <= id < high when it was built."""
    ids: Ids
    """Ascending."""
    kind: str
    index: Any
    file: str | None = None
    """Where it lies in the folder of indexes, once it does."""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def nbytes(self) -> int:
        return int(self.index.sa_code_size() * len(self.ids)) + self.ids.nbytes

    @property
    def lossless(self) -> bool:
        """Whether a segment built of this one's own vectors is as good as it is."""
        return self.kind == "fp16"

    def nearest(self, vector: Vectors, limit: int) -> tuple[Vectors, Ids]:
        """(inner products, positions in `ids`), best first, at most `limit`."""
        scores, at = self.index.search(vector[None, :], min(limit, len(self.ids)))
        found = at[0] >= 0
        return scores[0][found], at[0][found]

    def vectors(self, at: Ids) -> Vectors:
        """Of the positions, within the quantiser's error."""
        rows: Vectors = self.index.reconstruct_batch(at)
        return rows


def kind_for(count: int) -> str:
    """How a segment of that many vectors is kept."""
    if count <= FP16_UP_TO:
        return "fp16"
    return "sq8" if count <= SQ8_UP_TO else "ivf"


@blocking
def build(low: int, high: int, parts: Iterable[tuple[Ids, Vectors]], kind: str) -> Segment:
    """A segment of the parts, whose ids ascend; they are gone through once."""
    import faiss

    ids: list[Ids] = []
    waiting: list[Vectors] = []
    index = None
    for part_ids, vectors in parts:
        if not len(part_ids):
            continue
        ids.append(part_ids)
        if index is None:
            waiting.append(vectors)
            if kind != "fp16" and sum(map(len, waiting)) < TRAINING_VECTORS:
                continue
            index = _trained(faiss, kind, waiting)
            waiting = []
            continue
        index.add(np.ascontiguousarray(vectors, dtype=np.float32))
    if index is None:
        index = _trained(faiss, kind, waiting) if waiting else faiss.IndexFlatIP(1)
    all_ids = np.concatenate(ids) if ids else np.empty(0, dtype=np.int64)
    if len(all_ids) > 1 and not (np.diff(all_ids) > 0).all():
        raise ValueError("ids must ascend")
    return Segment(low, high, all_ids, kind, index)


def _trained(faiss: Any, kind: str, waiting: list[Vectors]) -> Any:  # noqa: ANN401
    """FAISS is untyped."""
    sample = np.ascontiguousarray(np.concatenate(waiting), dtype=np.float32)
    dimension = sample.shape[1]
    description = {
        "fp16": "SQfp16",
        "sq8": "SQ8",
        "ivf": f"IVF{max(1, min(4096, int(4 * math.sqrt(len(sample)))))},SQ8",
    }[kind]
    index = faiss.index_factory(dimension, description, faiss.METRIC_INNER_PRODUCT)
    if not index.is_trained:
        index.train(sample)
    index.add(sample)
    if kind == "ivf":
        index.nprobe = PROBES
        index.make_direct_map()
    return index


@blocking
def save(segment: Segment, folder: Path) -> Written:
    """Raises `StorageFullError`."""
    import faiss

    def content(write: Write) -> None:
        # FAISS's own writing to a path tells a full disk as any RuntimeError.
        faiss.write_index(segment.index, faiss.PyCallbackIOWriter(write))  # type: ignore[attr-defined]
        # Behind it: it can be mapped from the beginning of a file only.
        write(segment.ids.astype("<i8").tobytes())
        write(len(segment.ids).to_bytes(8, "little"))

    return write(folder, ".vectors", content)


@blocking
def load(folder: Path, saved: SavedSegment) -> Segment:
    """Its pages are read as they are used. Raises `DamagedSegmentError`; FAISS would load a file
    with a flipped byte, so the caller looks at the bytes before (`index_files.require`)."""
    import faiss

    path = folder / saved.written.file
    try:
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        with path.open("rb") as file:
            file.seek(-8, os.SEEK_END)
            count = int.from_bytes(file.read(8), "little")
            if count != saved.count or index.ntotal != count:
                raise DamagedSegmentError(path.name)
            file.seek(-8 - 8 * count, os.SEEK_END)
            ids = np.frombuffer(file.read(8 * count), dtype="<i8").astype(np.int64)
    except (OSError, RuntimeError) as error:
        raise DamagedSegmentError(path.name) from error
    return Segment(saved.low, saved.high, ids, saved.kind, index, path.name)


def among(ids: Ids, ascending: Ids) -> NDArray[np.bool_]:
    """Which of the ids are in an ascending array."""
    if not len(ascending):
        return np.zeros(len(ids), dtype=np.bool_)
    at = np.minimum(np.searchsorted(ascending, ids), len(ascending) - 1)
    return np.asarray(ascending[at] == ids)
