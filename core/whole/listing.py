"""What there is, from the list of documents: no model, and nothing of what they say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from core.access import SHARED, Access, homes_of, owner_of
from core.events import ChannelKind, IncomingMessage, ServerRef
from core.inert import inert
from core.inquiry import Inquiry
from core.language import Words
from core.whole.choosing import MOST_KNOWN
from core.whole.jobs import Choice
from knowledge_base.models import Document, KnowledgeBase
from knowledge_base.notes import MEDIA_TYPE

if TYPE_CHECKING:
    from knowledge_base.library import Library

MOST_LISTED: Final = 20
"""Of one base."""
MOST_OFFERED: Final = 20
"""To choose from."""


@dataclass(frozen=True, slots=True)
class _Shelf:
    title: str
    documents: tuple[Document, ...]
    """Those that are named."""
    more: int
    notes: int


async def listed(question: Inquiry, library: Library, access: Access) -> str:
    """All that this asker can ask here, by base. Raises what `Access.scope_of` raises."""
    _, message = question.words, question.message
    scope = await access.scope_of(message)
    bases = [base for base in await library.bases() if base.base_id in scope.bases]
    own = homes_of(message)
    # What is this place's own comes first.
    bases.sort(key=lambda base: (base.name not in own, base.name == SHARED, base.name))
    told: dict[str, list[str]] = {}
    for base in bases:
        shelf = await _shelf(base, library, message, _)
        if shelf.documents or shelf.notes:
            told.setdefault(shelf.title, []).extend(_lines(shelf, message, _))
    if not told:
        return _("There is nothing here yet that I could answer from. Add documents first, for "
                 "instance with `/kb add`.")  # fmt: skip
    pieces = [_("I can answer from these documents:")]
    pieces += ["\n".join([f"**{title}**", *lines]) for title, lines in told.items()]
    pieces.append(_("Ask about them, or say “summarise” and the name of one."))
    return "\n\n".join(pieces)


def choice(asked: Choice, _: Words) -> str:
    """Which of them is meant: to be said by name or number."""
    documents, total = asked.documents, len(asked.documents)
    if asked.of_two:
        lines = [_("Which two documents do you mean? Say their names or their numbers.")]
    else:
        lines = [_("Which document do you mean? Say its name or its number.")]
    if asked.unknown:
        lines.insert(0, _("There is no document {name} here.", name=inert(asked.unknown)))
    lines += [
        f"{number}. {inert(one.name)}" for number, one in enumerate(documents[:MOST_OFFERED], 1)
    ]
    if total > MOST_OFFERED:
        lines.append(_("… and {count} more.", count=total - MOST_OFFERED))
    return "\n".join(lines)


async def _shelf(
    base: KnowledgeBase, library: Library, message: IncomingMessage, _: Words
) -> _Shelf:
    title = _title(base.name, message, _)
    count, _size = await library.extent_of(base.base_id)
    if count > MOST_KNOWN:
        # Of so many nobody wants to see more than a few; how many are notes is not counted.
        names = await library.names([base.base_id], limit=MOST_LISTED)
        few = [await library.document(base.base_id, name) for name in names]
        return _Shelf(title, tuple(filter(None, few)), count - len(few), 0)
    now = datetime.now(UTC)
    found = [
        one
        for one in await library.documents(base.base_id)
        if one.expires_at is None or one.expires_at > now
    ]
    documents = tuple(one for one in found if one.media_type != MEDIA_TYPE)
    more = max(0, len(documents) - MOST_LISTED)
    return _Shelf(title, documents[:MOST_LISTED], more, len(found) - len(documents))


def _title(base: str, message: IncomingMessage, _: Words) -> str:
    """What a base is called where it is asked; names that places have are nobody's to read."""
    if message.conversation.channel.platform.is_operators:
        return inert(base)
    if base in homes_of(message):
        private = message.kind is ChannelKind.PRIVATE
        return _("Your own documents") if private else _("This channel's documents")
    if base == SHARED:
        return _("Documents for everybody")
    owner = owner_of(base)
    if isinstance(owner, ServerRef):
        return _("The server's documents")
    return _("Documents of another channel") if ":" in base else inert(base)


def _lines(shelf: _Shelf, message: IncomingMessage, _: Words) -> list[str]:
    lines = [_line(one, message, _) for one in shelf.documents]
    if shelf.more:
        lines.append(_("… and {count} more.", count=shelf.more))
    if shelf.notes:
        lines.append(
            _.plural(
                "- {count} question that people answered",
                "- {count} questions that people answered",
                shelf.notes,
            )
        )
    return lines


def _line(document: Document, message: IncomingMessage, _: Words) -> str:
    facts = [inert(document.name)]
    if document.pages:
        facts.append(_.plural("{count} page", "{count} pages", document.pages))
    platform, own = message.conversation.channel.platform, message.author.user_id
    who = document.uploader_id
    # What nobody sent, such as files of a folder, has an uploader without a number.
    if document.uploader and who is not None and who != f"{platform.value}:{own}":
        facts.append(
            _(
                "added by {name} on {date:%Y-%m-%d}",
                name=inert(document.uploader),
                date=document.added_at,
            )
        )
    else:
        facts.append(_("added on {date:%Y-%m-%d}", date=document.added_at))
    return f"- {' · '.join(facts)}"
