"""Sections to pieces that an embedder reads whole. Pure, deterministic, linear, loses nothing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from knowledge_base.models import Section
from knowledge_base.sentences import sentences

SEPARATOR = " › "
_WINDOW = 2_500
"""Characters looked at together in a paragraph without an end."""
_LOOK_AHEAD = 60_000
"""Characters of a section up to which its pieces are made of one size."""
_LEAST_ROOM = 8
_MOST_LETTERS = 64
"""Of a token: what is longer than so many times the room is cut without being counted first."""
_GAP = re.compile(r"\n[^\S\n]*\n\s*")
_STOPS = re.compile(r"\n|[。！？!?；;]|[.](?=\s)|\s")
_PARAGRAPH, _SENTENCE, _INSIDE = 0.0, 0.25, 1.0
"""How bad it is to cut before a unit, in shares of a piece's size."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Text of one section, or of small neighbouring ones, within the embedder's limit."""

    text: str
    heading: str | None
    page: int | None


@dataclass(frozen=True, slots=True)
class _Unit:
    start: int
    end: int
    cost: int
    penalty: float


def embedded(text: str, heading: str | None) -> str:
    """What is embedded for a piece, and what its tokens are counted of."""
    return f"{heading}\n{text}" if heading else text


def searched(text: str, heading: str | None, document: str) -> str:
    """What the lexical leg counts for a piece: a document's name often says what it is about.

    A name's numbers are left out: they tell editions and pages apart, not subjects.
    """
    title = "".join(letter if letter.isalpha() else " " for letter in PurePath(document).stem)
    return f"{title}\n{embedded(text, heading)}"


def split(
    sections: Sequence[Section],
    count: Callable[[str], int],
    max_tokens: int,
    target_tokens: int = 384,
) -> list[Piece]:
    """All of the sections' text in pieces of about `target_tokens`, none above `max_tokens`.

    `count` counts what the embedder reads for a text, its own additions included.
    """
    return list(pieces(sections, count, max_tokens, target_tokens))


def pieces(
    sections: Iterable[Section],
    count: Callable[[str], int],
    max_tokens: int,
    target_tokens: int = 384,
) -> Iterator[Piece]:
    """`split`, one piece at a time."""
    splitter = _Splitter(count, max_tokens, target_tokens)
    for section in splitter.merged(sections):
        yield from splitter.cut(section)


def whole(
    sections: Iterable[Section], count: Callable[[str], int], max_tokens: int
) -> Iterator[Piece]:
    """Each section as one piece; one above `max_tokens` in as few as can be."""
    for section in sections:
        if count(embedded(section.text, section.heading)) <= max_tokens:
            yield Piece(section.text, section.heading, section.page)
        else:
            yield from pieces([section], count, max_tokens, max_tokens)


class _Splitter:
    def __init__(self, count: Callable[[str], int], max_tokens: int, target_tokens: int) -> None:
        self._count = count
        self._empty = count("")
        self._max = max_tokens
        if max_tokens - self._empty < _LEAST_ROOM:
            raise ValueError(f"{max_tokens} tokens leave no room for text")
        self._target = max(min(target_tokens, max_tokens - self._empty), 1)

    def merged(self, sections: Iterable[Section]) -> Iterator[Section]:
        """Sections, small neighbours under one heading and on one page put together."""
        group: list[Section] = []
        size = 0
        for section in sections:
            cost = self._small(section)
            if cost is None:
                yield from _together(group)
                group = []
                yield section
                continue
            if group and (size + cost > self._target or not _belong(group, section)):
                yield from _together(group)
                group, size = [], 0
            size = size + cost if group else cost
            group.append(section)
        yield from _together(group)

    def _small(self, section: Section) -> int | None:
        """Tokens of a section worth putting together with others, else None."""
        most = self._target // 3
        if section.records or len(section.text) > most * 16:
            return None
        cost = self._cost(embedded(section.text, section.heading))
        return cost if cost <= most else None

    def cut(self, section: Section) -> Iterator[Piece]:
        """The pieces of one section."""
        heading = self._clipped(section.heading)
        room = self._max - self._empty - (self._cost(heading) + 1 if heading else 0)
        text = section.text
        units = self._units(text, room, records=section.records)
        goal = float(min(self._target, room))
        if len(text) <= _LOOK_AHEAD:
            known = list(units)
            total = sum(unit.cost for unit in known)
            goal = total / max(-(-total // int(goal)), 1)
            units = iter(known)
        for run in _runs(units, goal, min(room, int(goal * 1.25) + 1)):
            yield from self._fitting(text, run, heading, section.page, room)

    def _clipped(self, heading: str | None) -> str | None:
        """A heading that leaves most of the room to the text; the innermost part stays."""
        most = (self._max - self._empty) // 4
        while heading and self._cost(heading) > most:
            outer, _, inner = heading.partition(SEPARATOR)
            heading = inner or outer[: len(outer) * 3 // 4].rstrip()
        return heading or None

    def _cost(self, text: str) -> int:
        # One more than the difference: the first word of a text may share a token with the prefix.
        return max(self._count(text) - self._empty + 1, 1)

    def _units(self, text: str, room: int, *, records: bool) -> Iterator[_Unit]:
        for start, end, penalty in _lines(text) if records else _sentences(text):
            short = end - start <= _MOST_LETTERS * room
            cost = self._cost(text[start:end]) if short else room + 1
            if cost <= room:
                yield _Unit(start, end, cost, penalty)
            elif records:  # a row longer than the maximum: its sentences before its characters
                for left, right, inner in _sentences(text[start:end]):
                    place = (start + left, start + right)
                    yield from self._slices(text, *place, room, min(inner, penalty))
                    penalty = _INSIDE
            else:
                yield from self._slices(text, start, end, room, penalty)

    def _slices(
        self, text: str, start: int, end: int, room: int, penalty: float
    ) -> Iterator[_Unit]:
        """A run without a place to break, cut where it must be."""
        while start < end:
            window = min(end, start + 8 * room)
            cost, counted = self._cost(text[start:window]), window
            stop = min(window, start + max(room * (window - start) // cost, 1))
            while stop > start + 1 and stop != counted:
                cost, counted = self._cost(text[start:stop]), stop
                if cost > room:
                    stop = start + max((stop - start) * 4 // 5, 1)
            if stop < end:
                stop = _good_end(text, start, stop)
            if stop != counted:
                cost = self._cost(text[start:stop])
            yield _Unit(start, stop, cost, penalty)
            penalty = _INSIDE
            start = stop
            while start < end and text[start].isspace():
                start += 1

    def _fitting(
        self, text: str, run: Sequence[_Unit], heading: str | None, page: int | None, room: int
    ) -> Iterator[Piece]:
        """The run as one piece; as several where costs added up to less than the whole counts."""
        start, end = run[0].start, run[-1].end
        piece = text[start:end]
        added = self._max - room + sum(unit.cost for unit in run)
        # Tokenising is most of the work here. The sum of the parts errs by what neighbours share,
        # never by a quarter: only what comes near the limit is counted again as a whole.
        fits = added * 5 <= self._max * 4 or self._count(embedded(piece, heading)) <= self._max
        if fits or end - start == 1:
            yield Piece(piece, heading, page)
        elif len(run) > 1:
            middle = len(run) // 2
            yield from self._fitting(text, run[:middle], heading, page, room)
            yield from self._fitting(text, run[middle:], heading, page, room)
        else:
            smaller = max(min(room, run[0].cost) * 3 // 4, 1)
            for part in self._slices(text, start, end, smaller, _INSIDE):
                if part.end - part.start < end - start:
                    yield from self._fitting(text, (part,), heading, page, smaller)
                else:
                    yield Piece(piece, heading, page)


def _runs(units: Iterable[_Unit], goal: float, roof: int) -> Iterator[list[_Unit]]:
    """Units in runs of about `goal`, at most `roof`, cut where it hurts least."""
    run: list[_Unit] = []
    size = 0
    for unit in units:
        while run and size + unit.cost > roof:
            at = _best_cut([*run, unit], goal)
            yield run[:at]
            run = run[at:]
            size = sum(left.cost for left in run)
        run.append(unit)
        size += unit.cost
    if run:
        yield run


def _best_cut(run: Sequence[_Unit], goal: float) -> int:
    best, least, size = 1, float("inf"), 0
    for index in range(1, len(run)):
        size += run[index - 1].cost
        badness = abs(size - goal) / goal + run[index].penalty
        if badness <= least:
            best, least = index, badness
    return best


def _lines(text: str) -> Iterator[tuple[int, int, float]]:
    for match in re.finditer(r"[^\n]*\S[^\n]*", text):
        yield match.start(), match.end(), _PARAGRAPH


def _sentences(text: str) -> Iterator[tuple[int, int, float]]:
    for start, end in _paragraphs(text):
        penalty = _PARAGRAPH
        for left, right in _windows(text, start, end):
            for sentence in sentences(text[left:right]):
                yield left + sentence.start, left + sentence.end, penalty
                penalty = _SENTENCE


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for gap in _GAP.finditer(text):
        if gap.start() > start:
            yield start, gap.start()
        start = gap.end()
    if start < len(text):
        yield start, len(text)


def _windows(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A paragraph in parts of bounded length: an endless one costs no more than its size."""
    while end - start > _WINDOW:
        stop = _good_end(text, start, start + _WINDOW)
        yield start, stop
        start = stop
    yield start, end


