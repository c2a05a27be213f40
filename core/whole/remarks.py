"""What is to be known of an answer on the whole: who made it, and what was not read. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.engines.base import ChatEngine
from core.errors import ContextTooLongError, EngineError
from core.explain import explain
from core.inert import inert
from core.language import Words
from core.whole.composing import Source, names_of
from core.whole.kinds import Kind
from core.whole.reading import Part, Read
from knowledge_base.models import Document, Passage


@dataclass(frozen=True, slots=True)
class Text:
    """A document, or a file that came along, as it is read."""

    name: str
    passages: tuple[Passage, ...]
    document: Document | None = None

    @property
    def source(self) -> Source:
        return Source(self.name, self.passages)


def broken_off(failure: EngineError, _: Words) -> str:
    """Why the document's own words stand here instead of a model's."""
    if isinstance(failure, ContextTooLongError):
        return _too_small(failure.engine, _)
    until = _("Until then, this is what the document says itself, word for word.")
    return f"{explain(failure, _) or ''} {until}".strip()


def why(engine: ChatEngine, kind: Kind, _: Words, *, itself: bool = False) -> str:
    """Why no model tells it. `itself`: it is told exactly without one."""
    itself = itself or kind in (Kind.OUTLINE, Kind.COMPARISON)
    if engine.quotes or itself:
        return _("This is put together from the document's own words; no model wrote any of it.")
    if not engine.trusted:
        return _too_small(engine.name, _)
    return _("The model {engine} does not write this language: this is put together from the "
             "document's own words.", engine=inert(engine.name))  # fmt: skip


def _too_small(engine: str, _: Words) -> str:
    return _("The model {engine} is too small to read a document through: this is put together "
             "from the document's own words.", engine=inert(engine))  # fmt: skip


def lonely(document: Document, _: Words, *, rests: bool) -> str:
    """`rests`: the version before is there still, and is not for this asker."""
    if rests:
        return _(
            "What {name} said before it was replaced is for moderators, while it can be brought "
            "back.",
            name=inert(document.name),
        )
    return _(
        "Of {name} only this version is kept ({version}, of {date:%Y-%m-%d}), so there is nothing "
        "to compare it with. Add the earlier one under another name; then I can compare the two.",
        name=inert(document.name),
        version=document.version,
        date=document.added_at,
    )


def names(texts: Sequence[Text], _: Words) -> str:
    return names_of([text.name for text in texts], _)


def left_out(text: Text, parts: Sequence[Part], read: Read, _: Words) -> Iterator[str]:
    """What of a text was not read, and why."""
    if not parts:
        yield _("There was no room to read {name} as well.", name=inert(text.name))
        return
    planned = parts[-1].numbered[-1][0]
    begun = parts[0].numbered[0][0] - 1
    if not read.in_time:
        yield _(
            "The time for one answer was up: of {name} I read {covered} of {total} passages. Ask "
            "for a part of it, or again when less is going on.",
            name=inert(text.name),
            covered=max(0, min(read.covered, planned) - begun),
            total=len(text.passages),
        )
    elif planned - begun < len(text.passages):
        yield partly(text, planned - begun, _)


def partly(text: Text, covered: int, _: Words) -> str:
    page = text.passages[covered - 1].chunk.page if covered else None
    facts = {"name": inert(text.name), "covered": covered, "total": len(text.passages)}
    if page is not None:
        return _(
            "{name} is too long to be read whole for one question: I read its first {covered} of "
            "{total} passages, up to page {page}. What comes after is not in this answer.",
            page=page,
            **facts,
        )
    return _(
        "{name} is too long to be read whole for one question: I read its first {covered} of "
        "{total} passages. What comes after is not in this answer.",
        **facts,
    )
