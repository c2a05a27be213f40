"""Rows and columns of a page: tables by row, columns of prose one after the other.

Works on where text stands, not on what it says; what is neither stays in the order it came in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from knowledge_base.loaders.pdf_lines import Line
from knowledge_base.loaders.tables import lines as table_lines
from knowledge_base.loaders.tables import looks_like_names

_SAME_BASE = 0.45
"""Share of the size by which two lines may differ in height and stand in one row."""
_APART = 1.0
"""Times the size: a blank from that width on may part columns."""
_GUTTER = 0.6
"""Times the size: what must stay free between two columns in all rows."""
_NEAR = 2.2
"""Times the usual distance of rows: what is further down is not of the same table."""
_PROSE = 11.0
"""Width in sizes from which on the parts of a column are lines of prose rather than cells."""
_FEWEST_ROWS = 3
_LOOK_BACK = 20
_MOST_ROWS = 2000
"""Of a page; more are no page that anybody has laid out."""
_LONGEST_CELL = 400

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Part:
    """A run of text without a wide blank in it."""

    text: str
    left: float
    right: float
    line: int
    """Place of its line in the order that the page came in."""


@dataclass(slots=True)
class Row:
    """What stands at one height, from left to right."""

    base: float
    size: float
    parts: list[Part] = field(default_factory=list)

    @property
    def free(self) -> list[Span]:
        """What is empty between the first part and the last, and to both sides."""
        edges = [float("-inf"), *(x for part in self.parts for x in (part.left, part.right))]
        edges.append(float("inf"))
        return list(zip(edges[::2], edges[1::2], strict=True))


@dataclass(frozen=True, slots=True)
class _Block:
    rows: list[Row]
    cuts: list[float]
    """Between its columns."""

    def cells(self, row: Row) -> list[list[Part]]:
        found: list[list[Part]] = [[] for _ in range(len(self.cuts) + 1)]
        for part in row.parts:
            middle = (part.left + part.right) / 2
            found[sum(1 for cut in self.cuts if cut < middle)].append(part)
        return found


def arranged(lines: list[Line], *, as_it_stands: bool = False) -> list[Line]:
    """The lines of a page as they are read: tables as lines with records, columns in order.

    `as_it_stands`: the order that the lines came in means nothing; they are read from the top.
    """
    rows = _rows(lines)
    blocks = list(_blocks(rows)) if len(rows) <= _MOST_ROWS else []
    placed: dict[int, list[Line]] = {}
    taken: set[int] = set()
    for block in blocks:
        used = {part.line for row in block.rows for part in row.parts}
        made = _as_table(block, lines) or _as_columns(block, lines, always=as_it_stands)
        if made:
            placed[min(used)] = made
            taken |= used
    if as_it_stands:
        return _from_top(rows, lines, placed, taken)
    result: list[Line] = []
    for place, line in enumerate(lines):
        if place in placed:
            result += placed[place]
        elif place not in taken:
            result.append(line)
    return result


def parts_of(line: Line, place: int, apart: float, cuts: Sequence[float] = ()) -> Iterator[Part]:
    """The line in pieces: at blanks as wide as that, and at those that a cut lies in."""
    start, left = 0, line.left
    for gap in line.gaps:
        wide = gap.right - gap.left >= apart
        if wide or any(gap.left - 1 <= cut <= gap.right + 1 for cut in cuts):
            yield Part(line.text[start : gap.at].strip(), left, gap.left, place)
            start, left = gap.at, gap.right
    yield Part(line.text[start:].strip(), left, line.right, place)


def _rows(lines: Sequence[Line]) -> list[Row]:
    """All that stands at one height together, from the top."""
    rows: list[Row] = []
    known = [(place, line) for place, line in enumerate(lines) if line.size and not line.records]
    for place, line in sorted(known, key=lambda item: -item[1].base):
        near = _SAME_BASE * line.size
        row = next((row for row in rows[-1:-4:-1] if abs(row.base - line.base) <= near), None)
        if row is None:
            row = Row(line.base, line.size)
            rows.append(row)
        row.parts += parts_of(line, place, _APART * line.size)
    for row in rows:
        row.parts = _joined(sorted(row.parts, key=lambda part: part.left), row.size)
    return rows


def _joined(parts: list[Part], size: float) -> list[Part]:
    """Pieces that touch are one."""
    result: list[Part] = []
    for part in parts:
        last = result[-1] if result else None
        if last is not None and last.line != part.line and part.left - last.right < 0.3 * size:
            text = f"{last.text}{part.text}"
            result[-1] = Part(text, last.left, max(last.right, part.right), last.line)
            result.append(Part("", part.right, part.right, part.line))
        else:
            result.append(part)
    # A piece without text keeps its line from being told twice.
    return result


def _blocks(rows: list[Row]) -> Iterator[_Block]:
    """Runs of rows that leave the same places free, with text on both sides of them."""
    at = 0
    while at < len(rows):
        block, stop = _run(rows, at)
        if block is not None:
            yield block
            at = stop
        else:
            at += 1


def _run(rows: list[Row], start: int) -> tuple[_Block | None, int]:
    first = rows[start]
    if len(_filled(first)) < 2:
        return None, start
    free, drops, stop = first.free, list[float](), start + 1
    best: tuple[list[Span], int] | None = None
    while stop < len(rows):
        row, above = rows[stop], rows[stop - 1]
        drop = above.base - row.base
        if drops and drop > _NEAR * median(drops[:_LOOK_BACK]):
            break
        narrowed = _common(free, row.free, _GUTTER * first.size)
        if len(narrowed) < 3:  # both sides, and at least one between
            break
        if (len(narrowed) - 1) * 2 < len(free) - 1 and stop - start >= _FEWEST_ROWS:
            break  # another table begins, or what follows is none
        free = narrowed
        drops.append(drop)
        stop += 1
        if len(_filled(row)) > 1:
            best = free, stop
    if best is None:
        return None, start
    free, stop = best
    found = rows[start:stop]
    cuts = [(left + right) / 2 for left, right in free[1:-1]]
    block = _Block(found, cuts)
    several = sum(1 for row in found if sum(map(_has_text, block.cells(row))) > 1)
    return (block, stop) if several >= _FEWEST_ROWS else (None, start)


def _filled(row: Row) -> list[Part]:
    return [part for part in row.parts if part.text]


def _has_text(parts: list[Part]) -> bool:
    return any(part.text for part in parts)


def _common(one: list[Span], other: list[Span], width: float) -> list[Span]:
    found = []
    for left, right in one:
        for start, end in other:
            low, high = max(left, start), min(right, end)
            if high - low >= width:
                found.append((low, high))
    return found


def _is_prose(block: _Block) -> bool:
    """Whether its columns are text that runs on from row to row."""
    if len(block.rows) <= _FEWEST_ROWS or len(block.cuts) > 2:
        return False
    wide = 0
    for column in range(len(block.cuts) + 1):
        widths = []
        for row in block.rows:
            parts = [part for part in block.cells(row)[column] if part.text]
            if parts:
                widths.append((parts[-1].right - parts[0].left) / row.size)
        wide += bool(widths) and median(widths) >= _PROSE
    return wide >= 2


def _as_table(block: _Block, lines: list[Line]) -> list[Line]:
    if _is_prose(block):
        return []
    cells: list[list[str]] = []
    for row in block.rows:
        texts = [" ".join(p.text for p in parts if p.text) for parts in block.cells(row)]
        filled = sum(1 for text in texts if text)
        if cells and not texts[0] and filled * 2 <= len(texts):  # the rest of a cell above
            cells[-1] = [f"{a} {b}".strip() for a, b in zip(cells[-1], texts, strict=True)]
        elif filled:
            cells.append(texts)
    if any(len(text) > _LONGEST_CELL for row in cells for text in row):
        return []
    if len(cells[0]) == 2 and not looks_like_names(cells[0]):
        return []  # pairs say as much as they stand
    return [as_records(cells, lines[min(p.line for row in block.rows for p in row.parts)])]


def as_records(cells: Sequence[Sequence[str]], place: Line) -> Line:
    """A table in place of a line."""
    records = tuple(table_lines(cells))
    return replace(place, text="\n".join(records), gaps=(), records=records)


def _as_columns(block: _Block, lines: list[Line], *, always: bool) -> list[Line]:
    """One column after the other; nothing where the file has that order already."""
    sides: dict[int, set[int]] = {}
    cells = [block.cells(row) for row in block.rows]
    for row in cells:
        for column, parts in enumerate(row):
            for part in parts:
                if part.text:
                    sides.setdefault(part.line, set()).add(column)
    if not always and all(len(columns) == 1 for columns in sides.values()):
        return []
    return [
        _line(row[column], lines)
        for column in range(len(block.cuts) + 1)
        for row in cells
        if _has_text(row[column])
    ]


def _line(parts: list[Part], lines: list[Line]) -> Line:
    filled = [part for part in parts if part.text]
    text = " ".join(part.text for part in filled)
    like = lines[filled[0].line]
    return replace(like, text=text, left=filled[0].left, right=filled[-1].right, gaps=())


def _from_top(
    rows: list[Row], lines: list[Line], placed: dict[int, list[Line]], taken: set[int]
) -> list[Line]:
    result: list[Line] = []
    told: set[int] = set()
    for row in rows:
        mine = {part.line for part in row.parts}
        for place in sorted(mine & placed.keys() - told):
            told.add(place)
            result += placed[place]
        if not mine & taken and _filled(row):
            result.append(_line(row.parts, lines))
    unknown = [line for line in lines if not line.size or line.records]
    return result + unknown
