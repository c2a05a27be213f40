"""Lines that grow at the bottom of a terminal: the last of them are rewritten in place, what has
scrolled off stays as it is. Only what changed is written, in one go, so nothing flickers."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Final

from bot.adapters.terminal.markup import cells

_MARGIN: Final = 1
"""Rows that stay free: a terminal scrolls when something stands in its last row."""


class Live:
    """The part of the screen that one reply has."""

    def __init__(
        self, write: Callable[[str], object], size: Callable[[], os.terminal_size]
    ) -> None:
        self._write = write
        self._size = size
        self._gone: list[str] = []
        """Lines that have scrolled off, or may have."""
        self._shown: list[str] = []
        """Lines that are on the screen and can be rewritten; the cursor is in the last one."""
        self._wide = 0
        """Columns of the screen when it was last written to."""
        self._columns = 0
        """That the lines were made for."""

    @property
    def columns(self) -> int:
        """What the lines are to be made for: once some have scrolled off, no other width."""
        if not self._gone:
            self._columns = self._size().columns
        return self._columns

    def show(self, lines: Sequence[str]) -> None:
        """All lines of the reply as it is now; those that have scrolled off are not looked at."""
        size = self._size()
        rows = max(1, size.lines - _MARGIN)
        if resized := size.columns != self._wide:
            self._wide = size.columns
            self._let_go(rows)
        fresh = list(lines[len(self._gone) :])
        same = 0 if resized else _common(self._shown, fresh)
        if not resized and same == len(self._shown) == len(fresh):
            return
        # The last line is written in any case: the cursor ends there.
        same = max(0, min(same, len(self._shown) - 1, len(fresh) - 1))
        written = "\r\n".join(f"{line}\x1b[K" for line in fresh[same:])
        self._write(f"{self._up(same)}{written}\x1b[J")
        self._shown = fresh
        self._let_go(rows)

    def end(self, lines: Sequence[str]) -> int | None:
        """Show the last state and leave the cursor below it.

        The number of the first line that has scrolled off in other words than it has now; None:
        all that can be read is as it should be.
        """
        self.show(lines)
        self._write("\r\n" if lines else "\r\x1b[J")
        wrong = _common(self._gone, list(lines))
        return wrong if wrong < len(self._gone) else None

    def _up(self, line: int) -> str:
        """To the beginning of a line that is shown."""
        rows = sum(_rows(shown, self._wide) for shown in self._shown[line:]) - 1
        return f"\x1b[{rows}A\r" if rows > 0 else "\r"

    def _let_go(self, rows: int) -> None:
        """Of lines that do not fit on the screen together with those after them."""
        taken = sum(_rows(shown, self._wide) for shown in self._shown)
        while taken > rows and len(self._shown) > 1:
            gone = self._shown.pop(0)
            taken -= _rows(gone, self._wide)
            self._gone.append(gone)


def _rows(line: str, columns: int) -> int:
    """Rows of the screen that a line takes where it is too wide."""
    return max(1, -(-cells(line) // max(1, columns)))


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many lines are the same from the first on."""
    for number, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return number
    return min(len(one), len(other))
