"""A helper's answer on its way back: offered where it was given, brought by a press."""

from __future__ import annotations

from typing import Final

from core.audit import Act
from core.commands.base import CommandContext, Replies, Resources
from core.commands.notes import note_name
from core.commands.places import uploader_id
from core.errors import DeliveryError, NotAllowedError
from core.events import IncomingMessage, MemberRef
from core.inert import inert, one_line
from core.language import Words
from core.notes import LONGEST_QUESTION, store
from core.permissions import Level
from core.replies import Actions, Button, Finished, Menu, ReplyEvent, TextDelta
from core.team_answers import Card, HelpersAnswer
from knowledge_base.notes import Note

BRING: Final = "answer"
"""The beginning of the action that brings an answer; with `KEEP` behind it, it is kept too."""
BRING_ANSWER: Final = "team answer"
KEEP: Final = "keep"


async def offer(
    resources: Resources, card: Card, message: IncomingMessage, _: Words
) -> tuple[ReplyEvent, ...]:
    """What is asked of who replied to a card."""
    if not message.text.strip():
        return (TextDelta(_("I can only bring words. Please reply with some.")), Finished("stop"))
    token = await resources.answers.hold(card, message)
    told = _("Shall I bring this answer to {name}?", name=inert(card.asker))
    buttons = [Button(f"{BRING}:{token}", _("Bring it"))]
    if card.base:
        told += " " + _("A moderator can also keep it as a note, for whoever asks the same.")
        buttons.insert(0, Button(f"{BRING}:{token}:{KEEP}", _("Bring it and keep it"), "good"))
    return TextDelta(told), Actions((Menu(tuple(buttons)),)), Finished("stop")


async def bring(context: CommandContext) -> Replies:
    """Say a helper's answer where it was asked, and keep it where that is wanted."""
    _ = context.words
    answers = context.resources.answers
    keeps = context.text("verdict") == KEEP
    moderates = context.level >= Level.MODERATOR
    if keeps and not moderates:
        raise NotAllowedError(Level.MODERATOR.key)
    by = None if moderates else context.member.user_id
    answer = await answers.take(context.text("token"), context.message.conversation, by)
    try:
        await answers.bring(answer, _)
    except DeliveryError:
        await answers.give_back(answer.token)
        raise
    told = _("Brought to {name}.", name=inert(answer.card.asker))
    if keeps:
        await _keep(context, answer)
        told += " " + _("Whoever asks the same gets it as {name}'s answer.",
                        name=inert(answer.author))  # fmt: skip
    yield TextDelta(told)


async def _keep(context: CommandContext, answer: HelpersAnswer) -> None:
    library = context.resources.library
    base = await library.ensure_base(answer.card.base)
    author = uploader_id(MemberRef(context.member.platform, answer.author_id))
    question = one_line(answer.card.question, LONGEST_QUESTION)
    note = Note(question, answer.text, answer.author, author, answer.written_at, None, answer.link)
    name = await note_name(library, base, question)
    await store(library, base, note, name, context.act)
    asked_in = answer.card.told_at.conversation.channel
    await context.resources.moderation.audit.record(context.message, Act.NOTED, name, asked_in)
