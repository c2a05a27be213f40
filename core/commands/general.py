"""Help, and the operator's choice of a model."""

from __future__ import annotations

from core.commands.base import Command, CommandContext, Replies
from core.inert import inert
from core.language import Words
from core.replies import TextDelta


def help_text(commands: tuple[Command, ...], context: CommandContext) -> str:
    """What this person may do here; nothing else."""
    _ = context.words
    wanted = context.text("command").lstrip("/").lower()
    allowed = [command for command in commands if context.level >= command.needs]
    chosen = [command for command in allowed if command.name.startswith(wanted)] or allowed
    lines = [_("Ask me anything about the documents here. You can also use:")]
    lines += [_line(command, _) for command in chosen]
    return "\n".join(lines)


def _line(command: Command, _: Words) -> str:
    return f"- `{command.usage}`: {_(command.summary)}"


async def model(context: CommandContext) -> Replies:
    """Show or pick the engine of this channel."""
    _ = context.words
    engines, channel = context.resources.engines, context.message.conversation.channel
    name = context.text("name")
    if name:
        engines.pick(channel, name)
        yield TextDelta(_("From now on {engine} answers here.", engine=inert(name)))
        return
    yield TextDelta(
        _(
            "{engine} answers here. You can choose from: {names}.",
            engine=inert(engines.name_for(channel)),
            names=_(", ").join(inert(own) for own in engines.names),
        )
    )
