"""Uploads that wait for a moderator: the card that says what they are, and the verdict."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.commands.base import CommandContext, Replies
from core.commands.ingesting import learn, told
from core.commands.places import homes
from core.commands.sizes import size_of
from core.errors import BadArgumentsError
from core.inert import inert
from core.language import Words
from core.replies import Actions, Button, Menu, Progress, TextDelta
from core.reviews import HeldFile, Review
from core.text import clip, escape_markdown
from knowledge_base.errors import KnowledgeError
from knowledge_base.models import KnowledgeBase, Upload

REVIEW: Final = "review"
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


async def hold(context: CommandContext, base: KnowledgeBase, files: Sequence[Fetched]) -> Replies:
    """Lay what can be read aside, and show moderators the card."""
    _ = context.words
    held: list[HeldFile] = []
    for place, file in enumerate(files):
        yield Progress(_("reading"), place, len(files))
        upload = Upload(file.name, file.path)
        try:
            beginning = await _beginning(context, upload)
        except KnowledgeError as error:
            yield TextDelta(told(error, _))
            continue
        size = (await asyncio.to_thread(file.path.stat)).st_size
        held.append(HeldFile(file.name, size, beginning, file.path))
    if not held:
        return
    author = context.message.author.display_name
    member = f"{context.member.platform.value}:{context.member.user_id}"
    review = await context.resources.reviews.hold(base.name, author, member, held)
    yield TextDelta(_card(review, _))
    yield Actions((_buttons(review, _),))


async def review(context: CommandContext) -> Replies:
    """What waits here, or the verdict on one of them."""
    _ = context.words
    reviews = context.resources.reviews
    own = {base.name: base for base in await homes(context)}
    token, verdict = context.text("upload"), context.text("verdict")
    if not token:
        waiting = [review for name in own for review in await reviews.waiting(name)]
        if not waiting:
            yield TextDelta(_("Nothing waits for review here."))
            return
        cards = [_card(review, _) for review in waiting[:MOST_SHOWN]]
        if len(waiting) > MOST_SHOWN:
            cards.append(_("… and {count} more.", count=len(waiting) - MOST_SHOWN))
        yield TextDelta("\n\n".join(cards))
        yield Actions(tuple(_buttons(review, _) for review in waiting[:MOST_SHOWN]))
        return
    held = await reviews.open(token, own)
    if verdict not in (ACCEPT, REJECT):
        raise BadArgumentsError(context.command.name, context.command.usage)
    if verdict == ACCEPT:
        for file in held.files:
            upload = Upload(file.name, file.path, held.uploader, held.uploader_id)
            async with aclosing(learn(context, own[held.base], upload)) as events:
                async for event in events:
                    yield event
    moderator = inert(context.message.author.display_name)
    if await reviews.close(held):
        if verdict == ACCEPT:
            yield TextDelta(_("Accepted by {name}.", name=moderator))
        else:
            names = _(", ").join(inert(file.name) for file in held.files)
            yield TextDelta(_("Rejected by {name}: {names}.", name=moderator, names=names))


async def _beginning(context: CommandContext, upload: Upload) -> str:
    """The first lines; of an archive there are none."""
    if upload.name.lower().endswith(".zip"):
        return ""
    sections = await context.resources.library.read(upload)
    text = " ".join(" ".join(section.text.split()) for section in sections[:5])
    return clip(text, _BEGINNING)


def _card(review: Review, _: Words) -> str:
    lines = [_("{name} wants to add, for a moderator to decide:", name=inert(review.uploader))]
    for file in review.files:
        lines.append(f"- {inert(file.name)} ({size_of(file.size)})")
        if file.beginning:
            lines.append(f"  > {escape_markdown(file.beginning)}")
    return "\n".join(lines)


def _buttons(review: Review, _: Words) -> Menu:
    return Menu(
        (
            Button(f"{REVIEW}:{review.token}:{ACCEPT}", _("Accept"), "good"),
            Button(f"{REVIEW}:{review.token}:{REJECT}", _("Reject"), "danger"),
        )
    )
