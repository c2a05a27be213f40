"""What a channel's admin chooses: `/settings`, `/setup`, `/model` and `/pause`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from core.channel_settings import (
    DEFAULT,
    SETTINGS,
    ChannelSettings,
    Setting,
    setting_named,
    written,
)
from core.channels import Subject, server_of
from core.commands.base import CommandContext, Replies
from core.errors import BadArgumentsError, BadSettingError, NotAllowedError, WrongPlaceError
from core.events import ChannelKind, ServerRef
from core.helpers import Helpers, typed
from core.inert import inert, one_line
from core.language import Words, words
from core.permissions import Level, administers_server
from core.replies import Actions, Button, Menu, TextDelta
from core.sightings import SeenChannel, named, seen_channel

SET: Final = "set"
SETUP: Final = "setup"
SETUP_CHOICE: Final = "setup choice"
PAGE: Final = "page"
RESUME: Final = "resume"
CHANNEL: Final = "channel"
SERVER: Final = "server"
EVERYWHERE: Final = "everywhere"
MOST_CHOICES: Final = 25
"""What a select takes."""
LONGEST_ACTION: Final = 40
MOST_MENUS: Final = 5
"""Rows below one message; with more settings than that there are pages."""
_ROWS: Final = MOST_MENUS - 1

_FIRST: Final = ("language", "speaks", "teachers", "log_channel", "helpers")
_HERE: Final = ("here", "this", "这里", "本频道")
_EMPTY: Final = ("persona", "log_channel", "helpers")
_CHANNELS: Final = ("log_channel", "helpers")
"""What menus offer the channels of the server for."""
"""Where nothing is chosen there is none."""
_LONGEST_LABEL: Final = 60
_LONGEST_PAUSE: Final = 60 * 24 * 365
"""In minutes."""


async def settings(context: CommandContext) -> Replies:
    """The settings with what holds, or one of them chosen."""
    _ = context.words
    name, value = context.text("name"), context.text("value")
    if name == PAGE:
        page = int(value) if value.isdecimal() and value.isascii() and len(value) < 3 else 0
    else:
        page = 0
        if name:
            setting = setting_named(name)
            if value:
                told = await _choose(context, setting, value)
                context = _in_its_language(context)
                _ = context.words
                yield TextDelta(told + "\n\n")
            else:
                yield TextDelta(_line(context, setting, context.settings, _))
                yield Actions(await _menus(context, (setting,), SET))
                return
            page = SETTINGS.index(setting) // _ROWS
    held = context.resources.channels.of(context.message)
    lines = [_line(context, setting, held, _) for setting in SETTINGS]
    yield TextDelta("\n".join([_("What holds here:"), *lines, "", _how(_)]))
    pages = math.ceil(len(SETTINGS) / _ROWS)
    page %= pages
    menus = await _menus(context, SETTINGS[page * _ROWS : (page + 1) * _ROWS], SET)
    turn = Button(
        f"{SET}:{PAGE}:{(page + 1) % pages}",
        _("More settings ({page}/{pages})", page=page + 1, pages=pages),
    )
    yield Actions((*menus, Menu((turn,))))


async def setup(context: CommandContext) -> Replies:
    """The few choices that a new channel needs, with sensible answers chosen."""
    _ = context.words
    name, value = context.text("name"), context.text("value")
    if name and value:
        told = await _choose(context, setting_named(name), value)
        context = _in_its_language(context)
        _ = context.words
        yield TextDelta(told + "\n\n")
    held = context.resources.channels.of(context.message)
    first = [setting_named(key) for key in _FIRST]
    lines = [_line(context, setting, held, _) for setting in first]
    title = _("How shall I be here? Choose below; what is chosen now is fine for most.")
    more = _("Everything else is in `/settings`. Then drop a file here: I learn it at once.")
    if context.message.kind is ChannelKind.GROUP:
        more = _(
            "Everything else is in `/settings`. Then drop a file here and mention me, or use "
            "`/kb add`: I learn it at once."
        )
    yield TextDelta("\n".join([title, *lines, "", more]))
    yield Actions(await _menus(context, first, SETUP))


async def model(context: CommandContext) -> Replies:
    """Show or pick the engine of this channel."""
    _ = context.words
    name = context.text("name")
    engines = context.resources.engines
    if name:
        yield TextDelta(await _choose(context, setting_named("engine"), name))
        return
    held = context.resources.channels.of(context.message)
    yield TextDelta(
        _(
            "{engine} answers here. You can choose from: {names}.",
            engine=inert(engines.name_for(held.engine)),
            names=_(", ").join(inert(own) for own in engines.names),
        )
    )
    yield Actions(await _menus(context, (setting_named("engine"),), SET))


async def pause(context: CommandContext) -> Replies:
    """Be silent in this channel for a while, or until told otherwise; `0` ends it."""
    _ = context.words
    channels = context.resources.channels
    given = context.options.get("minutes")
    everywhere = context.text("where")
    subject = _paused(context, everywhere)
    if given == 0:
        resumed = await channels.resume(subject)
        yield TextDelta(_("I answer again.") if resumed else _("I was not paused."))
        return
    if isinstance(given, int) and not 0 < given <= _LONGEST_PAUSE:
        raise BadArgumentsError(context.command.name, context.command.usage)
    minutes = given if isinstance(given, int) else None
    until = await channels.pause(subject, minutes)
    if math.isinf(until):
        yield TextDelta(_("I am silent until somebody says `/pause 0`."))
    else:
        when = datetime.fromtimestamp(until, UTC)
        yield TextDelta(_("I am silent until {time:%Y-%m-%d %H:%M} UTC.", time=when))
    yield Actions((Menu((Button(_resume(everywhere), _("Answer again"), "good"),)),))


def _resume(where: str) -> str:
    return f"{RESUME}:{where or CHANNEL}"


def _subject(context: CommandContext, where: str) -> Subject:
    """This channel, or its server for who administers that. Raises `NotAllowedError`."""
    if where != SERVER:
        return context.message.conversation.channel
    server = server_of(context.message)
    if server is None:
        raise WrongPlaceError("server")
    if not administers_server(context.message, context.level):
        raise NotAllowedError(Level.CHANNEL_ADMIN.key)
    return server


def _paused(context: CommandContext, where: str) -> Subject | None:
    if where != EVERYWHERE:
        return _subject(context, where)
    if context.level < Level.OWNER:
        raise NotAllowedError(Level.OWNER.key)
    return None


def _in_its_language(context: CommandContext) -> CommandContext:
    """The channel's language may have been chosen just now."""
    chosen = context.resources.channels.of(context.message).language
    if chosen == "auto":
        return context
    return replace(context, words=words(chosen))


