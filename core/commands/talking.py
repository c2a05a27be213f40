"""Commands about the conversation itself."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from typing import Final

from core.commands.base import CommandContext, Replies
from core.errors import BadArgumentsError
from core.events import ChannelKind, InteractionRef, Trigger
from core.history import StoredAnswer
from core.inert import inert
from core.language import Words
from core.layout import link_target
from core.permissions import Level
from core.pictured import shows_only
from core.replies import Actions, CitedPassage, Sources, TextDelta
from core.shielding import to_the_end
from core.text import clip, escape_markdown
from knowledge_base.models import Passage
from knowledge_base.notes import MEDIA_TYPE

_LONGEST_QUOTE: Final = 700


async def ask(context: CommandContext) -> Replies:
    """Answer the question that comes with the command, or the message that it is about."""
    _ = context.words
    message = replace(
        context.message, text=context.text("question"), command=None, trigger=Trigger.COMMAND
    )
    quoted = message.quoted is not None and bool(message.quoted.text.strip())
    if not (message.text or quoted or shows_only(message)):
        raise BadArgumentsError(context.command.name, context.command.usage)
    hidden = isinstance(message.reply_to, InteractionRef) or message.kind is ChannelKind.PRIVATE
    if context.options.get("private") is True and not hidden:
        yield TextDelta(
            _(
                "Everybody here would see the answer. Ask me in our private chat: `/kb use` there "
                "lets me answer from this channel."
            )
        )
        return
    try:
        async with aclosing(context.resources.answer(message)) as events:
            async for event in events:
                yield event
    finally:
        if context.options.get("private") is True and message.kind is ChannelKind.GROUP:
            # In a thread, all that was said is the context of what anybody asks next; and made
            # anew, after its interaction has ended, the answer would be seen by all.
            history = context.resources.history
            await to_the_end(history.hide(message.conversation, message.message_id))


async def stop(context: CommandContext) -> Replies:
    """Stop the asker's own answers; a moderator's stop is for all of the conversation."""
    _ = context.words
    everybody = context.level >= Level.MODERATOR
    user_id = None if everybody else context.message.author.user_id
    stopped = context.stop(context.message.conversation, user_id)
    given_up = await context.resources.forms.give_up(context.message.conversation, context.member)
    done = []
    if given_up:
        done.append(_("Nobody waits for what you began to fill in any more."))
    if stopped:
        done.append(_.plural("{count} answer stopped.", "{count} answers stopped.", stopped))
    yield TextDelta("\n".join(done) or _("There is no answer to stop."))


async def reset(context: CommandContext) -> Replies:
    """Forget this conversation: in a group the asker's own part of it."""
    _ = context.words
    message = context.message
    own = message.kind is ChannelKind.GROUP and context.level < Level.MODERATOR
    await context.resources.history.clear(message.conversation, message.author if own else None)
    yield TextDelta(_("This conversation starts anew; I have forgotten what was said before."))


async def sources(context: CommandContext) -> Replies:
    """The passages behind an answer, looked up again for who asks now, and where."""
    _ = context.words
    message, resources = context.message, context.resources
    quoted = message.quoted.message_id if message.quoted else None
    if quoted is not None:
        answer = await resources.history.answer(message.conversation, quoted)
    else:
        answer = await resources.history.latest(message.conversation, message.author)
    if answer is None or not answer.sources:
        yield TextDelta(_("There is no answer here whose sources I could show."))
        return
    scope = await resources.access.scope_of(message)
    shown: list[CitedPassage] = []
    pieces: list[str] = []
    for source in answer.sources:
        passage = await resources.library.passage(scope, source.chunk)
        if passage is not None:
            passage = replace(passage, relevance=source.relevance)
            shown.append(CitedPassage(source.number, passage, source.cited))
            pieces.append(_entry(source.number, passage, _))
        elif source.cited:
            pieces.append(_("[{number}] is not there any more.", number=source.number))
    yield TextDelta("\n\n".join(pieces) or _gone(answer, _))
    yield Sources(tuple(shown), answer.refused)
    yield Actions(())  # This shows an answer's sources; it is none itself.


def _gone(answer: StoredAnswer, _: Words) -> str:
    return _.plural(
        "The {count} passage behind this answer is not there any more.",
        "The {count} passages behind this answer are not there any more.",
        len(answer.sources),
    )


def _entry(number: int, passage: Passage, _: Words) -> str:
    return f"[{number}] {place_of(passage, _)}\n> {excerpt(passage, _LONGEST_QUOTE)}"


def excerpt(passage: Passage, longest: int) -> str:
    """The beginning of a passage on one line, in which nothing is markup."""
    return escape_markdown(clip(" ".join(passage.chunk.text.split()), longest))


def place_of(passage: Passage, _: Words) -> str:
    """Document, page and heading of a passage, for people."""
    document = passage.document
    if document.media_type == MEDIA_TYPE and document.uploader:
        parts = [_("answered by {name}", name=inert(document.uploader))]
    else:
        parts = [inert(document.name)]
    if document.source and (target := link_target(document.source)):
        parts.append(f"<{target}>")
    if passage.chunk.page is not None:
        parts.append(_("page {page}", page=passage.chunk.page))
    if passage.chunk.heading:
        parts.append(inert(passage.chunk.heading))
    return " · ".join(parts)
