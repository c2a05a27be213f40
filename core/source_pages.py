"""The passages behind an answer, word for word, as pages that a platform takes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.history import StoredSource
from core.inert import inert
from core.language import Words
from core.layout import link_target
from core.links import without_pings
from core.ports import Capabilities
from core.text import escape_markdown, split_message
from knowledge_base.models import UNMEASURED, Passage
from knowledge_base.notes import MEDIA_TYPE


@dataclass(frozen=True, slots=True)
class OpenedSource:
    """A source of a past answer, looked up again; None: it is not there any more, or not here."""

    source: StoredSource
    passage: Passage | None


def pages_of(opened: Sequence[OpenedSource], can: Capabilities, _: Words) -> tuple[str, ...]:
    """What the answer cites, then what else it was given; each with where it stands and its words.

    A source that cannot be opened is named by nothing but its number.
    """
    ranked = sorted(opened, key=lambda own: (not own.source.cited, own.source.number))
    pieces: list[str] = []
    for own in ranked:
        if own.passage is not None:
            pieces += _entry(own.source, own.passage, can, _)
        elif own.source.cited:
            pieces.append(_("[{number}] is not there any more.", number=own.source.number))
    return tuple(_packed(pieces, can))


def _entry(source: StoredSource, passage: Passage, can: Capabilities, _: Words) -> list[str]:
    """Its first piece begins with the heading; a long passage takes several."""
    heading = f"**[{source.number}]** " + " · ".join(_facts(source, passage, _))
    bold = can.markup == "markdown"
    heading = heading if bold else heading.replace("**", "")
    # Quoting and escaping lengthen a text, at most threefold and by as much as the heading.
    words = split_message(passage.chunk.text, max(200, can.max_text // 4), can.count)
    quoted = [_quoted(piece, markdown=bold) for piece in words]
    first, *rest = quoted or [""]
    return [f"{heading}\n{first}".strip(), *rest]


def _facts(source: StoredSource, passage: Passage, _: Words) -> Iterable[str]:
    document, chunk = passage.document, passage.chunk
    is_note = document.media_type == MEDIA_TYPE
    if not is_note:
        yield inert(document.name)
    if document.source and (target := link_target(document.source)):
        yield f"<{target}>"
    if chunk.page is not None:
        yield _("page {page}", page=chunk.page)
    if chunk.heading:
        yield inert(chunk.heading)
    if document.uploader and is_note:
        yield _("answered by {name}, {date}", name=inert(document.uploader), date=_date(passage))
    elif document.uploader:
        yield _("added by {name}, {date}", name=inert(document.uploader), date=_date(passage))
    else:
        yield _("added {date}", date=_date(passage))
    if source.relevance >= UNMEASURED:
        if not source.cited:
            yield _("not cited")
        return
    percent = round(source.relevance * 100)
    if source.cited:
        yield _("relevance {percent} %", percent=percent)
    else:
        yield _("relevance {percent} %, not cited", percent=percent)


def _date(passage: Passage) -> str:
    return f"{passage.document.added_at:%Y-%m-%d}"


def _quoted(text: str, *, markdown: bool) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    if not markdown:
        return "\n".join(without_pings(line) for line in lines)
    return "\n".join(f"> {without_pings(escape_markdown(line))}" for line in lines)


def _packed(pieces: Iterable[str], can: Capabilities) -> Iterable[str]:
    page = ""
    for piece in pieces:
        # Escapes may still make a piece too long: it is cut like any text.
        for part in split_message(piece, can.max_text, can.count):
            together = f"{page}\n\n{part}" if page else part
            if can.count(together) <= can.max_text:
                page = together
                continue
            yield page
            page = part
    if page:
        yield page
