"""Notes: a question that somebody answered, kept as a document like any other.

The original is JSON. Only who stores it says that it is a note (`Upload.media_type`): a file that
merely looks like one is read as what it is, so that nobody answers under another's name.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

MEDIA_TYPE: Final = "text/x-lorekeeper-note"
_KIND: Final = "lorekeeper note"


@dataclass(frozen=True, slots=True)
class Note:
    """What is kept of an answer that a person gave."""

    question: str
    answer: str
    author: str
    """Name of who answered, for people."""
    author_id: str
    """Who answered, as documents know their uploaders."""
    written_at: datetime
    expires_at: datetime | None = None
    """From then on it is not found any more."""
    link: str | None = None
    """Where the answer was first given, if it was given somewhere."""


def note_bytes(note: Note) -> bytes:
    """The original: UTF-8 JSON, the same for the same note."""
    stored = {
        "kind": _KIND,
        "question": note.question,
        "answer": note.answer,
        "author": note.author,
        "author_id": note.author_id,
        "written_at": note.written_at.astimezone(UTC).isoformat(),
        "expires_at": note.expires_at.astimezone(UTC).isoformat() if note.expires_at else None,
        "link": note.link,
    }
    return json.dumps(stored, ensure_ascii=False, indent=1).encode("utf-8", "replace")


def note_of(content: bytes) -> Note | None:
    """The note that `note_bytes` made these of; None where they are nothing of the kind."""
    try:
        match json.loads(content):
            case {
                "kind": "lorekeeper note",
                "question": str(question),
                "answer": str(answer),
                "author": str(author),
                "author_id": str(author_id),
                "written_at": str(written),
                "expires_at": str() | None as expires,
                "link": str() | None as link,
            }:
                return Note(
                    question,
                    answer,
                    author,
                    author_id,
                    datetime.fromisoformat(written),
                    datetime.fromisoformat(expires) if expires else None,
                    link,
                )
    except (ValueError, RecursionError):
        pass
    return None
