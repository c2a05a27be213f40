"""What one can do here, and what becomes of what is said."""

from __future__ import annotations

from typing import Final

from core.access import homes_of, taught_in
from core.channel_settings import UNASKED
from core.commands.base import Command, CommandContext, Replies
from core.errors import UnknownCommandError
from core.events import ChannelKind
from core.hourly import KEPT_DAYS
from core.inert import inert, one_line
from core.language import Words
from core.leaving import GRACE_DAYS
from core.replies import TextDelta
from core.summaries import is_told

_LONGEST_OPERATOR: Final = 200


def help_text(commands: tuple[Command, ...], context: CommandContext) -> str:
    """What this person may do here; nothing else.

    Raises `UnknownCommandError` where a command is asked about that this person has not.
    """
    _ = context.words
    wanted = context.text("command").lstrip("/").lower()
    allowed = [command for command in commands if context.level >= command.needs]
    chosen = [
        command
        for command in allowed
        if command.name == wanted or command.name.startswith(f"{wanted} ")
    ]
    if wanted and not chosen:
        raise UnknownCommandError(wanted)
    if len(chosen) == 1:
        about = _about(chosen[0], _)
        if not context.options.get("typed"):
            return about
        # Where a platform has a menu of commands whose rights the server sets, that is the way.
        told = _("I did nothing: this is a slash command. Type / and pick it from the menu.")
        return f"{told}\n{about}"
    lines = [_("Ask me anything about the documents here. You can also use:")]
    lines += [_line(command, _) for command in chosen or allowed]
    if not chosen:
        lines.append(
            _("Of whole documents you can ask: “what do you know?”, “summarise NAME”, “outline of "
              "NAME”, “list all deadlines in NAME”, “compare NAME and NAME”.")
        )  # fmt: skip
    return "\n".join(lines)


def _line(command: Command, _: Words) -> str:
    return f"- `{command.usage}`: {_(command.summary)}"


def _about(command: Command, _: Words) -> str:
    lines = [_line(command, _)]
    for option in command.options:
        choices = f" ({', '.join(option.choices)})" if option.choices else ""
        lines.append(f"  - `{option.name}`: {_(option.summary)}{choices}")
    return "\n".join(lines)


async def privacy(context: CommandContext) -> Replies:
    """What is stored of who asks, here; which engine reads it and where; who runs it."""
    _ = context.words
    disclosure = context.resources.disclosure
    settings = context.settings
    engine = context.resources.engines.name_for(settings.engine, settings.place)
    lines = [
        _("I am a program, and this is what becomes of what you write here:"),
        "- " + _stored(context, _),
        *[f"- {line}" for line in await _held(context, _)],
        "- "
        + _(
            "Files that are taught here, with the name of who added them, stay until somebody "
            "removes them (`/kb remove`)."
        ),
        *_rest(context, _),
        "- " + _reads(engine, disclosure.engine_hosts.get(engine), _),
    ]
    if context.resources.engines.of(settings.engine, settings.place).engine.accepts_images:
        lines.append(
            "- "
            + _(
                "So are pictures that come with a question; I delete them when the answer is there."
            )
        )
    if disclosure.embedder_host:
        lines.append(
            "- "
            + _(
                "Questions and documents are turned into numbers for searching by {host}, outside "
                "this machine.",
                host=inert(disclosure.embedder_host),
            )
        )
    lines += [f"- {line}" for line in await _costs(context, _)]
    lines.append("- " + _shown_to(context, _))
    if context.message.kind is ChannelKind.GROUP and context.settings.helpers is not None:
        lines.append(
            "- "
            + _.plural(
                '"Ask the team" shows a question with its asker\'s name to those who help here; '
                "that it was asked I keep for {count} day.",
                '"Ask the team" shows a question with its asker\'s name to those who help here; '
                "that it was asked I keep for {count} days.",
                round(disclosure.kept.feedback_days),
            )
        )
    if context.settings.speaks in UNASKED:
        lines.append(
            "- "
            + _("Who administers this channel lets me answer questions that nobody asked me: those "
                "that I answered are kept like questions to me, of all others nothing is.")
        )  # fmt: skip
    lines.append(
        "- "
        + _("What is not addressed to me I do not store. `/reset` takes the words of past "
            "questions and answers away, but for those kept with 👍 and 👎.")
    )  # fmt: skip
    lines += _summed_up(context, _)
    lines += _counted(context, _)
    if disclosure.operator:
        who = one_line(disclosure.operator, _LONGEST_OPERATOR)
        lines.append("- " + _("I am run by: {who}.", who=inert(who)))
    else:
        lines.append(
            "- " + _("Who runs me has not said how to be reached; ask whoever invited me.")
        )
    yield TextDelta("\n".join(lines))


