"""Text for people: split, clip and escape it; make any string fit to be stored. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

_FENCE: Final = re.compile(r" {0,3}(`{3,16}(?!`)|~{3,16}(?!~))([^`]{0,40})")
_LANGUAGE: Final = re.compile(r"[\w+#.-]{1,20}")
_LIST_ITEM: Final = re.compile(r"\s*(?:[-*+•]|\d{1,9}[.)、])\s")
_SENTENCE_END: Final = re.compile(r"[.!?…][\"'”’)\]]*(?=\s)|[。！？；…][”’」』）]*")
_WORD_END: Final = re.compile(r"(?<=\S)(?=\s)|[，、：]")
_JOINED: Final = re.compile("[\u0300-\u036f\u200d\ufe00-\ufe0f\U0001f3fb-\U0001f3ff]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")

# Before a line that only a cut makes look like a fence; not seen, and no fence any more.
_GUARD: Final = "\u200b"


def storable(text: str) -> str:
    """The text without lone surrogates, which no UTF-8 file, column or socket takes."""
    return text.encode("utf-8", "replace").decode("utf-8")


def utf16_length(text: str) -> int:
    """Length in UTF-16 units, as Telegram counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def clip(text: str, limit: int, count: Callable[[str], int] = len) -> str:
    """The text, or as much of it as fits with an ellipsis; `limit` is at least 1."""
    if count(text) <= limit:
        return text
    return text[: _fitting(text, limit - 1, count)].rstrip() + "…"


def escape_markdown(text: str) -> str:
    """A name, in one line, in which nothing is markup."""
    return re.sub(r"([\\`*_~|\[\]<>])", r"\\\1", _CONTROL.sub(" ", text))


def split_message(text: str, limit: int, count: Callable[[str], int] = len) -> tuple[str, ...]:
    """Parts of at most `limit`, none of them blank; without text, none at all.

    Code fences, lists and tables stay whole where they fit into one part; a fence that does not is
    closed at the end of the part and reopened with its language. But for that, and for white space
    where it was cut, the parts in a row are the text. `limit` is at least 200; two texts joined
    never count more than both and 1.
    """
    lines = _lines(text)
    parts: list[str] = []
    start = _skip_blank(lines, 0)
    while start < len(lines):
        end = _cut_off(lines, start, limit, count)
        part = _join(lines[start:end])
        if part.strip():
            parts.append(part)
        start = _skip_blank(lines, end)
    return tuple(parts)


class _Kind(Enum):
    BLANK = "blank"
    PROSE = "prose"
    LIST = "list"
    TABLE = "table"
    OPENING = "opening"
    CODE = "code"
    CLOSING = "closing"


_WHOLE: Final = frozenset({_Kind.LIST, _Kind.TABLE, _Kind.OPENING, _Kind.CODE})


@dataclass(frozen=True, slots=True)
class _Fence:
    marker: str
    language: str


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    kind: _Kind
    block: int
    """Number of the fence, list, table or paragraph that the line belongs to."""
    fence: _Fence | None = None

    @property
    def leaves_open(self) -> bool:
        return self.fence is not None and self.kind is not _Kind.CLOSING


def _lines(text: str) -> list[_Line]:
    lines: list[_Line] = []
    fence: _Fence | None = None
    block = 0
    kind = _Kind.BLANK
    for line in text.split("\n"):
        if fence is not None:
            if _closes(fence, line):
                lines.append(_Line(fence.marker, _Kind.CLOSING, block, fence))
                fence, kind = None, _Kind.CLOSING
            else:
                lines.append(_Line(line, _Kind.CODE, block, fence))
            continue
        opening = _FENCE.fullmatch(line)
        if opening is not None:
            language = _LANGUAGE.match(opening[2].strip())
            fence = _Fence(opening[1], language[0] if language is not None else "")
            block += 1
            lines.append(_Line(line, _Kind.OPENING, block, fence))
            continue
        before, kind = kind, _kind(line, kind)
        block += kind is not before
        lines.append(_Line(line, kind, block))
        if kind is _Kind.LIST and before is _Kind.BLANK:
            block = _join_loose_list(lines)
    return lines


def _join_loose_list(lines: list[_Line]) -> int:
    """Blank lines between two items are part of their list; the number of the block then."""
    begin = len(lines) - 1
    while begin > 0 and lines[begin - 1].kind is _Kind.BLANK:
        begin -= 1
    if begin > 0 and lines[begin - 1].kind is _Kind.LIST:
        lines[begin:] = [replace(line, block=lines[begin - 1].block) for line in lines[begin:]]
    return lines[-1].block


def _kind(line: str, before: _Kind) -> _Kind:
    if not line.strip():
        return _Kind.BLANK
    if line.lstrip().startswith("|"):
        return _Kind.TABLE
    if _LIST_ITEM.match(line) or (before is _Kind.LIST and line[0] in " \t"):
        return _Kind.LIST
    return _Kind.PROSE


def _closes(fence: _Fence, line: str) -> bool:
    mark = line.strip()
    return (
        len(line) - len(line.lstrip(" ")) <= 3
        and len(mark) >= len(fence.marker)
        and not mark.strip(fence.marker[0])
    )


