"""Slash commands and message menus, generated from the core's table of commands."""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import discord
from discord import app_commands

from core.commands.base import Command, Option
from core.language import N_, words
from core.permissions import Level

Value: TypeAlias = str | int | bool | discord.User | discord.Member | discord.Attachment | None
Callback: TypeAlias = Callable[..., Coroutine[Any, Any, None]]
Group: TypeAlias = app_commands.Group

MOST_FILES: Final = 10
"""As many as one message holds."""
_MOST_CHOICES: Final = 25
_MOST_MENUS: Final = 5
_LONGEST_NAME: Final = 32
_LONGEST_TEXT: Final = 100
_NAME: Final = re.compile(r"[-_'\w]{1,32}")
_FILE: Final = N_("a file")
_GROUP: Final = N_("commands of this group")
_GROUPS: Final = {"kb": N_("what I know here: documents, notes, what is asked in vain")}
_NAMES: Final = (
    N_("ask"),
    N_("sources"),
    N_("help"),
    N_("stop"),
    N_("reset"),
    N_("model"),
    N_("settings"),
    N_("setup"),
    N_("pause"),
    N_("privacy"),
    N_("export"),
    N_("forgetme"),
    N_("stats"),
)
"""Names of commands that have one in other languages too; Discord takes either."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reactions:
    """What is done when a command is given, a message menu chosen, an option typed."""

    invoked: Callable[[discord.Interaction, Command, Mapping[str, Value]], Awaitable[None]]
    chosen: Callable[[discord.Interaction, Command, discord.Message], Awaitable[None]]
    typed: Callable[[discord.Interaction, Command, Option, str], Awaitable[Sequence[str]]]


class Tree(app_commands.CommandTree[discord.AutoShardedClient]):
    """Our commands: for servers and for private chats with the bot, installed by servers only."""

    def __init__(
        self,
        client: discord.AutoShardedClient,
        commands: Sequence[Command],
        reactions: Reactions,
    ) -> None:
        super().__init__(
            client,
            allowed_contexts=app_commands.AppCommandContext(
                guild=True, dm_channel=True, private_channel=False
            ),
            allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
        )
        self._groups: dict[str, Group] = {}
        for command in commands:
            self._add(command, commands, reactions)
        for command in [one for one in commands if one.message_menu][:_MOST_MENUS]:
            self.add_command(_menu(command, reactions))

    def _add(self, command: Command, commands: Sequence[Command], reactions: Reactions) -> None:
        path, _, name = command.name.rpartition(" ")
        if not path and any(other.name.startswith(f"{name} ") for other in commands):
            # A group cannot be given by itself: what its bare name does becomes one of its parts.
            path, name = name, "show"
        made = _slash(command, name, reactions)
        if path:
            self._group(path, commands).add_command(made)
        else:
            made.default_permissions = permissions_for(command.needs)
            self.add_command(made)

    def _group(self, path: str, commands: Sequence[Command]) -> Group:
        """The group of this name; groups within groups end where Discord ends them, at two."""
        if path in self._groups:
            return self._groups[path]
        above, _, name = path.rpartition(" ")
        inside = [one for one in commands if one.name == path or one.name.startswith(f"{path} ")]
        group = Group(
            name=_named(name),
            description=_described(_GROUPS.get(path, _GROUP)),
            parent=self._group(above, commands) if above else None,
            # Discord knows rights of whole groups only: each part is looked at again by the core.
            default_permissions=(
                None if above else permissions_for(min(one.needs for one in inside))
            ),
        )
        self._groups[path] = group
        if not above:
            self.add_command(group)
        return group

    async def on_error(
        self,
        interaction: discord.Interaction[discord.AutoShardedClient],
        error: app_commands.AppCommandError,
        /,
    ) -> None:
        """A command that its client remembers differently from us is told; the rest is logged."""
        outdated = (app_commands.CommandNotFound, app_commands.CommandSignatureMismatch)
        if not isinstance(error, outdated):
            await super().on_error(interaction, error)
            return
        _ = words(interaction.locale.value)
        if not interaction.response.is_done():
            await interaction.response.send_message(
                _("This command has changed. Reload Discord, then try again."), ephemeral=True
            )


def permissions_for(needs: Level) -> discord.Permissions | None:
    """Who sees a command unless the server decides otherwise; None: everybody.

    The core looks at the level itself: this keeps menus short and gives servers their say.
    """
    if needs <= Level.UPLOADER:
        return None
    if needs is Level.MODERATOR:
        return discord.Permissions(manage_messages=True)
    if needs is Level.CHANNEL_ADMIN:
        return discord.Permissions(manage_guild=True)
    # Nobody but the server's administrators; the operator has the command in private.
    return discord.Permissions(0)


def _slash(
    command: Command, name: str, reactions: Reactions
) -> app_commands.Command[Any, ..., None]:
    options = options_of(command)
    callback = _callback(command, options, reactions)
    summary = command.summary
    made = app_commands.Command[Any, ..., None](
        name=_named(name), description=_described(summary), callback=callback
    )
    for place, option in enumerate(options):
        if option.completes and not option.choices:
            made.autocomplete(f"option_{place}")(_suggestions(command, option, reactions))
    return made


def options_of(command: Command) -> tuple[Option, ...]:
    """The options as Discord asks for them: those that are needed first, and room for files."""
    options = list(command.options)
    if command.takes_files:
        have = sum(option.kind == "file" for option in options)
        names = ["file", *(f"file{number}" for number in range(2, MOST_FILES + 1))]
        options += [Option(name, _FILE, required=False, kind="file") for name in names[have:]]
    return tuple(sorted(options, key=lambda option: not option.required))[:_MOST_CHOICES]


def _callback(command: Command, options: Sequence[Option], reactions: Reactions) -> Callback:
    """A coroutine function whose signature is what the SDK reads a command's options from."""

    async def run(interaction: discord.Interaction, **given: Value) -> None:
        values = {
            option.name: value
            for place, option in enumerate(options)
            if (value := given.get(f"option_{place}")) is not None
        }
        await reactions.invoked(interaction, command, values)

    run.__dict__["__signature__"] = inspect.Signature(
        [
            _parameter("interaction", discord.Interaction),
            *(
                _parameter(f"option_{place}", _annotation(option), required=option.required)
                for place, option in enumerate(options)
            ),
        ]
    )
    numbered = {f"option_{place}": option for place, option in enumerate(options)}
    texts = {key: _described(option.summary) for key, option in numbered.items()}
    names = {key: _named(option.name) for key, option in numbered.items()}
    choices = {key: _choices(option) for key, option in numbered.items() if option.choices}
    app_commands.describe(**texts)(run)
    app_commands.rename(**names)(run)
    app_commands.choices(**choices)(run)
    return run


