"""A note: its answer is the text, its question the heading."""

from __future__ import annotations

from knowledge_base.loaders.source import Source
from knowledge_base.models import Section
from knowledge_base.notes import note_of


def load_note(source: Source) -> list[Section]:
    """Raises `UnreadableDocumentError` for what is no note."""
    note = note_of(source.read())
    if note is None:
        raise source.unreadable()
    return [Section(note.answer, heading=" ".join(note.question.split()))]
