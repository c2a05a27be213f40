"""All commands: `COMMANDS` is the one table that permissions, help, menus and documents use."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from core.commands import (
    bases,
    carrying,
    clearing,
    general,
    helping,
    jobs,
    knowledge,
    learning,
    mending,
    note_forms,
    notes,
    own_data,
    pausing,
    reviewing,
    settling,
    statistics,
    talking,
    tuning,
    undoing,
)
from core.commands.base import Command, CommandContext, Option, Replies
from core.commands.choice_menus import form_of
from core.commands.choosing import CHANNEL, SERVER
from core.commands.confirming import CANCEL, CONFIRM
from core.commands.parsing import command_for
from core.errors import NotAllowedError
from core.forms import FORM, TOKEN
from core.language import N_
from core.permissions import Level
from core.replies import TextDelta


async def _help(context: CommandContext) -> Replies:
    yield TextDelta(general.help_text(COMMANDS, context))


async def _confirm(context: CommandContext) -> Replies:
    """Run what was asked about, as who was asked, and only if they still may."""
    message = context.message
    invocation = await context.resources.confirmations.take(
        context.text("token"),
        message.conversation.channel,
        context.member,
        administers=context.level >= Level.CHANNEL_ADMIN,
    )
    if context.text("answer") == CANCEL:
        yield TextDelta(context.words("Nothing was changed."))
        return
    command = command_for(invocation, COMMANDS)
    if context.level < command.needs:
        raise NotAllowedError(command.needs.key)
    meant = replace(context, command=command, options=invocation.options, confirmed=True)
    async with aclosing(command.run(meant)) as events:
        async for event in events:
            yield event


async def _form(context: CommandContext) -> Replies:
    """Run what a filled form becomes, as who filled it in, and only if they still may."""
    message = context.message
    invocation = await context.resources.forms.take(
        context.text(TOKEN),
        {name: str(value) for name, value in context.options.items() if name != TOKEN},
        message.conversation.channel,
        context.member,
        message.message_id,
    )
    command = command_for(invocation, EVERY)
    if context.level < command.needs:
        raise NotAllowedError(command.needs.key)
    async with aclosing(
        command.run(replace(context, command=command, options=invocation.options))
    ) as events:
        async for event in events:
            yield event


_DOCUMENT: Final = Option("name", N_("the document's name"), completes=True)
_FILES: Final = tuple(
    Option(name, N_("a file"), required=False, kind="file")
    for name in ("file", "file2", "file3", "file4", "file5")
)

GROUPS: Final[Mapping[str, str]] = {"kb": N_("the documents that are asked here")}
"""What commands of several words have in common, by their first word."""

COMMANDS: Final[tuple[Command, ...]] = (
    Command(
        "ask",
        Level.MEMBER,
        N_("ask a question about the documents"),
        talking.ask,
        (
            Option("question", N_("what you want to know")),
            Option(
                "private",
                N_("whether only you see the answer"),
                required=False,
                kind="boolean",
                by_name=True,
            ),
            Option("picture", N_("a picture that it is about"), required=False, kind="file"),
        ),
        message_menu=N_("Ask about this"),
        quotes=True,
    ),
    Command(
        "sources",
        Level.MEMBER,
        N_("the exact passages behind the last answer"),
        talking.sources,
        private=True,
    ),
    Command("stop", Level.MEMBER, N_("stop the answer under way"), talking.stop, immediate=True),
    Command("reset", Level.MEMBER, N_("start the conversation anew"), talking.reset),
    Command(
        "help",
        Level.MEMBER,
        N_("what you can do here"),
        _help,
        (
            Option(
                "command",
                N_("one command, for more about it"),
                required=False,
                completes=True,
            ),
        ),
        immediate=True,
        private=True,
    ),
    Command(
        "privacy",
        Level.MEMBER,
        N_("what becomes of what you write here"),
        general.privacy,
        immediate=True,
        private=True,
    ),
    Command(
        "export",
        Level.MEMBER,
        N_("what I keep of you, as a file for you alone"),
        own_data.export,
        immediate=True,
        private=True,
    ),
    Command(
        "forgetme",
        Level.MEMBER,
        N_("erase what I keep of you"),
        own_data.forget,
        (
            Option(
                "user",
                N_("for the owner: of whom, also who has left, as `discord:123`"),
                required=False,
            ),
        ),
        private=True,
    ),
    Command(
        "kb search",
        Level.MEMBER,
        N_("the nearest passages with their scores, without a model"),
        knowledge.search,
        (Option("query", N_("what to look for")),),
        private=True,
    ),
    Command(
        "kb add",
        Level.UPLOADER,
        N_(
            "learn the files that come with the message, a page of the web, or the message that is "
            "replied to"
        ),
        learning.add,
        (*_FILES, Option("url", N_("the address of a page of the web"), required=False)),
        takes_files=True,
        message_menu=N_("Add to knowledge base"),
    ),
    Command(
        "kb remove",
        Level.MEMBER,
        N_("take out a document: your own, or as a moderator any"),
        clearing.remove,
        (_DOCUMENT,),
    ),
    Command(
        "kb use",
        Level.MEMBER,
        N_("in a private chat: answer from a channel that you can read"),
        bases.use,
        (
            Option(
                "channel",
                N_("which one; `none` for your own documents alone"),
                required=False,
                completes=True,
            ),
        ),
    ),
    Command(
        "kb export",
        Level.CHANNEL_ADMIN,
        N_("this place's own documents as a file"),
        carrying.export,
        (
            Option(
                "uploaders",
                N_("whether the file says who added them"),
                required=False,
                kind="boolean",
                by_name=True,
            ),
        ),
        private=True,
    ),
    Command(
        "kb import",
        Level.CHANNEL_ADMIN,
        N_("take in the documents of a file that `/kb export` made"),
        carrying.take_in,
        (Option("file", N_("the file"), required=False, kind="file"),),
        takes_files=True,
    ),
    Command(
        "kb list",
        Level.MODERATOR,
        N_("the documents that are asked here, by name"),
        knowledge.list_documents,
        private=True,
    ),
    Command(
        "kb show",
        Level.MODERATOR,
        N_("what is known of one document"),
        knowledge.show,
        (_DOCUMENT,),
        private=True,
    ),
    Command(
        "kb stats",
        Level.MODERATOR,
        N_("how much is stored"),
        knowledge.statistics,
        private=True,
    ),
    Command(
        "kb review",
        Level.MODERATOR,
        N_("uploads that wait for a moderator"),
        reviewing.review,
        (
            Option("upload", N_("which one, by its number"), required=False),
            Option(
                "verdict",
                N_("what becomes of it"),
                required=False,
                choices=(reviewing.ACCEPT, reviewing.REJECT),
            ),
        ),
        private=True,
    ),
    Command(
        "kb note",
        Level.MODERATOR,
        N_("answer a question for whoever asks it again, in a form"),
        notes.note,
        (
            Option("question", N_("what is asked"), required=False),
            Option("answer", N_("the answer"), required=False, by_name=True),
            Option(
                "until",
                N_("how long it holds: 2027-05-01 or 30d"),
                required=False,
                by_name=True,
            ),
            Option(
                "note",
                N_("a note to be edited, by its name"),
                required=False,
                completes=True,
                by_name=True,
            ),
        ),
        message_menu=N_("This is the answer"),
        form=note_forms.note_form,
    ),
    Command(
        "kb notes",
        Level.MODERATOR,
        N_("what people answered here, to be edited"),
        notes.list_notes,
        private=True,
    ),
    Command(
        "kb gaps",
        Level.MODERATOR,
        N_("what was asked here in vain, and how often"),
        notes.gaps,
        private=True,
    ),
    Command(
        "kb tune",
        Level.CHANNEL_ADMIN,
        N_("which threshold suits questions whose answers are known"),
        tuning.tune,
        (
            Option(
                "questions",
                N_("`question | document | words`, `;;` between them; left out: from feedback"),
                required=False,
            ),
        ),
        private=True,
    ),
    Command(
        "kb purge",
        Level.MODERATOR,
        N_("take out everything that one member added"),
        clearing.purge,
        (
            Option("member", N_("who; in a reply, its author"), required=False, kind="member"),
            Option("since", N_("from when on: 2026-05-01, 7d or 24h"), required=False),
        ),
    ),
    Command(
        "kb undo",
        Level.MODERATOR,
        N_("bring back what was removed or replaced last, or one document by its name"),
        undoing.undo,
        (
            Option(
                "name",
                N_("the document's name; left out, all that was removed last"),
                required=False,
                completes=True,
            ),
        ),
    ),
    Command(
        "kb attach",
        Level.CHANNEL_ADMIN,
        N_("answer here from the documents of another channel of yours too"),
        bases.attach,
        (
            Option(
                "channel",
                N_("which one; left out, what is attached is listed"),
                required=False,
                completes=True,
            ),
        ),
    ),
    Command(
        "kb detach",
        Level.CHANNEL_ADMIN,
        N_("undo an attachment, from either end"),
        bases.detach,
        (Option("channel", N_("which one"), completes=True),),
    ),
    Command(
        "kb share",
        Level.CHANNEL_ADMIN,
        N_("give one document to another channel or to the server"),
        bases.share,
        (
            Option(
                "document",
                N_("its name; left out, what is withheld here is listed"),
                required=False,
                completes=True,
            ),
            Option(
                "to",
                N_("a channel, or `server`; left out, whoever can see this channel"),
                required=False,
                completes=True,
                by_name=True,
            ),
        ),
    ),
    Command(
        "kb create",
        Level.OWNER,
        N_("make a knowledge base that channels can attach"),
        bases.create,
        (Option("name", N_("letters, digits and hyphens")),),
    ),
    Command(
        "kb rename",
        Level.OWNER,
        N_("give such a knowledge base another name"),
        bases.rename,
        (
            Option("name", N_("its name until now"), completes=True),
            Option("new", N_("its new name")),
        ),
    ),
    Command(
        "kb verify",
        Level.OWNER,
        N_("check that nothing of what is asked here is damaged"),
        mending.verify,
        private=True,
    ),
    Command(
        "kb rebuild",
        Level.OWNER,
        N_("make this place's indexes anew from what is stored"),
        mending.rebuild,
        private=True,
    ),
    Command(
        "jobs",
        Level.OWNER,
        N_("what I do by myself from time to time, and how it went"),
        jobs.jobs,
        (
            Option(
                "action",
                N_("what is to be done"),
                required=False,
                choices=(jobs.RUN, jobs.PAUSE, jobs.RESUME),
            ),
            Option("name", N_("with which of them"), required=False, completes=True),
        ),
        immediate=True,
        private=True,
    ),
    Command(
        "pause",
        Level.MODERATOR,
        N_("be silent here for a while; 0 minutes ends it"),
        pausing.pause,
        (
            Option(
                "minutes",
                N_("how long; left out, until told otherwise"),
                required=False,
                kind="integer",
            ),
            Option(
                "where",
                N_("this channel, its server, or everywhere"),
                required=False,
                choices=(CHANNEL, SERVER, pausing.EVERYWHERE),
                by_name=True,
            ),
        ),
        immediate=True,
    ),
    Command(
        "stats",
        Level.CHANNEL_ADMIN,
        N_("the last seven days of this channel"),
        statistics.stats,
        private=True,
    ),
    Command(
        "setup",
        Level.CHANNEL_ADMIN,
        N_("the few choices for a new channel"),
        settling.setup,
        (
            Option(
                "where",
                N_("for this channel alone, or for all of its server"),
                required=False,
                choices=(CHANNEL, SERVER),
                by_name=True,
            ),
        ),
    ),
    Command(
        "settings",
        Level.CHANNEL_ADMIN,
        N_("what holds in this channel, and how to change it"),
        settling.settings,
        (
            Option(
                "name",
                N_("which setting"),
                required=False,
                completes=True,
            ),
            Option("value", N_("its new value, or `default`"), required=False, completes=True),
            Option(
                "where",
                N_("for this channel alone, or for all of its server"),
                required=False,
                choices=(CHANNEL, SERVER),
                by_name=True,
            ),
        ),
        form=form_of,
    ),
    Command(
        "model",
        Level.CHANNEL_ADMIN,
        N_("which model answers here, or another one"),
        settling.model,
        (Option("name", N_("the model's name"), required=False, completes=True),),
    ),
)

BEHIND_BUTTONS: Final[tuple[Command, ...]] = (
    Command(
        FORM,
        Level.MEMBER,
        N_("send off what was filled in"),
        _form,
        (Option(TOKEN, N_("which form")),),
    ),
    Command(
        CONFIRM,
        Level.MEMBER,
        N_("do what was asked about"),
        _confirm,
        (Option("token", N_("which question")), Option("answer", N_("yes or no"), required=False)),
    ),
    Command(
        reviewing.VERDICT,
        # Whose verdict counts is looked at in the channel that the upload is for.
        Level.MEMBER,
        N_("decide about an upload"),
        reviewing.decide,
        (Option("upload", N_("which one")), Option("verdict", N_("what becomes of it"))),
    ),
    Command(
        helping.BRING_ANSWER,
        Level.MEMBER,
        N_("bring a helper's answer to who asked"),
        helping.bring,
        (Option("token", N_("which answer")), Option("verdict", N_("keep it too"), required=False)),
    ),
    Command(
        settling.AGREEMENT,
        Level.MEMBER,
        N_("agree, or not, that what is asked in private leaves the machine"),
        settling.agree,
        (Option("place", N_("where it may go")),),
    ),
    Command(
        settling.SETUP_CHOICE,
        Level.CHANNEL_ADMIN,
        N_("choose one of the first settings"),
        settling.setup,
        (Option("name", N_("which setting")), Option("value", N_("its new value"))),
    ),
)
"""What buttons and forms stand for; no menu and no help lists it."""

EVERY: Final = COMMANDS + BEHIND_BUTTONS
