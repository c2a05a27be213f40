"""When documents give way to answers that are written on the same device."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum
from typing import Final, TypeAlias


class Beside(Enum):
    """What the model that writes answers does just now."""

    IDLE = "idle"
    READING = "reading"
    """Somebody waits for a first word."""
    WRITING = "writing"


Look: TypeAlias = Callable[[], Beside]
"""Asked on the embedder's thread, before each batch."""

PATIENCE_SECONDS: Final = 2.0
"""Longest time that documents stand still, however many questions follow each other."""
LOOK_SECONDS: Final = 0.005
"""Between two looks while they stand still."""
SMALL: Final = 8
"""Part of a batch that is one while words are written: a first word waits for no more."""
REST: Final = 1.0
"""Time that is left free after a batch then, in times that it took."""


def nobody() -> Beside:
    """Nothing is written here."""
    return Beside.IDLE


class Pace:
    """While somebody waits for a first word no batch begins; while words are written batches are
    small, and after each the device is left to the words for as long as it took. Documents stand
    still for `PATIENCE_SECONDS` at most between two batches."""

    def __init__(self, look: Look = nobody, clock: Callable[[], float] = time.monotonic) -> None:
        self.look = look
        self._clock = clock
        self._ended = -PATIENCE_SECONDS
        self._took = 0.0
        self._held_since: float | None = None

    def hold(self) -> float:
        """Seconds to wait before asking again; 0: a batch may begin."""
        beside, now = self.look(), self._clock()
        if beside is Beside.IDLE:
            self._held_since = None
            return 0.0
        if self._held_since is None:
            self._held_since = now
        if now - self._held_since >= PATIENCE_SECONDS:
            return 0.0
        if beside is Beside.READING:
            return LOOK_SECONDS
        return max(0.0, self._ended + REST * self._took - now)

    def tokens(self, most: int) -> int:
        """How large the next batch may be."""
        return most if self.look() is Beside.IDLE else max(1, most // SMALL)

    def made(self, seconds: float) -> None:
        """A batch has ended that took so long."""
        self._ended, self._took = self._clock(), seconds
        self._held_since = None
