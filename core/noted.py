"""A note that answers a question is said before, and instead of, anything an engine could say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.inert import inert
from core.language import Words
from core.links import Addresses, without_links
from core.notes import fitting
from knowledge_base.models import Passage
from knowledge_base.notes import Note

if TYPE_CHECKING:
    from knowledge_base.library import Library


@dataclass(frozen=True, slots=True)
class Noted:
    """The note, and what was found with it: its own passage comes first, as number 1."""

    note: Note
    passages: tuple[Passage, ...]


async def noted(library: Library, asked: str, passages: Sequence[Passage]) -> Noted | None:
    """The note among these passages whose question is the one that is asked; None: there is none.

    A long one is several passages; it is given whole.
    """
    passage = fitting(asked, passages)
    note = await library.note(passage.document) if passage is not None else None
    if passage is None or note is None:
        return None
    others = (one for one in passages if one.document.document_id != passage.document.document_id)
    return Noted(note, (passage, *others))


def in_words(note: Note, _: Words, may_link: Sequence[str] = ()) -> str:
    """Its answer, word for word, marked with who gave it."""
    by = _("Answered by {name} on {date:%Y-%m-%d} [1]:", name=inert(note.author),
           date=note.written_at)  # fmt: skip
    leads_to = Addresses.of([note.question, note.answer], may_link)
    answer = without_links(note.answer.strip(), leads_to, _("(link removed)"))
    return "\n".join([by, *(f"> {line}".rstrip() for line in answer.splitlines())])
