"""PowerPoint: each slide is a page; its title is the heading, its notes come after it."""

from __future__ import annotations

import posixpath

from lxml import etree

from knowledge_base.loaders.markup import BrokenXmlError, attribute, local, parse_xml
from knowledge_base.loaders.outline import Outline, flat
from knowledge_base.loaders.source import Container, Source
from knowledge_base.loaders.tables import lines as table_lines
from knowledge_base.models import Section

_TITLES = frozenset({"title", "ctrTitle"})
_NUMBERS = frozenset({"sldNum", "dt", "ftr", "hdr"})


def load_pptx(source: Source) -> list[Section]:
    """A presentation: slides in the order they are shown, hidden ones included."""
    with Container(source) as container:
        try:
            slides = _slides(container)
            outline = Outline()
            for number, slide in enumerate(slides, 1):
                outline.page(number)
                _slide(container, slide, outline)
                source.progress(number, len(slides))
            return outline.finish()
        except (BrokenXmlError, KeyError) as error:
            raise source.unreadable() from error


def _slides(container: Container) -> list[str]:
    main = "ppt/presentation.xml"
    targets = _relations(container, main)
    order = [
        targets[identity][1]
        for part in parse_xml(container.read(main)).iter()
        if local(part) == "sldId" and (identity := _relation_id(part)) in targets
    ]
    known = [name for name in order if name in container.names]
    return known or container.find(r"ppt/slides/slide\d+\.xml")


def _relation_id(part: etree._Element) -> str:
    return next((str(v) for k, v in part.attrib.items() if str(k).endswith("}id")), "")


def _relations(container: Container, part: str) -> dict[str, tuple[str, str]]:
    """Relation id -> (kind, member) of a part of the package."""
    folder, name = posixpath.split(part)
    try:
        root = parse_xml(container.read(f"{folder}/_rels/{name}.rels"))
    except KeyError:
        return {}
    found: dict[str, tuple[str, str]] = {}
    for relation in root:
        kind = (relation.get("Type") or "").rpartition("/")[2]
        target = relation.get("Target") or ""
        member = target.lstrip("/") if target.startswith("/") else posixpath.join(folder, target)
        found[relation.get("Id") or ""] = (kind, posixpath.normpath(member))
    return found


def _slide(container: Container, member: str, outline: Outline) -> None:
    root = parse_xml(container.read(member))
    outline.heading(1, " ".join(filter(None, map(_text, _titles(root)))))
    for shape in root.iter():
        match local(shape):
            case "txBody" if _kind(shape) not in _TITLES | _NUMBERS:
                outline.text(_text(shape))
            case "tbl":
                for line in table_lines(_rows(shape)):
                    outline.record(line)
    for kind, related in _relations(container, member).values():
        if related in container.names and kind in {"diagramData", "chart"}:
            outline.text(_text(parse_xml(container.read(related))))
        elif related in container.names and kind == "notesSlide":
            _notes(parse_xml(container.read(related)), outline)


def _notes(root: etree._Element, outline: Outline) -> None:
    for shape in root.iter():
        if local(shape) == "txBody" and _kind(shape) not in _NUMBERS:
            outline.text(_text(shape))


def _titles(root: etree._Element) -> list[etree._Element]:
    return [part for part in root.iter() if local(part) == "txBody" and _kind(part) in _TITLES]


def _kind(body: etree._Element) -> str:
    """The kind of placeholder that a text stands in; "cell" inside a table."""
    above = body.getparent()
    if above is None:
        return ""
    if local(above) == "tc":
        return "sldNum"  # told by its table
    return next((attribute(p, "type") or "" for p in above.iter() if local(p) == "ph"), "")


def _text(body: etree._Element) -> str:
    """Paragraphs as lines. Of charts, names and values."""
    if local(body) == "chartSpace":
        return "\n".join(
            flat(" ".join(p.text or "" for p in series.iter() if local(p) in {"t", "v"}))
            for series in body.iter()
            if local(series) in {"title", "ser"}
        )
    lines = []
    for paragraph in body.iter():
        if local(paragraph) == "p":
            pieces = (
                {"t": part.text or "", "br": "\n"}.get(local(part), "") for part in paragraph.iter()
            )
            lines.append("".join(pieces))
    return "\n".join(lines)


def _rows(table: etree._Element) -> list[list[str]]:
    return [
        [flat(_text(cell)) for cell in row if local(cell) == "tc"]
        for row in table
        if local(row) == "tr"
    ]
