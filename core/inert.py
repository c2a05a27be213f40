"""Names that others chose, shown so that they can do nothing: no Markdown, no mention, no link."""

from __future__ import annotations

import unicodedata
from typing import Final

LONGEST_NAME: Final = 120


def one_line(text: str, longest: int = LONGEST_NAME) -> str:
    """On one line, without control or invisible characters, clipped in the middle.

    The end stays, because that is where a file's type and a path's last part stand.
    """
    shown = " ".join(
        "".join(
            " " if unicodedata.category(letter) in ("Zl", "Zp", "Zs", "Cc") else letter
            for letter in text
            if unicodedata.category(letter) not in ("Cf", "Cs", "Co", "Cn")
        ).split()
    )
    if len(shown) <= longest:
        return shown
    head = (longest - 1) // 2
    return f"{shown[:head]}…{shown[len(shown) - (longest - 1 - head) :]}"


def inert(name: str, longest: int = LONGEST_NAME) -> str:
    """A name as a Markdown code span: what it holds is shown and not acted upon."""
    return f"`{one_line(name, longest).replace('`', 'ˋ') or '?'}`"