def _skip_blank(lines: list[_Line], start: int) -> int:
    """Where the next part begins: behind blank lines and the blank rest of a fence."""
    place = start
    while place < len(lines) and not lines[place].text.strip():
        place += 1
    if place < len(lines) and lines[place].kind is _Kind.CLOSING:
        return _skip_blank(lines, place + 1)
    return place


def _cut_off(lines: list[_Line], start: int, limit: int, count: Callable[[str], int]) -> int:
    """Where the part that begins at `start` ends; a line that is cut becomes two in `lines`."""
    first = lines[start]
    reopened = first.kind is _Kind.CODE and first.fence is not None
    used = count(_opening(first.fence)) + 1 if reopened and first.fence is not None else 0
    end, filled = start, [used]
    while end < len(lines):
        line = lines[end]
        closing = count(line.fence.marker) + 1 if line.fence and line.leaves_open else 0
        used = filled[-1] + count(line.text) + 1
        if used - 1 + closing > limit:
            break
        filled.append(used)
        end += 1
    if end == len(lines):
        return end
    place = _boundary(lines, start, filled, limit, count)
    if place is not None:
        return place
    line = lines[end]
    closing = count(line.fence.marker) + 1 if line.fence is not None else 0
    lines[end : end + 1] = _halves(line, limit - filled[-1] - closing, count)
    return end + 1


def _boundary(
    lines: list[_Line], start: int, filled: list[int], limit: int, count: Callable[[str], int]
) -> int | None:
    """The line to end the part before; None: the line that does not fit is to be cut."""
    end = start + len(filled) - 1
    line = lines[end]
    if line.kind in _WHOLE:
        begin = next((i for i in range(end, start - 1, -1) if lines[i - 1].block != line.block), 0)
        if start < begin and _size(lines, begin, limit, count) <= limit:
            return begin
    places = [
        place
        for place in range(end, start, -1)
        if lines[place - 1].kind is not _Kind.OPENING and lines[place].kind is not _Kind.CLOSING
    ]
    far = [place for place in places if filled[place - start] * 2 >= limit]
    if far:
        return min(far, key=lambda place: (_rank(lines, place), -place))
    # Prose is cut rather than leaving a part half empty; rows and code lines are not.
    movable = line.kind is not _Kind.PROSE and count(line.text) <= limit * 3 // 4
    if places and (movable or limit - filled[-1] < limit // 8):
        return places[0]
    return None


def _size(lines: list[_Line], begin: int, limit: int, count: Callable[[str], int]) -> int:
    """What the block that begins there takes; no more of it is counted than decides."""
    size = 0
    for line in lines[begin:]:
        if line.block != lines[begin].block or size > limit:
            break
        size += count(line.text) + 1
    fence = lines[begin].fence
    return size - 1 + (count(fence.marker) + 1 if fence is not None else 0)


def _rank(lines: list[_Line], place: int) -> int:
    """How little a break before that line hurts, best 0."""
    before, after = lines[place - 1], lines[place]
    if before.block != after.block:
        return 0
    if after.kind is _Kind.LIST and not _LIST_ITEM.match(after.text):
        return 2
    return 1


def _halves(line: _Line, room: int, count: Callable[[str], int]) -> tuple[_Line, _Line]:
    text = line.text
    # Two places are kept for guards; one character at least is taken, or there would be no end.
    reach = max(1, _fitting(text, room - 2, count))
    place = 0
    for ends in (_SENTENCE_END, _WORD_END) if line.kind is not _Kind.CODE else (_WORD_END,):
        found = (end.end() for end in ends.finditer(text, 0, reach + 1))
        place = max((end for end in found if end <= reach), default=0)
        if place > reach // 2:
            break
    else:
        place = reach
        while place > max(1, reach - 16) and _JOINED.match(text, place):
            place -= 1
    head, tail = text[:place], text[place:]
    if line.kind is not _Kind.CODE:
        head, tail = head.rstrip(), tail.lstrip()
    return replace(line, text=_guarded(head)), replace(line, text=_guarded(tail))


def _guarded(text: str) -> str:
    return _GUARD + text if text.lstrip(" ")[:3] in ("```", "~~~") else text


def _opening(fence: _Fence) -> str:
    return fence.marker + fence.language


def _join(lines: list[_Line]) -> str:
    texts = [line.text for line in lines]
    first, last = lines[0], lines[-1]
    if first.kind is _Kind.CODE and first.fence is not None:
        texts.insert(0, _opening(first.fence))
    if last.leaves_open and last.fence is not None:
        return "\n".join([*texts, last.fence.marker])
    return "\n".join(texts).rstrip()


def _fitting(text: str, limit: int, count: Callable[[str], int]) -> int:
    """How many characters of the text fit."""
    low, high = 0, 1
    while high < len(text) and count(text[:high]) <= limit:
        low, high = high, high * 2
    high = min(high, len(text))
    while low < high:
        middle = (low + high + 1) // 2
        if count(text[:middle]) <= limit:
            low = middle
        else:
            high = middle - 1
    return low
