"""Lines that questions wait in, so that one member's are answered in the order they came."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable
from typing import Final


class Turns:
    """One line for each key; whoever is at its head may go. An empty line takes no memory."""

    def __init__(self) -> None:
        self._lines: Final[dict[Hashable, deque[Turn]]] = {}

    def __len__(self) -> int:
        """How many lines somebody stands in."""
        return len(self._lines)

    def line_up(self, key: Hashable) -> Turn:
        """A place at the end of the line, taken now: `leave` it, whatever happens."""
        turn = Turn(self, key)
        line = self._lines.setdefault(key, deque())
        line.append(turn)
        if line[0] is turn:
            turn.reached.set()
        return turn

    def leave(self, turn: Turn) -> None:
        """Give the place up, from anywhere in the line; twice does no harm."""
        line = self._lines.get(turn.key)
        if line is None or turn not in line:
            return
        line.remove(turn)
        if line:
            line[0].reached.set()
        else:
            del self._lines[turn.key]


class Turn:
    """A place in a line; at its head `reached` is set."""

    def __init__(self, turns: Turns, key: Hashable) -> None:
        self.key: Final = key
        self.reached: Final = asyncio.Event()
        self._turns = turns

    def leave(self) -> None:
        self._turns.leave(self)
