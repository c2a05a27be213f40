"""Spreadsheets and CSV: each row a line with its columns' names, each sheet a heading."""

from __future__ import annotations

import csv
import io
import struct
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from xml.etree.ElementTree import ParseError

from lxml import etree

from knowledge_base.errors import EncryptedDocumentError, LimitExceededError
from knowledge_base.loaders.encoding import decode
from knowledge_base.loaders.markup import BrokenXmlError, local, parse_xml
from knowledge_base.loaders.outline import Outline, clean, flat
from knowledge_base.loaders.source import MEGABYTE, Container, Source
from knowledge_base.loaders.tables import lines as table_lines
from knowledge_base.models import Section
from knowledge_base.zips import BROKEN

_TELL_EVERY = 1000
_DELIMITERS = ",;\t|"


def load_xlsx(source: Source) -> list[Section]:
    """An xlsx workbook, row by row; the size it claims to have is not believed."""
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    _check_size(source)
    outline = Outline()
    try:
        # Given a path it would refuse a file whose name does not end in .xlsx.
        with source.path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions, none of which is text
            book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
            try:
                for sheet in book.worksheets:
                    sheet.reset_dimensions()
                    rows = ([_shown(value) for value in row] for row in sheet.values)
                    _sheet(source, outline, sheet.title, rows)
            finally:
                book.close()
    except (
        InvalidFileException,
        etree.XMLSyntaxError,
        ParseError,
        *BROKEN,
        KeyError,
        TypeError,
        IndexError,
        AttributeError,
        OSError,
    ) as error:
        raise source.unreadable() from error
    _remarks(source, outline)
    return outline.finish()


def load_xls(source: Source) -> list[Section]:
    """A workbook of the old binary kind."""
    import xlrd

    outline = Outline()
    try:
        book = xlrd.open_workbook(
            str(source.path), logfile=io.StringIO(), on_demand=True, ragged_rows=True
        )
        for sheet in book.sheets():
            rows = (
                [_old_cell(book.datemode, cell) for cell in sheet.row(index)]
                for index in range(sheet.nrows)
            )
            _sheet(source, outline, sheet.name, rows)
    except xlrd.XLRDError as error:
        if "encrypted" in str(error).lower():
            raise EncryptedDocumentError(source.name) from error
        raise source.unreadable() from error
    except (
        xlrd.compdoc.CompDocError,
        struct.error,
        ArithmeticError,
        AssertionError,
        LookupError,
        ValueError,
        TypeError,
        OSError,
    ) as error:
        raise source.unreadable() from error
    return outline.finish()


def load_csv(source: Source) -> list[Section]:
    """Comma-, semicolon-, tab- or bar-separated rows."""
    text = clean(decode(source.read()))
    outline = Outline()
    csv.field_size_limit(max(len(text), 1))
    rows = csv.reader(io.StringIO(text), _dialect(text, source.name))
    try:
        for line in table_lines(rows):
            outline.record(line)
    except csv.Error as error:
        raise source.unreadable() from error
    return outline.finish()


def _remarks(source: Source, outline: Outline) -> None:
    """What stands beside the cells: comments with their place, text boxes, diagrams' titles."""
    with Container(source) as container:
        for member in container.find(r"xl/(threadedComments|comments|drawings|charts)/?[^/]*\.xml"):
            try:
                root = parse_xml(container.read(member))
            except BrokenXmlError:
                continue
            for part in root.iter():
                if local(part) in {"comment", "threadedComment"}:
                    outline.text(f"{part.get('ref')}: {_words(part)}")
                elif local(part) in {"txBody", "title"}:
                    outline.text(_words(part))


def _words(part: etree._Element) -> str:
    return flat("".join(piece.text or "" for piece in part.iter() if local(piece) in {"t", "text"}))


def _dialect(text: str, name: str) -> type[csv.Dialect]:
    lines = [line for line in text[:20_000].split("\n")[:50] if line.strip()]
    best = "\t" if name.lower().endswith(".tsv") else ","
    most = 0.0
    for delimiter in _DELIMITERS:
        counts = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
        usual = max(set(counts), key=counts.count, default=1)
        # How many lines agree on how many columns: a comma inside prose agrees on nothing.
        score = (counts.count(usual) / len(counts)) * min(usual, 3) if usual > 1 else 0.0
        if score > most:
            best, most = delimiter, score

    class Told(csv.excel):
        delimiter = best

    return Told


def _sheet(source: Source, outline: Outline, title: str, rows: Iterable[list[str]]) -> None:
    outline.heading(1, title)
    for line in table_lines(_told(source, rows)):
        outline.record(line)


def _told(source: Source, rows: Iterable[list[str]]) -> Iterator[list[str]]:
    for number, row in enumerate(rows, 1):
        if number % _TELL_EVERY == 0:
            source.progress(number, None)
        if row:
            yield row


def _check_size(source: Source) -> None:
    """What the zip inside says it will unpack to; the memory limit catches one that lies."""
    limit = source.limits.max_archive_mb
    try:
        with zipfile.ZipFile(source.path) as archive:
            total = sum(member.file_size for member in archive.infolist())
    except (*BROKEN, OSError) as error:
        raise source.unreadable() from error
    if total > limit * MEGABYTE:
        raise LimitExceededError(source.name, "knowledge.max_archive_mb", limit)


def _old_cell(datemode: int, cell: object) -> str:
    import xlrd

    kind, value = cell.ctype, cell.value  # type: ignore[attr-defined]
    if kind == xlrd.XL_CELL_DATE:
        try:
            return _shown(xlrd.xldate_as_datetime(value, datemode))
        except (ValueError, OverflowError):
            return _shown(value)
    if kind == xlrd.XL_CELL_BOOLEAN:
        return _shown(bool(value))
    if kind == xlrd.XL_CELL_ERROR:
        return ""
    return _shown(value)


def _shown(value: object) -> str:
    """A cell's value as a reader sees it, near enough."""
    match value:
        case None:
            return ""
        case bool():
            return "TRUE" if value else "FALSE"
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.12g}"
        case datetime():
            midnight = not (value.hour or value.minute or value.second)
            return value.date().isoformat() if midnight else value.isoformat(" ", "seconds")
        case date():
            return value.isoformat()
        case time():
            return value.isoformat("minutes" if not value.second else "seconds")
        case timedelta():
            return str(value)
        case _:
            return str(value)
