"""Where sentences begin and end, in scripts with and without spaces.

Used by the splitter, by quoting and by citations, which must all mean the same by "sentence".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST_SENTENCE = 500
"""Characters; a longer run (tables, Thai, legal prose) is cut at the last clause end before it."""

_CLOSERS = "\"'”’»)）]】〕」』》〉＂＇"
# Ends a sentence wherever it stands: CJK, Arabic, Devanagari, Myanmar, Khmer, Ethiopic, Armenian.
_ALWAYS = "。！？｡؟۔।॥။។።։"
# The first character stands before the alternatives: what has none of them is passed over quickly.
_END = re.compile(
    rf"[{_ALWAYS}.!?…\n](?:"
    rf"(?<=[{_ALWAYS}])[{re.escape(_CLOSERS)}{_ALWAYS}…!?.]*"
    rf"|(?<=[.!?…])[.!?…]*[{re.escape(_CLOSERS)}]*(?=\s|$)"
    r"|(?<=[!?…])[!?…]*(?=[\u3040-\u9fff])"
    r"|(?<=\n)\s*"
    r")"
)
_ABBREVIATIONS = frozenset(
    """
    mr mrs ms dr prof rev gen col capt lt sgt st sr jr hon gov sen rep pres messrs mt ft vs
    etc al cf ca approx est fig figs eq no nos vol pp ed eds inc ltd co corp dept univ jan feb
    mar apr jun jul aug sep sept oct nov dec e.g i.e a.m p.m u.s u.k u.n ph.d d.c bzw usw z.b
    d.h u.a nr str abs art bd hr fr dr.h.c м.б т.е т.д т.п г гг в вв им ул стр mme mlle av
    p.ej sra ud vd núm pág
    """.split()  # noqa: SIM905 - fourteen lines instead of ninety
)
_LIST_MARK = re.compile(
    r"\s*(?:[-*•·▪◦‣#|>]|\(?\d{1,3}[.)、]|[（(]?[一二三四五六七八九十]{1,3}[)）、])"
)
_VISIBLE = re.compile(r"\S")
_BEFORE_WORD = re.compile(r"[\s(\[“‘\"']")
_NUMBERED = re.compile(r"\s*\d{1,3}\s*")
_COLUMN = re.compile(r"([^:;\n]{1,80}: )[^;\n]*; ")
"""The beginning of a row that says its columns' names, see `knowledge_base.loaders.tables`."""
_BAR = re.compile(r"^\||\s\|\s")
NAMED_ROW = re.compile(r"[^:;\n]{1,80}: [^;\n]*; [^:;\n]{1,80}: ")
"""How a row begins that says its columns' names, see `knowledge_base.loaders.tables`."""
NAMED_CELL = re.compile(r"(?:^|; )([^:;\n]{1,80}): ([^;\n]*)")
"""The name and the value of each of its cells."""
_LONGEST_ROW = 300
_LONGEST_WORD = 40
_WRAPPED_WIDTH = 40
"""A line at least this wide (Han counted twice) that breaks off was wrapped, not ended."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence and its place: `source[start:end] == text`."""

    text: str
    start: int
    end: int


def sentences(text: str) -> tuple[Sentence, ...]:
    """The sentences in order, without the white space around them; nothing else is left out."""
    found: list[Sentence] = []
    start = 0
    for end in (*_ends(text), len(text)):
        part = text[start:end].rstrip()
        if found and not any(c.isalnum() for c in part):
            if part:  # marks alone belong to the sentence before
                begin, stop = found[-1].start, start + len(part)
                found[-1] = Sentence(text[begin:stop], begin, stop)
        else:
            found += _cut(text, start, end)
        start = end
    return tuple(found)


def with_lists(text: str) -> tuple[Sentence, ...]:
    """The sentences, where one that ends in a colon goes on to the end of what it announces.

    That is the lines below it up to a blank one, as many as fit into `LONGEST_SENTENCE`. They are
    sentences of their own as well. Rows of a table are nothing but that: each stands for itself.
    """
    parts = sentences(text)
    return tuple(
        _announcing(text, parts, at) if part.text[-1] in ":：" else part
        for at, part in enumerate(parts)
    )


