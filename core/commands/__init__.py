"""All commands: `COMMANDS` is the one table that permissions, help, menus and documents use."""

from __future__ import annotations

from typing import Final

from core.commands import general, knowledge, talking
from core.commands.base import Command, CommandContext, Option, Replies
from core.language import N_
from core.permissions import Level
from core.replies import TextDelta


async def _help(context: CommandContext) -> Replies:
    yield TextDelta(general.help_text(COMMANDS, context))


COMMANDS: Final[tuple[Command, ...]] = (
    Command(
        "help",
        Level.MEMBER,
        N_("what you can do here"),
        _help,
        (Option("command", N_("one command, for more about it"), required=False),),
        immediate=True,
    ),
    Command(
        "ask",
        Level.MEMBER,
        N_("ask a question about the documents"),
        talking.ask,
        (Option("question", N_("what you want to know")),),
    ),
    Command(
        "sources",
        Level.MEMBER,
        N_("the exact passages behind the last answer"),
        talking.sources,
    ),
    Command("stop", Level.MEMBER, N_("stop the answer under way"), talking.stop, immediate=True),
    Command(
        "reset",
        Level.MEMBER,
        N_("start the conversation anew"),
        talking.reset,
    ),
    Command(
        "kb search",
        Level.MEMBER,
        N_("the nearest passages with their scores, without a model"),
        knowledge.search,
        (Option("query", N_("what to look for")),),
    ),
    Command(
        "kb add",
        Level.UPLOADER,
        N_("learn the files that come with the message"),
        knowledge.add,
        takes_files=True,
    ),
    Command(
        "kb list",
        Level.MODERATOR,
        N_("the documents that are asked here"),
        knowledge.list_documents,
    ),
    Command(
        "kb show",
        Level.MODERATOR,
        N_("what is known of one document"),
        knowledge.show,
        (Option("name", N_("the document's name")),),
    ),
    Command(
        "kb remove",
        Level.MODERATOR,
        N_("take a document out"),
        knowledge.remove,
        (Option("name", N_("the document's name")),),
    ),
    Command(
        "kb stats",
        Level.MODERATOR,
        N_("how much is stored"),
        knowledge.statistics,
    ),
    Command(
        "model",
        Level.OWNER,
        N_("which model answers here, or another one"),
        general.model,
        (Option("name", N_("the model's name"), required=False),),
    ),
)
