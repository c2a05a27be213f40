"""Sealed segments of the dense leg: never changed once built, searched by many threads at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from knowledge_base.byte_rows import ByteRows, FiledRows, Rows, rounded
from knowledge_base.embedders.base import Vectors
from knowledge_base.index_files import DamagedSegmentError, SavedSegment, Write, Written, write
from knowledge_base.offloop import blocking
from knowledge_base.reading_ahead import ListsAhead

FP16_UP_TO = 100_000
"""Half precision moves a cosine in its fifth digit, and is read in half the time of "flat". More
vectors are an inverted file of bytes ("ivf"): looking at all of them takes too long."""
BYTES_UP_TO = 512 << 20
"""More bytes than these are an inverted file of two bits a dimension ("rabitq"; Gao et al. 2024,
over a random rotation), and what it finds is put in order by bytes that stay in the file."""
CANDIDATES, LEAST_CANDIDATES = 4, 200
"""That many times what is asked for, and at least so many, are put in order by bytes."""
TRAINING_VECTORS = 100_000
MOST_LISTS = 4096
_VECTORS_A_LIST = 300
_PAGE = 4096
_AT_ONCE = 10_000
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
    rows: Rows | None = None
    """The vectors themselves, where the index has hardly more than their directions."""
    ahead: ListsAhead | None = None
    """Where its lists lie in the file, as long as they may not be in memory."""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def nbytes(self) -> int:
        rows = self.rows.nbytes if self.rows else 0
        return int(self.index.sa_code_size() * len(self.ids)) + self.ids.nbytes + rows

    @property
    def lossless(self) -> bool:
        """Whether a segment built of this one's own vectors is as good as it is."""
        return self.kind == "fp16"

    def nearest(self, vector: Vectors, limit: int) -> tuple[Vectors, Ids]:
        """(inner products, positions in `ids`), best first, at most `limit`."""
        most = limit if self.rows is None else max(LEAST_CANDIDATES, CANDIDATES * limit)
        if self.ahead is not None:
            self.ahead.search(self.index, vector)
        scores, at = self.index.search(vector[None, :], min(most, len(self.ids)))
        found = at[0] >= 0
        if self.rows is None:
            return scores[0][found], at[0][found]
        places = np.sort(at[0][found])
        products = self.rows.take(places) @ vector
        best = np.argsort(-products, kind="stable")[:limit]
        return products[best], places[best]

    def vectors(self, at: Ids) -> Vectors:
        """Of the positions, within the quantiser's error."""
        if self.rows is not None:
            return self.rows.take(at)
        if self.ahead is not None:
            self.ahead.vectors(self.index, at)
        rows: Vectors = self.index.reconstruct_batch(at)
        return rows


def kind_for(count: int, dimension: int) -> str:
    """How a segment of that many vectors is kept."""
    if count <= FP16_UP_TO:
        return "fp16"
    return "ivf" if count * dimension <= BYTES_UP_TO else "rabitq"


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
    rows: list[tuple[NDArray[np.int8], NDArray[np.float32]]] = []
    learns = kind != "fp16"
    index = _trained(faiss, parts, kind) if learns else None
    card = _on_cards(faiss, faiss.extract_index_ivf(index).quantizer) if index else None
    for part_ids, vectors in parts:
        if not len(part_ids):
            continue
        if index is None:
            index = faiss.index_factory(vectors.shape[1], "SQfp16", faiss.METRIC_INNER_PRODUCT)
        ids.append(part_ids)
        _put_in(faiss, index, card, np.ascontiguousarray(vectors, dtype=np.float32))
        if kind == "rabitq":
            rows.append(rounded(vectors))
    if index is None or not ids:
        return Segment(low, high, np.empty(0, dtype=np.int64), kind, faiss.IndexFlatIP(1))
    if kind == "ivf":
        index.make_direct_map()
    all_ids = np.concatenate(ids)
    if not (np.diff(all_ids) > 0).all():
        raise ValueError("ids must ascend")
    return Segment(low, high, all_ids, kind, index, rows=ByteRows.of(rows) if rows else None)


