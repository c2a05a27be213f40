"""Whether a number of a claim stands in another row or column of a table than the claim names.

A table of a passage is lines of "Name: value; Name: value" (`knowledge_base.loaders.tables`), one a
row. Where a claim names a row, or a column, and the number that it gives stands in others alone, it
says of one thing what the table says of another. Where it names neither, nothing is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from core.numerals import all_numbers, claimed_numbers, counted
from knowledge_base.sentences import NAMED_CELL
from knowledge_base.terms import normalise

_ROW: Final = re.compile(r"[^:;|\n]{1,80}: [^;\n]*(?:; [^:;\n]{1,80}: [^;\n]*)+")
_RULE: Final = re.compile(r"^[ \t]*\|?[ \t:|-]*-[ \t:|-]*$")
_DIGIT: Final = re.compile(r"\d")
_FIGURE: Final = re.compile(r"\d+(?:[:.,]\d+)*")
_PIECES: Final = re.compile(r"[，；、;]|,(?=\s)|\s(?=(?:and|but|or|while)\s)")
_MOST_ROWS: Final = 200
"""Of a passage; more do not fit into one that is no attack."""

Tokens = Callable[[str], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Saying:
    """A piece of a claim, or a cell of a table in it: its words and its numbers."""

    known: frozenset[str]
    """Words and numbers that may name a row or a column."""
    numbers: frozenset[str]
    counted: frozenset[tuple[str, str]]
    """The numbers with the word behind each."""
    is_cell: bool = False
    """Whether it surely is of the column it names, and of no other."""


@dataclass(frozen=True, slots=True)
class _Cell:
    column: frozenset[str]
    """What tells its column from the others, or all of its name."""
    is_telling: bool
    """Whether one word of it is enough to name it."""
    numbers: frozenset[str]
    """In every form."""
    shape: str
    """The value without its figures."""

    def is_named(self, known: frozenset[str]) -> bool:
        """Whether these words name its column."""
        return not self.column.isdisjoint(known) and (self.is_telling or self.column <= known)


@dataclass(frozen=True, slots=True)
class _Row:
    label: frozenset[str]
    days: frozenset[str]
    """Days of the week that its label means."""
    cells: tuple[_Cell, ...]


@dataclass(frozen=True, slots=True)
class Tables:
    """What the tables of a passage hold, and the numbers that stand beside them."""

    tables: tuple[tuple[_Row, ...], ...] = ()
    beside: frozenset[str] = frozenset()

    @classmethod
    def together(cls, several: Iterable[Tables]) -> Tables:
        """Those of several passages."""
        own = tuple(several)
        tables = tuple(table for one in own for table in one.tables)
        return cls(tables, frozenset().union(*(one.beside for one in own)))


NO_TABLES: Final = Tables()


def tables_of(text: str, tokens: Tokens) -> Tables:
    """The tables of a passage: rows below one another with the same first column."""
    rows: list[tuple[str, list[tuple[str, str]]]] = []
    beside: set[str] = set()
    for line in text.splitlines():
        if len(rows) < _MOST_ROWS and _ROW.fullmatch(line.strip()):
            cells = NAMED_CELL.findall(line.strip())
            rows.append((cells[0][0], cells))
        else:
            beside.update(all_numbers(normalise(line)))
    found = (
        _distinct([_row(cells, tokens) for _name, cells in group])
        for _first, group in groupby(rows, key=lambda row: row[0])
    )
    return Tables(tuple(found), frozenset(beside))


def sayings_of(text: str, tokens: Tokens) -> tuple[Saying, ...]:
    """What a sentence says piece by piece, each with a number; of a row of a table, cell by
    cell."""
    if _ROW.fullmatch(text.strip()):
        names, values = zip(*NAMED_CELL.findall(text.strip()), strict=True)
        return row_sayings(names, values, tokens)
    made: list[str] = []
    at, is_whole = 0, True
    for gap in (*_PIECES.finditer(text), None):
        piece = text[at : gap.start() if gap else len(text)]
        if is_whole:
            made.append(piece)
        else:
            made[-1] += f" {piece}"
        at = gap.end() if gap else at
        is_whole = any(True for _ in claimed_numbers(normalise(made[-1])))
    return tuple(saying for piece in made if (saying := _saying(piece, tokens)).numbers)


def row_sayings(names: Sequence[str], values: Sequence[str], tokens: Tokens) -> tuple[Saying, ...]:
    """What a row of a table says, cell by cell; each is said of what its cells without figures
    name."""
    words = " ".join(value for value in values if not _DIGIT.search(value))
    label = f"{_label(values, tokens)} {words}"
    return tuple(
        Saying(_saying(f"{label} {name}", tokens).known, own.numbers, own.counted, is_cell=True)
        for name, value in zip(names, values, strict=False)
        if (own := _saying(value, tokens)).numbers and _DIGIT.search(value)
    )


def columns_above(text: str, start: int) -> tuple[str, ...]:
    """The names of the columns above a row of a Markdown table that begins there."""
    lines = text[:start].splitlines()
    while lines and lines[-1].lstrip().startswith("|"):
        if _RULE.match(lines.pop()) and lines:
            return cells_in(lines[-1])
    return ()


def cells_in(row: str) -> tuple[str, ...]:
    """The cells of a row of a Markdown table."""
    return tuple(cell.strip(" \t*_`") for cell in row.strip().strip("|").split("|"))


def says_another_cell(
    sayings: Sequence[Saying], asked: frozenset[str], given: frozenset[str], tables: Tables
) -> bool:
    """Whether a number stands in another row or column alone; `asked`: words and numbers of the
    question, `given`: the numbers."""
    values = frozenset().union(*(saying.numbers for saying in sayings))
    passed = given | tables.beside
    return any(_is_elsewhere(sayings, asked, table, values, passed) for table in tables.tables)


def says_its_cells(
    sayings: Sequence[Saying], asked: frozenset[str], given: frozenset[str], tables: Tables
) -> bool:
    """Whether each number stands in the row and the column that the claim names."""
    return any(_are_here(sayings, asked, table, given) for table in tables.tables)


def _are_here(
    sayings: Sequence[Saying], asked: frozenset[str], table: Sequence[_Row], given: frozenset[str]
) -> bool:
    own: list[_Row] = []
    is_looked_for = False
    names = frozenset().union(
        *(row.label.union(*(cell.column for cell in row.cells)) for row in table)
    )
    for saying in sayings:
        known = saying.known | asked
        own = _named(table, saying.known) or own or _named(table, asked)
        cells = [cell for row in own for cell in row.cells]
        # What a column is called is said in many ways: no other is named.
        meant = [cell for cell in cells if cell.numbers and cell.is_named(known)] or cells
        for number in saying.numbers - given - names:
            is_looked_for = True
            if not any(number in cell.numbers for cell in meant):
                return False
    return is_looked_for


def _is_elsewhere(
    sayings: Sequence[Saying],
    asked: frozenset[str],
    table: Sequence[_Row],
    values: frozenset[str],
    passed: frozenset[str],
) -> bool:
    own: list[_Row] = []
    for saying in sayings:
        # What names no row goes on with that of the piece before it, or of the question.
        own = _named(table, saying.known) or own or _named(table, asked)
        known = saying.known | asked
        there = saying.numbers if saying.is_cell else values
        for number in saying.numbers - passed:
            if _is_of_another_row(number, table, own, there):
                return True
            if _is_of_another_column(number, saying, known, own or table, there):
                return True
    return False


def _named(table: Sequence[_Row], known: frozenset[str]) -> list[_Row]:
    return [
        row for row in table if (row.label and row.label <= known) or not row.days.isdisjoint(known)
    ]


def _is_of_another_row(
    number: str, table: Sequence[_Row], own: Sequence[_Row], values: frozenset[str]
) -> bool:
    """Whether it stands in rows alone that the claim does not name."""
    columns = {
        cell.column
        for row in table
        if row not in own
        for cell in row.cells
        if number in cell.numbers
    }
    if not own or not columns:
        return False
    cells = [cell for row in own for cell in row.cells]
    if any(number in cell.numbers | cell.column for cell in cells):
        return False
    return any(cell.column in columns and cell.numbers.isdisjoint(values) for cell in cells)


def _is_of_another_column(
    number: str,
    saying: Saying,
    known: frozenset[str],
    rows: Sequence[_Row],
    values: frozenset[str],
) -> bool:
    """Whether it stands in columns alone that the claim does not name, though it names one."""
    holding = [(row, cell) for row in rows for cell in row.cells if number in cell.numbers]
    units = {unit for own, unit in saying.counted if own == number}
    return bool(holding) and all(
        cell.column.isdisjoint(known | {number})
        and any(
            other.numbers
            and other.numbers.isdisjoint(values)
            and other.is_named(known)
            and (other.shape == cell.shape or not units.isdisjoint(other.column))
            for other in row.cells
        )
        for row, cell in holding
    )


def _label(values: Sequence[str], tokens: Tokens) -> str:
    """What names a row: its first cell, or the first that is no figure."""
    if len(set(tokens(normalise(values[0])))) > 1:
        return values[0]
    return next((value for value in values if not _DIGIT.search(value)), values[0])


def _row(cells: Sequence[tuple[str, str]], tokens: Tokens) -> _Row:
    label = normalise(_label([value for _name, value in cells], tokens))
    return _Row(
        _forms(label, tokens),
        frozenset(number for number in all_numbers(label) if number.startswith("day ")),
        tuple(_cell(name, normalise(value), tokens) for name, value in cells),
    )


def _cell(name: str, value: str, tokens: Tokens) -> _Cell:
    is_figure = _DIGIT.search(value) is not None
    return _Cell(
        _forms(normalise(name), tokens),
        True,
        frozenset(all_numbers(value)) if is_figure else frozenset(),
        _FIGURE.sub("", value).strip(),
    )


def _distinct(rows: Sequence[_Row]) -> tuple[_Row, ...]:
    """The rows and their columns by what tells them from one another."""
    common = frozenset.intersection(*(row.label for row in rows)) if len(rows) > 1 else frozenset()
    names = {cell.column for row in rows for cell in row.cells}
    shared = {word for name in names for word in name if sum(word in other for other in names) > 1}
    return tuple(
        replace(
            row,
            label=row.label - common or row.label,
            cells=tuple(
                replace(cell, column=cell.column - shared)
                if cell.column - shared
                else replace(cell, is_telling=False)
                for cell in row.cells
            ),
        )
        for row in rows
    )


def _saying(text: str, tokens: Tokens) -> Saying:
    folded = normalise(text)
    numbers = frozenset(claimed_numbers(folded))
    behind = frozenset(
        (number, word) for number, unit in counted(folded) for word in (unit, *tokens(unit))
    )
    return Saying(frozenset(tokens(folded)) | numbers, numbers, behind)


def _forms(folded: str, tokens: Tokens) -> frozenset[str]:
    return frozenset(tokens(folded)) | frozenset(claimed_numbers(folded))
