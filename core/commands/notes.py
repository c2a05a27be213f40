"""Commands about notes: `/kb note`, `/kb notes`, and `/kb gaps`, which says where one lacks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from core.audit import Act
from core.buttons import CORRECT, REGENERATE
from core.commands.base import CommandContext, Replies
from core.commands.places import home, homes, uploader_id
from core.errors import BadArgumentsError, NoLongerOpenError
from core.events import Author, Invocation, MemberRef, Quoted
from core.gaps import Gap
from core.inert import inert, one_line
from core.language import Words
from core.notes import LONGEST_ANSWER, LONGEST_QUESTION, is_note, name_of, store, until
from core.replies import Actions, Button, Form, FormField, Menu, TextDelta
from core.text import clip
from knowledge_base.errors import NoSuchDocumentError
from knowledge_base.models import AddState, Document, KnowledgeBase
from knowledge_base.notes import Note

if TYPE_CHECKING:
    from knowledge_base.library import Library

NOTE: Final = "note"
"""The beginning of the action that edits a note, by the id of its document."""
GAP: Final = "gap"
"""The same for a question that was asked in vain."""
MOST_LISTED: Final = 25
MOST_GAPS: Final = 10
_LONGEST_LABEL: Final = 60
_LONGEST_DATE: Final = 40
_QUESTION, _ANSWER, _UNTIL, _NOTE = "question", "answer", "until", "note"

# Options that nobody can type: what a form was opened for.
_DOCUMENT, _ABOUT, _GAP = "document id", "answer id", "gap id"
_AUTHOR, _AUTHOR_ID, _MESSAGE, _LINK, _WRITTEN = (
    "author", "author id", "message id", "message link", "written at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Beginning:
    """What stands in the form already, and what the note comes from."""

    question: str = ""
    answer: str = ""
    until: str = ""
    origin: tuple[tuple[str, str], ...] = ()
    private: bool = False


def opened_by(kind: str, value: str) -> Invocation:
    """The command that a button of these kinds opens the form of. Pure."""
    names = {NOTE: _DOCUMENT, CORRECT: _ABOUT, GAP: _GAP}
    return Invocation("kb note", {names[kind]: value})


async def note_form(context: CommandContext) -> Form | None:
    """What is still to be said of the note; nothing, where question and answer are there."""
    _ = context.words
    begun = await _beginning(context)
    if begun is None:
        return None
    given = {name: context.text(name) for name in (_QUESTION, _ANSWER, _UNTIL, _NOTE)}
    fields = (
        FormField(
            _QUESTION, _("Question"), value=clip(begun.question, LONGEST_QUESTION),
            max_length=LONGEST_QUESTION,
        ),
        FormField(
            _ANSWER, _("Answer"), "long", clip(begun.answer, LONGEST_ANSWER),
            max_length=LONGEST_ANSWER,
            # Replied to is what is meant; of an answer to be mended, the words are to be changed.
            settled=context.message.quoted is not None and bool(begun.answer),
        ),
        FormField(
            _UNTIL, _("Until (2027-05-01, 30d; empty: for good)"), value=begun.until,
            required=False, max_length=_LONGEST_DATE, settled=True,
        ),
    )  # fmt: skip
    return Form(
        _("A question and its answer"),
        tuple(field for field in fields if not given[field.name]),
        Invocation(
            context.command.name,
            {**{name: value for name, value in given.items() if value}, **dict(begun.origin)},
        ),
        private=begun.private,
    )


async def note(context: CommandContext) -> Replies:
    """Keep an answer that a person gives; under the name of a note, its new version."""
    _ = context.words
    question, answer = context.text(_QUESTION), context.text(_ANSWER)
    quoted = context.message.quoted
    if not answer and quoted is not None:
        answer = quoted.text.strip()
    if not question or not answer:
        raise BadArgumentsError(context.command.name, context.command.usage)
    base = await home(context)
    now = datetime.now(UTC)
    old = await _edited(context)
    library = context.resources.library
    name = old.name if old is not None else await note_name(library, base, question)
    written = Note(
        one_line(question, LONGEST_QUESTION), answer[:LONGEST_ANSWER],
        context.message.author.display_name, uploader_id(context.member), now,
        until(context.text(_UNTIL), now),
    )  # fmt: skip
    origin = _origin(context)
    if origin is not None:
        written = _by_its_author(context, written, origin)
        # Before the note is there: a row too many does no harm, one too few would.
        channel = context.message.conversation.channel
        await context.resources.taught.note(channel, origin, base.name, name)
    added = await store(library, base, written, name)
    await context.resources.moderation.audit.note(context.message, Act.NOTED, name)
    yield TextDelta(_kept(added.state, written, _))
    about = context.text(_ABOUT)
    if about:
        yield Actions((Menu((Button(f"{REGENERATE}:{about}", _("Answer anew")),)),))


async def list_notes(context: CommandContext) -> Replies:
    """The notes of this place; one can be chosen to be edited."""
    _ = context.words
    found = await _own_notes(context)
    if not found:
        yield TextDelta(_("There are no notes here yet. `/kb note` writes one."))
        return
    now = datetime.now(UTC)
    lines = [_.plural("{count} note:", "{count} notes:", len(found))]
    lines += [_line(document, now, _) for _base, document in found[:MOST_LISTED]]
    if len(found) > MOST_LISTED:
        lines.append(_("… and {count} more.", count=len(found) - MOST_LISTED))
    lines.append(_("`/kb remove` takes one out by its name."))
    yield TextDelta("\n".join(lines))
    buttons = tuple(
        Button(f"{NOTE}:{document.document_id}", one_line(_title(document), _LONGEST_LABEL))
        for _base, document in found[:MOST_LISTED]
    )
    yield Actions((Menu(buttons, _("Edit a note")),))


async def gaps(context: CommandContext) -> Replies:
    """What was asked here and not answered, or badly; each can become a note."""
    _ = context.words
    found = await context.resources.gaps.of(
        context.message.conversation.channel, await homes(context)
    )
    yield TextDelta(gaps_text(found, _))
    if found:
        buttons = tuple(
            Button(f"{GAP}:{gap.key}", one_line(gap.question, _LONGEST_LABEL))
            for gap in found[:MOST_GAPS]
        )
        yield Actions((Menu(buttons, _("Answer one of them")),))


def gaps_text(found: tuple[Gap, ...], _: Words) -> str:
    """The gaps as a list, without names; also for a digest."""
    if not found:
        return _("Nothing was asked in vain here lately.")
    lines = [_("Asked in the last 30 days, and not answered or not well:")]
    for place, gap in enumerate(found[:MOST_GAPS], 1):
        parts = [_.plural("{count} time", "{count} times", gap.asked)]
        if gap.disliked:
            parts.append(f"👎 {gap.disliked}")
        lines.append(f"{place}. {inert(gap.question)} ({_(', ').join(parts)})")
    if len(found) > MOST_GAPS:
        lines.append(_("… and {count} more.", count=len(found) - MOST_GAPS))
    return "\n".join(lines)


async def _beginning(context: CommandContext) -> _Beginning | None:
    """None: nothing is missing. Raises where what the form is to be about is not there."""
    message, history = context.message, context.resources.history
    question, answer = context.text(_QUESTION), context.text(_ANSWER)
    quoted = message.quoted
    if document := await _edited(context):
        known = await context.resources.library.note(document)
        if known is None:
            raise NoSuchDocumentError(document.name)
        ends = f"{known.expires_at:%Y-%m-%d %H:%M}" if known.expires_at else ""
        if question and answer:
            return None
        return _Beginning(
            known.question, known.answer, ends, ((_DOCUMENT, str(document.document_id)),)
        )
    if about := context.text(_ABOUT):
        stored = await history.answer_behind(message.conversation, about)
        if stored is None or not stored.question:
            raise NoLongerOpenError
        text = "" if stored.refused else stored.text
        return _Beginning(stored.question, text, "", ((_ABOUT, about),), private=True)
    if key := context.text(_GAP):
        asked = await context.resources.gaps.question(message.conversation.channel, key)
        if asked is None:
            raise NoLongerOpenError
        return _Beginning(asked)
    if quoted is not None and quoted.text.strip():
        if question:
            return None
        return _Beginning(quoted.about or "", quoted.text.strip(), "", _kept_origin(quoted))
    return None if question and answer else _Beginning()


async def _edited(context: CommandContext) -> Document | None:
    """The note that is meant, of this place's own. Raises `NoSuchDocumentError`."""
    named, number = context.text(_NOTE), context.text(_DOCUMENT)
    if not named and not number:
        return None
    found = await _own_notes(context)
    for _base, document in found:
        if str(document.document_id) == number or (named and document.name == named):
            return document
    raise NoSuchDocumentError(named or number, ())


