"""Text and vectors made by rule, for figures that do not depend on what a text says.

Words follow Zipf's law, stop words included, so that postings are as long as in natural text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from knowledge_base.embedders.base import TokenizerSpec, Vectors

DIMENSION = 384
WORDS_A_PASSAGE = 200
SYLLABLES = [first + second for first in "tnrslkmd" for second in ("a", "e", "in", "or")]
VOCABULARY = 30_000


class GivenVectors:
    """An embedder that costs nothing: a text's vector is drawn from its hash."""

    name = "vectors given"
    fingerprint = "benchmark-given-vectors"
    dimension = DIMENSION
    tokenizer = TokenizerSpec(kind="estimate", max_tokens=2048)

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """One unit vector a text."""
        return np.stack([vector_of(text) for text in texts])

    async def embed_query(self, text: str) -> Vectors:
        """One unit vector."""
        return vector_of(text)

    async def aclose(self) -> None:
        """Nothing to close."""


def vector_of(text: str) -> Vectors:
    """A unit vector that depends on the text alone."""
    seed = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
    drawn = np.random.default_rng(seed).standard_normal(DIMENSION, dtype=np.float32)
    return drawn / np.linalg.norm(drawn)


def passages(count: int, seed: int = 0) -> list[str]:
    """That many passages of made-up English words, about 1,000 characters each."""
    random = np.random.default_rng(seed)
    ranks = np.arange(1, VOCABULARY + 1)
    chances = 1 / ranks
    words = np.array([_word(rank) for rank in ranks])
    drawn = random.choice(words, size=(count, WORDS_A_PASSAGE), p=chances / chances.sum())
    return [" ".join(row).capitalize() + "." for row in drawn]


def _word(rank: int) -> str:
    """Frequent words are short, as in natural text."""
    word = ""
    while rank:
        rank, syllable = divmod(rank, len(SYLLABLES))
        word += SYLLABLES[syllable]
    return word


def write_documents(folder: Path, texts: Sequence[str], per_document: int) -> list[Path]:
    """Plain-text files of that many passages each, one passage a paragraph."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for start in range(0, len(texts), per_document):
        path = folder / f"document-{start:07d}.txt"
        path.write_text("\n\n".join(texts[start : start + per_document]), encoding="utf-8")
        paths.append(path)
    return paths
