"""What a channel's admin chooses: `/settings`, `/setup` and `/model`."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from core.channel_settings import DEFAULT, SETTINGS, setting_named
from core.commands.base import CommandContext, Replies
from core.commands.choice_menus import OTHER, PAGE, ROWS, WRITTEN, Prefixes, menus, page_of
from core.commands.choosing import choose, line, view_of
from core.errors import WrongPlaceError
from core.events import ChannelKind
from core.inert import inert
from core.language import Words, words
from core.missing import lacking_lines
from core.replies import Actions, TextDelta

SET: Final = "set"
SET_SERVER: Final = "sets"
SETUP: Final = "setup"
SETUP_SERVER: Final = "setups"
SETUP_CHOICE: Final = "setup choice"
AGREEMENT: Final = "agreement"
"""What becomes of a member's answer to whether what they ask may leave the machine."""

_FIRST: Final = ("language", "speaks", "teachers", "log_channel", "helpers")
_SET: Final = Prefixes(SET, SET_SERVER)
_SETUP: Final = Prefixes(SETUP, SETUP_SERVER)


async def settings(context: CommandContext) -> Replies:
    """The settings with what holds, or one of them chosen."""
    _ = context.words
    name, value = context.text("name"), context.text("value")
    page = 0
    if name == PAGE:
        page = _page(value)
    elif name:
        setting = setting_named(name)
        if not value and context.options.get(WRITTEN) is True:
            value = DEFAULT
        if not value or value == OTHER:
            view = view_of(context)
            yield TextDelta(await line(context, setting, view, _))
            yield Actions(await menus(context, (setting,), _SET, view))
            return
        told = await choose(context, setting, value)
        context = _in_its_language(context)
        _ = context.words
        yield TextDelta(told + "\n\n")
        page = SETTINGS.index(setting) // ROWS
    view = view_of(context)
    title = _("What holds in the whole server:") if view.is_server else _("What holds here:")
    lines = [await line(context, setting, view, _) for setting in SETTINGS]
    yield TextDelta("\n".join([title, *lines, "", _how(_)]))
    yield Actions(await page_of(context, SETTINGS, _SET, page))


async def setup(context: CommandContext) -> Replies:
    """The few choices that a new channel needs, with sensible answers chosen."""
    _ = context.words
    name, value = context.text("name"), context.text("value")
    first = [setting_named(key) for key in _FIRST]
    page = 0
    if name == PAGE:
        page = _page(value)
    elif name and value:
        setting = setting_named(name)
        told = await choose(context, setting, value)
        context = _in_its_language(context)
        _ = context.words
        yield TextDelta(told + "\n\n")
        page = first.index(setting) // ROWS if setting in first else 0
    view = view_of(context)
    lines = [await line(context, setting, view, _) for setting in first]
    title = _("How shall I be here? Choose below; what is chosen now is fine for most.")
    if view.is_server:
        title = _(
            "How shall I be in this server? Choose below; what is chosen now is fine for most, and "
            "a channel can choose otherwise."
        )
    more = _("Everything else is in `/settings`. Then drop a file here: I learn it at once.")
    if context.message.kind is ChannelKind.GROUP:
        more = _(
            "Everything else is in `/settings`. Then drop a file here and mention me, or use "
            "`/kb add`: I learn it at once."
        )
    missing = await _missing(context)
    yield TextDelta("\n".join([title, *lines, "", *missing, more]))
    yield Actions(await page_of(context, first, _SETUP, page))


async def model(context: CommandContext) -> Replies:
    """Show or pick the engine of this channel."""
    _ = context.words
    name = context.text("name")
    engines = context.resources.engines
    setting = setting_named("engine")
    if name:
        yield TextDelta(await choose(context, setting, name))
        return
    view = view_of(context)
    yield TextDelta(
        _(
            "{engine} answers here. You can choose from: {names}.",
            engine=inert(engines.name_for(view.held.engine, view.held.place)),
            names=_(", ").join(inert(own) for own in engines.names_within(view.held.place)),
        )
    )
    yield Actions(await menus(context, (setting,), _SET, view))


async def agree(context: CommandContext) -> Replies:
    """Keep what a member decided about their private chat.

    Raises `WrongPlaceError` and `BadSettingError`.
    """
    _ = context.words
    if context.message.kind is not ChannelKind.PRIVATE:
        raise WrongPlaceError("private")
    place = context.text("place")
    channel = context.message.conversation.channel
    await context.resources.channels.change(channel, "place", place)
    yield TextDelta(
        _("Agreed: what you ask here stays on this machine. `/settings place` changes it.")
        if place == "local"
        else _("Agreed: what you ask here may go there. `/settings place` takes it back.")
    )


async def _missing(context: CommandContext) -> list[str]:
    """What we may not do in this channel and those that all of its server sees, in words."""
    message = context.message
    if message.kind is ChannelKind.PRIVATE:
        return []
    found = await context.resources.moderation.envoy.lacking(message.conversation.channel)
    lines = lacking_lines(found, context.words)
    return [*lines, ""] if lines else []


def _page(value: str) -> int:
    return int(value) if value.isdecimal() and value.isascii() and len(value) < 3 else 0


def _in_its_language(context: CommandContext) -> CommandContext:
    """The channel's language may have been chosen just now."""
    chosen = context.resources.channels.of(context.message).language
    if chosen == "auto":
        return context
    return replace(context, words=words(chosen))


def _how(_: Words) -> str:
    return _(
        "Choose below, or type `/settings NAME VALUE`; the value `default` takes a choice back."
    )
