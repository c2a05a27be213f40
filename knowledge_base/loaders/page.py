"""A page of the web: its title and its main text, without what stands around it on every page."""

from __future__ import annotations

from typing import Final

from lxml import etree

from knowledge_base.loaders.html import decode_html, load_html, parse_html, title_of, walk_tree
from knowledge_base.loaders.outline import Outline
from knowledge_base.loaders.source import Source
from knowledge_base.models import Section

_SHORTEST: Final = 120
"""Characters. Less than that is more likely a wrong guess than a page's main text."""


def load_page(source: Source) -> list[Section]:
    """The main text where one can be told; else all that a reader of the page sees."""
    text = decode_html(source.read())
    root = parse_html(text)
    main = parse_html(_main_text(text)) if root is not None else None
    if root is None or main is None:
        return load_html(source)
    outline = Outline()
    if title := title_of(root, main):
        outline.heading(0, title)
    walk_tree(main, outline)
    sections = outline.finish()
    if sum(len(section.text) for section in sections) < _SHORTEST:
        return load_html(source)
    return sections


def _main_text(text: str) -> str:
    """HTML of the main text; empty where there is none."""
    from trafilatura import extract

    try:
        found = extract(
            text,
            output_format="html",
            include_comments=False,
            include_tables=True,
            include_formatting=True,
            favor_recall=True,
            with_metadata=False,
        )
    except (etree.LxmlError, ValueError, RecursionError):
        return ""
    return found or ""