def _good_end(text: str, start: int, stop: int) -> int:
    """The last end of a sentence or word in the second half of a stretch, else its very end."""
    middle = start + (stop - start) // 2
    best, rank = 0, 0
    for match in _STOPS.finditer(text, middle, stop):
        here = 1 if match.group().isspace() and match.group() != "\n" else 2
        if here >= rank:
            best, rank = match.end(), here
    if best:
        return best
    while stop > start + 1 and stop < len(text) and _sticks(text[stop]):
        stop -= 1
    return stop


def _sticks(character: str) -> bool:
    """Belongs to the character before it: accents, joiners, variation selectors."""
    return unicodedata.combining(character) > 0 or character in "\u200d\ufe0e\ufe0f"


def _path(section: Section) -> list[str]:
    return section.heading.split(SEPARATOR) if section.heading else []


def _common(paths: Sequence[Sequence[str]]) -> int:
    shortest = min(len(path) for path in paths)
    for index in range(shortest):
        if len({path[index] for path in paths}) > 1:
            return index
    return shortest


def _belong(group: Sequence[Section], section: Section) -> bool:
    """Whether a section stands under the group's heading: siblings, or parent and child."""
    if section.page != group[0].page:
        return False
    paths = [_path(group[0]), _path(group[-1]), _path(section)]
    return _common(paths) >= max(len(path) for path in paths) - 1


def _together(group: Sequence[Section]) -> Iterator[Section]:
    if len(group) < 2:
        yield from group
        return
    paths = [_path(section) for section in group]
    shared = _common(paths)
    parts: list[str] = []
    previous: list[str] = paths[0][:shared]
    for section, path in zip(group, paths, strict=True):
        title = SEPARATOR.join(path[shared:])
        if title and path != previous and section.text != path[-1]:
            parts.append(title)
        parts.append(section.text)
        previous = path
    yield Section("\n\n".join(parts), SEPARATOR.join(paths[0][:shared]) or None, group[0].page)
