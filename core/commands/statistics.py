"""`/stats`: a channel's week for who administers it, and what was done with the channel."""

from __future__ import annotations

from typing import Final

from core.commands.base import CommandContext, Replies
from core.events import ChannelKind
from core.inert import inert
from core.replies import TextDelta
from core.weeks import DAYS, Week

_MOST_DOCUMENTS: Final = 5
_MOST_ACTS: Final = 10


async def stats(context: CommandContext) -> Replies:
    """Questions, answers, verdicts, documents and gaps of the last seven days."""
    _ = context.words
    moderation = context.resources.moderation
    channel = context.message.conversation.channel
    week = await moderation.weeks.of(channel)
    lines = [
        _("The last {days} days here:", days=DAYS),
        "- "
        + _.plural("{count} question", "{count} questions", week.questions)
        + _(" of {count} people", count=week.members) * (week.members > 1),
        "- " + _("answered: {answered}, refused: {refused}",
                 answered=week.answered, refused=week.refused),
        f"- 👍 {week.liked}, 👎 {week.disliked}",
        "- " + _("gaps (refused, or 👎): {count}", count=week.gaps),
    ]  # fmt: skip
    documents = await _documents(context, week)
    if documents:
        lines += [_("Documents that answered most:"), *documents]
    if context.message.kind is ChannelKind.GROUP:
        acts = await moderation.audit.of_channel(channel, _MOST_ACTS)
        if acts:
            lines.append(_("What was done here, the latest first:"))
            lines += [f"- {entry.at:%Y-%m-%d %H:%M} UTC: {entry.told(_)}" for entry in acts]
    yield TextDelta("\n".join(lines))


async def _documents(context: CommandContext, week: Week) -> list[str]:
    """Those that may be seen here now: a channel that was opened to more people shows fewer."""
    _ = context.words
    scope = await context.resources.access.scope_of(context.message)
    shown: list[str] = []
    for document in week.documents:
        if len(shown) == _MOST_DOCUMENTS:
            break
        if await context.resources.library.passage(scope, document.chunk) is not None:
            answers = _.plural("{count} answer", "{count} answers", document.answers)
            shown.append(f"- {inert(document.name)}: {answers}")
    return shown
