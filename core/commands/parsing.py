"""A typed line as a command, with the same outcome as a slash command."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Final

from core.commands.base import Command
from core.errors import BadArgumentsError, UnknownCommandError
from core.events import Invocation

_NAME: Final = re.compile(r"/([A-Za-z]\w*)(?:@\w+)?(?=\s|$)")
_CUTOFF: Final = 0.6


def parse(text: str, commands: Sequence[Command]) -> Invocation | None:
    """The command that a text invokes; None where it is no command at all.

    Only what a person wrote is parsed, from its first character on: no document and no name can
    invoke anything. A path such as "/etc/hosts" is no command. Raises `UnknownCommandError`.
    """
    match = _NAME.match(text.strip())
    if match is None:
        return None
    rest = text.strip()[match.end() :].strip()
    first, word = match[1].lower(), rest.split(None, 1)
    second = f"{first} {word[0].lower()}" if word else first
    names = {command.name: command for command in commands}
    if second in names and word:
        name, argument = second, word[1] if len(word) > 1 else ""
    elif first in names:
        name, argument = first, rest
    else:
        raise UnknownCommandError(second, near_names(second, tuple(names)))
    option = names[name].option
    if option is not None and argument:
        return Invocation(name, {option.name: _unquoted(argument)})
    if argument:
        raise BadArgumentsError(name, names[name].usage)
    return Invocation(name)


def command_for(invocation: Invocation, commands: Sequence[Command]) -> Command:
    """The command of an invocation. Raises `UnknownCommandError` and `BadArgumentsError`."""
    for command in commands:
        if command.name == invocation.name:
            option = command.option
            if option and option.required and not str(invocation.options.get(option.name, "")):
                raise BadArgumentsError(command.name, command.usage)
            return command
    names = tuple(command.name for command in commands)
    raise UnknownCommandError(invocation.name, near_names(invocation.name, names))


def near_names(name: str, names: Sequence[str]) -> tuple[str, ...]:
    """Names of commands that may have been meant: of the same group, then of like spelling."""
    group = [own for own in names if own.startswith(f"{name} ")]
    alike = difflib.get_close_matches(name, names, 3, _CUTOFF)
    return tuple(f"/{own}" for own in dict.fromkeys([*alike, *group]))


def _unquoted(argument: str) -> str:
    for opening, closing in ('""', "''", "“”", "「」"):
        if len(argument) > 1 and argument[0] == opening and argument[-1] == closing:
            return argument[1:-1]
    return argument
