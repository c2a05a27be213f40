"""Builders of passages."""

from __future__ import annotations

from datetime import UTC, datetime

from core.replies import CitedPassage
from knowledge_base.models import (
    BaseId,
    Chunk,
    Document,
    DocumentId,
    DocumentState,
    Passage,
    chunk_id,
)


def passage(
    name: str = "handbook.md",
    text: str = "The gate opens at nine.",
    *,
    n: int = 1,
    page: int | None = None,
    heading: str | None = None,
    relevance: float = 0.9,
) -> Passage:
    base = BaseId(1)
    document = Document(
        DocumentId(n),
        base,
        name,
        DocumentState.READY,
        1,
        "0" * 64,
        len(text),
        "text/markdown",
        1,
        datetime(2026, 5, 4, tzinfo=UTC),
    )
    chunk = Chunk(chunk_id(base, n), DocumentId(n), 0, text, heading, page)
    return Passage(chunk, document, relevance)


def cited(
    number: int,
    name: str = "handbook.md",
    *,
    page: int | None = None,
    heading: str | None = None,
    relevance: float = 0.9,
    was_cited: bool = True,
) -> CitedPassage:
    found = passage(name, n=number, page=page, heading=heading, relevance=relevance)
    return CitedPassage(number, found, was_cited)
