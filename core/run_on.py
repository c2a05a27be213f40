"""What stands right behind an address becomes part of it: clients go on until the next space.

They take in letters of every script, brackets and quotation marks. A model that is led to write
more behind an address that it may show would tell that to whoever owns the address, or lead to
another host: "https://a.example。b.example" has the host of b.example.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Final

_CLOSING: Final = frozenset(")]}<>\"'*_~|.,;:!?\\…。，、；：！？）」』】》〉”’\u200b")
"""Shown right behind an address; alone they say nothing to anybody."""


class Boundary:
    """Takes a text in pieces; puts a space where one is missing behind an address."""

    def __init__(self) -> None:
        self._behind = False
        self._known: tuple[str, ...] = ()
        """How the address goes on where it is known from; that may follow."""

    def apart(self, piece: str, addresses: Iterable[tuple[int, int, Iterable[str]]]) -> str:
        """The piece, whose addresses (start, end, how they may go on) lie whole within it."""
        given: list[str] = []
        at = 0
        for start, end, known in addresses:
            given.append(self._plain(piece[at:start]))
            if self._behind:
                given.append(" ")
            given.append(piece[start:end])
            self._behind, self._known = True, tuple(known)
            at = end
        given.append(self._plain(piece[at:]))
        return "".join(given)

    def whole(self, piece: str) -> str:
        """A piece in which nothing runs on: code, or a link with an end of its own."""
        if not piece:
            return piece
        spaced = " " + piece if self._behind and not _is_space(piece[0]) else piece
        self._behind = False
        return spaced

    def _plain(self, text: str) -> str:
        for at, letter in enumerate(text):
            if not self._behind:
                break
            self._known = tuple(rest[1:] for rest in self._known if rest.startswith(letter))
            if _is_space(letter):
                self._behind = False
            elif not self._known and letter not in _CLOSING:
                self._behind = False
                return f"{text[:at]} {text[at:]}"
        return text


def _is_space(letter: str) -> bool:
    return letter in "\t\n\r" or unicodedata.category(letter) in ("Zs", "Zl", "Zp")
