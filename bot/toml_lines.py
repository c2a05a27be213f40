"""Line numbers of TOML keys, which `tomllib` does not keep."""

from __future__ import annotations

import re

_KEY = r"""(?:[A-Za-z0-9_\-]+|"[^"]*"|'[^']*')"""
_DOTTED = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_TABLE = re.compile(rf"\s*\[\[?\s*({_DOTTED})\s*\]\]?")
_ASSIGNMENT = re.compile(rf"\s*({_DOTTED})\s*=")
_SYNTAX = re.compile(r"(.*?)\s*\(at (?:line (\d+)|end of document).*\)$", re.DOTALL)

_NAMES = re.compile(r"\('.*'?,?\)")
"""How `tomllib` names a key."""


class TomlLines:
    """Where each key of a valid TOML text is written."""

    def __init__(self, text: str) -> None:
        self._lines: dict[tuple[str, ...], int] = {}
        table: tuple[str, ...] = ()
        open_quote: str | None = None
        for number, line in enumerate(text.splitlines(), start=1):
            if open_quote:
                if open_quote in line:
                    open_quote = None
                continue
            if match := _TABLE.match(line):
                table = _parts(match[1])
                self._lines.setdefault(table, number)
            elif match := _ASSIGNMENT.match(line):
                self._lines.setdefault((*table, *_parts(match[1])), number)
                open_quote = next((q for q in ('"""', "'''") if line.count(q) % 2), None)

    def line(self, path: tuple[str, ...]) -> int | None:
        """The line of a key; of the nearest table around it where it stands inline."""
        while path:
            if path in self._lines:
                return self._lines[path]
            path = path[:-1]
        return None


def syntax_error_line(message: str) -> tuple[int | None, str]:
    """Take apart a `TOMLDecodeError`: its line and its words."""
    match = _SYNTAX.match(message)
    if not match:
        return None, message
    words = _NAMES.sub(
        lambda names: ".".join(_parts(names[0])), match[1][:1].lower() + match[1][1:]
    )
    return (int(match[2]), words) if match[2] else (None, f"{words} at the end of the file")


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in re.findall(_KEY, dotted))
