"""Folders that LangChain wrote: a FAISS index and its texts, taken over with or without vectors.

The index is read as what LangChain's default is, a flat array of vectors behind a header, by its
bytes: no foreign code and no native parser sees it. Whether its vectors may stay is proved: a
sample is embedded here and must come out the same.
"""

from __future__ import annotations

import base64
import binascii
import json
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from knowledge_base.embedders.base import Embedder, Vectors
from knowledge_base.errors import InaccessibleFileError, UnreadableDocumentError
from knowledge_base.models import ChunkDraft, ParsedDocument
from knowledge_base.offloop import blocking

MEDIA_TYPE: Final = "application/x-langchain-faiss"
TEXT_TYPE: Final = "text/plain"
SAMPLE: Final = 32
SAME: Final = 0.99
"""Cosine from which two vectors of one text are by the same model."""
NEARLY_ALL: Final = 0.95
_FLAT: Final = (b"IxF2", b"IxFI", b"IxFl")
_HEADER: Final = struct.Struct("<iqqq?i")
"""Dimension, count, two numbers without a meaning, trained, metric."""
_MOST_DIMENSIONS: Final = 65_536


@dataclass(frozen=True, slots=True)
class PrebuiltFolder:
    """Where the parts lie."""

    index: Path
    texts: Path
    content: Path | None
    """The files that the texts come from, where they lie beside."""


@dataclass(frozen=True, slots=True)
class PrebuiltDocument:
    """A document of the folder; its passages lie in a file of our own making."""

    name: str
    file: Path


@dataclass(frozen=True, slots=True)
class Prebuilt:
    """A folder as it was read."""

    folder: PrebuiltFolder
    documents: tuple[PrebuiltDocument, ...]
    vectors: Vectors
    """Shape (rows, dimension), as written; read from disk where it is touched."""
    passages: int
    is_same_embedder: bool
    """Whether this library's embedder made the vectors."""
    seconds: float | None
    """What embedding all of it takes here, as measured; None without an embedder."""


@blocking
def find(folder: Path) -> PrebuiltFolder:
    """The parts in `folder` itself or as langchain-ChatGLM lays them out: `content/` and
    `vector_store/` with, in later versions, a folder for each model. Raises
    `InaccessibleFileError`."""
    store = folder / "vector_store"
    below = sorted(path for path in store.iterdir() if path.is_dir()) if store.is_dir() else []
    for place in (folder, store, *below):
        index, texts = place / "index.faiss", place / "index.pkl"
        if index.is_file() and texts.is_file():
            around = folder / "content" if place != folder else folder.parent / "content"
            return PrebuiltFolder(index, texts, around if around.is_dir() else None)
    raise InaccessibleFileError(str(folder / "index.faiss"))


@blocking
def read_index(path: Path) -> Vectors:
    """The vectors of a flat index, shape (count, dimension), mapped. Raises
    `UnreadableDocumentError`, also for an index of another kind."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(4 + _HEADER.size)
        if head[:4] not in _FLAT or len(head) < 4 + _HEADER.size:
            raise UnreadableDocumentError(path.name, MEDIA_TYPE)
        dimension, count, _one, _two, _trained, metric = _HEADER.unpack(head[4:])
        if metric > 1:
            file.read(4)
        stored = file.read(8)
        offset = file.tell()
    length = int.from_bytes(stored, "little") if len(stored) == 8 else -1
    fits = 0 < dimension <= _MOST_DIMENSIONS and count >= 0 and length == count * dimension
    if not fits or size != offset + 4 * length:
        raise UnreadableDocumentError(path.name, MEDIA_TYPE)
    if count == 0:
        return np.empty((0, dimension), dtype=np.float32)
    return np.memmap(path, dtype="<f4", mode="r", offset=offset, shape=(count, dimension))


@blocking
def passages_of(document: PrebuiltDocument) -> tuple[tuple[int, ...], tuple[ChunkDraft, ...]]:
    """Rows and chunks of a document. Raises `UnreadableDocumentError`."""
    rows, chunks = [], []
    try:
        told = json.loads(document.file.read_text(encoding="utf-8", errors="surrogatepass"))
        for chunk in told["chunks"]:
            row, text, page = chunk["row"], str(chunk["text"]), chunk["page"]
            terms = base64.b64decode(chunk["terms"], validate=True)
            rows.append(int(row))
            clean = text.encode("utf-8", "replace").decode("utf-8").replace("\x00", " ")
            chunks.append(ChunkDraft(clean, None, None if page is None else int(page), terms))
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise UnreadableDocumentError(document.name, MEDIA_TYPE) from error
    return tuple(rows), tuple(chunks)


@blocking
def vectors_of(found: Vectors, rows: Sequence[int]) -> Vectors | None:
    """Unit vectors of these rows, shape (len(rows), dimension); None where one is missing."""
    if any(not 0 <= row < len(found) for row in rows):
        return None
    taken = np.asarray(found[list(rows)], dtype=np.float32)
    norms = np.linalg.norm(taken, axis=1, keepdims=True)
    if not np.isfinite(norms).all() or (norms == 0).any():
        return None
    return np.ascontiguousarray(taken / norms, dtype=np.float32)


@blocking
def parsed(chunks: tuple[ChunkDraft, ...]) -> ParsedDocument:
    """The chunks as what reading a file gives."""
    pages = [chunk.page for chunk in chunks if chunk.page is not None]
    return ParsedDocument(TEXT_TYPE, max(pages, default=None), chunks)


@blocking
def original(content: Path | None, name: str, chunks: Sequence[ChunkDraft], stand_in: Path) -> Path:
    """The file that the texts are from, where it lies beside them; else the texts as one file."""
    if content is not None:
        given = content / name
        if given.parent == content and given.is_file() and not given.is_symlink():
            return given
    text = "\n\n".join(chunk.text for chunk in chunks)
    stand_in.write_text(text, encoding="utf-8", errors="replace")
    return stand_in


async def compared(
    embedder: Embedder, chunks: Sequence[ChunkDraft], vectors: Vectors | None
) -> tuple[bool, float]:
    """Whether the embedder makes these vectors of these texts, and its passages a second."""
    texts = [chunk.text for chunk in chunks]
    await embedder.embed_documents(texts[:1])  # whatever it loads first is no part of its speed
    begun = time.perf_counter()
    made = await embedder.embed_documents(texts)
    rate = len(texts) / max(time.perf_counter() - begun, 1e-6)
    if vectors is None or vectors.shape != made.shape:
        return False, rate
    alike = np.einsum("ij,ij->i", made, vectors) > SAME
    return bool(alike.mean() >= NEARLY_ALL), rate
