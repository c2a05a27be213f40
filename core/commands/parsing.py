"""A typed line as a command, with the same outcome as a slash command."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Final

from core.commands.base import Command, Option
from core.errors import BadArgumentsError, UnknownCommandError
from core.events import Attachment, Invocation

_NAME: Final = re.compile(r"/([A-Za-z]\w*)(?:@\w+)?(?=\s|$)")
_NAMED: Final = re.compile(r"(\w{1,32})[:：]")
_CUTOFF: Final = 0.6
_QUOTES: Final = ('""', "''", "“”", "「」")
_BOOLEANS: Final = {
    **dict.fromkeys(("yes", "on", "true", "1", "是", "开"), True),
    **dict.fromkeys(("no", "off", "false", "0", "否", "关"), False),
}


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
    return Invocation(name, _typed(names[name], argument))


def _typed(command: Command, argument: str) -> dict[str, str | int | bool | Attachment]:
    """Those by name first; then by their place, a word or something quoted each, the last takes
    what is left."""
    values: dict[str, str | int | bool | Attachment] = {}
    by_name = {option.name: option for option in command.options if option.by_name}
    while (named := _NAMED.match(argument)) and named[1].lower() in by_name:
        option = by_name[named[1].lower()]
        word, argument = _first(argument[named.end() :].strip())
        values[option.name] = _value(command, option, word)
    typed = [o for o in command.options if o.kind != "file" and not o.by_name]
    for place, option in enumerate(typed, start=1):
        if not argument:
            break
        if place == len(typed):
            word, argument = _unquoted(argument), ""
        else:
            word, argument = _first(argument)
        values[option.name] = _value(command, option, word)
    if argument:
        raise BadArgumentsError(command.name, command.usage)
    return values


def _value(command: Command, option: Option, word: str) -> str | int | bool:
    if option.choices and word not in option.choices:
        raise BadArgumentsError(command.name, command.usage)
    match option.kind:
        case "integer":
            if not re.fullmatch(r"-?\d{1,15}", word):
                raise BadArgumentsError(command.name, command.usage)
            return int(word)
        case "boolean":
            if word.lower() not in _BOOLEANS:
                raise BadArgumentsError(command.name, command.usage)
            return _BOOLEANS[word.lower()]
        case "text" | "member" | "file":
            return word


def command_for(
    invocation: Invocation, commands: Sequence[Command], *, quoted: bool = False
) -> Command:
    """The command of an invocation. Raises `UnknownCommandError` and `BadArgumentsError`.

    `quoted`: the message replies to another one, which stands for the options of some commands.
    """
    for command in commands:
        if command.name == invocation.name:
            for option in command.options:
                if command.form is not None or (quoted and command.quotes):
                    continue
                if option.required and not str(invocation.options.get(option.name, "")):
                    raise BadArgumentsError(command.name, command.usage)
            return command
    names = tuple(command.name for command in commands)
    raise UnknownCommandError(invocation.name, near_names(invocation.name, names))


def near_names(name: str, names: Sequence[str]) -> tuple[str, ...]:
    """Names of commands that may have been meant: of the same group, then of like spelling."""
    group = [own for own in names if own.startswith(f"{name} ")]
    alike = difflib.get_close_matches(name, names, 3, _CUTOFF)
    return tuple(f"/{own}" for own in dict.fromkeys([*alike, *group]))


def _first(argument: str) -> tuple[str, str]:
    """The first word, or what stands in quotes first, and the rest."""
    for opening, closing in _QUOTES:
        end = argument.find(closing, 1)
        if argument.startswith(opening) and end > 0:
            return argument[1:end], argument[end + 1 :].strip()
    # At any blank: whoever writes Chinese may type one as wide as a character.
    word, rest = [*argument.split(None, 1), "", ""][:2]
    return word, rest.strip()


def _unquoted(argument: str) -> str:
    for opening, closing in _QUOTES:
        if len(argument) > 1 and argument[0] == opening and argument[-1] == closing:
            return argument[1:-1]
    return argument
