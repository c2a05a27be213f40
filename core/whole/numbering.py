"""The numbers of passages in an answer on the whole: from hundreds to those that it cites. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from core.whole.tasks import Note
from knowledge_base.models import Passage

_MARKER: Final = re.compile(r"(?P<space>[ \t]*)\[(?P<n>\d{1,6})\]")
_LIST_MARK: Final = re.compile(r"^(?:\s*(?:[-*•]+|\(?\d{1,3}[.)、](?=\s)))+\s*")
_TELLING: Final = 20
"""Characters from which on a line is not said twice by chance."""
_CODE: Final = re.compile(
    r"(?<!`)(`+)(?!`)[^\n]+?(?<!`)\1(?!`)|^[ \t>]*(`{3,}|~{3,}).*?^[ \t>]*\2", re.M | re.S
)


def items(note: str, seen: set[str]) -> Iterator[str]:
    """The lines of a list, each once."""
    for line in note.splitlines():
        text = _LIST_MARK.sub("", line).strip()
        folded = re.sub(r"\W+", " ", _MARKER.sub("", text)).casefold().strip()
        if folded and folded not in seen:
            seen.add(folded)
            yield f"- {text}"


def numbered_anew(line: str, numbers: dict[int, int]) -> str:
    """A line with the numbers that a reader is shown: from 1 on, as they come up."""

    def anew(match: re.Match[str]) -> str:
        number = numbers.setdefault(int(match["n"]), len(numbers) + 1)
        return f"{match['space']}[{number}]"

    return _MARKER.sub(anew, line)


def renumbered(
    notes: Sequence[Note], passages: Sequence[Passage]
) -> tuple[list[Note], list[Passage]]:
    """Notes whose numbers count the passages that they name, and those."""
    numbers: dict[int, int] = {}
    told = [
        replace(note, text=numbered_anew(_within(note.text, passages), numbers)) for note in notes
    ]
    return told, [passages[number - 1] for number in numbers]


def _within(text: str, passages: Sequence[Passage]) -> str:
    """Without numbers that refer to nothing, which a second round of notes may have made up."""

    def kept(match: re.Match[str]) -> str:
        return match.group() if 0 < int(match["n"]) <= len(passages) else ""

    return _MARKER.sub(kept, text)


def consecutive(
    text: str, passages: Sequence[Passage], cited: set[int]
) -> tuple[str, tuple[Passage, ...]]:
    """A settled text whose numbers count what it cites, from 1 on in the order of the text."""
    numbers: dict[int, int] = {}
    pieces: list[str] = []
    at = 0
    for code in (*_CODE.finditer(text), None):
        prose = text[at : code.start()] if code else text[at:]
        pieces.append(_MARKER.sub(partial(_counted, cited, numbers), prose))
        if code:
            pieces.append(code.group())
            at = code.end()
    return "".join(pieces), tuple(passages[number - 1] for number in numbers)


def each_once(text: str) -> str:
    """A text without lines that stand above already, which small models write over and over."""
    seen: set[str] = set()
    kept: list[str] = []
    for line in text.splitlines():
        folded = re.sub(r"\W+", " ", _MARKER.sub("", line)).casefold().strip()
        if len(folded) < _TELLING or folded not in seen:
            kept.append(line)
        seen.add(folded)
    return "\n".join(kept)


def _counted(cited: set[int], numbers: dict[int, int], match: re.Match[str]) -> str:
    number = int(match["n"])
    if number not in cited:
        return match.group()
    return f"{match['space']}[{numbers.setdefault(number, len(numbers) + 1)}]"
