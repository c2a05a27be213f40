"""Sealed segments of the dense leg: never changed once built, searched by many threads at once."""

from __future__ import annotations

import hashlib
import math
import os
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowledge_base.embedders.base import Vectors
from knowledge_base.offloop import blocking
from knowledge_base.originals import full_disk_told, sync_folder

FP16_UP_TO = 200_000
"""Half precision moves a cosine in its fifth digit, and is read in half the time of "flat"."""
SQ8_UP_TO = 1_000_000
TRAINING_VECTORS = 100_000
PROBES = 64
"""Lists of an inverted file that a search looks into."""

Ids = NDArray[np.int64]


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
def save(segment: Segment, folder: Path) -> tuple[str, str]:
    """(file name, sha256) of a file that is whole and on disk when this returns.

    Raises `StorageFullError`; a half-written file is under a name that nothing refers to.
    """
    import faiss

    name = f"{uuid.uuid4().hex}.faiss"
    temporary = folder / f"{name}.part"
    with full_disk_told():
        try:
            # FAISS's own writing to a path tells a full disk as any RuntimeError.
            with temporary.open("xb") as file:
                digest = hashlib.sha256()

                def write(block: bytes) -> int:
                    digest.update(block)
                    return file.write(block)

                write(len(segment.ids).to_bytes(8, "little"))
                write(segment.ids.astype("<i8").tobytes())
                faiss.write_index(segment.index, faiss.PyCallbackIOWriter(write))  # type: ignore[attr-defined]
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        temporary.replace(folder / name)
        sync_folder(folder)
    return name, digest.hexdigest()


class DamagedSegmentError(Exception):
    """A segment's file is not what was written, or is gone."""


@blocking
def load(path: Path, sha256: str, low: int, high: int, kind: str) -> Segment:
    """Raises `DamagedSegmentError`. FAISS would load a file with a flipped byte, so it is asked
    only after the checksum agrees."""
    import faiss

    try:
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                raise DamagedSegmentError(path.name)
            file.seek(0)
            count = int.from_bytes(file.read(8), "little")
            ids = np.frombuffer(file.read(8 * count), dtype="<i8").astype(np.int64)
            index = faiss.read_index(faiss.PyCallbackIOReader(file.read))  # type: ignore[attr-defined]
    except (OSError, RuntimeError) as error:
        raise DamagedSegmentError(path.name) from error
    if index.ntotal != count:
        raise DamagedSegmentError(path.name)
    return Segment(low, high, ids, kind, index, path.name)
