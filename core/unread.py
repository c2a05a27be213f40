"""Pages of a file that are pictures and were not read: nothing is found of them; that is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from core.language import Words

_MOST_RANGES: Final = 12


def unread_pages(pages: Sequence[int], _: Words) -> str:
    """Which pages these are, and what mends it, in a sentence; empty where there are none."""
    if not pages:
        return ""
    return _.plural(
        "Page {pages} is a picture and was not read: whoever runs me can install the extra `ocr`.",
        "Pages {pages} are pictures and were not read: whoever runs me can install the extra "
        "`ocr`.",
        len(pages), pages=ranges(pages, _),
    )  # fmt: skip


def ranges(numbers: Sequence[int], _: Words) -> str:
    """Numbers in their order, those that follow each other as 3–7."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    shown = [str(low) if low == high else f"{low}–{high}" for low, high in runs[:_MOST_RANGES]]
    return _(", ").join(shown) + ("…" if len(runs) > _MOST_RANGES else "")
