"""An entry that is kept whole: its first line is the heading, all else one section."""

from __future__ import annotations

from knowledge_base.loaders.encoding import decode
from knowledge_base.loaders.outline import clean
from knowledge_base.loaders.source import Source
from knowledge_base.models import Section


def load_entry(source: Source) -> list[Section]:
    """As it was typed; headings and lists within it stand in the text."""
    first, _, rest = clean(decode(source.read())).strip().partition("\n")
    title = " ".join(first.lstrip("#").split())
    text = rest.strip()
    return [Section(text, heading=title or None)] if text else [Section(title)]
