"""The bundled model's vectors of single tokens, computed by numpy.

Its own library gives only their mean. How near a passage comes to each word of a question shows
in the single ones, see `knowledge_base.late`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from knowledge_base.embedders.bundled_file import MappedModel, Vocabulary, map_model
from knowledge_base.offloop import blocking

Floats: TypeAlias = NDArray[np.float32]
_QUERY: Final = "query: "
_PASSAGE: Final = "passage: "
_SPACES: Final = re.compile(" {2,}")
_SPACE: Final = "\u2581"
_UNKNOWN_WORTH: Final = -10.0
"""Of a character that is in no piece, below the least likely piece."""
_ROOT: Final = float(np.sqrt(2 / np.pi))


class Unigrams:
    """The model's tokenizer: the most likely pieces, without its begin and end."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._replaced = dict(vocabulary.replaced)
        self._unknown = vocabulary.unknown
        self._known = {
            piece: (worth, number)
            for number, (piece, worth) in enumerate(vocabulary.pieces)
            if number != vocabulary.unknown
        }
        self._longest = max(map(len, self._known), default=1)
        self._least = min(worth for _, worth in vocabulary.pieces) + _UNKNOWN_WORTH

    def of(self, text: str) -> list[int]:
        """The numbers of its pieces."""
        plain = _SPACES.sub(" ", text.translate(cast("Mapping[int, str]", self._replaced)))
        written = (plain if plain.startswith(" ") else f" {plain}").replace(" ", _SPACE)
        best = [0.0, *itertools.repeat(float("-inf"), len(written))]
        ways = [(0, self._unknown)] * (len(written) + 1)
        known, longest = self._known, self._longest
        for start, sum_ in enumerate(best[:-1]):
            sum_ = best[start]
            if best[start + 1] < sum_ + self._least:
                best[start + 1], ways[start + 1] = sum_ + self._least, (start, self._unknown)
            for stop in range(start + 1, min(start + longest, len(written)) + 1):
                piece = known.get(written[start:stop])
                if piece is not None and best[stop] < sum_ + piece[0]:
                    best[stop], ways[stop] = sum_ + piece[0], (start, piece[1])
        pieces, at = [], len(written)
        while at:
            at, number = ways[at]
            pieces.append(number)
        return pieces[::-1]


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """Weights of shape (inputs, outputs)."""

    inputs: Floats
    """Query, key and value in one."""
    inputs_bias: Floats
    attended: Floats
    attended_bias: Floats
    attended_norm: tuple[Floats, Floats]
    widened: Floats
    widened_bias: Floats
    narrowed: Floats
    narrowed_bias: Floats
    out_norm: tuple[Floats, Floats]


class TokenVectors:
    """Unit vectors of the tokens of a text; methods may be called from several threads."""

    def __init__(self, model: MappedModel) -> None:
        self._model = model
        self._shape = model.shape
        self._pieces = Unigrams(model.vocabulary)
        tensors = model.tensors
        hidden = model.shape.hidden
        self._places = tensors["emb.pos"].reshape(-1, hidden) + tensors["emb.type"][:hidden]
        self._norm = (tensors["emb.ln.w"], tensors["emb.ln.b"])
        self._layers = [self._layer(number) for number in range(model.shape.layers)]

    @classmethod
    @blocking
    def load(cls, path: Path) -> TokenVectors:
        """Raises `OSError` and `BrokenModelError`."""
        return cls(map_model(path))

    def query(self, text: str) -> Floats:
        """Shape (tokens, hidden): of what the model reads as a question."""
        return self._of(_QUERY, text)

    def passage(self, text: str) -> Floats:
        """As `query`, of what is searched; as far as the model reads at once."""
        return self._of(_PASSAGE, text)

    def _of(self, prompt: str, text: str) -> Floats:
        vocabulary = self._model.vocabulary
        before = len(self._pieces.of(prompt.strip()))
        pieces = self._pieces.of(prompt + text)[: self._shape.positions - 2]
        hidden = self._forward([vocabulary.begin, *pieces, vocabulary.end])[1 + before : -1]
        lengths = np.linalg.norm(hidden, axis=1, keepdims=True)
        return cast(Floats, hidden / np.maximum(lengths, 1e-9))

    def _forward(self, ids: Sequence[int]) -> Floats:
        x = self._normed(self._model.words(ids) + self._places[: len(ids)], self._norm)
        for layer in self._layers:
            seen = self._attended(x @ layer.inputs + layer.inputs_bias)
            seen = seen @ layer.attended + layer.attended_bias
            x = self._normed(x + seen, layer.attended_norm)
            wide = _gelu(x @ layer.widened + layer.widened_bias)
            x = self._normed(x + wide @ layer.narrowed + layer.narrowed_bias, layer.out_norm)
        return x

    def _attended(self, three: Floats) -> Floats:
        count, heads = len(three), self._shape.heads
        query, key, value = three.reshape(count, 3, heads, -1).transpose(1, 2, 0, 3)
        scores = query @ key.transpose(0, 2, 1) / np.float32(np.sqrt(query.shape[-1]))
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=-1, keepdims=True)
        return cast(Floats, (scores @ value).transpose(1, 0, 2).reshape(count, -1))

    def _normed(self, x: Floats, weights: tuple[Floats, Floats]) -> Floats:
        x = x - x.mean(axis=1, keepdims=True)
        spread = np.sqrt(np.square(x).mean(axis=1, keepdims=True) + self._shape.epsilon)
        return cast(Floats, x / spread * weights[0] + weights[1])

    def _layer(self, number: int) -> _Layer:
        def named(name: str) -> Floats:
            return self._model.tensors[f"l{number}.{name}"]

        def turned(name: str) -> Floats:
            return np.ascontiguousarray(named(name).T)

        return _Layer(
            inputs=np.ascontiguousarray(np.concatenate([named(f"{part}.w") for part in "qkv"]).T),
            inputs_bias=np.concatenate([named(f"{part}.b") for part in "qkv"]),
            attended=turned("ao.w"),
            attended_bias=named("ao.b"),
            attended_norm=(named("aln.w"), named("aln.b")),
            widened=turned("fi.w"),
            widened_bias=named("fi.b"),
            narrowed=turned("fo.w"),
            narrowed_bias=named("fo.b"),
            out_norm=(named("oln.w"), named("oln.b")),
        )


def _gelu(x: Floats) -> Floats:
    """By the hyperbolic tangent: within 0.001 of the model's own."""
    inner = np.tanh(np.float32(_ROOT) * (x + np.float32(0.044715) * x * x * x))
    return cast(Floats, np.float32(0.5) * x * (1 + inner))
