"""The bundled model computed by torch: the same weights, and so the same vectors, on a card.

What a card makes and what the processor makes lie within rounding of each other, so that a base
that was embedded by one is searched and added to by the other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import numpy as np
from numpy.typing import NDArray

from knowledge_base.embedders.base import Vectors
from knowledge_base.embedders.bundled_file import ModelFile, Vocabulary, read_model
from knowledge_base.embedders.bundled_numpy import PASSAGE, QUERY, windowed

if TYPE_CHECKING:
    import torch
    from tokenizers import Encoding

_SPACES: Final = re.compile(" {2,}")
_SPACE: Final = "\u2581"


class Pieces:
    """The model's tokenizer: the most likely pieces, without its begin and end."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        from tokenizers import Tokenizer
        from tokenizers.models import Unigram

        self._replaced = dict(vocabulary.replaced)
        self._unknown = vocabulary.unknown
        pieces = list(vocabulary.pieces)
        self._tokenizer = Tokenizer(Unigram(pieces, vocabulary.unknown, False))

    def of(self, texts: Sequence[str]) -> list[list[int]]:
        """The numbers of each text's pieces."""
        made = self._tokenizer.encode_batch_fast(
            [self._written(text) for text in texts], add_special_tokens=False
        )
        return [self._each(encoded) for encoded in made]

    def _written(self, text: str) -> str:
        plain = _SPACES.sub(" ", text.translate(self._replaced))
        if not plain.startswith(" "):
            plain = " " + plain
        return plain.replace(" ", _SPACE)

    def _each(self, encoded: Encoding) -> list[int]:
        """The library makes one piece of neighbours that it does not know, the model did not."""
        ids: list[int] = encoded.ids
        if self._unknown not in ids:
            return ids
        both = zip(ids, encoded.tokens, strict=True)
        return [
            piece
            for piece, surface in both
            for _ in range(len(surface) if piece == self._unknown else 1)
        ]


@dataclass(frozen=True, slots=True)
class _Layer:
    inputs: torch.Tensor
    """Query, key and value in one."""
    inputs_bias: torch.Tensor
    attended: torch.Tensor
    attended_bias: torch.Tensor
    attended_norm: tuple[torch.Tensor, torch.Tensor]
    widened: torch.Tensor
    widened_bias: torch.Tensor
    narrowed: torch.Tensor
    narrowed_bias: torch.Tensor
    out_norm: tuple[torch.Tensor, torch.Tensor]


