"""Tables of HTML: which of them hold data, and their cells with spans filled in."""

from __future__ import annotations

from typing import Final

from lxml import etree

from knowledge_base.loaders.outline import flat

UNSEEN: Final = frozenset(
    {"script", "style", "template", "head", "svg", "math", "object", "iframe"}
)
INLINE: Final = frozenset(
    {
        "a",
        "abbr",
        "acronym",
        "b",
        "bdi",
        "bdo",
        "big",
        "button",
        "cite",
        "code",
        "data",
        "del",
        "dfn",
        "em",
        "font",
        "i",
        "img",
        "input",
        "ins",
        "kbd",
        "label",
        "mark",
        "meter",
        "nobr",
        "output",
        "progress",
        "q",
        "rp",
        "rt",
        "ruby",
        "s",
        "samp",
        "select",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "time",
        "tt",
        "u",
        "var",
        "wbr",
        "br",
        "textarea",
        "option",
    }
)


def is_data(table: etree._Element) -> bool:
    """Whether a table holds data, not the layout of a page."""
    if table.find(".//table") is not None:
        return False
    return not any(table.find(f".//{tag}") is not None for tag in ("h1", "h2", "h3", "pre", "form"))


def table_rows(table: etree._Element) -> tuple[list[list[str]], bool | None]:
    """Cells of a table with spans filled in, and whether its first row is marked as header."""
    rows: list[list[str]] = []
    header: bool | None = None
    hanging: dict[int, tuple[int, str]] = {}
    for line in table.iter("tr"):
        cells = [cell for cell in line if cell.tag in {"td", "th"}]
        if header is None and cells:
            header = True if all(cell.tag == "th" for cell in cells) and len(cells) > 1 else None
        row: list[str] = []
        for cell in cells:
            _hang(row, hanging)
            text = _cell_text(cell)
            across, down = _span(cell, "colspan"), _span(cell, "rowspan")
            for column in range(len(row), len(row) + across):
                if down > 1:
                    hanging[column] = (down - 1, text)
            row.extend([text] + [""] * (across - 1))
        _hang(row, hanging)
        rows.append(row)
    return rows, header


def _hang(row: list[str], hanging: dict[int, tuple[int, str]]) -> None:
    while len(row) in hanging:
        left, text = hanging.pop(len(row))
        if left > 1:
            hanging[len(row)] = (left - 1, text)
        row.append(text)


def _span(cell: etree._Element, name: str) -> int:
    value = cell.get(name) or "1"
    return min(int(value), 100) if value.isdigit() and value.isascii() and int(value) else 1


def _cell_text(cell: etree._Element) -> str:
    parts: list[str] = []
    for event, element in etree.iterwalk(cell, events=("start", "end")):
        if event == "start":
            if str(element.tag) in UNSEEN:
                continue
            if element.tag not in INLINE or element.tag == "br":
                parts.append(" ")
            if element.tag == "img":
                parts.append(element.get("alt") or "")
            parts.append(element.text or "")
        elif element is not cell:
            parts.append(element.tail or "")
    return flat("".join(parts))
