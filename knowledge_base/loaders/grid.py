"""Ruled tables of a PDF: what stands between its lines, row by row."""

from __future__ import annotations

import ctypes
from bisect import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from knowledge_base.loaders.pdf_lines import Line
from knowledge_base.loaders.rows import Part, as_records, parts_of

_THIN = 3.0
"""Points. What is thicker is a box, of which the edges count."""
_TOUCH = 2.5
_SHORTEST = 6.0
_MOST_RULES = 3000
"""Of a page; more are a drawing."""
_MOST_OBJECTS = 20_000
_LONGEST_CELL = 600

Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Rule:
    """A straight line along a page's edge, in points."""

    at: float
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Rules:
    """The straight lines of a page."""

    across: tuple[Rule, ...] = ()
    down: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Grid:
    """Lines that touch each other, and part columns (from the left) and rows (from the top)."""

    columns: tuple[float, ...]
    rows: tuple[float, ...]

    def place(self, part: Part, line: Line) -> Place | None:
        """Row and column that a text stands in; None where it is outside."""
        x, y = (part.left + part.right) / 2, line.base + line.size * 0.3
        column, row = bisect(self.columns, x) - 1, bisect(self.rows, y) - 1
        if 0 <= column < len(self.columns) - 1 and 0 <= row < len(self.rows) - 1:
            return len(self.rows) - 2 - row, column
        return None


def read_rules(page: pdfium.PdfPage) -> Rules:
    """The straight lines of a page, borders of boxes included."""
    across: list[Rule] = []
    down: list[Rule] = []
    edges = [ctypes.c_float() for _ in range(4)]
    for index in range(min(raw.FPDFPage_CountObjects(page), _MOST_OBJECTS)):
        item = raw.FPDFPage_GetObject(page, index)
        if raw.FPDFPageObj_GetType(item) != raw.FPDF_PAGEOBJ_PATH:
            continue
        if not raw.FPDFPageObj_GetBounds(item, *edges):
            continue
        left, bottom, right, top = (edge.value for edge in edges)
        wide, high = right - left, top - bottom
        if high <= _THIN and wide >= _SHORTEST:
            across.append(Rule((top + bottom) / 2, left, right))
        elif wide <= _THIN and high >= _SHORTEST:
            down.append(Rule((left + right) / 2, bottom, top))
        elif wide > _THIN and high > _THIN and _straight(item):
            across += [Rule(bottom, left, right), Rule(top, left, right)]
            down += [Rule(left, bottom, top), Rule(right, bottom, top)]
        if len(across) + len(down) > _MOST_RULES:
            return Rules()
    return Rules(tuple(across), tuple(down))


def _straight(item: object) -> bool:
    """Whether a path is a box: four or five points, none on a curve."""
    count = raw.FPDFPath_CountSegments(item)
    return 4 <= count <= 5 and all(
        raw.FPDFPathSegment_GetType(raw.FPDFPath_GetPathSegment(item, at))
        != raw.FPDF_SEGMENT_BEZIERTO
        for at in range(count)
    )


def grids(rules: Rules) -> list[Grid]:
    """The tables that lines draw: at least two columns and two rows each."""
    if len(rules.down) < 3 or len(rules.across) < 3:
        return []
    found = []
    for across, down in _touching(rules):
        columns = _distinct(rule.at for rule in down)
        rows = _distinct(rule.at for rule in across)
        if len(columns) > 2 and len(rows) > 2:
            found.append(Grid(columns, rows))
    return found


def _touching(rules: Rules) -> Iterable[tuple[list[Rule], list[Rule]]]:
    """Groups of lines that hang together."""
    groups = list(range(len(rules.across) + len(rules.down)))

    def root(index: int) -> int:
        while groups[index] != index:
            groups[index] = groups[groups[index]]
            index = groups[index]
        return index

    order = sorted(range(len(rules.across)), key=lambda index: rules.across[index].at)
    heights = [rules.across[index].at for index in order]
    for number, line in enumerate(rules.down, len(rules.across)):
        low, high = bisect(heights, line.start - _TOUCH), bisect(heights, line.end + _TOUCH)
        for index in order[low:high]:
            crossed = rules.across[index]
            if crossed.start - _TOUCH <= line.at <= crossed.end + _TOUCH:
                groups[root(index)] = root(number)
    found: dict[int, tuple[list[Rule], list[Rule]]] = {}
    for index, rule in enumerate((*rules.across, *rules.down)):
        kind = 0 if index < len(rules.across) else 1
        found.setdefault(root(index), ([], []))[kind].append(rule)
    return found.values()


def _distinct(places: Iterable[float]) -> tuple[float, ...]:
    kept: list[float] = []
    for place in sorted(places):
        if not kept or place - kept[-1] > _TOUCH:
            kept.append(place)
    return tuple(kept)


def tabled(lines: list[Line], found: Sequence[Grid]) -> list[Line]:
    """The lines of a page, with each ruled table in place of the lines that it holds."""
    for grid in found:
        lines = _tabled(lines, grid)
    return lines


def _tabled(lines: list[Line], grid: Grid) -> list[Line]:
    cells: dict[Place, list[tuple[float, float, str]]] = {}
    inside: set[int] = set()
    rest: dict[int, list[Part]] = {}
    for number, line in enumerate(lines):
        if not line.size or line.records:
            continue
        for part in parts_of(line, number, 3 * line.size, grid.columns):
            place = grid.place(part, line)
            if place is None:
                rest.setdefault(number, []).append(part)
            else:
                inside.add(number)
                cells.setdefault(place, []).append((-line.base, part.left, part.text))
    table = [
        [
            " ".join(text for _, _, text in _in_order(cells.get((row, column), [])))
            for column in range(len(grid.columns) - 1)
        ]
        for row in range(len(grid.rows) - 1)
    ]
    filled = [row for row in table if any(row)]
    several = sum(1 for row in filled if sum(map(bool, row)) > 1)
    if several < 2 or any(len(text) > _LONGEST_CELL for row in filled for text in row):
        return lines  # a frame, or a page that is laid out in boxes
    first = min(inside)
    result: list[Line] = []
    for number, line in enumerate(lines):
        if number == first:
            result.append(as_records(filled, line))
        if number not in inside:
            result.append(line)
        elif number in rest:
            result += [_alone(line, part) for part in rest[number] if part.text]
    return result


def _in_order(pieces: list[tuple[float, float, str]]) -> list[tuple[float, float, str]]:
    """Pieces of a cell from its top; those at nearly one height from the left."""
    return sorted(pieces, key=lambda piece: (round(piece[0] / 3), piece[1]))


def _alone(line: Line, part: Part) -> Line:
    return Line(part.text, line.size, part.left, part.right, line.base)
