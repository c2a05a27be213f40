"""The bundled model computed by numpy on the processor: a text's vector, and those of its tokens.

Its own library takes longer, several times where other programs compute too, and gives only the
mean of the tokens. How near a passage comes to each word of a question shows in the single ones,
see `knowledge_base.closeness`.
"""

from __future__ import annotations

import os
import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import numpy as np

from knowledge_base.embedders.base import Vectors
from knowledge_base.embedders.batching import estimate
from knowledge_base.embedders.bundled_file import MappedModel, Shape, Vocabulary, map_model
from knowledge_base.offloop import blocking

QUERY: Final = "query: "
PASSAGE: Final = "passage: "
_SPACES: Final = re.compile(" {2,}")
_SPACE: Final = "\u2581"
_UNKNOWN_WORTH: Final = -10.0
"""Of a character that is in no piece, below the least likely piece."""
_ROWS: Final = 64
"""Tokens that go through the widest layer at once: what they come to stays in the cache."""
_ROOT: Final = np.float32(np.sqrt(2 / np.pi))
_CUBED: Final = np.float32(0.044715)


@dataclass(frozen=True, slots=True, eq=False)
class TextRead:
    """One text as the model reads it."""

    vector: Vectors
    """Shape (hidden,), unit length: the mean of all tokens, those that the model adds included."""
    tokens: Vectors
    """Shape (tokens, hidden), rows of unit length: of the text alone."""


