"""An engine's words while they come: what of them may be shown, and what is wrong with them."""

from __future__ import annotations

import math
from typing import Final

from core.citations import MarkerFilter
from core.links import LinkFilter
from core.own_words import Tongue
from core.reasoning import ReasoningFilter
from core.replies import TextDelta, TextReplaced
from core.withholding import Withholding
from knowledge_base.sentences import sentences

_LOOP_LETTERS: Final = 180
_LOOP_TIMES: Final = 3
_LOOP_WORDS: Final = 12
_LOOKS_FIRST: Final = 24
"""Characters after which it is looked for the first time which language an answer is in."""


def loops(text: str) -> bool:
    """Whether a text ends with the same words over and over, as small models' do."""
    return _period(text) is not None


def without_loop(text: str) -> str:
    """Such a text with the words once: as far as the sentence in which they are said whole."""
    period = _period(text)
    if period is None:
        return text
    start = len(text) - _LOOP_LETTERS
    while start and text[start - 1] == text[start - 1 + period]:
        start -= 1
    once = len(text[: start + period].rstrip())
    ends = (sentence.end for sentence in sentences(text))
    return text[: next((end for end in ends if once <= end <= once + period), once)]


def _period(text: str) -> int | None:
    """After how many letters the end of a text says the same again, several times over."""
    end = text[-_LOOP_LETTERS:]
    period = len(end) - end.rfind(end[-_LOOP_WORDS:], 0, -1) - _LOOP_WORDS
    is_loop = (
        len(end) == _LOOP_LETTERS
        and period <= _LOOP_LETTERS // _LOOP_TIMES
        and end[period:] == end[:-period]
    )
    return period if is_loop else None


class Filters:
    """What an engine's words pass: no unknown markers, no links, no "not found"."""

    def __init__(self, known: range, links: LinkFilter, withholding: Withholding | None) -> None:
        self._known = known
        self._markers = MarkerFilter(known)
        self._links = links
        self._withholding = withholding

    @property
    def denial(self) -> str:
        return self._withholding.denial if self._withholding is not None else ""

    def feed(self, words: str) -> str:
        linked = self._links.feed(self._markers.feed(words))
        return self._withholding.feed(linked) if self._withholding is not None else linked

    def end(self) -> str:
        """What was held back until now."""
        rest = self._links.feed(self._markers.end()) + self._links.end()
        if self._withholding is None:
            return rest
        return self._withholding.feed(rest) + self._withholding.end()

    def anew(self) -> Filters:
        """The same for an answer that begins once more."""
        held = self._withholding.anew() if self._withholding is not None else None
        return Filters(self._known, self._links.anew(), held)


class Hearing:
    """An engine's words on their way to the reader: filtered, and without its reasoning."""

    def __init__(
        self, before: str, filters: Filters, tongue: Tongue | None = None, *, again: bool = False
    ) -> None:
        """`again`: an answer in another language is let come to its end."""
        self._before = before
        self._reasoning = ReasoningFilter()
        self._filters = filters
        self._tongue = tongue
        self._looks_at: float = math.inf if again else _LOOKS_FIRST
        self._restarted = False
        self.text = ""

    @property
    def whole(self) -> str:
        """All that is said so far, by whomever."""
        return self._before + self.text

    @property
    def denial(self) -> str:
        """The engine's "not found", once it is sure that it is one."""
        return self._filters.denial

    @property
    def strays(self) -> bool:
        """Whether all of it is in another language than it ought to be."""
        return self._tongue is not None and self._tongue.strays(self.text)

    @property
    def strays_so_far(self) -> bool:
        """The same of its beginning, which is looked at whenever it is twice as long."""
        if self._tongue is None or len(self.text) < self._looks_at:
            return False
        self._looks_at = 2 * len(self.text)
        return self._tongue.strays(self.text, so_far=True)

    def takes(self, delta: str) -> list[TextDelta | TextReplaced]:
        """What to show for a delta."""
        answer = self._reasoning.feed(delta)
        events: list[TextDelta | TextReplaced] = []
        if self._reasoning.restarted and not self._restarted:
            self._restarted = True
            self._filters = self._filters.anew()
            if self.text:
                self.text = ""
                events.append(TextReplaced(self._before))
        shown = self._filters.feed(answer)
        if shown:
            self.text += shown
            events.append(TextDelta(shown))
        return events

    def ends(self) -> str:
        """What was held back until now."""
        rest = self._filters.feed(self._reasoning.end()) + self._filters.end()
        self.text += rest
        return rest
