"""What Discord refuses in an application command."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tests.platforms.discord_server.errors import ApiError, invalid_form
from tests.platforms.discord_server.state import Json
from tests.platforms.discord_server.validation import check_length

CHAT, USER_MENU, MESSAGE_MENU = 1, 2, 3
SUBCOMMAND, GROUP, STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE = 1, 2, 3, 4, 5, 6, 7, 8
MENTIONABLE, NUMBER, ATTACHMENT = 9, 10, 11
_NAME = re.compile(r"[-_'\w]{1,32}")
_MOST = {CHAT: 100, USER_MENU: 5, MESSAGE_MENU: 5}
_MOST_OPTIONS = _MOST_CHOICES = 25
_MOST_CHARACTERS = 8000
_LOCALES = (
    "id da de en-GB en-US es-ES es-419 fr hr it lt hu nl no pl pt-BR ro fi sv-SE vi tr cs el bg "
    "ru uk hi th zh-CN ja zh-TW ko"
)
LOCALES = frozenset(_LOCALES.split(" "))


def check_commands(commands: list[Json]) -> None:
    """Refuse a set of commands that Discord would refuse."""
    for kind, most in _MOST.items():
        same = [each for each in commands if each.get("type", CHAT) == kind]
        if len(same) > most:
            raise ApiError(400, 30032, f"Maximum number of application commands reached ({most}).")
        names = [each["name"] for each in same]
        if len(set(names)) < len(names):
            said = "Application command names must be unique"
            raise invalid_form("0", "APPLICATION_COMMANDS_DUPLICATE_NAME", said)
    for number, command in enumerate(commands):
        _check_command(command, str(number))


def _check_command(command: Json, path: str) -> None:
    kind = command.get("type", CHAT)
    if kind == CHAT:
        _check_names(command, path)
        _check_options(command.get("options") or [], f"{path}.options", depth=0)
        if (size := _size(command)) > _MOST_CHARACTERS:
            said = f"Command exceeds maximum size ({_MOST_CHARACTERS}): {size}"
            raise invalid_form(path, "APPLICATION_COMMAND_TOO_LARGE", said)
    else:
        for each in _texts(command, "name"):
            check_length(each, f"{path}.name", 32, 1)
        if command.get("description") or command.get("options"):
            said = "Context menu commands cannot have description or options"
            raise invalid_form(f"{path}.description", "APPLICATION_COMMAND_INVALID", said)
        _check_locales(command, path)


def _check_names(item: Json, path: str) -> None:
    for name in _texts(item, "name"):
        if not _NAME.fullmatch(name) or name != name.lower():
            said = "Command name is invalid"
            raise invalid_form(f"{path}.name", "APPLICATION_COMMAND_INVALID_NAME", said)
    for text in _texts(item, "description"):
        check_length(text, f"{path}.description", 100, 1)
    _check_locales(item, path)


def _check_locales(item: Json, path: str) -> None:
    for key in ("name_localizations", "description_localizations"):
        if strange := set(item.get(key) or {}) - LOCALES:
            said = f"Value must be one of {sorted(LOCALES)}, not {sorted(strange)}."
            raise invalid_form(f"{path}.{key}", "ENUM_TYPE_COERCE", said)


def _texts(item: Json, key: str) -> list[str]:
    return [item.get(key) or "", *(item.get(f"{key}_localizations") or {}).values()]


def _check_options(options: list[Json], path: str, *, depth: int) -> None:
    if len(options) > _MOST_OPTIONS:
        raise invalid_form(path, "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
    names = [each["name"] for each in options]
    if len(set(names)) < len(names):
        said = "Option names must be unique"
        raise invalid_form(path, "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_USED", said)
    nested = [each["type"] in (SUBCOMMAND, GROUP) for each in options]
    if any(nested) and not all(nested):
        said = "Sub-command and sub-command group option types are mutually exclusive to others"
        raise invalid_form(path, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", said)
    optional_came = False
    for number, option in enumerate(options):
        where = f"{path}.{number}"
        _check_names(option, where)
        if option["type"] in (SUBCOMMAND, GROUP):
            if depth > 1 or (depth == 1 and option["type"] == GROUP):
                said = "Nested too deep"
                raise invalid_form(where, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", said)
            _check_options(option.get("options") or [], f"{where}.options", depth=depth + 1)
            continue
        if option.get("required") and optional_came:
            said = "Required options must be placed before non-required options"
            raise invalid_form(where, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", said)
        optional_came = optional_came or not option.get("required")
        _check_value_option(option, where)


def _check_value_option(option: Json, path: str) -> None:
    choices = option.get("choices") or []
    if option["type"] not in range(STRING, ATTACHMENT + 1):
        raise invalid_form(f"{path}.type", "BASE_TYPE_CHOICES", "Unknown type of option")
    if choices and option.get("autocomplete"):
        said = "Autocomplete options cannot have choices"
        raise invalid_form(path, "APPLICATION_COMMAND_OPTIONS_CHOICES_AUTOCOMPLETE_INVALID", said)
    if len(choices) > _MOST_CHOICES:
        raise invalid_form(f"{path}.choices", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer.")
    check_choices(choices, f"{path}.choices")


def check_choices(choices: Iterable[Json], path: str) -> None:
    """Refuse choices that are too long or come twice."""
    seen: set[object] = set()
    for number, choice in enumerate(choices):
        for name in _texts(choice, "name"):
            check_length(name, f"{path}.{number}.name", 100, 1)
        _check_locales(choice, f"{path}.{number}")
        if isinstance(choice["value"], str):
            check_length(choice["value"], f"{path}.{number}.value", 100)
        if choice["name"] in seen:
            said = "Choice names must be unique"
            raise invalid_form(path, "APPLICATION_COMMAND_OPTIONS_CHOICE_NAME_ALREADY_USED", said)
        seen.add(choice["name"])


def _size(item: Json) -> int:
    """Characters of names, descriptions and values; of translations the longest counts."""
    own = sum(max(map(len, _texts(item, key))) for key in ("name", "description"))
    choices = item.get("choices") or []
    told = sum(max(map(len, _texts(each, "name"))) + len(str(each["value"])) for each in choices)
    return own + told + sum(_size(each) for each in item.get("options") or [])
