"""What a command prints: JSON lines or text on standard output, sentences on standard error."""

from __future__ import annotations

import json
import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

_WIDE = r"\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef"
_OPENING, _CLOSING = "（「『《〈【“", "，。、；：！？）」』》〉】”…"
_PIECES = re.compile(
    rf"\s+|[{_OPENING}]*(?:[^\s{_WIDE}{_OPENING}{_CLOSING}]+|[{_WIDE}])[{_CLOSING}]*|."
)
"""What stays on one line: a word, or a wide letter, each with the marks around it."""
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""All but tab and line feed: escape sequences, carriage returns, turned writing directions."""


def move(sequence: str) -> None:
    """A control sequence of our own, or what holds one."""
    sys.stdout.write(sequence)
    sys.stdout.flush()


def use_utf8() -> None:
    """Print every script whatever the console's encoding; what cannot be printed is escaped."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def emit(values: Mapping[str, object]) -> None:
    """One JSON object on one line, flushed: whoever reads it may rely on it."""
    line = json.dumps(values, ensure_ascii=False)
    if any(0xD800 <= ord(char) <= 0xDFFF for char in line):
        line = json.dumps(values)
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def harmless(text: str) -> str:
    """Without what a terminal would act upon: documents and file names are strangers' words."""
    return _CONTROLS.sub("\ufffd", text)


def say(text: str = "", *, end: str = "\n") -> None:
    """A line for a person on standard output."""
    sys.stdout.write(harmless(text) + end)
    sys.stdout.flush()


def marks() -> bool:
    """Whether standard output can show marks: no pipe can, nor a dumb terminal."""
    return sys.stdout.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


def say_marked(text: str, spans: Iterable[tuple[int, int]]) -> None:
    """Like `say`, with these places of the text marked where that can be seen: without colours,
    by a line below them."""
    written, at = "", 0
    look = "1;4" if os.environ.get("NO_COLOR") else "1;33"
    for start, end in spans if marks() else ():
        written += f"{harmless(text[at:start])}\x1b[{look}m{harmless(text[start:end])}\x1b[0m"
        at = end
    move(written + harmless(text[at:]) + "\n")


def tell(sentence: str) -> None:
    """A sentence on standard error."""
    sys.stdout.flush()
    sys.stderr.write(harmless(sentence) + "\n")
    sys.stderr.flush()


def table(rows: Sequence[Sequence[str]], titles: Sequence[str]) -> None:
    """Columns under titles; wide characters count as two."""
    rows = [[harmless(cell).replace("\n", "\ufffd") for cell in row] for row in rows]
    widths = [max(map(width, column)) for column in zip(titles, *rows, strict=True)]
    for row in (titles, *rows):
        cells = [cell + " " * (size - width(cell)) for cell, size in zip(row, widths, strict=True)]
        say("  ".join(cells).rstrip())


def wrapped(text: str, columns: int) -> list[str]:
    """The text as lines of at most so many columns; between wide letters it breaks anywhere."""
    lines = [""]
    for piece in _PIECES.findall(text):
        if width(lines[-1]) + width(piece.rstrip()) > columns and lines[-1]:
            lines[-1] = lines[-1].rstrip()
            lines.append("")
        if lines[-1] or not piece.isspace():
            lines[-1] += " " if piece.isspace() else piece
    return [line.rstrip() for line in lines]


def width(text: str) -> int:
    """Columns that a terminal gives to a text."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
