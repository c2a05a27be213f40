"""EPUB books: chapters in the order of the spine, under the titles of the table of contents."""

from __future__ import annotations

import posixpath
from urllib.parse import unquote

from lxml import etree

from knowledge_base.errors import EncryptedDocumentError
from knowledge_base.loaders.html import decode_html, parse_html, walk_tree
from knowledge_base.loaders.markup import BrokenXmlError, attribute, local, parse_xml
from knowledge_base.loaders.outline import Outline, flat
from knowledge_base.loaders.source import Container, Source
from knowledge_base.models import Section

_FONTS = ("obfuscation", "RC")
"""What algorithms that only disguise fonts have in their names."""


def load_epub(source: Source) -> list[Section]:
    """A book. Raises `EncryptedDocumentError` where its text is locked."""
    with Container(source) as container:
        try:
            if _is_locked(container):
                raise EncryptedDocumentError(source.name)
            return _read(container, source)
        except (BrokenXmlError, KeyError) as error:
            raise source.unreadable() from error


def _read(container: Container, source: Source) -> list[Section]:
    package_name = _package(container)
    package = parse_xml(container.read(package_name))
    folder = posixpath.dirname(package_name)
    items = {
        attribute(item, "id"): (_joined(folder, attribute(item, "href") or ""), item)
        for item in package.iter()
        if local(item) == "item"
    }
    outline = Outline()
    outline.text("\n".join(_about(package)))
    spine = [
        items[identity][0]
        for reference in package.iter()
        if local(reference) == "itemref" and (identity := attribute(reference, "idref")) in items
    ]
    chapters = [name for name in spine if name in container.names]
    chapters = chapters or container.find(r".*\.x?html?")
    titles = _titles(container, [item for _, item in items.values()], folder)
    for number, name in enumerate(chapters, 1):
        root = parse_html(decode_html(container.read(name)))
        if root is not None:
            if name in titles and not any(
                root.find(f".//{tag}") is not None for tag in ("h1", "h2", "h3")
            ):
                outline.heading(1, titles[name])
            walk_tree(root, outline)
        source.progress(number, len(chapters))
    return outline.finish()


def _is_locked(container: Container) -> bool:
    if "META-INF/encryption.xml" not in container.names:
        return False
    root = parse_xml(container.read("META-INF/encryption.xml"))
    methods = [
        attribute(part, "Algorithm") or ""
        for part in root.iter()
        if local(part) == "EncryptionMethod"
    ]
    return any(not any(mark in method for mark in _FONTS) for method in methods)


def _package(container: Container) -> str:
    root = parse_xml(container.read("META-INF/container.xml"))
    for part in root.iter():
        if local(part) == "rootfile" and (name := attribute(part, "full-path")):
            return name
    raise BrokenXmlError


def _about(package: etree._Element) -> list[str]:
    return [
        text
        for part in package.iter()
        if local(part) in {"title", "creator", "description", "publisher"}
        and (text := flat("".join(str(piece) for piece in part.itertext())))
    ]


def _titles(container: Container, items: list[etree._Element], folder: str) -> dict[str, str]:
    """Chapter files with their titles, from the navigation of either version of the format."""
    titles: dict[str, str] = {}
    for item in items:
        name = _joined(folder, attribute(item, "href") or "")
        is_nav = "nav" in (attribute(item, "properties") or "").split()
        is_ncx = attribute(item, "media-type") == "application/x-dtbncx+xml"
        if name not in container.names or not (is_nav or is_ncx):
            continue
        place = posixpath.dirname(name)
        root = parse_xml(container.read(name))
        for part in root.iter():
            target, title = _entry(part)
            if target and title:
                titles.setdefault(_joined(place, target), title)
    return titles


def _entry(part: etree._Element) -> tuple[str, str]:
    if local(part) == "a":
        return attribute(part, "href") or "", flat("".join(map(str, part.itertext())))
    if local(part) == "navPoint":
        target = next((attribute(c, "src") or "" for c in part if local(c) == "content"), "")
        label = next((c for c in part if local(c) == "navLabel"), None)
        return target, "" if label is None else flat("".join(map(str, label.itertext())))
    return "", ""


def _joined(folder: str, target: str) -> str:
    return posixpath.normpath(posixpath.join(folder, unquote(target.partition("#")[0])))
