"""What takes documents out: one by its name, or all that somebody added. Both ask first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from core.access import homes_of
from core.audit import Act
from core.commands.base import CommandContext, Replies
from core.commands.confirming import ask_first
from core.commands.places import every_home, own_document, uploader_id
from core.commands.reviewing import drop
from core.commands.since import since
from core.commands.undoing import way_back
from core.errors import BadArgumentsError, NoSuchMemberError, WrongTimeError
from core.events import MemberRef
from core.inert import inert
from core.language import Words
from core.replies import Progress, TextDelta
from core.reviews import Review
from knowledge_base.errors import NoSuchDocumentError
from knowledge_base.models import BaseId, Document, KnowledgeBase

_MOST_NAMED: Final = 10
_EVER: Final = datetime(1, 1, 1, tzinfo=UTC)
_MENTION: Final = re.compile(r"<@!?(\d{1,25})>")


async def remove(context: CommandContext) -> Replies:
    """Take a document out of this place's own base."""
    _ = context.words
    base, document = await own_document(context, context.text("name"))
    if not context.confirmed:
        question = _.plural(
            "Remove {name} ({count} passage)?", "Remove {name} ({count} passages)?",
            document.passages, name=inert(document.name),
        )  # fmt: skip
        for event in await ask_first(context, _then(question, way_back(context)), _("Remove")):
            yield event
        return
    removed = await _remove(context, base.base_id, base.name, document.name, context.act)
    await context.resources.moderation.audit.note(context.message, Act.REMOVED, removed.name)
    told = _.plural(
        "Removed {name} ({count} passage).",
        "Removed {name} ({count} passages).",
        removed.passages,
        name=inert(removed.name),
    )
    yield TextDelta(_then(told, way_back(context)))


async def purge(context: CommandContext) -> Replies:
    """Take out all that one member added here, and what of theirs waits for review."""
    _ = context.words
    own = await every_home(context)
    documents = [d for base in own for d in await context.resources.library.documents(base.base_id)]
    held = [r for base in own for r in await context.resources.reviews.waiting(base.name)]
    named, after = _asked(context)
    member = _member(context, named, documents, held)
    doomed = [d for d in documents if d.uploader_id == member and d.added_at >= after]
    waiting = [r for r in held if r.uploader_id == member and r.held_at >= after]
    if not doomed and not waiting:
        yield TextDelta(_("There is nothing here that this member added."))
        return
    if not context.confirmed:
        meant = {"member": member.partition(":")[2], "since": after.isoformat()}
        question = _question(own, doomed, waiting, homes_of(context.message), _)
        if doomed:
            question = _then(question, way_back(context))
        for event in await ask_first(context, question, _("Remove all"), meant):
            yield event
        return
    for review in waiting:
        await drop(context, review)
    removed = 0
    names = {base.base_id: base.name for base in own}
    for place, document in enumerate(doomed):
        yield Progress(_("removing"), place, len(doomed))
        try:
            name = names[document.base_id]
            await _remove(context, document.base_id, name, document.name, context.act)
        except NoSuchDocumentError:
            continue  # somebody else was faster
        removed += 1
    told = _.plural("Removed {count} document.", "Removed {count} documents.", removed)
    if waiting:
        told += " " + _.plural(
            "Dropped {count} upload that waited for review.",
            "Dropped {count} uploads that waited for review.",
            len(waiting),
        )
    about = f"{member.partition(':')[2]}: {removed} + {len(waiting)}"
    await context.resources.moderation.audit.note(context.message, Act.PURGED, about)
    yield TextDelta(_then(told, way_back(context)) if removed else told)


async def _remove(
    context: CommandContext, base: BaseId, home: str, name: str, batch: str
) -> Document:
    """A message that became the document is followed for as long as that can come back."""
    library = context.resources.library
    removed = await library.remove(base, name, batch)
    if not library.rest_days:
        await context.resources.taught.forget(home, name)
    return removed


def _then(text: str, more: str) -> str:
    return f"{text}\n{more}" if more else text


def _asked(context: CommandContext) -> tuple[str, datetime]:
    """The member as named, and from when on; in a reply the member need not be named."""
    named, text = context.text("member"), context.text("since")
    if named and not text and context.message.quoted is not None:
        with suppress(WrongTimeError):
            return "", since(named, context.message.sent_at)
    return named, since(text, context.message.sent_at) if text else _EVER


def _question(
    bases: Sequence[KnowledgeBase],
    doomed: Sequence[Document],
    waiting: Sequence[Review],
    homes: Sequence[str],
    _: Words,
) -> str:
    """What a channel learnt while fewer could see it is counted, and not named to everybody."""
    readable = {base.base_id for base in bases if base.name in homes}
    names = [f"- {inert(d.name)}" for d in doomed if d.base_id in readable][:_MOST_NAMED]
    if len(doomed) > len(names):
        names.append(_("… and {count} more.", count=len(doomed) - len(names)))
    files = [file for review in waiting if review.base in homes for file in review.files]
    names += [
        "- " + _("{name}, waiting for review", name=inert(file.name))
        for file in files[:_MOST_NAMED]
    ]
    count = len(doomed) + sum(len(review.files) for review in waiting)
    title = _.plural(
        "Remove {count} file of this member?", "Remove {count} files of this member?", count
    )
    return "\n".join([title, *names])


def _member(
    context: CommandContext,
    named: str,
    documents: Sequence[Document],
    held: Sequence[Review],
) -> str:
    """Whose: by a mention or an id, by the message that is replied to, or by the name there is."""
    platform = context.message.conversation.channel.platform
    if not named:
        if context.message.quoted is None:
            raise BadArgumentsError(context.command.name, context.command.usage)
        return uploader_id(MemberRef(platform, context.message.quoted.author.user_id))
    mention = _MENTION.fullmatch(named)
    user_id = mention[1] if mention else named
    names = {(d.uploader_id, d.uploader or "") for d in documents if d.uploader_id is not None}
    names |= {(review.uploader_id, review.uploader) for review in held}
    exact = uploader_id(MemberRef(platform, user_id))
    if mention or exact in {known for known, _name in names}:
        return exact
    wanted = named.removeprefix("@").casefold()
    called = {known: name for known, name in names if name.casefold() == wanted}
    if len(called) == 1:
        return next(iter(called))
    raise NoSuchMemberError(named, tuple(sorted({f"{n} ({known})" for known, n in called.items()})))