async def _choose(context: CommandContext, setting: Setting, value: str) -> str:
    """Choose it; what holds then, as a sentence."""
    _ = context.words
    channels = context.resources.channels
    subject = _subject(context, context.text("where"))
    if value.casefold() == DEFAULT:
        await channels.change(subject, setting.key, None)
    else:
        if setting.key == "engine":
            value = context.resources.engines.known(value)
        elif setting.key == "log_channel":
            value = await _log_channel(context, value)
        elif setting.key == "helpers":
            value = str(await _helpers(context, value))
        await channels.change(subject, setting.key, value)
    told = _line(context, setting, channels.of(context.message), _).removeprefix("- ")
    if setting.needs_content(written(channels.of(context.message), setting.key)):
        told += "\n" + _(
            "This works only where I may read messages that do not address me. Whoever runs me "
            "finds how to allow it in the documentation."
        )
    return told


async def _log_channel(context: CommandContext, value: str) -> str:
    """A channel of the same server in which I was addressed. Raises `UnknownChannelError`."""
    if value.casefold() in _HERE:
        return context.message.conversation.channel.channel_id
    return named(value, await _neighbours(context)).channel.channel_id


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
    known = (*await _neighbours(context), *await context.resources.sharing.known(message))
    seen = named(where, known)
    if seen.channel != here.channel:
        # What is asked here will be said there, by us.
        await context.resources.sharing.require_admin(message, seen)
    return Helpers(seen.channel.channel_id, role_id=role)


async def _neighbours(context: CommandContext) -> tuple[SeenChannel, ...]:
    """The channels beside this one that were seen, this one included."""
    message = context.message
    channel = message.conversation.channel
    server = ServerRef(channel.platform, message.server_id or channel.channel_id)
    seen = await context.resources.sightings.channels_in(server)
    own = tuple(known for known in seen if known.channel == channel)
    return (*seen, *(() if own else (seen_channel(message),)))


def _line(context: CommandContext, setting: Setting, held: ChannelSettings, _: Words) -> str:
    value = written(held, setting.key)
    if setting.key == "engine":
        value = context.resources.engines.name_for(value)
    labels = {choice.value: _(choice.label) for choice in setting.choices}
    unset = _("none") if setting.key in _EMPTY else _("as configured")
    shown = labels.get(value) or (inert(value) if value else unset)
    return f"- {_(setting.label)} (`{setting.key}`): {shown}"


def _how(_: Words) -> str:
    return _(
        "Choose below, or type `/settings NAME VALUE`; the value `default` takes a choice back."
    )


async def _menus(
    context: CommandContext, settings: Sequence[Setting], prefix: str
) -> tuple[Menu, ...]:
    """A menu for each setting that has one."""
    _ = context.words
    held = context.resources.channels.of(context.message)
    menus: list[Menu] = []
    for setting in settings:
        choices = await _choices(context, setting)
        buttons = tuple(
            Button(f"{prefix}:{setting.key}:{value}", label)
            for value, label in choices
            if len(f"{prefix}:{setting.key}:{value}") <= LONGEST_ACTION and value.isascii()
        )[:MOST_CHOICES]
        value = written(held, setting.key)
        if setting.key == "engine":
            value = context.resources.engines.name_for(value)
        chosen = f"{prefix}:{setting.key}:{value or DEFAULT}"
        if buttons:
            known = any(button.action == chosen for button in buttons)
            menus.append(Menu(buttons, _(setting.label), chosen if known else None))
    return tuple(menus)


async def _choices(context: CommandContext, setting: Setting) -> list[tuple[str, str]]:
    _ = context.words
    if setting.key == "engine":
        return [(name, name) for name in context.resources.engines.names]
    if setting.key in _CHANNELS:
        if context.message.kind is ChannelKind.PRIVATE:
            return []
        own = context.message.conversation.channel
        found = [
            (
                seen.channel.channel_id,
                one_line(seen.name or seen.channel.channel_id, _LONGEST_LABEL),
            )
            for seen in await _neighbours(context)
            if seen.channel != own
        ]
        return [(DEFAULT, _("none")), (own.channel_id, _("this channel")), *found]
    choices = [(choice.value, _(choice.label)) for choice in setting.choices]
    if setting.free and choices:
        choices.insert(0, (DEFAULT, _("as configured")))
    return choices
