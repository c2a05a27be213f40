"""A setting is chosen, for a channel or for all of its server; what holds then, in words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from core.audit import Act
from core.channel_settings import DEFAULT, ChannelSettings, Setting, written
from core.channels import Subject, server_of
from core.commands.base import CommandContext
from core.errors import (
    BadSettingError,
    NotAllowedError,
    TooManyReadersError,
    WrongPlaceError,
)
from core.events import ChannelKind, ChannelRef, ServerRef
from core.helpers import Helpers, typed
from core.inert import inert
from core.language import Words
from core.permissions import Level, administers_server
from core.sightings import SeenChannel, named, seen_channel

CHANNEL: Final = "channel"
SERVER: Final = "server"
CHANNELS: Final = ("log_channel", "helpers")
"""What menus offer the channels of the server for."""
WORDS: Final = ("persona",)
"""What somebody writes in words of their own; the log of what was done does not repeat it."""
_EMPTY: Final = ("persona", *CHANNELS)
"""Where nothing is chosen there is none."""
_HERE: Final = ("here", "this", "这里", "本频道")


@dataclass(frozen=True, slots=True)
class View:
    """What is looked at and changed: a channel, or what holds in all of its server."""

    subject: Subject
    held: ChannelSettings
    chosen: frozenset[str]
    """The keys that were chosen for this very channel or server."""
    above: frozenset[str] = frozenset()
    """For a channel: those that were chosen for its server."""

    @property
    def is_server(self) -> bool:
        return isinstance(self.subject, ServerRef)


def view_of(context: CommandContext, where: str | None = None) -> View:
    """By the command's option `where`. Raises `WrongPlaceError` and `NotAllowedError`."""
    channels = context.resources.channels
    subject = subject_of(context, context.text("where") if where is None else where)
    chosen = channels.chosen(subject)
    if isinstance(subject, ServerRef):
        return View(subject, channels.of_server(subject), chosen)
    server = server_of(context.message)
    above = frozenset[str]() if server is None else channels.chosen(server)
    return View(subject, channels.of(context.message), chosen, above)


def subject_of(context: CommandContext, where: str) -> Subject:
    """This channel, or its server for who administers that.

    Raises `WrongPlaceError` and `NotAllowedError`.
    """
    if where != SERVER:
        return context.message.conversation.channel
    server = server_of(context.message)
    if server is None:
        raise WrongPlaceError("server")
    if not may_choose_for_server(context):
        raise NotAllowedError(Level.CHANNEL_ADMIN.key)
    return server


def may_choose_for_server(context: CommandContext) -> bool:
    """Whether there is a server above this channel that the asker administers."""
    return administers_server(context.message, context.level)


async def choose(context: CommandContext, setting: Setting, value: str) -> str:
    """Choose it; what holds then, as sentences."""
    _ = context.words
    channels = context.resources.channels
    view = view_of(context)
    kept = await _checked(context, setting, value, view)
    await channels.change(view.subject, setting.key, kept)
    view = view_of(context)
    told = (await line(context, setting, view, _)).removeprefix("- ")
    shown = written(view.held, setting.key) if kept is not None else DEFAULT
    about = setting.key if setting.key in WORDS else f"{setting.key} = {shown}"
    if view.is_server:
        about += f" ({SERVER})"
    logged = await context.resources.moderation.audit.note(context.message, Act.SETTING, about)
    if setting.key == "log_channel" and kept is not None and not logged:
        told += "\n" + _("I cannot write there: let me, or choose another channel.")
    if setting.key == "digest" and view.held.digest != "off" and view.held.log_channel is None:
        told += "\n" + _("It goes to the log channel: `/settings log_channel` chooses one.")
    if setting.key == "answers_in" and view.held.answers_in == "thread":
        told += "\n" + _("Where I may open no threads, I answer in place.")
    if setting.needs_content(written(view.held, setting.key)):
        told += "\n" + _(
            "This works only where I may read messages that do not address me. Whoever runs me "
            "finds how to allow it in the documentation."
        )
    return told


