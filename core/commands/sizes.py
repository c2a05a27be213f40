"""Bytes for people. Pure."""

from __future__ import annotations


def size_of(count: int) -> str:
    """In the unit that needs the fewest digits."""
    if count < 1000:
        return f"{count} B"
    if count < 1_000_000:
        return f"{count / 1000:.0f} kB"
    return f"{count / 1_000_000:.1f} MB"
