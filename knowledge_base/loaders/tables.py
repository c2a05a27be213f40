"""Tables as lines: each row says its columns' names, so that it can be read alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from knowledge_base.loaders.outline import flat

Row = Sequence[str]
_LOOK_AHEAD = 20
_LONGEST_NAME = 80
_FIGURE = re.compile(r"[\s\d.,:/%+\-−–()¥$€£元]*\d[\s\d.,:/%+\-−–()¥$€£元年月日号]*")

_AMOUNT = re.compile(r"(?=.*\d)(?=.*[¥$€£元%])[\s\d.,:/+\-−–¥$€£元%]+")


def looks_like_names(row: Row) -> bool:
    """Whether a row could be the header: several short texts, no figures, no name twice."""
    cells = [cell for cell in row if cell]
    return (
        len(cells) > 1
        and len(set(cells)) == len(cells)
        and all(len(cell) <= _LONGEST_NAME and not _FIGURE.fullmatch(cell) for cell in cells)
    )


def line(names: Row, row: Row) -> str:
    """One row as "Name: value; Name: value"; empty cells are left out."""
    parts: list[str] = []
    for column, cell in enumerate(row):
        if not cell:
            continue
        name = names[column] if column < len(names) else ""
        parts.append(f"{name}: {cell}" if name and name != cell else cell)
    return "; ".join(parts)


def lines(rows: Iterable[Row], *, header: bool | None = None) -> Iterator[str]:
    """The rows of one table as lines, lazily; empty rows are left out.

    `header` says whether the first row names the columns; None: it is told from the content.
    Lines of a single cell above the header (a title) stay lines.
    """
    filled = (row for row in ([flat(cell) for cell in row] for row in rows) if any(row))
    head = list(islice(filled, _LOOK_AHEAD))
    width = max((_width(row) for row in head), default=0)
    while head and header is None and width > 1 and _width(head[0]) == 1:
        yield line((), head.pop(0))
    names: Row = ()
    if header and _are_amounts(head):
        header = False
    if head and (header or (header is None and looks_like_names(head[0]))):
        names = head.pop(0)
    used: set[int] = set()
    for row in chain(head, filled):
        used.update(column for column, cell in enumerate(row) if cell)
        yield line(names, row)
    # A column without a value would take its name with it.
    if left := line((), [name for column, name in enumerate(names) if column not in used]):
        yield left


def _are_amounts(rows: Sequence[Row]) -> bool:
    """Whether each row is a name and an amount: then the first, marked as header or not, is one of
    them. Markdown has no tables without a header."""
    return len(rows) > 1 and all(
        len(row) == 2 and row[0] and _AMOUNT.fullmatch(row[1]) for row in rows
    )


def _width(row: Row) -> int:
    return sum(1 for cell in row if cell)
