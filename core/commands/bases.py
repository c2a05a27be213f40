"""What this place is answered from besides its own documents: attach, share, use; bases by name."""

from __future__ import annotations

import re
from typing import Final

from core.access import SAMPLES, SHARED
from core.audit import Act
from core.commands.base import CommandContext, Replies
from core.commands.confirming import ask_first
from core.commands.places import every_home
from core.errors import BadBaseNameError
from core.inert import inert, one_line
from core.language import Words
from core.replies import Actions, Button, Menu, TextDelta
from core.sightings import SeenChannel
from knowledge_base.errors import NoSuchBaseError, NoSuchDocumentError
from knowledge_base.models import AddState

USE: Final = "use"
NOTHING: Final = "none"
_OWN: Final = frozenset((NOTHING, "off", "-", "无", "自己"))
_MOST_OFFERED: Final = 24
_LONGEST_LABEL: Final = 60
# A colon makes a name that of a place; dots and slashes would mislead in paths.
_NAME: Final = re.compile(r"[^\W_][\w-]{0,39}")


async def use(context: CommandContext) -> Replies:
    """Answer this private chat from a channel too; without a name, a list to choose from."""
    _ = context.words
    message, sharing = context.message, context.resources.sharing
    wanted = context.text("channel")
    if wanted.casefold() in _OWN:
        await sharing.unuse(message)
        yield TextDelta(_("From now on I answer here from your own documents alone."))
        return
    if wanted:
        seen = await sharing.use(message, wanted)
        yield TextDelta(
            _(
                "From now on I answer here from {channel} too, as long as you can read it. "
                "`/kb use {none}` ends it.",
                channel=inert(seen.title),
                none=NOTHING,
            )
        )
        return
    known = await sharing.known(message)
    if not known:
        yield TextDelta(_("I have not met you in any channel yet. Address me there once."))
        return
    used = await sharing.in_use(message)
    lines = [_("Where I have met you:"), *(f"- {inert(seen.title)}" for seen in known)]
    if used is not None:
        lines.append(_("In use: {channel}.", channel=inert(used.title)))
    yield TextDelta("\n".join(lines))
    yield Actions((_channels(known, used, _),))


def _channels(known: tuple[SeenChannel, ...], used: SeenChannel | None, _: Words) -> Menu:
    buttons = [Button(f"{USE}:{NOTHING}", _("your own documents alone"))]
    buttons += [
        Button(f"{USE}:{seen.channel.channel_id}", one_line(seen.title, _LONGEST_LABEL))
        for seen in known[:_MOST_OFFERED]
    ]
    chosen = f"{USE}:{used.channel.channel_id if used is not None else NOTHING}"
    return Menu(tuple(buttons), _("Answer here from"), chosen)


async def attach(context: CommandContext) -> Replies:
    """Answer this channel from another one's documents too; without a name, what is attached."""
    _ = context.words
    wanted = context.text("channel")
    if wanted:
        own = await context.resources.sharing.attach(context.message, wanted)
        await _note(context, Act.ATTACHED, own.title)
        yield TextDelta(_("From now on I answer here from {title} too.", title=inert(own.title)))
        return
    attached = await context.resources.sharing.attached(context.message)
    lines = [
        f"- {inert(own.title)} ({own.at:%Y-%m-%d})"
        for own in attached
    ]  # fmt: skip
    title = _("Attached here:") if lines else _("Nothing is attached here.")
    yield TextDelta("\n".join([title, *lines]))


async def detach(context: CommandContext) -> Replies:
    """Undo `attach`, from either end."""
    _ = context.words
    title = await context.resources.sharing.detach(context.message, context.text("channel"))
    await _note(context, Act.DETACHED, title)
    yield TextDelta(_("{title} is not attached any more.", title=inert(title)))


async def share(context: CommandContext) -> Replies:
    """Give one document to another channel, to the server, or to whoever can see this one."""
    _ = context.words
    message, sharing = context.message, context.resources.sharing
    document, where = context.text("document"), context.text("to")
    if not document:
        withheld = await sharing.withheld(message)
        lines = [f"- {inert(own.name)}" for own in withheld]
        title = (
            _("Learnt while fewer people could see this channel, and kept from it since:")
            if lines
            else _("Every document of this channel can be asked here.")
        )
        yield TextDelta("\n".join([title, *lines]))
        return
    await _require_own(context, document)
    if not context.confirmed:
        question = _(
            "Everybody in {place} will be able to ask {name}. Share it?",
            place=inert(where) if where else _("this channel"),
            name=inert(document),
        )
        for event in await ask_first(context, question, _("Share")):
            yield event
        return
    shared = await sharing.share(message, document, where)
    await _note(context, Act.SHARED, f"{document} → {shared.title}")
    if shared.added.state is AddState.UNCHANGED:
        yield TextDelta(_("{title} has it already.", title=inert(shared.title)))
    else:
        yield TextDelta(
            _("{name} can now be asked in {title}.",
              name=inert(document), title=inert(shared.title))
        )  # fmt: skip


async def _require_own(context: CommandContext, name: str) -> None:
    """Raises `NoSuchDocumentError` before anybody is asked about nothing."""
    library = context.resources.library
    bases = [base.base_id for base in await every_home(context)]
    for base in bases:
        if await library.document(base, name) is not None:
            return
    raise NoSuchDocumentError(name, await library.near_names(bases, name))


async def create(context: CommandContext) -> Replies:
    """A base by name, which the owner fills from the shell or console and attaches to channels."""
    _ = context.words
    name = _checked(context.text("name"))
    library = context.resources.library
    if any(base.name == name for base in await library.bases()):
        yield TextDelta(_("There is a knowledge base {name} already.", name=inert(name)))
        return
    await library.ensure_base(name)
    await _note(context, Act.CREATED, name)
    yield TextDelta(
        _(
            "There is now a knowledge base {name}. `/kb attach {plain}` lets a channel ask it.",
            name=inert(name),
            plain=name,
        )
    )


async def rename(context: CommandContext) -> Replies:
    """Another name for such a base; channels that ask it go on doing so."""
    _ = context.words
    name, new = context.text("name"), _checked(context.text("new"))
    library = context.resources.library
    if ":" in name or name in (SHARED, SAMPLES):
        # Those follow their channel, or are known by their name.
        raise BadBaseNameError(name)
    if all(base.name != name for base in await library.bases()):
        raise NoSuchBaseError(name)
    if await library.rename(name, new):
        await _note(context, Act.RENAMED, f"{name} → {new}")
        yield TextDelta(_("{name} is now called {new}.", name=inert(name), new=inert(new)))
    else:
        yield TextDelta(_("There is a knowledge base {name} already.", name=inert(new)))


async def _note(context: CommandContext, act: Act, about: str) -> None:
    await context.resources.moderation.audit.note(context.message, act, about)


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise BadBaseNameError(name)
    return name