async def _own_notes(context: CommandContext) -> list[tuple[KnowledgeBase, Document]]:
    """The newest first. Only where notes are written: an edit stays in the note's own base."""
    base = await home(context)
    documents = await context.resources.library.documents(base.base_id)
    found = [(base, document) for document in documents if is_note(document)]
    return sorted(found, key=lambda own: own[1].added_at, reverse=True)


async def note_name(library: Library, base: KnowledgeBase, question: str) -> str:
    """The same question again is a new version of its note; any other has a name of its own."""
    name = name_of(question)
    alike = {
        own.name: own
        for own in await library.documents(base.base_id)
        if own.name.casefold() == name.casefold()
    }
    for own in alike.values():
        known = await library.note(own)
        if known is not None and name_of(known.question).casefold() == name.casefold():
            return own.name
    return name_of(question, tuple(alike))


def _kept_origin(quoted: Quoted) -> tuple[tuple[str, str], ...]:
    """What a form keeps of the message that is the answer."""
    found = {
        _AUTHOR: quoted.author.display_name,
        _AUTHOR_ID: quoted.author.user_id,
        _MESSAGE: quoted.message_id,
        _LINK: quoted.link or "",
        _WRITTEN: quoted.sent_at.isoformat() if quoted.sent_at else "",
    }
    return tuple((name, value) for name, value in found.items() if value)


