"""Embedding models that we recommend, and which of them this machine can bear.

Figures are those of the model cards. `rank` is an opinion: higher finds better.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from bot.machine import Machine

Bears: TypeAlias = Literal["card", "processor", "slowly", "not"]
"""Where a model fits: into the card's memory; into this machine's, where its size makes questions
wait or not; nowhere."""

_BATCH_BYTES: Final = 512 * 1024**2
_MOST_ON_PROCESSOR: Final = 0.3
"""Billions of parameters; more makes every question wait on a processor."""


@dataclass(frozen=True, slots=True)
class RecommendedEmbedder:
    """One model of sentence-transformers."""

    name: str
    rank: int
    parameters: float
    """Billions."""
    size_bytes: int
    """Of the weights as downloaded."""
    licence: str
    languages: tuple[str, ...]
    dimension: int
    tokens: int
    """Read at once, at most."""
    huggingface: str
    modelscope: str = ""

    def repository(self, source: str) -> str:
        """Its id on "huggingface" or "modelscope"; "" where it is not known to be there."""
        return self.modelscope if source == "modelscope" else self.huggingface


_BOTH: Final = ("en", "zh", "…")
EMBEDDERS: Final = (
    RecommendedEmbedder(
        "qwen3-embedding-4b", 50, 4.0, 8_050_000_000, "Apache-2.0", _BOTH, 2560, 32_768,
        "Qwen/Qwen3-Embedding-4B", "Qwen/Qwen3-Embedding-4B",
    ),
    RecommendedEmbedder(
        "qwen3-embedding-0.6b", 40, 0.6, 1_192_000_000, "Apache-2.0", _BOTH, 1024, 32_768,
        "Qwen/Qwen3-Embedding-0.6B", "Qwen/Qwen3-Embedding-0.6B",
    ),
    RecommendedEmbedder(
        "bge-m3", 35, 0.57, 2_271_000_000, "MIT", _BOTH, 1024, 8192,
        "BAAI/bge-m3", "BAAI/bge-m3",
    ),
    RecommendedEmbedder(
        "multilingual-e5-large", 30, 0.56, 2_240_000_000, "MIT", _BOTH, 1024, 512,
        "intfloat/multilingual-e5-large",
    ),
    RecommendedEmbedder(
        "multilingual-e5-base", 20, 0.28, 1_112_000_000, "MIT", _BOTH, 768, 512,
        "intfloat/multilingual-e5-base",
    ),
)  # fmt: skip
"""Best first; beside them there is the bundled one, which needs no file."""


def find_embedder(name: str) -> RecommendedEmbedder | None:
    """By its name, whatever its case."""
    return next((one for one in EMBEDDERS if one.name == name.casefold()), None)


def can_run() -> bool:
    """Whether what models of sentence-transformers run on is installed."""
    found = importlib.util.find_spec
    return found("sentence_transformers") is not None and found("torch") is not None


def bears(machine: Machine, size_bytes: int, parameters: float | None = None) -> Bears:
    """Where weights of that size fit, with room for a batch; of 32 bits a number, where it is not
    known how many billions there are."""
    needed, card = size_bytes + _BATCH_BYTES, machine.card
    if card is not None and card.by_torch and card.device.free_bytes >= needed:
        return "card"
    if machine.ram.free_bytes < needed:
        return "not"
    counted = size_bytes / 4e9 if parameters is None else parameters
    return "processor" if counted <= _MOST_ON_PROCESSOR else "slowly"


def best_for(machine: Machine) -> RecommendedEmbedder | None:
    """What finds best here without making questions wait; None: the bundled one."""
    for one in EMBEDDERS:
        place = bears(machine, one.size_bytes, one.parameters)
        if place in ("card", "processor"):
            return one
    return None
