"""A terminal with a few rows: what stands on it, and what has scrolled off, as text."""

from __future__ import annotations

import os
import re
import unicodedata

_PIECE = re.compile(r"\x1b\[(\d*)([A-Za-z])|(.)", re.DOTALL)


class SmallScreen:
    """Understands what `Live` writes: text, line ends, cursor up, erasing."""

    def __init__(self, columns: int = 20, rows: int = 6) -> None:
        self.columns = columns
        self.rows = rows
        self.off: list[str] = []
        self.writes = 0
        self._lines: list[list[str]] = [[]]
        self._row = self._column = 0

    def size(self) -> os.terminal_size:
        return os.terminal_size((self.columns, self.rows))

    @property
    def shown(self) -> list[str]:
        lines = ["".join(line).rstrip() for line in self._lines]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    @property
    def all(self) -> list[str]:
        return [*self.off, *self.shown]

    def write(self, text: str) -> None:
        self.writes += 1
        for count, command, letter in _PIECE.findall(text):
            if letter:
                self._letter(letter)
            else:
                self._command(command, int(count or 1))

    def _command(self, command: str, count: int) -> None:
        line = self._lines[self._row]
        match command:
            case "A":
                self._row = max(0, self._row - count)
            case "K":
                del line[self._column :]
            case "J":
                del line[self._column :], self._lines[self._row + 1 :]
            case "m":
                pass
            case _:
                raise AssertionError(f"a screen that small does not know {command!r}")

    def _letter(self, letter: str) -> None:
        if letter == "\r":
            self._column = 0
        elif letter == "\n":
            self._down()
        else:
            wide = unicodedata.east_asian_width(letter) in "WF"
            if self._column + 1 + wide > self.columns:
                self._down()
                self._column = 0
            line = self._lines[self._row]
            line += [" "] * (self._column - len(line))
            line[self._column : self._column + 1 + wide] = [letter, ""] if wide else [letter]
            self._column += 1 + wide

    def _down(self) -> None:
        self._row += 1
        if self._row == len(self._lines):
            self._lines.append([])
        if len(self._lines) > self.rows:
            self.off.append("".join(self._lines.pop(0)).rstrip())
            self._row -= 1
