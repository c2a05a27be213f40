"""What reasoning models think aloud is neither shown nor sent back."""

from __future__ import annotations

import re
from typing import Final

_OPEN: Final = re.compile(r"<\s*(think|thinking|thought|reasoning)\s*>", re.IGNORECASE)
_CLOSE: Final = re.compile(r"<\s*/\s*(?:think|thinking|thought|reasoning)\s*>", re.IGNORECASE)
_LONGEST_TAG: Final = 20


class ReasoningFilter:
    """Takes an answer in deltas and leaves out what stands between `<think>` and `</think>`.

    Some templates open the tag in the prompt, so that only its end is seen: then `restarted` turns
    True, and all that was given out before belongs to the reasoning.
    """

    def __init__(self) -> None:
        self._pending = ""
        self._thinking = False
        self._closed = False
        self._begun = False
        self.restarted = False

    def feed(self, delta: str) -> str:
        """What is answer and not reasoning; a beginning that may become a tag is held back."""
        self._pending += delta
        return self._lead("".join(self._answer()))

    def end(self) -> str:
        """The rest. Reasoning that never ended is left out."""
        rest, self._pending = ("" if self._thinking else self._pending), ""
        return self._lead(rest)

    def _answer(self) -> list[str]:
        given: list[str] = []
        while True:
            tag = (_CLOSE if self._thinking else _OPEN).search(self._pending)
            orphan = None if self._thinking else _CLOSE.search(self._pending)
            if orphan and not self._closed and (tag is None or orphan.start() < tag.start()):
                given.clear()
                self.restarted = self._closed = True
                self._begun = False
                self._pending = self._pending[orphan.end() :]
                continue
            if tag is None:
                break
            if not self._thinking:
                given.append(self._pending[: tag.start()])
            self._closed |= self._thinking
            self._thinking = not self._thinking
            self._pending = self._pending[tag.end() :]
        held = self._pending.rfind("<")
        if held < 0 or len(self._pending) - held > _LONGEST_TAG or ">" in self._pending[held:]:
            held = len(self._pending)
        if not self._thinking:
            given.append(self._pending[:held])
        self._pending = self._pending[held:]
        return given

    def _lead(self, text: str) -> str:
        """Without the empty lines that stand between reasoning and answer."""
        if not self._begun:
            text = text.lstrip()
            self._begun = bool(text)
        return text


def without_reasoning(text: str) -> str:
    """The whole text at once."""
    reasoning = ReasoningFilter()
    return reasoning.feed(text) + reasoning.end()