def is_row(line: str) -> bool:
    """Whether a line is a row of a table: between bars, or with its columns' names."""
    is_prose = line[-1:] in ".!?。！？"
    return not is_prose and (_BAR.search(line) or NAMED_ROW.match(line)) is not None


def _announcing(text: str, parts: tuple[Sentence, ...], at: int) -> Sentence:
    start, end, in_list = parts[at].start, parts[at].end, False
    for part in parts[at + 1 :]:
        breaks = text.count("\n", end, part.start)
        is_item = _LIST_MARK.match(part.text) is not None
        # A blank line may come between the colon and a list; the rest of an item's line is its own.
        apart = breaks > 1 and not (is_item and end == parts[at].end)
        ends = apart or is_row(part.text) or (not breaks and not in_list)
        if ends or part.end - start > LONGEST_SENTENCE:
            break
        end, in_list = part.end, is_item or (in_list and not breaks)
    return Sentence(text[start:end], start, end)


def _ends(text: str) -> Iterator[int]:
    start = 0
    for match in _END.finditer(text):
        mark = match.group()
        if mark[0] == "\n":
            ended = mark.count("\n") > 1 or _line_ends(text, start, match.start(), match.end())
        elif mark[0] == ".":
            ended = not _inside(text, start, match.start(), match.end())
        else:
            ended = mark[0] in _ALWAYS or not _following(text, match.end()).islower()
        if ended:
            start = match.end()
            yield start


def _inside(text: str, start: int, stop: int, after: int) -> bool:
    """Whether the full stop at `stop` belongs to a word or a number and not to the sentence."""
    if text[stop : stop + 3] == "...":
        return _following(text, after).islower()
    word = _BEFORE_WORD.split(text[max(start, stop - _LONGEST_WORD) : stop])[-1]
    if word.casefold() in _ABBREVIATIONS or (len(word) == 1 and word.isupper()):
        return bool(_following(text, after))
    if _NUMBERED.fullmatch(text[start : min(stop, start + _LONGEST_WORD)]):
        return True  # "1. Open the valve"
    return _following(text, after).islower() and "\n\n" not in text[stop : after + 2]


def _following(text: str, after: int) -> str:
    """The first letter after a place, "" at the end. Looks, and does not copy what follows."""
    found = _VISIBLE.search(text, after)
    return found.group() if found else ""


def _line_ends(text: str, start: int, stop: int, after: int) -> bool:
    """Whether a single line break ends a sentence: headings, list items and short lines do."""
    line = text[max(text.rfind("\n", 0, stop) + 1, start) : stop]
    following = text[after : after + 40]
    if _LIST_MARK.match(following) or _LIST_MARK.match(line):
        return not following[:1].islower()
    if _are_rows(line, text[after : after + _LONGEST_ROW]):
        return True
    return _width(line.strip()) < _WRAPPED_WIDTH


def _are_rows(line: str, following: str) -> bool:
    """Whether a line is a row of a table, and what follows begins with another one."""
    if bars := line.count("|"):
        return bars == following.split("\n", 1)[0].count("|")
    column = _COLUMN.match(line)
    return column is not None and following.startswith(column[1])


def _width(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def _cut(text: str, start: int, end: int) -> Iterator[Sentence]:
    while True:
        while start < end and text[start].isspace():
            start += 1
        if start >= end:
            return
        stop = end if end - start <= LONGEST_SENTENCE else _clause_end(text, start)
        last = stop
        while text[last - 1].isspace():
            last -= 1
        yield Sentence(text[start:last], start, last)
        start = stop


def _clause_end(text: str, start: int) -> int:
    """The last good place to cut within the longest allowed length."""
    stop = start + LONGEST_SENTENCE
    least = start + LONGEST_SENTENCE // 4
    for marks in ("；;\n", "，,、：:،", " \t\u3000"):
        places = [text.rfind(mark, least, stop) for mark in marks]
        if max(places) > 0:
            return max(places) + 1
    return stop
