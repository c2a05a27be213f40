"""XML from strangers: no entities, no network, no document type that grows."""

from __future__ import annotations

from lxml import etree


class BrokenXmlError(Exception):
    """The bytes are no well-formed XML, or XML made to do harm."""


def parse_xml(content: bytes) -> etree._Element:
    """The root element. Entities stay unresolved; too deep or too large trees are refused."""
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise BrokenXmlError from error
    if root is None:
        raise BrokenXmlError
    return root


def local(element: etree._Element) -> str:
    """The element's name without its namespace; empty for what is no element."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def attribute(element: etree._Element, name: str) -> str | None:
    """An attribute by its local name."""
    for key, value in element.attrib.items():
        if str(key).rpartition("}")[2] == name:
            return str(value)
    return None
