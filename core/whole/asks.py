"""What is to be told of which texts, and by whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.engines.choice import Course
from core.engines.queued import QueuedEngine
from core.inquiry import Inquiry
from core.whole.composing import are_akin, has_headings
from core.whole.kinds import Kind
from core.whole.remarks import Text
from core.whole.tasks import Task
from knowledge_base.errors import NoSuchDocumentError
from knowledge_base.models import Document

if TYPE_CHECKING:
    from knowledge_base.library import Library

IN_PARTS: Final = (Kind.ALL, Kind.OUTLINE)
"""What is told part by part, as it is read."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What is to be told of which texts."""

    kind: Kind
    texts: tuple[Text, ...]
    topic: str
    question: Inquiry
    course: Course
    is_plain: bool = False
    by_looks: bool = False
    """What shows it was found in many documents: quoted it is complete."""

    @property
    def document(self) -> Document | None:
        """The one whose summary anybody may be given who asks for it."""
        if self.kind is not Kind.SUMMARY or not self.is_plain or len(self.texts) != 1:
            return None
        return self.texts[0].document

    @property
    def task(self) -> Task:
        question = self.question
        return Task(self.kind, question.text, question.language, question.persona)


async def require_there(ask: Ask, library: Library) -> None:
    """Raises `NoSuchDocumentError` where a document was taken out since it was looked at: nothing
    of it is told any more. Another version of it is no reason to begin anew."""
    for text in ask.texts:
        own = text.document
        if own is not None and await library.document(own.base_id, own.name) is None:
            raise NoSuchDocumentError(own.name)


def says_it_itself(ask: Ask) -> bool:
    """Whether the exact answer needs no model: headings, sentences that differ."""
    if ask.by_looks or not all(text.passages for text in ask.texts):
        return True
    if ask.kind is Kind.OUTLINE:
        return has_headings(ask.texts[0].passages)
    if ask.kind is Kind.COMPARISON:
        return are_akin(ask.texts[0].passages, ask.texts[1].passages)
    return False


def writers_of(ask: Ask) -> Iterator[QueuedEngine]:
    """The chosen engine and who stands in for it, if the chosen one writes such answers at all."""
    can = [own for own in ask.course.engines if _writes(own, ask.question.language)]
    if can and can[0] is ask.course.first:
        yield from can


def _writes(served: QueuedEngine, language: str) -> bool:
    engine = served.engine
    writes_it = engine.languages is None or language in engine.languages
    return engine.trusted and not engine.quotes and writes_it
