"""What destroys asks first: a question with two buttons, and what becomes of its answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core.commands.base import CommandContext
from core.events import Attachment, Invocation
from core.replies import Actions, Button, Menu, ReplyEvent, TextDelta

CONFIRM: Final = "confirm"
CANCEL: Final = "cancel"


async def ask_first(
    context: CommandContext,
    question: str,
    yes: str,
    options: Mapping[str, str | int | bool | Attachment] | None = None,
    *,
    destroys: bool = True,
) -> tuple[ReplyEvent, ...]:
    """The question whether the command is meant, which will then be run as it was asked.

    `options` are what it will be run with: nothing else of the message is there any more. What
    does not destroy is no button to be wary of.
    """
    _ = context.words
    channel = context.message.conversation.channel
    invocation = Invocation(context.command.name, context.options if options is None else options)
    token = await context.resources.confirmations.ask(channel, context.member, invocation)
    if channel.platform.is_operators and not context.message.shows_menus:
        typed = _("Type `{line}` to go on.", line=f"/{CONFIRM} {token}")
        return (TextDelta(f"{question}\n{typed}"),)
    buttons = (
        Button(f"{CONFIRM}:{token}", yes, "danger" if destroys else "good"),
        Button(f"{CANCEL}:{token}", _("Cancel")),
    )
    return TextDelta(question), Actions((Menu(buttons),))
