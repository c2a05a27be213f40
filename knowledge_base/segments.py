"""Sealed segments of the dense leg: never changed once built, searched by many threads at once."""

from __future__ import annotations

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

FP16_UP_TO = 100_000
"""Half precision moves a cosine in its fifth digit, and is read in half the time of "flat". More
vectors are an inverted file of bytes ("ivf"): looking at all of them takes too long."""
TRAINING_VECTORS = 100_000
MOST_LISTS = 4096
_VECTORS_A_LIST = 300
READ_BYTES = 32 << 20
"""Of an inverted file, that a search looks through: some milliseconds, whatever the dimension."""

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
    return "fp16" if count <= FP16_UP_TO else "ivf"


@blocking
def build(low: int, high: int, parts: Iterable[tuple[Ids, Vectors]], kind: str) -> Segment:
    """A segment of the parts, whose ids ascend; they are gone through twice where it learns."""
    import faiss

    # One question gains nothing from more threads than its own; training does.
    own = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1)))
    try:
        return _built(faiss, low, high, parts, kind)
    finally:
        faiss.omp_set_num_threads(own)


def _built(
    faiss: Any,  # noqa: ANN401 - untyped
    low: int,
    high: int,
    parts: Iterable[tuple[Ids, Vectors]],
    kind: str,
) -> Segment:
    ids: list[Ids] = []
    index = _trained(faiss, parts) if kind == "ivf" else None
    for part_ids, vectors in parts:
        if not len(part_ids):
            continue
        if index is None:
            index = faiss.index_factory(vectors.shape[1], "SQfp16", faiss.METRIC_INNER_PRODUCT)
        ids.append(part_ids)
        index.add(np.ascontiguousarray(vectors, dtype=np.float32))
    if index is None or not ids:
        return Segment(low, high, np.empty(0, dtype=np.int64), kind, faiss.IndexFlatIP(1))
    if kind == "ivf":
        index.make_direct_map()
    all_ids = np.concatenate(ids)
    if not (np.diff(all_ids) > 0).all():
        raise ValueError("ids must ascend")
    return Segment(low, high, all_ids, kind, index)


def _trained(faiss: Any, parts: Iterable[tuple[Ids, Vectors]]) -> Any:  # noqa: ANN401
    """An empty inverted file that knows how the vectors lie; FAISS is untyped."""
    sample, count = _spread(parts)
    if not count:
        return None
    lists = max(1, min(MOST_LISTS, count // _VECTORS_A_LIST))
    description = f"IVF{lists},SQ8"
    index = faiss.index_factory(sample.shape[1], description, faiss.METRIC_INNER_PRODUCT)
    index.cp.niter = 10
    index.cp.min_points_per_centroid = 1  # Fewer than FAISS would like, spread evenly, do as well.
    card = None
    if faiss.get_num_gpus():
        # It assigns the sample to its centres; the index stays the processor's, which serves it.
        card = faiss.index_cpu_to_all_gpus(faiss.IndexFlatIP(sample.shape[1]))
        index.clustering_index = card
    index.train(sample)
    index.clustering_index = None
    index.nprobe = max(1, min(lists, lists * READ_BYTES // (count * sample.shape[1])))
    return index


def _spread(parts: Iterable[tuple[Ids, Vectors]]) -> tuple[Vectors, int]:
    """Up to `TRAINING_VECTORS`, evenly out of all, and how many there are."""
    taken: list[Vectors] = []
    held = count = 0
    step = 1
    for _, vectors in parts:
        part = vectors[-count % step :: step]
        count += len(vectors)
        taken.append(np.array(part, dtype=np.float32))
        held += len(part)
        if held > TRAINING_VECTORS:
            step *= 2
            taken = [np.concatenate(taken)[::2].copy()]
            held = len(taken[0])
    return (np.concatenate(taken) if taken else np.empty((0, 1), dtype=np.float32)), count


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
