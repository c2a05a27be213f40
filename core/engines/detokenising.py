"""Token ids become text piece by piece: never half a character, never past a stop string."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

_UNFINISHED: Final = "\ufffd"
_LONGEST_CHARACTER: Final = 4
"""Bytes of a character in UTF-8, and so at most as many tokens."""


class Detokeniser:
    """Gives text out as soon as it is whole characters.

    What `decode` makes of a few tokens depends on those before them, so each piece is the
    difference between two decodings of a short window.
    """

    def __init__(
        self, decode: Callable[[list[int]], str], hidden: frozenset[int] = frozenset()
    ) -> None:
        self._decode = decode
        self._hidden = hidden
        self._window: list[int] = []
        self._given = 0
        """How many tokens of the window were given out; the others wait for their last byte."""
        self._before = ""

    def feed(self, tokens: Sequence[int]) -> str:
        """The text that these tokens complete. Hidden ones (end of turn) have none."""
        pieces = []
        for token in tokens:
            if token not in self._hidden:
                self._window.append(token)
                pieces.append(self._complete())
        return "".join(pieces)

    def end(self) -> str:
        """The rest, without the character that was never completed."""
        rest = self._decode(self._window)[len(self._before) :]
        self._window, self._given, self._before = [], 0, ""
        return rest.replace(_UNFINISHED, "")

    def _complete(self) -> str:
        text = self._decode(self._window)
        waiting = len(self._window) - self._given
        if text.endswith(_UNFINISHED) and waiting < _LONGEST_CHARACTER:
            return ""
        piece = text[len(self._before) :]
        self._window = self._window[self._given :]
        self._given = len(self._window)
        self._before = self._decode(self._window)
        # What still is no character never becomes one.
        return piece.replace(_UNFINISHED, "")


class StopStrings:
    """Cuts the text at the first stop string; a beginning that may become one is held back."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._held = ""
        self.reached = False

    def feed(self, text: str) -> str:
        """The text before a stop string, as far as it is certain."""
        if not self._stops:
            return text
        if self.reached:
            return ""
        self._held += text
        ends = [at for stop in self._stops if (at := self._held.find(stop)) >= 0]
        if ends:
            given, self._held, self.reached = self._held[: min(ends)], "", True
            return given
        keep = max(self._overlap(stop) for stop in self._stops)
        given = self._held[: len(self._held) - keep]
        self._held = self._held[len(given) :]
        return given

    def end(self) -> str:
        """What was held back and did not become a stop string."""
        held, self._held = self._held, ""
        return held

    def _overlap(self, stop: str) -> int:
        """How many characters at the end are the beginning of the stop string."""
        longest = min(len(stop) - 1, len(self._held))
        return next((n for n in range(longest, 0, -1) if self._held.endswith(stop[:n])), 0)