def _parameter(name: str, annotation: type, *, required: bool = True) -> inspect.Parameter:
    return inspect.Parameter(
        name,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        annotation=annotation,
        default=inspect.Parameter.empty if required else None,
    )


def _annotation(option: Option) -> type:
    kinds: dict[str, type] = {
        "text": str,
        "integer": int,
        "boolean": bool,
        "file": discord.Attachment,
        "member": discord.User,
    }
    return kinds[option.kind]


def _choices(option: Option) -> list[app_commands.Choice[str | int | float]]:
    number = option.kind == "integer"
    return [
        app_commands.Choice[str | int | float](
            name=_named(choice), value=int(choice) if number else choice
        )
        for choice in option.choices[:_MOST_CHOICES]
    ]


def _suggestions(
    command: Command, option: Option, reactions: Reactions
) -> Callable[[discord.Interaction, str], Coroutine[Any, Any, list[app_commands.Choice[str]]]]:
    async def suggest(
        interaction: discord.Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        found = await reactions.typed(interaction, command, option, str(current))
        # What is longer cannot be sent back whole, and would name something else.
        short = [value for value in found if 0 < len(value) <= _LONGEST_TEXT]
        return [app_commands.Choice(name=value, value=value) for value in short[:_MOST_CHOICES]]

    return suggest


def _menu(command: Command, reactions: Reactions) -> app_commands.ContextMenu:
    async def choose(interaction: discord.Interaction, message: discord.Message) -> None:
        await reactions.chosen(interaction, command, message)

    label = command.message_menu or command.name
    menu = app_commands.ContextMenu(
        name=app_commands.locale_str(label[:_LONGEST_NAME], source=label), callback=choose
    )
    menu.default_permissions = permissions_for(command.needs)
    return menu


def _named(name: str) -> app_commands.locale_str:
    return app_commands.locale_str(name, source=name)


def _described(summary: str) -> app_commands.locale_str:
    return app_commands.locale_str(_clipped(summary) or "…", source=summary)


def _clipped(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"


class CatalogueTranslator(app_commands.Translator):
    """Names and descriptions in every language that there is a catalogue of."""

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        source = str(string.extras.get("source", string.message))
        _ = words(locale.value)
        found = _(source)
        if _.language == "en" or found == source:
            return None
        place = app_commands.TranslationContextLocation
        names = (place.command_name, place.group_name, place.parameter_name)
        if context.location in names and not isinstance(context.data, app_commands.ContextMenu):
            fits = _NAME.fullmatch(found) is not None and found == found.lower()
            return found if fits else None
        is_label = isinstance(context.data, app_commands.ContextMenu)
        return found[:_LONGEST_NAME] if is_label else _clipped(found)
