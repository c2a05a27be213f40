"""`/stats`: a channel's week for who administers it, and what was done with the channel."""

from __future__ import annotations

from typing import Final

from core.commands.base import CommandContext, Replies
from core.events import ChannelKind, ServerRef
from core.inert import inert
from core.language import Words
from core.permissions import Level
from core.replies import TextDelta
from core.spend import Spent
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
    lines += await _costs(context)
    if context.message.kind is ChannelKind.GROUP:
        acts = await moderation.audit.of_channel(channel, _MOST_ACTS)
        if acts:
            lines.append(_("What was done here, the latest first:"))
            lines += [f"- {entry.at:%Y-%m-%d %H:%M} UTC: {entry.told(_)}" for entry in acts]
    yield TextDelta("\n".join(lines))


async def _costs(context: CommandContext) -> list[str]:
    """What this place's questions cost; all engines' for whoever runs the bot. Other servers' sums
    are nobody else's business."""
    _, spending, message = context.words, context.resources.spending, context.message
    totals = () if spending is None else spending.totals()
    if spending is None or not totals:
        return []
    lines = []
    if message.server_id is not None:
        server = ServerRef(message.conversation.channel.platform, message.server_id)
        lines.append(
            _("What was asked in this server cost {today:.4f} today and {month:.4f} this month.",
              today=await spending.of_server(server, month=False),
              month=await spending.of_server(server))
        )  # fmt: skip
    if context.level is Level.OWNER:
        lines.append(_("What models cost, everywhere:"))
        lines += [f"- {_of_engine(total, _)}" for total in totals]
    return lines


def _of_engine(total: Spent, _: Words) -> str:
    def of(cap: float | None) -> str:
        return _(" of {cap:.2f}", cap=cap) if cap is not None else ""

    return _(
        "{engine}: {today:.4f}{of_day} today, {month:.4f}{of_month} this month",
        engine=inert(total.engine),
        today=total.today,
        of_day=of(total.daily_cap),
        month=total.this_month,
        of_month=of(total.monthly_cap),
    )


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
            name = inert(document.name)
            shown.append("- " + _("{name}: {text}", name=name, text=answers))
    return shown
