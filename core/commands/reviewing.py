"""Uploads that wait for a moderator: the card that says what they are, and the verdict."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.access import homes_of
from core.audit import Act
from core.commands.base import CommandContext, Replies
from core.commands.ingesting import learn, told
from core.commands.places import homes
from core.commands.sizes import size_of
from core.errors import BadArgumentsError, NoLongerOpenError, NotAllowedError
from core.events import MessageRef
from core.inert import inert
from core.language import Words
from core.permissions import Level
from core.replies import Actions, Button, Menu, Progress, TextDelta
from core.reviews import HeldFile, Review
from core.text import clip, escape_markdown
from knowledge_base.errors import KnowledgeError
from knowledge_base.models import KnowledgeBase, Upload

REVIEW: Final = "review"
VERDICT: Final = "review verdict"
ACCEPT: Final = "accept"
REJECT: Final = "reject"
MOST_SHOWN: Final = 4
"""Cards in one message; each has a row of buttons."""
_BEGINNING: Final = 300


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file on local disk, under the name that its document gets."""

    name: str
    path: Path
    source: str | None = None
    """Address of the page of the web that it is."""
    media_type: str | None = None


async def hold(context: CommandContext, base: KnowledgeBase, files: Sequence[Fetched]) -> Replies:
    """Lay what can be read aside, and show moderators the card."""
    _ = context.words
    held: list[HeldFile] = []
    for place, file in enumerate(files):
        yield Progress(_("reading"), place, len(files))
        upload = Upload(file.name, file.path, media_type=file.media_type)
        try:
            beginning = await _beginning(context, upload)
        except KnowledgeError as error:
            yield TextDelta(told(error, _))
            continue
        size = (await asyncio.to_thread(file.path.stat)).st_size
        held.append(HeldFile(file.name, size, beginning, file.path, file.source, file.media_type))
    if not held:
        return
    message = context.message
    member = f"{context.member.platform.value}:{context.member.user_id}"
    origin = MessageRef(message.conversation, message.message_id)
    review = await context.resources.reviews.hold(
        base.name, message.author.display_name, member, held, origin
    )
    if await _posted(context, review):
        names = _(", ").join(inert(file.name) for file in review.files)
        yield TextDelta(_("A moderator decides about {names}; I will say so here.", names=names))
        return
    yield TextDelta(_card(review, _))
    yield Actions((_buttons(review, _),))


async def _posted(context: CommandContext, review: Review) -> bool:
    """Whether moderators have the card in their log channel."""
    cards = context.resources.moderation.cards
    board = await cards.board(context.message)
    if board is None:
        return False
    _ = context.words
    place = context.message.place
    lines = [_card(review, _, quotes=board.may_quote)]
    if place.channel_name:
        lines.insert(0, _("From {channel}:", channel=inert(place.channel_name)))
    return await cards.post(review, board, "\n".join(lines), _buttons(review, _))


async def review(context: CommandContext) -> Replies:
    """What waits here, or the verdict on one of them."""
    _ = context.words
    if context.text("upload"):
        async with aclosing(decide(context)) as events:
            async for event in events:
                yield event
        return
    reviews = context.resources.reviews
    waiting = [one for base in await homes(context) for one in await reviews.waiting(base.name)]
    if not waiting:
        yield TextDelta(_("Nothing waits for review here."))
        return
    cards = [_card(review, _) for review in waiting[:MOST_SHOWN]]
    if len(waiting) > MOST_SHOWN:
        cards.append(_("… and {count} more.", count=len(waiting) - MOST_SHOWN))
    yield TextDelta("\n\n".join(cards))
    yield Actions(tuple(_buttons(review, _) for review in waiting[:MOST_SHOWN]))


async def decide(context: CommandContext) -> Replies:
    """The verdict, by who moderates the channel that the upload is for, wherever it is shown."""
    # Of two who press at once, one decides; the other learns that it is decided.
    alone = context.resources.reviews.deciding(context.text("upload"))
    async with alone, aclosing(_decided(context)) as events:
        async for event in events:
            yield event