async def line(context: CommandContext, setting: Setting, view: View, _: Words) -> str:
    """A setting with what holds, and where that comes from."""
    value = written(view.held, setting.key)
    if setting.key == "engine":
        value = context.resources.engines.name_for(value)
    elif setting.key in CHANNELS:
        value = await _by_name(context, value)
    labels = {choice.value: _(choice.label) for choice in setting.choices}
    unset = _("none") if setting.key in _EMPTY else _("as configured")
    shown = labels.get(value) or (inert(value) if value else unset)
    if setting.key not in view.chosen and setting.key in view.above:
        shown = _("{value} (from the server)", value=shown)
    return f"- {_(setting.label)} (`{setting.key}`): {shown}"


async def _by_name(context: CommandContext, value: str) -> str:
    """A kept channel as people know it; by its number where it has no name that was seen."""
    channel_id, *rest = re.split("([/ ])", value, maxsplit=1)
    if not channel_id or channel_id.startswith("@"):
        return value
    ref = ChannelRef(context.message.conversation.channel.platform, channel_id)
    here = seen_channel(context.message)
    seen = here if here.channel == ref else await context.resources.sightings.channel(ref)
    return "".join([seen.name or channel_id if seen is not None else channel_id, *rest])


async def neighbours(context: CommandContext) -> tuple[SeenChannel, ...]:
    """The channels beside this one that were seen, this one included."""
    message = context.message
    channel = message.conversation.channel
    server = ServerRef(channel.platform, message.server_id or channel.channel_id)
    seen = await context.resources.sightings.channels_in(server)
    own = tuple(known for known in seen if known.channel == channel)
    return (*seen, *(() if own else (seen_channel(message),)))


async def offered(context: CommandContext) -> tuple[SeenChannel, ...]:
    """Channels that can be named: those of the server; of groups, where the asker was seen."""
    found = await neighbours(context)
    if server_of(context.message) is None:
        found += await context.resources.sharing.known(context.message)
    return tuple({seen.channel: seen for seen in found}.values())


async def _checked(context: CommandContext, setting: Setting, value: str, view: View) -> str | None:
    """The value as it is kept; None: what holds above, or as configured."""
    if value.casefold() == DEFAULT:
        return None
    match setting.key:
        case "engine":
            return context.resources.engines.known(value, view.held.place)
        case "log_channel":
            return await _log_channel(context, value, view)
        case "helpers":
            return str(await _helpers(context, value))
        case _:
            return value


async def _log_channel(context: CommandContext, value: str, view: View) -> str:
    """A channel of the same server, or another group that the asker administers too.

    Raises `WrongPlaceError`, `UnknownChannelError`, `NotAdminThereError`, `TooManyReadersError`.
    """
    message, resources = context.message, context.resources
    if message.kind is ChannelKind.PRIVATE:
        raise WrongPlaceError("group")
    here = message.conversation.channel
    if value.casefold() in _HERE:
        return here.channel_id
    seen = named(value, await offered(context))
    if seen.channel == here:
        return here.channel_id
    if seen.channel not in {known.channel for known in await neighbours(context)}:
        await resources.sharing.require_admin(message, seen)
    # For a whole server it is asked of each of its channels, whenever there is something to tell.
    if (
        not view.is_server
        and await resources.moderation.boards.is_within(seen.channel, here) is False
    ):
        raise TooManyReadersError(seen.title)
    return seen.channel.channel_id


async def _helpers(context: CommandContext, value: str) -> Helpers:
    """`here` (this topic or thread too), or another channel that the asker administers; a role.

    Raises `WrongPlaceError`, `BadSettingError`, `UnknownChannelError`, `NotAdminThereError`.
    """
    message = context.message
    if message.kind is ChannelKind.PRIVATE:
        raise WrongPlaceError("group")
    where, role = typed(value)
    server = server_of(message)
    # A server's own id is that of the role which everybody has.
    if role is not None and (server is None or role == server.server_id):
        raise BadSettingError("helpers", value, ())
    if not where:
        return Helpers(role_id=role)
    here = message.conversation
    if where.casefold() in _HERE:
        return Helpers(here.channel.channel_id, here.thread_id, role)
    known = (*await neighbours(context), *await context.resources.sharing.known(message))
    seen = named(where, known)
    if seen.channel != here.channel:
        # What is asked here will be said there, by us.
        await context.resources.sharing.require_admin(message, seen)
    return Helpers(seen.channel.channel_id, role_id=role)
