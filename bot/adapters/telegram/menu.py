"""The command menus that Telegram shows, made from the core's one table. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from telegram import (
    BotCommand,
    BotCommandScope,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
)

from core.commands.base import Command
from core.language import N_, words
from core.permissions import Level

_NAME: Final = re.compile(r"[a-z0-9_]{1,32}")
_LONGEST_SUMMARY: Final = 256
_MOST_COMMANDS: Final = 100
_LANGUAGES: Final = (("", "en"), ("zh", "zh"))
"""Telegram's code ("" for everybody else), and ours."""
_GROUPED: Final = {"kb": N_("the documents here: add, list, search")}
"""What is said of a first word that several commands share."""


@dataclass(frozen=True, slots=True)
class CommandMenu:
    """The menu of one kind of chat in one language."""

    scope: BotCommandScope
    language: str
    commands: tuple[BotCommand, ...]


def menus(commands: Sequence[Command]) -> tuple[CommandMenu, ...]:
    """What to show where; what is the owner's alone is in no menu."""
    scopes: tuple[tuple[BotCommandScope, Level], ...] = (
        (BotCommandScopeAllPrivateChats(), Level.CHANNEL_ADMIN),
        (BotCommandScopeAllGroupChats(), Level.UPLOADER),
        (BotCommandScopeAllChatAdministrators(), Level.CHANNEL_ADMIN),
    )
    return tuple(
        CommandMenu(scope, code, tuple(_entries(commands, level, language)))
        for scope, level in scopes
        for code, language in _LANGUAGES
    )


def first_words(commands: Iterable[Command]) -> frozenset[str]:
    """What a command of ours can begin with."""
    return frozenset(command.name.split()[0] for command in commands)


def _entries(commands: Sequence[Command], level: Level, language: str) -> list[BotCommand]:
    _ = words(language)
    found: dict[str, str] = {}
    for command in commands:
        word, *rest = command.name.split()
        if command.needs <= level and _NAME.fullmatch(word):
            summary = _GROUPED.get(word, command.summary) if rest else command.summary
            found.setdefault(word, _(summary)[:_LONGEST_SUMMARY])
    return [BotCommand(name, summary) for name, summary in found.items()][:_MOST_COMMANDS]
