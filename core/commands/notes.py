"""Commands about notes: `/kb note`, `/kb notes`, and `/kb gaps`, which says where one lacks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from core.audit import Act
from core.buttons import REGENERATE
from core.commands.base import CommandContext, Replies
from core.commands.note_forms import (
    ABOUT,
    ANSWER,
    GAP,
    NOTE,
    QUESTION,
    UNTIL,
    WRITTEN_BEFORE,
    edited,
    origin_of,
    own_notes,
    written_again,
)
from core.commands.places import home, homes, require_near, uploader_id
from core.errors import BadArgumentsError, NoLongerOpenError, WrongTimeError
from core.events import MemberRef, Quoted
from core.gaps import Gap
from core.inert import inert, one_line
from core.language import Words
from core.notes import LONGEST_ANSWER, LONGEST_QUESTION, name_of, store, until
from core.replies import Actions, Button, Menu, TextDelta
from knowledge_base.models import AddState, Document, KnowledgeBase
from knowledge_base.notes import Note

if TYPE_CHECKING:
    from knowledge_base.library import Library

MOST_LISTED: Final = 25
MOST_GAPS: Final = 10
_LONGEST_LABEL: Final = 60


async def note(context: CommandContext) -> Replies:
    """Keep an answer that a person gives; under the name of a note, its new version."""
    _ = context.words
    if context.text(WRITTEN_BEFORE):
        raise NoLongerOpenError
    question, answer = context.text(QUESTION), context.text(ANSWER)
    quoted = context.message.quoted
    if not answer and quoted is not None:
        answer = quoted.text.strip()
    now = datetime.now(UTC)
    try:
        ends = until(context.text(UNTIL), now)
    except WrongTimeError:
        yield Actions((await written_again(context, question, answer),))
        raise
    if not question or not answer:
        raise BadArgumentsError(context.command.name, context.command.usage)
    require_near(context)
    base = await home(context)
    old = await edited(context)
    library = context.resources.library
    name = old.name if old is not None else await note_name(library, base, question)
    written = Note(
        one_line(question, LONGEST_QUESTION), answer[:LONGEST_ANSWER],
        context.message.author.display_name, uploader_id(context.member), now, ends,
    )  # fmt: skip
    origin = origin_of(context)
    if origin is not None:
        written = _by_its_author(context, written, origin)
        # Before the note is there: a row too many does no harm, one too few would.
        channel = context.message.conversation.channel
        await context.resources.taught.note(channel, origin, base.name, name)
    added = await store(library, base, written, name, context.act)
    await context.resources.moderation.audit.note(context.message, Act.NOTED, name)
    yield TextDelta(_kept(added.state, written, _))
    about = context.text(ABOUT)
    if about:
        yield Actions((Menu((Button(f"{REGENERATE}:{about}", _("Answer anew")),)),))


async def list_notes(context: CommandContext) -> Replies:
    """The notes of this place; one can be chosen to be edited."""
    _ = context.words
    found = await own_notes(context)
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
        context.message.conversation.channel, await homes(context), by_words=not context.embeds
    )
    yield TextDelta(gaps_text(found, _))
    if found:
        buttons = tuple(
            Button(f"{GAP}:{gap.key}", one_line(gap.question, _LONGEST_LABEL))
            for gap in found[:MOST_GAPS]
        )
        yield Actions((Menu(buttons, _("Answer one of them")),))


def gaps_text(found: tuple[Gap, ...], _: Words) -> str:
    """The gaps as a list, without names."""
    if not found:
        return _("Nothing was asked in vain here lately.")
    title = _("Asked in the last 30 days, and not answered or not well:")
    return "\n".join([title, *gap_lines(found, _)])


def gap_lines(found: tuple[Gap, ...], _: Words) -> list[str]:
    """The first gaps, one a line, without names."""
    lines = []
    for place, gap in enumerate(found[:MOST_GAPS], 1):
        parts = [_.plural("{count} time", "{count} times", gap.asked)]
        if gap.disliked:
            parts.append(f"👎 {gap.disliked}")
        told = f"{place}. {inert(gap.question)}"
        lines.append(_("{text} ({facts})", text=told, facts=_(", ").join(parts)))
    if len(found) > MOST_GAPS:
        lines.append(_("… and {count} more.", count=len(found) - MOST_GAPS))
    return lines


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
    return _("{text} ({facts})", text=f"- {inert(document.name)}", facts=_(", ").join(facts))


def _title(document: Document) -> str:
    return document.name.rpartition(".")[0] or document.name
