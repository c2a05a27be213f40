"""`/pause`: silence in a channel, its server, or everywhere."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Final

from core.audit import Act
from core.channels import Subject
from core.commands.base import CommandContext, Replies
from core.commands.choosing import CHANNEL, subject_of
from core.errors import BadArgumentsError, NotAllowedError
from core.permissions import Level
from core.replies import Actions, Button, Menu, TextDelta

RESUME: Final = "resume"
EVERYWHERE: Final = "everywhere"
_LONGEST_PAUSE: Final = 60 * 24 * 365
"""In minutes."""


async def pause(context: CommandContext) -> Replies:
    """Be silent in this channel for a while, or until told otherwise; `0` ends it."""
    _ = context.words
    channels, audit = context.resources.channels, context.resources.moderation.audit
    given = context.options.get("minutes")
    where = context.text("where")
    subject = _paused(context, where)
    if given == 0:
        resumed = await channels.resume(subject)
        yield TextDelta(_("I answer again.") if resumed else _("I was not paused."))
        if resumed:
            await audit.note(context.message, Act.RESUMED, where or CHANNEL)
        return
    if isinstance(given, int) and not 0 < given <= _LONGEST_PAUSE:
        raise BadArgumentsError(context.command.name, context.command.usage)
    minutes = given if isinstance(given, int) else None
    until = await channels.pause(subject, minutes)
    about = where or CHANNEL
    if math.isinf(until):
        yield TextDelta(_("I am silent until somebody says `/pause 0`."))
    else:
        when = datetime.fromtimestamp(until, UTC)
        about += f", {minutes} min"
        yield TextDelta(_("I am silent until {time:%Y-%m-%d %H:%M} UTC.", time=when))
    yield Actions((Menu((Button(f"{RESUME}:{where or CHANNEL}", _("Answer again"), "good"),)),))
    await audit.note(context.message, Act.PAUSED, about)


def _paused(context: CommandContext, where: str) -> Subject | None:
    if where != EVERYWHERE:
        return subject_of(context, where)
    if context.level < Level.OWNER:
        raise NotAllowedError(Level.OWNER.key)
    return None