def _stored(context: CommandContext, _: Words) -> str:
    if not homes_of(context.message):
        return _("Nothing of it can be stored here.")
    return _(
        "Questions to me and my answers are kept in a database on the machine I run on, with your "
        "name and number, so that I can follow a conversation; so are 👍 and 👎, with the "
        "question and the answer that they are about."
    )


def _summed_up(context: CommandContext, _: Words) -> list[str]:
    message, kept = context.message, context.resources.disclosure
    if not kept.summarises or not is_told(message):
        return []
    told = _(
        "Of a long conversation here the model that answers may write a summary, kept beside it "
        "for the questions to come; it goes with the first of the words that it was made from."
    )
    return [f"- {told}"]


def _counted(context: CommandContext, _: Words) -> list[str]:
    told = _(
        "How many questions there are, how they end and how long answers take is counted by the "
        "hour for {count} days, with no names and no words.",
        count=KEPT_DAYS,
    )
    if not context.message.conversation.channel.platform.is_operators:
        return [f"- {told}"]
    account = _(
        "Of an account of the web console there is the name, a digest of the password, and when "
        "each session began and was last used, until it has ended; failed attempts to log in are "
        "in memory alone, for ten minutes."
    )
    return [f"- {told}", f"- {account}"]


def _rest(context: CommandContext, _: Words) -> list[str]:
    days = context.resources.library.rest_days
    if not days:
        return []
    told = _.plural(
        "What was removed can be brought back for {count} day (`/kb undo`), but for what its "
        "author deleted or `/forgetme` erased.",
        "What was removed can be brought back for {count} days (`/kb undo`), but for what its "
        "author deleted or `/forgetme` erased.",
        days,
    )
    return [f"- {told}"]


async def _held(context: CommandContext, _: Words) -> tuple[str, ...]:
    """How much there is of who asks, here, and until when."""
    if not homes_of(context.message):
        return ()
    channel, kept = context.message.conversation.channel, context.resources.disclosure.kept
    held = await context.resources.own_data.exporting.counts(
        context.member, channel, taught_in(context.message)
    )
    questions = _.plural("{count} question", "{count} questions", held.questions)
    verdicts = _.plural("{count} 👍 or 👎", "{count} 👍 and 👎", held.verdicts)
    files = _.plural("{count} file", "{count} files", held.uploads)
    return (
        _(
            "Of you there is here now: {what}.",
            what=_(", ").join((questions, verdicts, files)),
        ),
        _.plural(
            "Questions and answers go after {count} day, 👍 and 👎 after {feedback:.0f}, who did "
            "what with documents and settings after {audit:.0f}; when I am taken out of a place, "
            "everything of it after {grace}.",
            "Questions and answers go after {count} days, 👍 and 👎 after {feedback:.0f}, who did "
            "what with documents and settings after {audit:.0f}; when I am taken out of a place, "
            "everything of it after {grace}.",
            round(kept.history_days),
            feedback=kept.feedback_days,
            audit=kept.audit_days,
            grace=GRACE_DAYS,
        ),
        _(
            "`/export` gives you everything that I keep of you, in all places, as a file; "
            "`/forgetme` erases it."
        ),
    )


async def _costs(context: CommandContext, _: Words) -> tuple[str, ...]:
    """What is counted of who asks where a model has its price."""
    spending = context.resources.spending
    if spending is None or not spending.totals():
        return ()
    return (
        _(
            "What answers cost is counted by day, with the number of who asked: yours this month, "
            "{month:.4f}. `/forgetme` leaves the sums and takes your number from them; today's "
            "goes when the day is over.",
            month=await spending.of_member(context.member),
        ),
    )


def _reads(engine: str, host: str | None, _: Words) -> str:
    if host is not None:
        return _(
            "Your question and the passages found for it are read by {engine} at {host}, outside "
            "this machine.",
            engine=inert(engine),
            host=inert(host),
        )
    return _(
        "Your question and the passages found for it are read by {engine}, on this machine.",
        engine=inert(engine),
    )


def _shown_to(context: CommandContext, _: Words) -> str:
    """Whom what is taught here will answer."""
    if context.message.conversation.channel.platform.is_operators:
        names = _(", ").join(inert(name) for name in homes_of(context.message))
        return _("What is taught here can be asked by whoever may ask {names}.", names=names)
    if context.message.kind is ChannelKind.PRIVATE:
        return _("What you teach me here answers nobody but you, unless you share it.")
    return _(
        "What is taught here can be asked by everybody who can read this channel, also from their "
        "private chat with me."
    )
