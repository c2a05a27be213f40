"""A large base made by rule: clustered unit vectors, and texts whose words are
distributed as in natural ones.

Every second passage is English: 80 words by Zipf's law out of 50,000, the real stop words first.
Every other one is Chinese: words of one to three characters by Zipf's law out of 40,000, real
particles first, about 160 characters. Vectors: a centre out of 4,000 of uneven size, a part that
lies in 64 directions shared by all, and a little noise in every direction, as the vectors of texts
have few directions of their own. The passage's number alone decides what it is.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knowledge_base.embedders.base import Vectors
from knowledge_base.models import ChunkDraft
from knowledge_base.terms import pack_terms, terms_of

PER_DOCUMENT = 250
_CENTRES, _DIRECTIONS = 4000, 64
_ENGLISH_WORDS, _CHINESE_WORDS = 50_000, 40_000
_ENGLISH_LENGTH, _CHINESE_LENGTH = 80, 95
_STOP = (
    "the of and to in a is that it was for on are as with his they at be this from have or by one"
    " had not but what all were when we there can an your which their said if do will each about"
)
_PARTICLES = "的了在是我有和就不人都一上也很到说要去你会着没看好自己这那他她它们个为与及而以于"
_SYLLABLES = [first + second for first in "tnrslkmdbvg" for second in ("a", "e", "i", "on", "ur")]


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """Passages of one document and their vectors."""

    number: int
    chunks: tuple[ChunkDraft, ...]
    vectors: Vectors


def document(number: int, dimension: int, passages: int = PER_DOCUMENT) -> Made:
    """The document of this number; the same in every process."""
    random = np.random.default_rng([7, number])
    english, chinese = _english(), _chinese()
    texts = []
    for at in range(passages):
        if at % 2:
            texts.append(" ".join(english[_drawn(random, len(english), _ENGLISH_LENGTH)]) + ".")
        else:
            texts.append("".join(chinese[_drawn(random, len(chinese), _CHINESE_LENGTH)]) + "。")
    chunks = tuple(ChunkDraft(text, None, None, pack_terms(terms_of(text))) for text in texts)
    return Made(number, chunks, _clustered(random, passages, dimension))


def question(number: int, near: Vectors) -> tuple[str, Vectors]:
    """Words by the same law, and a vector near that of a passage (cosine 0.93); every second
    question is Chinese."""
    random = np.random.default_rng([8, number])
    english, chinese = _english(), _chinese()
    if number % 2:
        text = " ".join(english[_drawn(random, len(english), 9)])
    else:
        text = "".join(chinese[_drawn(random, len(chinese), 8)])
    noise = random.standard_normal(len(near), dtype=np.float32)
    asked = near + 0.4 * noise / np.linalg.norm(noise)
    return text, asked / np.linalg.norm(asked)


def _clustered(random: np.random.Generator, count: int, dimension: int) -> Vectors:
    centres, directions = _space(dimension)
    # Few centres have many passages, as few subjects do.
    own = (random.random(count) ** 1.5 * len(centres)).astype(np.int64)
    along = random.standard_normal((count, _DIRECTIONS), dtype=np.float32) @ directions
    noise = random.standard_normal((count, dimension), dtype=np.float32) / np.sqrt(dimension)
    made = centres[own] + 0.8 * along + 0.2 * noise
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return np.asarray(made, np.float32)


@functools.cache
def _space(dimension: int) -> tuple[Vectors, Vectors]:
    random = np.random.default_rng([9, dimension])
    centres = random.standard_normal((_CENTRES, dimension), dtype=np.float32)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    directions = random.standard_normal((_DIRECTIONS, dimension), dtype=np.float32)
    directions /= np.sqrt(_DIRECTIONS * dimension)
    return centres, directions


def _drawn(random: np.random.Generator, words: int, count: int) -> NDArray[np.int64]:
    """Ranks by Zipf's law with exponent 1."""
    return np.minimum((words + 1) ** random.random(count), words).astype(np.int64) - 1


@functools.cache
def _english() -> NDArray[np.str_]:
    words = _STOP.split()
    for rank in range(len(words), _ENGLISH_WORDS):
        word, left = "", rank
        while left:
            left, syllable = divmod(left, len(_SYLLABLES))
            word += _SYLLABLES[syllable]
        words.append(word)
    return np.array(words)


@functools.cache
def _chinese() -> NDArray[np.str_]:
    random = np.random.default_rng(10)
    words = list(_PARTICLES)
    lengths = random.choice((1, 2, 3), size=_CHINESE_WORDS, p=(0.1, 0.75, 0.15))
    for length in lengths[len(words) :]:
        # The 3,500 characters from 一 on stand for those in common use, some far more common.
        drawn = (random.random(length) ** 2 * 3500).astype(np.int64)
        words.append("".join(chr(0x4E00 + int(code)) for code in drawn))
    return np.array(words)
