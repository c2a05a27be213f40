"""Text for people: split, clip and escape it; make any string fit to be stored. Pure."""

from __future__ import annotations


def storable(text: str) -> str:
    """The text without lone surrogates, which no UTF-8 file, column or socket takes."""
    return text.encode("utf-8", "replace").decode("utf-8")