def _origin(context: CommandContext) -> Quoted | None:
    """The message that is the answer, if somebody else than the asker wrote it somewhere."""
    quoted = context.message.quoted
    if quoted is None and context.text(_AUTHOR_ID):
        written = context.text(_WRITTEN)
        quoted = Quoted(
            context.text(_MESSAGE), Author(context.text(_AUTHOR_ID), context.text(_AUTHOR)), "",
            (), datetime.fromisoformat(written) if written else None, context.text(_LINK) or None,
        )  # fmt: skip
    return quoted if quoted is not None and quoted.author.user_id else None


def _by_its_author(context: CommandContext, written: Note, origin: Quoted) -> Note:
    """Theirs is the answer and the document: they may remove it, and `/forgetme` forgets it."""
    if origin.author.is_bot:
        return replace(written, link=origin.link)
    author = MemberRef(context.member.platform, origin.author.user_id)
    return replace(
        written,
        author=origin.author.display_name or written.author,
        author_id=uploader_id(author),
        written_at=origin.sent_at or written.written_at,
        link=origin.link,
    )


def _kept(state: AddState, note: Note, _: Words) -> str:
    match state:
        case AddState.UNCHANGED:
            return _("This note is here already.")
        case AddState.REPLACED:
            told = _("The note is changed: whoever asks {question} gets this answer of {name}'s.",
                     question=inert(note.question), name=inert(note.author))  # fmt: skip
        case AddState.ADDED:
            told = _("Noted: whoever asks {question} gets this answer of {name}'s.",
                     question=inert(note.question), name=inert(note.author))  # fmt: skip
    if note.expires_at is not None:
        told += " " + _("It ends on {date:%Y-%m-%d %H:%M} UTC.", date=note.expires_at)
    return told


def _line(document: Document, now: datetime, _: Words) -> str:
    facts = [_("by {name}", name=inert(document.uploader or "?")), f"{document.added_at:%Y-%m-%d}"]
    if document.version > 1:
        facts.append(_("version {version}", version=document.version))
    if document.expires_at is not None and document.expires_at <= now:
        facts.append(_("expired on {date:%Y-%m-%d}", date=document.expires_at))
    elif document.expires_at is not None:
        facts.append(_("until {date:%Y-%m-%d %H:%M} UTC", date=document.expires_at))
    return f"- {inert(document.name)} ({_(', ').join(facts)})"


def _title(document: Document) -> str:
    return document.name.rpartition(".")[0] or document.name
