"""Citation markers while an answer streams: known ones in one form, unknown ones never.

Whatever a model writes for a marker ("[1]", "[1, 2]", "[1-3]", "【1】", "[^1]", full-width digits)
comes out as "[1]" or "[1][2]". A number that refers to nothing is taken out with the space before
it. Code is left alone. How the text was cut into deltas makes no difference. Whether a marker's
passage supports the sentence is decided afterwards, in `core.attribution`.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

_OPENERS: Final = "[【［〔"
_CLOSERS: Final = "]】］〕"
_LONGEST_MARKER: Final = 48
_LONGEST_SPAN: Final = 400
"""Inline code is held back until it closes, at most this long; longer, it is not code."""

_LABEL: Final = (
    r"(?:sources?|passages?|documents?|docs?|refs?|来源|來源|段落|资料|資料|文档|文檔|引用)?"
)
_NUMBERS: Final = re.compile(
    rf"\s*{_LABEL}\s*[:：#]?\s*\^?\s*"
    rf"(?P<numbers>\d+(?:\s*[,，、;；&和\-–—~～]\s*{_LABEL}\s*\^?\d+)*)"
    r"\s*(?:†[^\[\]【】]*)?\\?",
    re.IGNORECASE,
)
_RANGE: Final = re.compile(r"(\d+)\s*[-–—~～]\s*\^?(\d+)")
_FENCE: Final = re.compile(r"[ \t>]*(`{3,}|~{3,})")
_FENCE_SO_FAR: Final = re.compile(r"[ \t>]*(?:`*|~*)\Z")
_PLAIN: Final = re.compile(r"[^ \t`\\\n\[【［〔\]】］〕]+")
_TICKS: Final = re.compile(r"`+")
_SPACES: Final = re.compile(r"[ \t]+")
_LONGEST_TAIL: Final = 10_000


def marker_numbers(inside: str) -> tuple[int, ...] | None:
    """The numbers of a marker, given what stands between its brackets; None: it is no marker."""
    match = _NUMBERS.fullmatch(inside)
    if match is None:
        return None
    numbers: list[int] = []
    text = match["numbers"]
    for low, high in _RANGE.findall(text):
        # Nobody cites twenty passages at once; the ends of a wider range tell that it is none.
        numbers += range(_number(low), min(_number(high), _number(low) + 20) + 1)
    numbers += [_number(digits) for digits in re.findall(r"\d+", text)]
    return tuple(sorted(set(numbers)))


def _number(digits: str) -> int:
    # `int` refuses thousands of digits; no passage has such a number anyway.
    return int(digits) if len(digits) < 10 else -1


class MarkerFilter:
    """Takes an answer in deltas and gives back what may be shown of it so far."""

    def __init__(self, known: Collection[int]) -> None:
        self._known = frozenset(known)
        self._pending = ""
        self._at_line_start = True
        self._fence: str | None = None
        self._owed = ""
        """The space before a marker that was taken out, for a known one that follows at once."""
        self._tail = ""
        """What was given out since a bracket opened: dropping a marker must not form another."""

    def feed(self, delta: str) -> str:
        """What can be shown now; a beginning that may become a marker is held back."""
        self._pending += delta
        return self._drain(at_end=False)

    def end(self) -> str:
        """The rest, when no more will come."""
        return self._drain(at_end=True)

    def _drain(self, *, at_end: bool) -> str:
        given: list[str] = []
        at = 0
        while at < len(self._pending):
            step = self._step(at, at_end=at_end)
            if step is None:
                break
            text, at = step
            if text:
                given.append(text)
                self._remember(text)
                self._owed = ""
        self._pending = self._pending[at:]
        return "".join(given)

    def _step(self, at: int, *, at_end: bool) -> tuple[str, int] | None:
        """The next piece to give out and where it ends; None: wait for more.

        Each decision needs no more text than it takes, so that cuts between deltas do not matter.
        """
        if self._fence is not None:
            return self._code_line(at, at_end=at_end)
        if self._at_line_start:
            opened = self._fence_line(at, at_end=at_end)
            if opened is not None or self._at_line_start:
                return opened
        letter = self._pending[at]
        if letter == "\n":
            self._at_line_start = True
            return letter, at + 1
        if letter == "`":
            return self._span(at, at_end=at_end)
        if letter in _CLOSERS:
            return self._closer(letter), at + 1
        if letter in _OPENERS or letter in " \t\\":
            return self._marker(at, at_end=at_end)
        plain = _PLAIN.match(self._pending, at)
        end = plain.end() if plain else at + 1
        return self._pending[at:end], end

    def _code_line(self, at: int, *, at_end: bool) -> tuple[str, int] | None:
        end = self._pending.find("\n", at)
        if end < 0 and not at_end:
            return None
        end = len(self._pending) if end < 0 else end + 1
        line = self._pending[at:end]
        closing = _FENCE.match(line)
        if (
            closing
            and self._fence is not None
            and closing[1].startswith(self._fence)
            and not line[closing.end() :].strip()
        ):
            self._fence = None
            self._at_line_start = True
        return line, end

    def _fence_line(self, at: int, *, at_end: bool) -> tuple[str, int] | None:
        """The line that opens a code block. None with the line start behind us: it is another."""
        fence = _FENCE.match(self._pending, at)
        end = self._pending.find("\n", at)
        if fence is None:
            undecided = end < 0 and _FENCE_SO_FAR.match(self._pending, at) is not None
            self._at_line_start = undecided and not at_end
            return None
        if end < 0 and not at_end:
            return None
        end = len(self._pending) if end < 0 else end + 1
        self._at_line_start = False
        if fence[1][0] == "`" and "`" in self._pending[fence.end() : end]:
            return None
        self._fence = fence[1]
        return self._pending[at:end], end

    def _span(self, at: int, *, at_end: bool) -> tuple[str, int] | None:
        """Inline code as it stands; backticks that never close are letters like others."""
        opening = _TICKS.match(self._pending, at)
        if opening is None:
            return self._pending[at], at + 1
        if opening.end() == len(self._pending) and not at_end:
            return None
        horizon = min(len(self._pending), opening.end() + _LONGEST_SPAN)
        line_end = self._pending.find("\n", opening.end(), horizon)
        limit = horizon if line_end < 0 else line_end
        for closing in _TICKS.finditer(self._pending, opening.end()):
            if closing.start() >= limit:
                break
            if closing.end() == len(self._pending) and not at_end:
                return None
            if closing.group() == opening.group():
                return self._pending[at : closing.end()], closing.end()
        undecided = line_end < 0 and horizon - opening.end() < _LONGEST_SPAN
        if undecided and not at_end:
            return None
        return opening.group(), opening.end()

    def _marker(self, at: int, *, at_end: bool) -> tuple[str, int] | None:
        """A marker with the spaces before it, or the one character that is none."""
        spaces = _SPACES.match(self._pending, at)
        start = spaces.end() if spaces else at
        bracket = start + self._pending.startswith("\\", start)
        if bracket >= len(self._pending):
            return None if not at_end else (self._pending[at:], len(self._pending))
        if self._pending[bracket] not in _OPENERS:
            # What follows the spaces or the backslash is looked at again, on its own.
            return self._pending[at : max(start, at + 1)], max(start, at + 1)
        closed = self._closing(bracket)
        if closed is None:
            undecided = (
                "\n" not in self._pending[bracket:]
                and len(self._pending) - bracket <= _LONGEST_MARKER
            )
            if undecided and not at_end:
                return None
        else:
            numbers = marker_numbers(self._pending[bracket + 1 : closed])
            if numbers is not None:
                known = [number for number in numbers if number in self._known]
                shown = "".join(f"[{number}]" for number in known)
                space = self._pending[at:start] or self._owed
                self._owed = "" if known else space
                return (space + shown if known else ""), closed + 1
        return self._pending[at : bracket + 1], bracket + 1

    def _closing(self, bracket: int) -> int | None:
        """Where the bracket closes, on its line and near enough for a marker."""
        for at in range(bracket + 1, min(len(self._pending), bracket + 1 + _LONGEST_MARKER)):
            if self._pending[at] == "\n":
                return None
            if self._pending[at] in _CLOSERS:
                return at
        return None

    def _closer(self, letter: str) -> str:
        """A closing bracket, unless it would complete a marker whose middle was taken out."""
        numbers = marker_numbers(self._tail[1:]) if self._tail else None
        if numbers is None or self._known.issuperset(numbers):
            return letter
        return ""

    def _remember(self, text: str) -> None:
        last = max(map(text.rfind, _OPENERS + _CLOSERS))
        if last >= 0:
            self._tail = text[last:] if text[last] in _OPENERS else ""
        elif self._tail:
            self._tail = (self._tail + text) if len(self._tail) < _LONGEST_TAIL else ""


def without_unknown_markers(text: str, known: Collection[int]) -> str:
    """The whole text at once; with nothing known, a text without markers."""
    markers = MarkerFilter(known)
    return markers.feed(text) + markers.end()
