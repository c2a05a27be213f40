"""The models that we recommend, as `recommended.toml` lists them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from core.engines.shape import ModelShape, shape_of

DATA: Final = Path(__file__).with_name("recommended.toml")


@dataclass(frozen=True, slots=True)
class Recommended:
    """One model, in one form, for one engine."""

    name: str
    family: str
    engine: str
    """`llama_cpp` or `transformers`."""
    rank: int
    """Of its answers among these, by size and year: an opinion, higher is better."""
    parameters: float
    """Billions, all of them."""
    active: float
    """Billions that one token is computed with."""
    size_bytes: int
    """Of the weights as downloaded."""
    licence: str
    languages: tuple[str, ...]
    context: int
    sees: bool
    thinks: bool
    huggingface: str
    modelscope: str
    files: tuple[str, ...]
    """Patterns of the files that are needed; of the first, upper and lower case are the same."""
    projector: str
    """The file that lets it see pictures, where that is one of its own."""
    sha256: Mapping[str, str]
    shape: ModelShape

    def repository(self, source: str) -> str:
        """Its id on "huggingface" or "modelscope"; "" where it is not known to be there."""
        return self.modelscope if source == "modelscope" else self.huggingface


@cache
def catalogue() -> tuple[Recommended, ...]:
    """Best first."""
    with DATA.open("rb") as file:
        entries = tomllib.load(file)["model"]
    return tuple(sorted(map(_read, entries), key=lambda model: -model.rank))


def find(name: str) -> Recommended | None:
    """By its name, whatever its case."""
    return next((model for model in catalogue() if model.name == name.casefold()), None)


def _read(entry: Mapping[str, object]) -> Recommended:
    shape = entry["shape"]
    if not isinstance(shape, dict):
        raise TypeError(entry["name"])
    layers = shape.pop("pattern", None)
    if isinstance(layers, list):
        kinds = {"s": "sliding_attention", "l": "linear_attention", "f": "full_attention"}
        shape["layer_types"] = [kinds[letter] for letter in str(layers[0]) * int(layers[1])]
    own = {key: value for key, value in entry.items() if key != "shape"}
    own |= {"languages": tuple(_texts(own["languages"])), "files": tuple(_texts(own["files"]))}
    defaults = {"modelscope": "", "projector": "", "sha256": {}, "sees": False, "thinks": False}
    return Recommended(**(defaults | own), shape=shape_of(shape))  # type: ignore[arg-type]


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []
