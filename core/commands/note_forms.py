"""The form in which a note is written: what stands in it already, and what it comes from."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from core.buttons import CORRECT
from core.citations import without_unknown_markers
from core.commands.base import CommandContext
from core.commands.places import home
from core.errors import NoLongerOpenError
from core.events import Author, Invocation, Quoted
from core.language import Words
from core.notes import LONGEST_ANSWER, LONGEST_QUESTION, is_note, until
from core.replies import Button, Form, FormField, Menu
from core.text import clip
from knowledge_base.errors import NoSuchDocumentError
from knowledge_base.models import Document, KnowledgeBase

NOTE: Final = "note"
"""The beginning of the action that edits a note, by the id of its document."""
GAP: Final = "gap"
"""The same for a question that was asked in vain."""
AGAIN: Final = "write"
"""The same for a form that was sent off with something wrong in it, by its token."""
_LONGEST_DATE: Final = 40
QUESTION, ANSWER, UNTIL, _NOTE = "question", "answer", "until", "note"

# Options that nobody can type: what a form was opened for.
_DOCUMENT, ABOUT, _GAP, WRITTEN_BEFORE = "document id", "answer id", "gap id", "form id"
_AUTHOR, _AUTHOR_ID, _MESSAGE, _LINK, _WRITTEN = (
    "author", "author id", "message id", "message link", "written at",
)  # fmt: skip
_UNSEEN: Final = (
    _NOTE, _DOCUMENT, ABOUT, _AUTHOR, _AUTHOR_ID, _MESSAGE, _LINK, _WRITTEN,
)  # fmt: skip
"""What a form goes on with that nobody sees in it."""


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
    names = {NOTE: _DOCUMENT, CORRECT: ABOUT, GAP: _GAP, AGAIN: WRITTEN_BEFORE}
    return Invocation("kb note", {names[kind]: value})


async def note_form(context: CommandContext) -> Form | None:
    """What is still to be said of the note; nothing, where question and answer are there."""
    _ = context.words
    if token := context.text(WRITTEN_BEFORE):
        where = context.message.conversation.channel
        return await context.resources.forms.held(token, where, context.member)
    begun = await _beginning(context)
    if begun is None:
        return None
    given = {name: context.text(name) for name in (QUESTION, ANSWER, UNTIL, _NOTE)}
    until(given[UNTIL], datetime.now(UTC))
    # Replied to is what is meant; of an answer to be mended, the words are to be changed.
    settled = {UNTIL}
    if context.message.quoted is not None and begun.answer:
        settled.add(ANSWER)
    fields = _fields(begun.question, begun.answer, begun.until, settled, _)
    return Form(
        _("A question and its answer"),
        tuple(field for field in fields if not given[field.name]),
        Invocation(
            context.command.name,
            {**{name: value for name, value in given.items() if value}, **dict(begun.origin)},
        ),
        private=begun.private,
    )


async def written_again(context: CommandContext, question: str, answer: str) -> Menu:
    """Leads back to the form as it was filled in: nothing is to be written twice."""
    _ = context.words
    quoted = context.message.quoted
    origin = dict(_kept_origin(quoted)) if quoted is not None else {}
    unseen = {name: context.options[name] for name in _UNSEEN if name in context.options}
    settled = {name for name, held in ((QUESTION, question), (ANSWER, answer)) if held}
    form = Form(
        _("A question and its answer"),
        _fields(question, answer, context.text(UNTIL), settled, _),
        Invocation(context.command.name, {**origin, **unseen}),
        private=True,
    )
    where = context.message.conversation
    opened = await context.resources.forms.open(form, where, context.member)
    return Menu((Button(f"{AGAIN}:{opened.token}", _("Change what I wrote")),))


def _fields(
    question: str, answer: str, ends: str, settled: Container[str], _: Words
) -> tuple[FormField, ...]:
    return (
        FormField(
            QUESTION, _("Question"), value=clip(question, LONGEST_QUESTION),
            max_length=LONGEST_QUESTION, settled=QUESTION in settled,
        ),
        FormField(
            ANSWER, _("Answer"), "long", clip(answer, LONGEST_ANSWER),
            max_length=LONGEST_ANSWER, settled=ANSWER in settled,
        ),
        FormField(
            UNTIL, _("Until (2027-05-01, 30d; empty: for good)"), value=ends,
            required=False, max_length=_LONGEST_DATE, settled=UNTIL in settled,
        ),
    )  # fmt: skip


async def _beginning(context: CommandContext) -> _Beginning | None:
    """None: nothing is missing. Raises where what the form is to be about is not there."""
    message, history = context.message, context.resources.history
    question, answer = context.text(QUESTION), context.text(ANSWER)
    quoted = message.quoted
    if document := await edited(context):
        known = await context.resources.library.note(document)
        if known is None:
            raise NoSuchDocumentError(document.name)
        ends = f"{known.expires_at:%Y-%m-%d %H:%M}" if known.expires_at else ""
        if question and answer:
            return None
        return _Beginning(
            known.question, known.answer, ends, ((_DOCUMENT, str(document.document_id)),)
        )
    if about := context.text(ABOUT):
        stored = await history.answer(message.conversation, about)
        if stored is None or not stored.question:
            raise NoLongerOpenError
        # Its numbers mean passages: nobody's own words have them.
        text = "" if stored.refused else without_unknown_markers(stored.text, ())
        return _Beginning(stored.question, text, "", ((ABOUT, about),), private=True)
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


async def edited(context: CommandContext) -> Document | None:
    """The note that is meant, of this place's own. Raises `NoSuchDocumentError`."""
    named, number = context.text(_NOTE), context.text(_DOCUMENT)
    if not named and not number:
        return None
    found = await own_notes(context)
    for _base, document in found:
        if str(document.document_id) == number or (named and document.name == named):
            return document
    raise NoSuchDocumentError(named or number, ())


async def own_notes(context: CommandContext) -> list[tuple[KnowledgeBase, Document]]:
    """The newest first. Only where notes are written: an edit stays in the note's own base."""
    base = await home(context)
    documents = await context.resources.library.documents(base.base_id)
    found = [(base, document) for document in documents if is_note(document)]
    return sorted(found, key=lambda own: own[1].added_at, reverse=True)


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


def origin_of(context: CommandContext) -> Quoted | None:
    """The message that is the answer, if somebody else than the asker wrote it somewhere."""
    quoted = context.message.quoted
    if quoted is None and context.text(_AUTHOR_ID):
        written = context.text(_WRITTEN)
        quoted = Quoted(
            context.text(_MESSAGE), Author(context.text(_AUTHOR_ID), context.text(_AUTHOR)), "",
            (), datetime.fromisoformat(written) if written else None, context.text(_LINK) or None,
        )  # fmt: skip
    return quoted if quoted is not None and quoted.author.user_id else None
