"""Each sentence of an answer tied to the passage that supports it, whoever wrote the markers.

A marker whose passage does not support its sentence is moved to one that does, or dropped. A
sentence without a marker gets one. What no passage supports is marked as such, where a mark is
given.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from core.cells import cells_in, columns_above, row_sayings
from core.comparing import compared
from core.evidence import Claim, Evidence, Verdict, claim_of
from core.judging import best, verdicts
from core.not_found import is_not_found
from knowledge_base.models import Passage
from knowledge_base.sentences import Sentence, sentences

_FENCED: Final = re.compile(
    r"(^[ \t>]*(`{3,}|~{3,})[^\n]*\n.*?(?:^[ \t>]*\2[`~]*[ \t]*$|\Z))", re.M | re.S
)
_CODE_OR_MARKER: Final = re.compile(
    r"(?P<code>(?P<ticks>`+)[^\n]+?(?P=ticks))|(?P<space>[ \t]*)\[(?P<n>\d+)\]"
)
_WOULD_FENCE: Final = re.compile(r"^[ \t>]*(?:\[\d+\][ \t]*)+(?=`{3}|~{3})", re.M)
"""Markers without which their line would begin a code block."""
_LIST_MARK: Final = re.compile(r"^[ \t>]*(?:[-*+•]|\(?\d{1,3}[.)、]|#+)\s+")
_LINE_END: Final = re.compile(r"[\s.!?…。！？；;\"'”’」』)）*_]*\Z")
_TABLE_RULE: Final = re.compile(r"^[ \t]*\|?[ \t:|-]*-[ \t:|-]*$", re.M)
_HAN_END: Final = re.compile(r"[\u3000-\u9fff\uff00-\uffef]\Z")


@dataclass(frozen=True, slots=True)
class Attribution:
    """An answer with its markers settled."""

    text: str
    cited: frozenset[int]
    unsupported: int
    """How many sentences no passage supports."""


@dataclass(frozen=True, slots=True)
class _Marker:
    at: int
    space: str
    number: int


def attribute(
    text: str, passages: Sequence[Passage], question: str, unsupported_mark: str | None = None
) -> Attribution:
    """Settle the markers of a whole answer; passage [1] is the first. Code is left as it is."""
    evidence = [Evidence.of(passage) for passage in passages]
    pieces: list[str] = []
    cited: set[int] = set()
    unsupported = 0
    at = 0
    for fence in (*_FENCED.finditer(text), None):
        prose = text[at : fence.start()] if fence else text[at:]
        settled = _Prose(prose, evidence, question).settle(unsupported_mark)
        pieces.append(settled.text)
        cited |= settled.cited
        unsupported += settled.unsupported
        if fence:
            pieces.append(fence.group())
            at = fence.end()
    return Attribution("".join(pieces), frozenset(cited), unsupported)


class _Prose:
    """A run of text without code blocks: its plain text, and its markers beside it."""

    def __init__(self, text: str, evidence: Sequence[Evidence], question: str) -> None:
        self._evidence = evidence
        self._question = question
        self._markers: list[_Marker] = []
        pieces: list[str] = []
        at = length = 0
        fencing = [match.end() for match in _WOULD_FENCE.finditer(text)]
        for match in _CODE_OR_MARKER.finditer(text):
            if match["code"] or match.end() in fencing:
                continue
            pieces.append(text[at : match.start()])
            length += match.start() - at
            self._markers.append(_Marker(length, match["space"], int(match["n"])))
            at = match.end()
        self._plain = "".join([*pieces, text[at:]])

    def settle(self, unsupported_mark: str | None) -> Attribution:
        insertions: list[tuple[int, str]] = []
        cited: set[int] = set()
        unsupported = 0
        spans = sentences(self._plain)
        owned: dict[int, list[_Marker]] = {}
        for marker in self._markers if spans else ():
            owned.setdefault(self._owner(marker, spans), []).append(marker)
        for n, sentence in enumerate(spans):
            own = owned.get(n, [])
            verdict, numbers = self._judge(sentence, [marker.number for marker in own])
            kept = [marker for marker in own if marker.number in numbers]
            insertions += [(marker.at, f"{marker.space}[{marker.number}]") for marker in kept]
            added = [number for number in numbers if number not in {m.number for m in kept}]
            end = self._end(sentence)
            if added and end is not None:
                space = "" if _HAN_END.search(self._plain[:end]) else " "
                insertions.append((end, space + "".join(f"[{number}]" for number in added)))
                cited.update(added)
            cited.update(marker.number for marker in kept)
            if verdict is Verdict.UNSUPPORTED:
                unsupported += 1
                if unsupported_mark:
                    insertions.append((_mark_at(sentence), unsupported_mark))
        if not spans:
            insertions = [(m.at, f"{m.space}[{m.number}]") for m in self._markers]
        return Attribution(self._with(insertions), frozenset(cited), unsupported)

    def _owner(self, marker: _Marker, spans: Sequence[Sentence]) -> int:
        """The sentence of a marker: the one before it, also behind its full stop, on its line."""
        before = max((n for n, span in enumerate(spans) if span.start < marker.at), default=0)
        gap = self._plain[spans[before].end : marker.at]
        return min(before + ("\n" in gap), len(spans) - 1)

    def _judge(self, sentence: Sentence, marked: list[int]) -> tuple[Verdict, list[int]]:
        """The verdict on a sentence, and the numbers it should carry."""
        claim = self._claim(sentence)
        if not _is_claim(sentence.text, claim, self._question):
            return Verdict.UNKNOWN, marked
        own = verdicts(claim, self._evidence)
        supporting = [
            number
            for number in dict.fromkeys(marked)
            if own[number - 1][0] is not Verdict.UNSUPPORTED
        ]
        if supporting:
            return Verdict.SUPPORTED, supporting
        if len(set(marked)) > 1:
            several = Evidence.together(self._evidence[number - 1] for number in set(marked))
            if several.supports(claim)[0] is Verdict.SUPPORTED:
                return Verdict.SUPPORTED, marked
        verdict, index = best(claim, self._evidence, own)
        if verdict is Verdict.UNKNOWN and marked:
            verdict = Verdict.UNSUPPORTED  # What it is said to be from does not say it.
        return verdict, [] if index is None else [index + 1]

    def _claim(self, sentence: Sentence) -> Claim:
        """What a sentence claims; each cell of a row is said of its column."""
        claim = claim_of(_LIST_MARK.sub("", sentence.text), self._question, binds=True)
        columns = columns_above(self._plain, sentence.start) if _is_row(sentence.text) else ()
        if not columns:
            return claim
        rows = map(cells_in, sentence.text.splitlines())
        return replace(
            claim, sayings=tuple(own for row in rows for own in row_sayings(columns, row, compared))
        )

    def _end(self, sentence: Sentence) -> int | None:
        """Where a marker is added: before the full stop. None in a table, which it would break."""
        if _is_row(sentence.text):
            return None
        closing = _LINE_END.search(sentence.text)
        return sentence.start + (closing.start() if closing else len(sentence.text))

    def _with(self, insertions: list[tuple[int, str]]) -> str:
        pieces: list[str] = []
        at = 0
        for place, text in sorted(insertions, key=lambda insertion: insertion[0]):
            pieces += (self._plain[at:place], text)
            at = place
        return "".join([*pieces, self._plain[at:]])


def _mark_at(sentence: Sentence) -> int:
    """Behind a sentence; for a row of a table in its last cell, since behind it there is none."""
    row = sentence.text.rstrip()
    if not (_is_row(row) and row.endswith("|")):
        return sentence.end
    return sentence.start + len(row[:-1].rstrip())


def _is_row(text: str) -> bool:
    """Whether it is of a Markdown table."""
    return text.lstrip().startswith("|")


def _is_claim(text: str, claim: Claim, question: str) -> bool:
    """False for headings, also of tables, questions, announcements and an honest "not found"."""
    plain = text.strip().rstrip("*_")
    if _is_row(plain) and _TABLE_RULE.search(plain):
        return False
    if claim.empty or plain.startswith("#") or is_not_found(plain, question):
        return False
    return not plain.endswith(("?", "？", ":", "："))