class Unigrams:
    """The model's tokenizer: the most likely pieces, without its begin and end.

    `tokenizers` does the same in an eighth of the time, but keeps 200 MB for these pieces.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._replaced = dict(vocabulary.replaced)
        self._unknown = vocabulary.unknown
        self._numbers = {
            piece: number
            for number, (piece, _) in enumerate(vocabulary.pieces)
            if piece and number != vocabulary.unknown
        }
        self._worth = array("f", (worth for _, worth in vocabulary.pieces))
        self._least = min(self._worth) + _UNKNOWN_WORTH
        self._longest: dict[str, int] = {}
        for piece in self._numbers:
            self._longest[piece[0]] = max(self._longest.get(piece[0], 0), len(piece))

    def of(self, text: str) -> list[int]:
        """The numbers of its pieces."""
        return [number for _, number in self._path(text)]

    def places(self, text: str) -> list[int]:
        """Where in the text the last character of each of its pieces stands; below 0: nowhere."""
        replaced = (self._replaced.get(ord(own), own) for own in text)
        written = [(at, one) for at, own in enumerate(replaced) for one in own]
        beside = zip(written, [(-1, ""), *written], strict=False)
        origins = [at for (at, one), (_, before) in beside if not one == before == " "]
        if not written or written[0][1] != " ":
            origins.insert(0, -1)
        return [origins[stop - 1] for stop, _ in self._path(text)]

    def _path(self, text: str) -> list[tuple[int, int]]:
        """Where each piece stops in what is written for the text, and its number."""
        plain = _SPACES.sub(" ", text.translate(cast("Mapping[int, str]", self._replaced)))
        written = (plain if plain.startswith(" ") else f" {plain}").replace(" ", _SPACE)
        count = len(written)
        best = [0.0] + [float("-inf")] * count
        ways = [(0, self._unknown)] * (count + 1)
        number_of, longest, worths = self._numbers.get, self._longest.get, self._worth
        for start in range(count):
            here = best[start]
            if best[start + 1] < here + self._least:
                best[start + 1], ways[start + 1] = here + self._least, (start, self._unknown)
            for stop in range(start + 1, min(start + longest(written[start], 0), count) + 1):
                number = number_of(written[start:stop])
                if number is not None and best[stop] < here + worths[number]:
                    best[stop], ways[stop] = here + worths[number], (start, number)
        path, at = [], count
        while at:
            start, number = ways[at]
            path.append((at, number))
            at = start
        return path[::-1]


@dataclass(frozen=True, slots=True)
class _Window:
    """As much of a text as the model reads at once."""

    owner: int
    """Which text it is of."""
    pieces: Sequence[int]


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """Weights of shape (inputs, outputs)."""

    inputs: Vectors
    """Query, key and value in one."""
    inputs_bias: Vectors
    attended: Vectors
    attended_bias: Vectors
    attended_norm: tuple[Vectors, Vectors]
    widened: Vectors
    widened_bias: Vectors
    narrowed: Vectors
    narrowed_bias: Vectors
    out_norm: tuple[Vectors, Vectors]


class NumpyE5:
    """The model; methods may be called from several threads."""

    def __init__(self, model: MappedModel) -> None:
        from threadpoolctl import ThreadpoolController

        self._shape: Shape = model.shape
        self._words = model.words
        self._pieces = Unigrams(model.vocabulary)
        self._ends = (model.vocabulary.begin, model.vocabulary.end)
        tensors, hidden = model.tensors, model.shape.hidden
        self._places = tensors["emb.pos"].reshape(-1, hidden) + tensors["emb.type"][:hidden]
        self._norm = (tensors["emb.ln.w"], tensors["emb.ln.b"])
        self._layers = [_layer(tensors, number) for number in range(model.shape.layers)]
        self._prompts = {
            prompt: len(self._pieces.of(prompt.strip())) for prompt in (QUERY, PASSAGE)
        }
        # A thread for each share of the texts, and none within: threads that meet after every
        # product mostly wait for each other where others compute too.
        ThreadpoolController().limit(limits=1, user_api="blas")
        self._threads = os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(self._threads, "e5")

    @classmethod
    @blocking
    def load(cls, path: Path) -> NumpyE5:
        """Raises `OSError` and `BrokenModelError`."""
        return cls(map_model(path))

    @property
    def dim(self) -> int:
        """Numbers of a vector."""
        return self._shape.hidden

    def query(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dim), rows of unit length."""
        return np.stack([own.vector for own in self.read(texts, QUERY)])

    def passage(self, texts: Sequence[str]) -> Vectors:
        """As `query`, of what is searched."""
        return np.stack([own.vector for own in self.read(texts, PASSAGE)])

    def close(self) -> None:
        """End its threads."""
        self._pool.shutdown()

    def use_threads(self, threads: int) -> None:
        """From the next text on."""
        self._threads = threads

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        """About: nothing is padded, so to count exactly would cost time and bring nothing."""
        return estimate(texts)

    def read(self, texts: Sequence[str], prompt: str) -> list[TextRead]:
        """What the model makes of each text behind `prompt`, `QUERY` or `PASSAGE`.

        Of a text that is too long, the vector is the mean of its windows', by their lengths.
        """
        room = self._shape.positions - 2
        begin, end = self._ends
        pieces = [self._pieces.of(prompt + text) for text in texts]
        windows = [_Window(owner, [begin, *own, end]) for owner, own in windowed(pieces, room)]
        shares = _shared_out(windows, self._threads)
        states = [state for own in self._pool.map(self._forward, shares) for state in own]
        found: list[list[Vectors]] = [[] for _ in texts]
        for window, state in zip((own for share in shares for own in share), states, strict=True):
            found[window.owner].append(state)
        return [_read(own, self._prompts[prompt]) for own in found]

    def places(self, text: str) -> list[int]:
        """Where the last character of each of its tokens stands that `read` tells of a passage."""
        places = self._pieces.places(PASSAGE + text)[self._prompts[PASSAGE] :]
        return [at - len(PASSAGE) for at in places]

    def _forward(self, windows: Sequence[_Window]) -> list[Vectors]:
        """The last layer's states of each window's tokens."""
        lengths = [len(own.pieces) for own in windows]
        bounds = np.cumsum(lengths)[:-1]
        places = np.concatenate([np.arange(length) for length in lengths])
        words = self._words.of([piece for own in windows for piece in own.pieces])
        x = words + self._places[places]
        x = self._normed(x, self._norm)
        for layer in self._layers:
            three = x @ layer.inputs + layer.inputs_bias
            seen = np.concatenate([self._attended(own) for own in np.split(three, bounds)])
            seen = seen @ layer.attended + layer.attended_bias
            x = self._normed(x + seen, layer.attended_norm)
            for start in range(0, len(x), _ROWS):
                some = x[start : start + _ROWS]
                wide = _gelu(some @ layer.widened + layer.widened_bias)
                narrow = wide @ layer.narrowed + layer.narrowed_bias
                x[start : start + _ROWS] = self._normed(some + narrow, layer.out_norm)
        return np.split(x, bounds)

    def _attended(self, three: Vectors) -> Vectors:
        """What each token takes from the others of its text."""
        count, heads = len(three), self._shape.heads
        query, key, value = three.reshape(count, 3, heads, -1).transpose(1, 2, 0, 3)
        scores = query @ key.transpose(0, 2, 1) / np.float32(np.sqrt(query.shape[-1]))
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=-1, keepdims=True)
        return cast(Vectors, (scores @ value).transpose(1, 0, 2).reshape(count, -1))

    def _normed(self, x: Vectors, weights: tuple[Vectors, Vectors]) -> Vectors:
        x = x - x.mean(axis=1, keepdims=True)
        spread = np.sqrt(np.square(x).mean(axis=1, keepdims=True) + self._shape.epsilon)
        return cast(Vectors, x / spread * weights[0] + weights[1])


