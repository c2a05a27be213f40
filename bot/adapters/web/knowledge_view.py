"""The Knowledge page's parts as HTML in which nothing of others can act."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from bot.adapters.web import markup
from bot.adapters.web.desk import FolderState
from bot.adapters.web.markup import moment, plain, timed
from core.commands.sizes import size_of
from core.language import N_, Words
from core.reviews import Review
from knowledge_base.models import (
    ENTRY_TYPE,
    BaseStatistics,
    Chunk,
    Document,
    DocumentState,
    RestKind,
    Unready,
)
from knowledge_base.notes import Note
from knowledge_base.resting import Rest

_RESTS: Final = {
    RestKind.REMOVED: N_("removed {when}"),
    RestKind.REPLACED: N_("replaced {when}"),
    RestKind.UNDONE: N_("gave way to an older version {when}"),
}
_UNFINISHED: Final = {
    DocumentState.PENDING: N_("is being added"),
    DocumentState.FAILED: N_("was broken off: add it again"),
}
A_PAGE: Final = 50
"""Documents in the table at a time."""
PASSAGES: Final = 10
"""Passages shown at a time."""
_TYPES: Final = {
    "text/x-lorekeeper-note": N_("note"),
    "text/x-lorekeeper-page": N_("web page"),
    ENTRY_TYPE: N_("entry, whole"),
}


@dataclass(frozen=True, slots=True)
class Listed:
    """Which documents the table shows."""

    wanted: str = ""
    """Letters of names; all, where there are none."""
    order: str = "name"
    start: int = 0


def button(
    act: str, label: str, name: str = "", *, kind: str = "", about: str = "", start: int = 0
) -> str:
    """A button that tells the page what it is for; `about` is said to who does not see."""
    said = f' aria-label="{plain(f"{label}: {about}")}"' if about else ""
    facts = f'data-act="{act}" data-name="{plain(name)}" data-start="{start}"{said}'
    return f'<button type="button" class="act {kind}" {facts}>{plain(label)}</button>'


def summary(figures: BaseStatistics, folder: FolderState | None, _: Words) -> str:
    """What a base has, and the folder that it follows."""
    facts = [
        (_("Documents"), str(figures.documents)),
        (_("Passages"), str(figures.passages)),
        (_("Size"), size_of(figures.size)),
        (_("Embedding model"), figures.embedder or _("none yet")),
        (_("Index"), figures.index),
    ]
    cells = "".join(f"<div><dt>{plain(k)}</dt><dd>{plain(v)}</dd></div>" for k, v in facts)
    return f'<dl class="facts">{cells}</dl>' + (_folder(folder, _) if folder else "")


def _folder(state: FolderState, _: Words) -> str:
    path = plain(str(state.folder))
    if not state.is_there:
        told = plain(_("The folder is not there; its documents stay."))
    elif state.looked_at is None:
        told = plain(_("It was not looked through yet."))
    else:
        told = timed(_("Looked through {when}.", when="{when}"), state.looked_at)
    remarks = "".join(f"<li>{plain(remark)}</li>" for remark in state.remarks)
    listed = f"<ul>{remarks}</ul>" if remarks else ""
    return (
        f'<div class="folder{"" if state.is_there else " failed"}"><p>'
        f"{plain(_('Follows the folder'))} <code>{path}</code>. {told}</p>{listed}</div>"
    )


def documents(found: Sequence[Document], unready: Unready, listed: Listed, _: Words) -> str:
    """A table of documents, of which some can be picked; above it what is none yet."""
    return _unfinished(unready, found, _) + _table(found, unready, listed, _)


def _unfinished(unready: Unready, found: Sequence[Document], _: Words) -> str:
    """What is being added, and what the end of a process broke off; not what is there in an
    older version."""
    there = {own.name for own in found}
    lines = "".join(
        f'<li class="{"failed" if own.state is DocumentState.FAILED else "working"}">'
        f"<b>{plain(own.name)}</b> <small>{plain(_(_UNFINISHED[own.state]))}</small></li>"
        for own in unready.unfinished
        if own.name not in there
    )
    return f'<ul class="jobs">{lines}</ul>' if lines else ""


def _table(found: Sequence[Document], unready: Unready, listed: Listed, _: Words) -> str:
    if not found:
        return f'<p class="note">{plain(_("There are no documents here yet."))}</p>'
    letters = listed.wanted.strip().casefold()
    named = [own for own in found if letters in own.name.casefold()]
    named.sort(key=_ORDERS.get(listed.order, _by_name))
    if listed.order in _FALLING:
        named.reverse()
    shown = named[listed.start : listed.start + A_PAGE]
    titles = (
        _("Document"), _("State"), _("Passages"), _("Size"), _("Added by"), _("Added"),
        _("Actions"),
    )  # fmt: skip
    head = "".join(f'<th scope="col">{plain(title)}</th>' for title in titles)
    everything = plain(_("Pick all that are shown"))
    rows = "".join(_document(own, is_bare=own.document_id in unready.bare, _=_) for own in shown)
    return (
        f'<div class="scroll"><table class="documents"><thead><tr><th class="changes">'
        f'<input type="checkbox" data-all aria-label="{everything}"></th>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>" + _pages(len(named), len(found), listed, _)
    )


def _by_name(own: Document) -> tuple[object, ...]:
    return (own.name.casefold(),)


_ORDERS: Final = {
    "added": lambda own: (own.added_at,),
    "size": lambda own: (own.size,),
    "passages": lambda own: (own.passages,),
}
_FALLING: Final = frozenset(_ORDERS)


def _document(own: Document, *, is_bare: bool, _: Words) -> str:
    facts, expiry, state = list[str](), list[str](), _("ready")
    if is_bare:
        state = _("found by its words: it has no vectors yet")
    if own.version > 1:
        facts.append(_("version {number}", number=own.version))
    if own.pages:
        facts.append(_.plural("{count} page", "{count} pages", own.pages))
    if kind := _TYPES.get(own.media_type):
        facts.append(_(kind))
    if own.expires_at is not None:
        over = own.expires_at <= datetime.now(UTC)
        state = _("expired: not found any more") if over else state
        day = _("expired {day}", day="{when}") if over else _("until {day}", day="{when}")
        expiry = [timed(day, own.expires_at, "day")]
    shown = [plain(fact) for fact in facts] + expiry
    small = f"<small>{' · '.join(shown)}</small>" if shown else ""
    pick = plain(_("Pick {name}", name=own.name))
    acts = button("view", _("View"), own.name, about=own.name)
    acts += button("replace", _("Replace"), own.name, kind="changes", about=own.name)
    acts += button("remove", _("Remove"), own.name, kind="changes", about=own.name)
    return (
        f'<tr><td class="changes"><input type="checkbox" data-pick value="{plain(own.name)}" '
        f'aria-label="{pick}"></td>'
        f'<th scope="row">{plain(own.name)}{small}</th>'
        f'<td data-label="{plain(_("State"))}">{plain(state)}</td>'
        f'<td class="n" data-label="{plain(_("Passages"))}">{own.passages}</td>'
        f'<td class="n" data-label="{plain(_("Size"))}">{plain(size_of(own.size))}</td>'
        f'<td data-label="{plain(_("Added by"))}">{plain(own.uploader or "–")}</td>'
        f'<td data-label="{plain(_("Added"))}">{moment(own.added_at)}</td>'
        f'<td class="acts">{acts}</td></tr>'
    )


def _pages(named: int, found: int, listed: Listed, _: Words) -> str:
    last = min(named, listed.start + A_PAGE)
    told = _(
        "{first}–{last} of {count}", first=min(named, listed.start + 1), last=last, count=named
    )
    if named != found:
        told += " " + _("(of {count} in all)", count=found)
    acts = ""
    if listed.start:
        acts += button("page", _("Back"), start=max(0, listed.start - A_PAGE))
    if last < named:
        acts += button("page", _("On"), start=last)
    return f'<p class="note pages">{plain(told)} {acts}</p>'


def passages(
    document: Document, note: Note | None, chunks: Sequence[Chunk], start: int, _: Words
) -> str:
    """A document as it is stored, some passages of it at a time."""
    title = f"<h3>{plain(document.name)}</h3>"
    facts = [plain(document.media_type), plain(size_of(document.size)), moment(document.added_at)]
    if document.source:
        facts.append(plain(document.source))
    shown = f'{title}<p class="note">{" · ".join(facts)}</p>'
    if note is not None:
        shown += f"<p><b>{plain(note.question)}</b><br>{plain(note.answer)}</p>"
    for chunk in chunks:
        head = [_("passage {number}", number=chunk.ordinal + 1)]
        if chunk.page is not None:
            head.append(_("page {page}", page=chunk.page))
        if chunk.heading:
            head.append(chunk.heading)
        shown += (
            f'<section class="passage"><p class="note">{plain(" · ".join(head))}</p>'
            f"<p>{plain(chunk.text)}</p></section>"
        )
    last = start + len(chunks)
    told = _("{first}–{last} of {count}", first=min(last, start + 1), last=last,
             count=document.passages)  # fmt: skip
    acts = ""
    if start:
        acts += button("view", _("Back"), document.name, start=max(0, start - PASSAGES))
    if last < document.passages:
        acts += button("view", _("On"), document.name, start=last)
    acts += button("close", _("Close"))
    return f'{shown}<p class="note pages">{plain(told)} {acts}</p>'


def waiting(found: Iterable[Review], _: Words) -> str:
    """Uploads that wait for a moderator."""
    cards = []
    for review in found:
        files = "".join(
            f"<li><b>{plain(file.name)}</b> <small>{plain(size_of(file.size))}</small>"
            f"<blockquote>{plain(file.beginning)}</blockquote></li>"
            for file in review.files
        )
        names = ", ".join(file.name for file in review.files)
        acts = button("accept", _("Accept"), review.token, kind="changes good", about=names)
        acts += button("reject", _("Reject"), review.token, kind="changes danger", about=names)
        by = timed(_("{name}, {when}", name=review.uploader, when="{when}"), review.held_at)
        cards.append(
            f'<li class="card"><p class="note">{by}</p><ul>{files}</ul>'
            f'<p class="acts">{acts}</p></li>'
        )
    if not cards:
        return f'<p class="note">{plain(_("Nothing waits for review here."))}</p>'
    return f'<ul class="cards">{"".join(cards)}</ul>'


def removed(found: Sequence[Rest], days: int, _: Words) -> str:
    """What was removed or replaced, and can be brought back: of each name what went last."""
    if not days:
        return f'<p class="note">{plain(_("What is removed here is gone at once."))}</p>'
    if not found:
        told = _.plural(
            "There is nothing here to bring back from the last {count} day.",
            "There is nothing here to bring back from the last {count} days.",
            days,
        )
        return f'<p class="note">{plain(told)}</p>'
    lines, seen = "", set[str]()
    for rest in found:
        name = rest.document.name
        facts = timed(_(_RESTS[rest.kind], when="{when}"), rest.removed_at)
        if rest.document.version > 1:
            facts = f"{plain(_('version {number}', number=rest.document.version))} · {facts}"
        acts = button("undo", _("Bring back"), name, kind="changes", about=name)
        lines += f"<li><b>{plain(name)}</b> <small>{facts}</small> "
        lines += ("" if name in seen else acts) + "</li>"
        seen.add(name)
    return f'<ul class="jobs">{lines}</ul>'


def said(text: str, *, failed: bool = False) -> str:
    """What became of an action."""
    if not text:
        return ""
    kind = "said failed" if failed else "said"
    return f'<div class="{kind}" role="status">{markup.formatted(text)}</div>'


def drop_zone(base: str, title: str, _: Words) -> str:
    """Where files and folders are dropped, or chosen."""
    texts = {
        "sending": _("Sending {done} of {count} …", done="{done}", count="{count}"),
        "failed": _("Could not be sent: {names}", names="{names}"),
        "sent": _("All files were sent."),
    }
    data = "".join(f' data-{key}="{plain(text)}"' for key, text in texts.items())
    files, folder = plain(_("Choose files")), plain(_("Choose a folder"))
    told = plain(_("Drop files, folders or zip archives here to add them to {base}.", base=title))
    return (
        f'<div class="drop" data-base="{plain(base)}"{data}><p>{told}</p><p class="acts">'
        f'<button type="button" class="act" data-act="files">{files}</button>'
        f'<button type="button" class="act" data-act="folder">{folder}</button></p></div>'
        f'<p class="sending note" role="status"></p>'
    )
