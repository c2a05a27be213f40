"""JSON and XML: values with the names that stand over them."""

from __future__ import annotations

import json
from collections.abc import Iterator

from lxml import etree

from knowledge_base.loaders.encoding import decode
from knowledge_base.loaders.markup import BrokenXmlError, local, parse_xml
from knowledge_base.loaders.outline import Outline, clean, flat
from knowledge_base.loaders.source import Source
from knowledge_base.models import Section

_HEADING_LEVELS = 3
_UNSEEN = frozenset({"style", "script"})


class _Object(list[tuple[str, object]]):
    """An object's pairs in order, doubles included."""


def load_json(source: Source) -> list[Section]:
    """JSON; text that only calls itself so, or is nested past reason, is read as it stands."""
    text = decode(source.read())
    outline = Outline()
    try:
        value = _parse(text)
    except (ValueError, RecursionError):
        outline.verbatim(clean(text))
        return outline.finish()
    _write(outline, value)
    return outline.finish()


def load_json_lines(source: Source) -> list[Section]:
    """One JSON value a line."""
    outline = Outline()
    for line in clean(decode(source.read())).split("\n"):
        try:
            outline.record(_flattened(_parse(line)) if line.strip() else "")
        except (ValueError, RecursionError):
            outline.record(line)
    return outline.finish()


def _parse(text: str) -> object:
    # Numbers stay as written: 1.10 is a version more often than a float.
    return json.loads(text, object_pairs_hook=_Object, parse_float=str, parse_int=str)


def _write(outline: Outline, value: object) -> None:
    stack: list[tuple[int, str, object]] = [(0, "", value)]
    while stack:
        level, name, value = stack.pop()
        inside = isinstance(value, _Object) and level < _HEADING_LEVELS
        if name and (inside or _is_table(value)):
            outline.heading(level, name)
        if isinstance(value, _Object) and inside:
            # Scalars first: under a heading that came before them they would change their place.
            nested = [(key, inner) for key, inner in value if _has_names(inner)]
            plain = [(key, inner) for key, inner in value if not _has_names(inner)]
            outline.text(
                "\n".join(f"{key}: {text}" for key, inner in plain if (text := _flattened(inner)))
            )
            stack.extend((level + 1, key, inner) for key, inner in reversed(nested))
        elif _is_table(value) and isinstance(value, list):
            for item in value:
                outline.record(_flattened(item))
        else:
            text = _flattened(value)
            outline.text(f"{name}: {text}" if name and text else text)


def _has_names(value: object) -> bool:
    return isinstance(value, _Object) or _is_table(value)


def _is_table(value: object) -> bool:
    return (
        isinstance(value, list)
        and not isinstance(value, _Object)
        and any(isinstance(item, list) for item in value)
    )


def _flattened(value: object) -> str:
    """A value on one line, inner names joined by dots."""
    return "; ".join(f"{name}: {text}" if name else text for name, text in _scalars(value) if text)


def _scalars(value: object) -> Iterator[tuple[str, str]]:
    stack: list[tuple[str, object]] = [("", value)]
    while stack:
        name, value = stack.pop()
        if isinstance(value, _Object):
            stack.extend(
                (f"{name}.{key}" if name else key, inner) for key, inner in reversed(value)
            )
        elif isinstance(value, list):
            if any(isinstance(item, list) for item in value):
                stack.extend((name, item) for item in reversed(value))
            else:
                yield name, ", ".join(map(_shown, value))
        else:
            yield name, _shown(value)


def _shown(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case _:
            return flat(str(value))


def load_xml(source: Source) -> list[Section]:
    """Any XML: the text of its elements, a paragraph each; SVG drawings are read the same way."""
    try:
        root = parse_xml(source.read())
    except BrokenXmlError as error:
        raise source.unreadable() from error
    outline = Outline()
    parts: list[str] = []
    mixed = [False]  # whether the elements around stand among text, as words in a sentence do
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if event == "start":
            if not mixed[-1]:
                _flush(outline, parts)
            mixed.append(mixed[-1] or _is_mixed(element))
            if local(element) not in _UNSEEN:
                parts.append(element.text or "")
        else:
            mixed.pop()
            if not mixed[-1]:
                _flush(outline, parts)
            parts.append(element.tail or "")
    _flush(outline, parts)
    return outline.finish()


def _is_mixed(element: etree._Element) -> bool:
    if len(element) == 0:
        return False
    pieces = (element.text, *(child.tail for child in element))
    return any(piece and piece.strip() for piece in pieces)


def _flush(outline: Outline, parts: list[str]) -> None:
    outline.text(flat("".join(parts)))
    parts.clear()