class TorchE5:
    """The model on one device: half precision on a card, single on the processor."""

    def __init__(self, file: ModelFile, device: str) -> None:
        import torch

        self._shape = file.shape
        self._device = device
        self._type = torch.float32 if device == "cpu" else torch.float16
        self._pieces = Pieces(file.vocabulary)
        self._vocabulary = file.vocabulary
        self._words = self._put(file.tensors["emb.word"])
        places = file.tensors["emb.pos"].reshape(-1, file.shape.hidden)
        self._places = self._put(places + file.tensors["emb.type"][: file.shape.hidden])
        self._norm = (self._put(file.tensors["emb.ln.w"]), self._put(file.tensors["emb.ln.b"]))
        self._layers = [self._layer(file, number) for number in range(file.shape.layers)]

    @classmethod
    def load(cls, path: Path, device: str) -> TorchE5:
        """Raises `OSError`, `BrokenModelError`, and `RuntimeError` where the device is full."""
        return cls(read_model(path), device)

    @property
    def dim(self) -> int:
        """Numbers of a vector."""
        return self._shape.hidden

    def query(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dim), float32, rows of unit length."""
        return self._encode(self._pieces.of([QUERY + text for text in texts]))

    def passage(self, texts: Sequence[str]) -> Vectors:
        """As `query`, of what is searched."""
        return self._encode(self._pieces.of([PASSAGE + text for text in texts]))

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        """What the model reads for each passage: prefix, begin and end included."""
        return [len(pieces) + 2 for pieces in self._pieces.of([PASSAGE + text for text in texts])]

    def use_threads(self, threads: int) -> None:
        """The processor's threads have no part in it."""

    def close(self) -> None:
        """It has no threads of its own."""

    def _encode(self, texts: Sequence[list[int]]) -> Vectors:
        """A text that is too long is the mean of its windows, by their lengths."""
        owners, windows = zip(*windowed(texts, self._shape.positions - 2), strict=True)
        means = self._means(windows)
        sums = np.zeros((len(texts), self.dim), dtype=np.float32)
        weights = np.array([max(1, len(window)) for window in windows], dtype=np.float32)
        np.add.at(sums, np.array(owners), means * weights[:, None])
        return cast(Vectors, sums / np.linalg.norm(sums, axis=1, keepdims=True))

    def _means(self, windows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        import torch

        begin, end = self._vocabulary.begin, self._vocabulary.end
        whole = [[begin, *window, end] for window in windows]
        longest = max(map(len, whole))
        padded = [one + [self._vocabulary.padding] * (longest - len(one)) for one in whole]
        with torch.inference_mode():
            ids = torch.tensor(padded).to(self._device, non_blocking=True)
            lengths = torch.tensor([len(one) for one in whole]).to(self._device)
            is_text = torch.arange(longest, device=self._device)[None, :] < lengths[:, None]
            hidden = self._forward(ids, is_text).float()
            hidden = hidden.masked_fill(~is_text[:, :, None], 0.0)
            means = hidden.sum(dim=1) / lengths[:, None]
            return cast("NDArray[np.float32]", means.cpu().numpy())

    def _forward(self, ids: torch.Tensor, is_text: torch.Tensor) -> torch.Tensor:
        from torch.nn import functional

        shape = self._shape
        mask = is_text[:, None, None, :]
        x = self._normed(self._words[ids] + self._places[: ids.shape[1]], self._norm)
        count, length, _ = x.shape
        for layer in self._layers:
            three = functional.linear(x, layer.inputs, layer.inputs_bias)
            split = three.view(count, length, 3, shape.heads, -1).permute(2, 0, 3, 1, 4)
            seen = functional.scaled_dot_product_attention(
                split[0], split[1], split[2], attn_mask=mask
            )
            seen = seen.transpose(1, 2).reshape(count, length, shape.hidden)
            seen = functional.linear(seen, layer.attended, layer.attended_bias)
            x = self._normed(x + seen, layer.attended_norm)
            wide = functional.gelu(functional.linear(x, layer.widened, layer.widened_bias))
            wide = functional.linear(wide, layer.narrowed, layer.narrowed_bias)
            x = self._normed(x + wide, layer.out_norm)
        return x

    def _normed(self, x: torch.Tensor, weights: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        from torch.nn import functional

        return functional.layer_norm(x, (self.dim,), *weights, self._shape.epsilon)

    def _layer(self, file: ModelFile, number: int) -> _Layer:
        def named(name: str) -> NDArray[np.float32]:
            return file.tensors[f"l{number}.{name}"]

        def put(name: str) -> torch.Tensor:
            return self._put(named(name))

        return _Layer(
            inputs=self._put(np.concatenate([named(f"{part}.w") for part in "qkv"])),
            inputs_bias=self._put(np.concatenate([named(f"{part}.b") for part in "qkv"])),
            attended=put("ao.w"),
            attended_bias=put("ao.b"),
            attended_norm=(put("aln.w"), put("aln.b")),
            widened=put("fi.w"),
            widened_bias=put("fi.b"),
            narrowed=put("fo.w"),
            narrowed_bias=put("fo.b"),
            out_norm=(put("oln.w"), put("oln.b")),
        )

    def _put(self, numbers: NDArray[np.float32]) -> torch.Tensor:
        import torch

        return torch.from_numpy(np.ascontiguousarray(numbers)).to(self._device, self._type)
