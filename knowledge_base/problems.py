"""What a verification finds wrong with a base, as facts; `core.verified` makes them sentences."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias


class Kept(Enum):
    """What there must be one of for each passage, or for each that has a vector."""

    PASSAGES = auto()
    WORDS = auto()
    VECTORS = auto()
    INDEXED_VECTORS = auto()
    INDEXED_WORDS = auto()


@dataclass(frozen=True, slots=True)
class Miscounted:
    """There are more or fewer than there should be."""

    kept: Kept
    found: int
    wanted: int


@dataclass(frozen=True, slots=True)
class TornDocument:
    """It has not as many passages as it says."""

    name: str
    found: int
    wanted: int


@dataclass(frozen=True, slots=True)
class LostOriginal:
    """The file of this document is missing, or its bytes are others."""

    name: str


@dataclass(frozen=True, slots=True)
class LostIndexFile:
    """Likewise of a file that is made anew from the rows."""

    name: str


@dataclass(frozen=True, slots=True)
class WithoutVectors:
    """So many passages were added while no embedder served."""

    passages: int


@dataclass(frozen=True, slots=True)
class Damage:
    """What SQLite's own check of the file says."""

    text: str


Problem: TypeAlias = (
    Miscounted | TornDocument | LostOriginal | LostIndexFile | WithoutVectors | Damage
)
