"""The menus of settings, in pages, and the form for what is written rather than picked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from core.channel_settings import (
    DEFAULT,
    LONGEST_PERSONA,
    Setting,
    setting_named,
    written,
)
from core.channels import server_of
from core.commands.base import CommandContext
from core.commands.choosing import (
    CHANNEL,
    CHANNELS,
    SERVER,
    WORDS,
    View,
    may_choose_for_server,
    offered,
    view_of,
)
from core.events import Attachment, ChannelKind, Invocation
from core.inert import one_line
from core.language import Words
from core.replies import Button, Form, FormField, Menu

PAGE: Final = "page"
OTHER: Final = "?"
"""Chosen in a menu instead of a value: one is asked for."""
WRITTEN: Final = "written"
"""An option that a form adds: an empty value takes the choice back."""
MOST_CHOICES: Final = 25
"""What a select takes."""
LONGEST_ACTION: Final = 40
MOST_MENUS: Final = 5
"""Rows below one message; with more settings than that there are pages."""
ROWS: Final = MOST_MENUS - 1
_LONGEST_LABEL: Final = 60
_LONGEST_WORD: Final = 40


@dataclass(frozen=True, slots=True)
class Prefixes:
    """What the actions of these menus begin with, for a channel and for its server."""

    channel: str
    server: str

    def of(self, view: View) -> str:
        return self.server if view.is_server else self.channel


async def page_of(
    context: CommandContext,
    settings: Sequence[Setting],
    prefixes: Prefixes,
    page: int,
) -> tuple[Menu, ...]:
    """A page of menus, and the row that turns it and goes over to the server and back."""
    _ = context.words
    view = view_of(context)
    pages = math.ceil(len(settings) / ROWS)
    page %= pages
    rows = await menus(context, settings[page * ROWS : (page + 1) * ROWS], prefixes, view)
    own = prefixes.of(view)
    turns = []
    if pages > 1:
        label = _("More settings ({page}/{pages})", page=page + 1, pages=pages)
        turns.append(Button(f"{own}:{PAGE}:{(page + 1) % pages}", label))
    if view.is_server:
        turns.append(Button(f"{prefixes.channel}:{PAGE}:{page}", _("For this channel alone")))
    elif may_choose_for_server(context):
        turns.append(Button(f"{prefixes.server}:{PAGE}:{page}", _("For the whole server")))
    return (*rows, *((Menu(tuple(turns)),) if turns else ()))


async def menus(
    context: CommandContext, settings: Sequence[Setting], prefixes: Prefixes, view: View
) -> tuple[Menu, ...]:
    """A menu for each setting."""
    _ = context.words
    prefix = prefixes.of(view)
    found: list[Menu] = []
    for setting in settings:
        choices = await _choices(context, setting, view)
        buttons = tuple(
            Button(f"{prefix}:{setting.key}:{value}", label)
            for value, label in choices
            if len(f"{prefix}:{setting.key}:{value}") <= LONGEST_ACTION and value.isascii()
        )[:MOST_CHOICES]
        value = written(view.held, setting.key)
        if setting.key == "engine":
            value = context.resources.engines.name_for(value)
        chosen = f"{prefix}:{setting.key}:{value or DEFAULT}"
        if buttons:
            known = any(button.action == chosen for button in buttons)
            found.append(Menu(buttons, _(setting.label), chosen if known else None))
    return tuple(found)


async def form_of(context: CommandContext) -> Form | None:
    """Asks for a setting that is written: where "another value" was chosen. None: nothing to ask.

    Raises `UnknownSettingError`, `WrongPlaceError`, `NotAllowedError`.
    """
    if context.text("value") != OTHER:
        return None
    _ = context.words
    setting = setting_named(context.text("name"))
    view = view_of(context)
    long = setting.key in WORDS
    label = _(setting.label)
    field = FormField(
        "value",
        label[:45],
        "long" if long else "short",
        written(view.held, setting.key),
        required=False,
        max_length=LONGEST_PERSONA if long else _LONGEST_WORD,
    )
    where = SERVER if view.is_server else CHANNEL
    options: dict[str, str | int | bool | Attachment] = {
        "name": setting.key,
        "where": where,
        WRITTEN: True,
    }
    return Form(label[:45], (field,), Invocation("settings", options))


async def _choices(context: CommandContext, setting: Setting, view: View) -> list[tuple[str, str]]:
    _ = context.words
    if setting.key in WORDS:
        return [(OTHER, _("write it …")), (DEFAULT, _("none"))]
    if setting.key in CHANNELS:
        return await _channels(context)
    if setting.key == "engine":
        within = context.resources.engines.names_within(view.held.place)
        choices = [(name, name) for name in within]
    else:
        choices = [(choice.value, _(choice.label)) for choice in setting.choices]
    if setting.free and setting.choices:
        choices.insert(0, (DEFAULT, _("as configured")))
        choices.append((OTHER, _("another value …")))
    elif setting.key in view.chosen:
        above = not view.is_server and server_of(context.message) is not None
        choices.append((DEFAULT, _as_above(_, above=above)))
    return choices


def _as_above(_: Words, *, above: bool) -> str:
    return _("as in the server") if above else _("as configured")


async def _channels(context: CommandContext) -> list[tuple[str, str]]:
    _ = context.words
    if context.message.kind is ChannelKind.PRIVATE:
        return []
    own = context.message.conversation.channel
    found = [
        (seen.channel.channel_id, one_line(seen.name or seen.channel.channel_id, _LONGEST_LABEL))
        for seen in await offered(context)
        if seen.channel != own
    ]
    return [(DEFAULT, _("none")), (own.channel_id, _("this channel")), *found]