def windowed(texts: Sequence[Sequence[int]], room: int) -> Iterator[tuple[int, Sequence[int]]]:
    """Each text's number with `room` pieces of it at a time, at least once."""
    for owner, pieces in enumerate(texts):
        for start in range(0, max(1, len(pieces)), room):
            yield owner, pieces[start : start + room]


def _shared_out(windows: Sequence[_Window], shares: int) -> list[list[_Window]]:
    """In at most so many shares of about as many tokens; the windows keep their order."""
    total = sum(len(own.pieces) for own in windows)
    shared: list[list[_Window]] = [[]]
    reached = 0
    for window in windows:
        if shared[-1] and reached >= total * len(shared) / shares:
            shared.append([])
        shared[-1].append(window)
        reached += len(window.pieces)
    return shared


def _read(windows: Sequence[Vectors], prompt: int) -> TextRead:
    """Of the windows of a text; `prompt` pieces before it are not its own."""
    sizes = [max(1, len(own) - 2) for own in windows]
    mean = np.average([own.mean(axis=0) for own in windows], axis=0, weights=sizes)
    tokens = np.concatenate([own[1:-1] for own in windows])[prompt:]
    lengths = np.linalg.norm(tokens, axis=1, keepdims=True)
    vector = np.asarray(mean / np.linalg.norm(mean), np.float32)
    return TextRead(vector, tokens / np.maximum(lengths, np.float32(1e-9)))


class TokenVectors:
    """The model, asked for single tokens."""

    def __init__(self, model: NumpyE5) -> None:
        self._model = model

    def query(self, text: str) -> Vectors:
        """Shape (tokens, dim), rows of unit length: of what the model reads as a question."""
        return self._model.read([text], QUERY)[0].tokens

    def passage(self, text: str) -> Vectors:
        """As `query`, of what is searched."""
        return self._model.read([text], PASSAGE)[0].tokens

    def places(self, text: str) -> list[int]:
        """Where in what is searched the last character of each token stands."""
        return self._model.places(text)


def _layer(tensors: Mapping[str, Vectors], number: int) -> _Layer:
    def named(name: str) -> Vectors:
        return tensors[f"l{number}.{name}"]

    def turned(*names: str) -> Vectors:
        return np.ascontiguousarray(np.concatenate([named(name) for name in names]).T)

    return _Layer(
        inputs=turned("q.w", "k.w", "v.w"),
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


def _gelu(x: Vectors) -> Vectors:
    """By the hyperbolic tangent: within 0.001 of the model's own."""
    inner = np.tanh(_ROOT * (x + _CUBED * x * x * x))
    return cast(Vectors, np.float32(0.5) * x * (1 + inner))
