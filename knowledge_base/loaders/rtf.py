"""Rich Text Format."""

from __future__ import annotations

from collections.abc import Callable

from striprtf import striprtf

from knowledge_base.loaders.outline import Outline
from knowledge_base.loaders.source import Source
from knowledge_base.models import Section

_strip: Callable[..., object] = striprtf.rtf_to_text


def load_rtf(source: Source) -> list[Section]:
    """Text of an RTF file; its own code page decides what its bytes mean."""
    # RTF is ASCII with escapes; Latin-1 keeps whatever bytes stand in it all the same.
    try:
        text = str(_strip(source.read().decode("latin-1"), errors="ignore"))
    except (LookupError, ValueError, TypeError, ArithmeticError) as error:
        raise source.unreadable() from error
    outline = Outline()
    for paragraph in text.split("\n"):
        outline.text(_row(paragraph))
    return outline.finish()


def _row(paragraph: str) -> str:
    """A table's row, which comes with a bar after each cell."""
    if not paragraph.endswith("|"):
        return paragraph
    return "; ".join(cell.strip() for cell in paragraph.split("|") if cell.strip())
