"""The beginning of an answer, kept from the reader while it may be the engine's "not found".

As soon as it can be none, all of it is let go at once: most answers are told by their first words.
One that says it is waited for with the sentence behind it, which may answer all the same; where
that one does not either, nothing of it is ever shown, and what the engine would go on to say is not
waited for. What is held longer than a few sentences is let go, and judged when it is whole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from core.not_found import Said, judged, says_not_found

MOST_HELD: Final = 400
"""Characters."""


class Withholding:
    """Takes an answer in deltas and gives back what may be shown of it so far."""

    def __init__(self, settled: Callable[[str], str]) -> None:
        """`settled` marks in a text what its sources say: that much of it is an answer."""
        self._settled = settled
        self._held = ""
        self._is_over = False
        self.denial = ""
        """What the engine said, once it surely is a "not found"; nothing is given back then."""

    def feed(self, delta: str) -> str:
        """What can be shown now."""
        if self._is_over:
            return "" if self.denial else delta
        self._held += delta
        if not self._held:
            return ""
        said = judged(self._held, so_far=True)
        if said is Said.OPEN and len(self._held) < MOST_HELD:
            return ""
        return self._let_go(denies=said is Said.NOTHING)

    def end(self) -> str:
        """The rest, when no more will come."""
        return "" if self._is_over else self._let_go(denies=says_not_found(self._held))

    def anew(self) -> Withholding:
        """The same for an answer that begins once more."""
        return Withholding(self._settled)

    def _let_go(self, *, denies: bool) -> str:
        self._is_over = True
        if denies and says_not_found(self._settled(self._held)):
            self.denial = self._held
            return ""
        return self._held