def _trained(faiss: Any, parts: Iterable[tuple[Ids, Vectors]], kind: str) -> Any:  # noqa: ANN401
    """An empty inverted file that knows how the vectors lie; FAISS is untyped."""
    sample, count = _spread(parts)
    if not count:
        return None
    dimension = sample.shape[1]
    lists = max(1, min(MOST_LISTS, count // _VECTORS_A_LIST))
    described = {"ivf": f"IVF{lists},SQ8", "rabitq": f"RR{dimension},IVF{lists},RaBitQ2"}[kind]
    index = faiss.index_factory(dimension, described, faiss.METRIC_INNER_PRODUCT)
    inverted = faiss.extract_index_ivf(index)
    inverted.cp.niter = 10
    inverted.cp.min_points_per_centroid = 1  # Fewer than FAISS would like do, spread evenly.
    card = _on_cards(faiss, faiss.IndexFlatIP(dimension))
    inverted.clustering_index = card
    index.train(sample)
    inverted.clustering_index = None
    inverted.nprobe = max(1, min(lists, lists * READ_BYTES // (count * dimension)))
    return index


def _on_cards(faiss: Any, index: Any) -> Any:  # noqa: ANN401
    """A copy of the index on all cards, which do what takes long while an inverted file is made;
    None where there is no card. The index stays the processor's, which serves it."""
    return faiss.index_cpu_to_all_gpus(index) if faiss.get_num_gpus() else None


def _put_in(faiss: Any, index: Any, card: Any, vectors: Vectors) -> None:  # noqa: ANN401
    """With a card that knows the centres of its lists, which says where each vector belongs."""
    if card is None:
        index.add(vectors)
        return
    inverted = faiss.extract_index_ivf(index)
    if isinstance(index, faiss.IndexPreTransform):
        vectors = index.chain.at(0).apply(vectors)
    _, nearest = card.search(vectors, 1)
    lists = np.ascontiguousarray(nearest[:, 0])  # named: a pointer keeps nothing alive
    inverted.add_core(len(vectors), faiss.swig_ptr(vectors), None, faiss.swig_ptr(lists))
    index.ntotal = inverted.ntotal


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
        at = 0

        def counted(block: bytes) -> int:
            nonlocal at
            at += len(block)
            return write(block)

        # FAISS's own writing to a path tells a full disk as any RuntimeError.
        faiss.write_index(segment.index, faiss.PyCallbackIOWriter(counted))  # type: ignore[attr-defined]
        # Behind it: it can be mapped from the beginning of a file only.
        if segment.rows is not None:
            write(bytes(-at % _PAGE))
            for place in range(0, len(segment), _AT_ONCE):
                some = np.arange(place, min(place + _AT_ONCE, len(segment)))
                write(segment.rows.codes_at(some).tobytes())
            write(segment.rows.scales.astype("<f4").tobytes())
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
            count = int(_from_end(file, 8, 1, "<i8")[0])
            if count != saved.count or index.ntotal != count:
                raise DamagedSegmentError(path.name)
            ids = _from_end(file, 8 + 8 * count, count, "<i8").astype(np.int64)
            rows = None
            if saved.kind == "rabitq":
                scales = _from_end(file, 8 + 12 * count, count, "<f4").astype(np.float32)
                begin = file.seek(-8 - (12 + index.d) * count, os.SEEK_END)
                rows = FiledRows(path, begin, scales, index.d)
        ahead = None
        if saved.kind != "fp16":
            ahead = ListsAhead(path, faiss.extract_index_ivf(index))
    except (OSError, RuntimeError) as error:
        raise DamagedSegmentError(path.name) from error
    return Segment(saved.low, saved.high, ids, saved.kind, index, path.name, rows, ahead)


def _from_end(file: BinaryIO, back: int, count: int, kind: str) -> NDArray[Any]:
    """An array that begins so many bytes before the end. Raises `OSError`."""
    file.seek(-back, os.SEEK_END)
    return np.frombuffer(file.read(np.dtype(kind).itemsize * count), kind)


def among(ids: Ids, ascending: Ids) -> NDArray[np.bool_]:
    """Which of the ids are in an ascending array."""
    if not len(ascending):
        return np.zeros(len(ids), dtype=np.bool_)
    at = np.minimum(np.searchsorted(ascending, ids), len(ascending) - 1)
    return np.asarray(ascending[at] == ids)