async def _decided(context: CommandContext) -> Replies:
    _ = context.words
    held = await _open(context)
    verdict = context.text("verdict")
    if verdict not in (ACCEPT, REJECT):
        raise BadArgumentsError(context.command.name, context.command.usage)
    # Until it is decided the buttons stay, whatever happens on the way.
    yield Actions((_buttons(held, _),))
    if verdict == ACCEPT:
        base = await context.resources.library.base(held.base)
        try:
            for file in held.files:
                upload = Upload(
                    file.name,
                    file.path,
                    held.uploader,
                    held.uploader_id,
                    file.media_type,
                    source=file.source,
                )
                async with aclosing(learn(context, base, upload, insist=True)) as events:
                    async for event in events:
                        yield event
        except KnowledgeError as error:
            yield TextDelta(told(error, _) + _("The upload still waits: try again.") + "\n\n")
            yield TextDelta(_card(held, _, quotes=held.card is None))
            return
    yield Actions(())
    if not await context.resources.reviews.close(held):
        return
    said = _said(context, held, verdict)
    if verdict == ACCEPT and held.card is None:
        # What was learnt stands above it, with the files' names.
        yield TextDelta(_("Accepted by {name}.", name=inert(context.message.author.display_name)))
    else:
        yield TextDelta(said)
    await _note(context, held, verdict)
    here = MessageRef(context.message.conversation, context.message.message_id)
    await context.resources.moderation.cards.settle(held, said, here)


async def drop(context: CommandContext, held: Review) -> None:
    """Reject it with all else that its uploader added."""
    reviews = context.resources.reviews
    async with reviews.deciding(held.token):
        if not await reviews.close(held):
            return
    here = MessageRef(context.message.conversation, context.message.message_id)
    told = _said(context, held, REJECT)
    await context.resources.moderation.cards.settle(held, told, here)


async def _note(context: CommandContext, held: Review, verdict: str) -> None:
    audit = context.resources.moderation.audit
    act = Act.ACCEPTED if verdict == ACCEPT else Act.REJECTED
    names = ", ".join(file.name for file in held.files)
    if held.card is None or held.origin is None:
        await audit.note(context.message, act, names)
    else:
        # The log channel has it already, on the card.
        await audit.record(context.message, act, names, held.origin.conversation.channel)


async def _open(context: CommandContext) -> Review:
    """The upload that is meant. Raises `NoLongerOpenError`, `NotAllowedError`.

    In the channel that it is for whoever moderates there decides. In a log channel only the very
    message that shows it counts, and the rights in the channel that it is for, asked for now.
    """
    resources, token = context.resources, context.text("upload")
    message = context.message
    here = MessageRef(message.conversation, message.message_id)
    level = context.level
    held = await resources.reviews.behind(token, here)
    if held is not None:
        level = await resources.moderation.cards.level(held, context.member)
    else:
        held = await resources.reviews.open(token, homes_of(message))
    if level is Level.BLOCKED:
        raise NoLongerOpenError
    if level < Level.MODERATOR:
        raise NotAllowedError(Level.MODERATOR.key)
    return held


def _said(context: CommandContext, held: Review, verdict: str) -> str:
    """What was decided; told elsewhere too, so with the files' names."""
    _ = context.words
    names = _(", ").join(inert(file.name) for file in held.files)
    moderator = inert(context.message.author.display_name)
    if verdict == ACCEPT:
        return _("Accepted by {name}: {names}.", name=moderator, names=names)
    return _("Rejected by {name}: {names}.", name=moderator, names=names)


async def _beginning(context: CommandContext, upload: Upload) -> str:
    """The first lines; of an archive there are none."""
    if upload.name.lower().endswith(".zip"):
        return ""
    sections = (await context.resources.library.read(upload)).sections
    text = " ".join(" ".join(section.text.split()) for section in sections[:5])
    return clip(text, _BEGINNING)


def _card(review: Review, _: Words, *, quotes: bool = True) -> str:
    lines = [_("{name} wants to add, for a moderator to decide:", name=inert(review.uploader))]
    for file in review.files:
        told = f"- {inert(file.name)}"
        lines.append(_("{text} ({facts})", text=told, facts=size_of(file.size)))
        if file.beginning and quotes:
            lines.append(f"  > {escape_markdown(file.beginning)}")
    return "\n".join(lines)


def _buttons(review: Review, _: Words) -> Menu:
    return Menu(
        (
            Button(f"{REVIEW}:{review.token}:{ACCEPT}", _("Accept"), "good"),
            Button(f"{REVIEW}:{review.token}:{REJECT}", _("Reject"), "danger"),
        )
    )
