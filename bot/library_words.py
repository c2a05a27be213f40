"""What libraries tell in English, in the operator's language: known by how it reads.

None of them has catalogues. A message that none of these patterns fits stays in English.
"""

from __future__ import annotations

import re
import string
from functools import cache
from typing import Final

from core.language import N_, Words

_TOML: Final = (
    N_("{message} at the end of the file"),
    N_("cannot declare {key} twice"),
    N_("cannot mutate immutable namespace {key}"),
    N_("cannot redefine namespace {key}"),
    N_("cannot overwrite a value"),
    N_("duplicate inline table key {key}"),
    N_("escaped character is not a Unicode scalar value"),
    N_("expected '=' after a key in a key/value pair"),
    N_("expected ']' at the end of a table declaration"),
    N_("expected ']]' at the end of an array declaration"),
    N_("expected newline or end of document after a statement"),
    N_("expected {expected}"),
    N_("found invalid character {character}"),
    N_("illegal character {character}"),
    N_("invalid date or datetime"),
    N_("invalid hex value"),
    N_("invalid initial character for a key part"),
    N_("invalid statement"),
    N_("invalid value"),
    N_("unclosed array"),
    N_("unclosed inline table"),
    N_("unescaped '\\' in a string"),
    N_("unterminated string"),
)
"""`tomllib`'s, with a small letter in front."""
_USAGE: Final = (
    N_("Error: {message}"),
    N_("Invalid value for {name}: {message}"),
    N_("Invalid value: {message}"),
    N_("Value error, {message}"),
    N_("Try '{command}' for help."),
    N_("Missing command."),
    N_("Missing argument {name}."),
    N_("Missing option {name}. Choose from:\n{choices}"),
    N_("Missing option {name}."),
    N_("No such command {name}. Did you mean {near}?"),
    N_("No such command {name}."),
    N_("No such option: {name} (Possible options: {near})"),
    N_("No such option: {name}"),
    N_("Option {name} requires an argument."),
    N_("Option {name} does not take a value."),
    N_("Got unexpected extra argument(s) ({values})"),
    N_("file {name} does not exist."),
    N_("file {name} is a directory."),
    N_("path {name} does not exist."),
    N_("{value} is not one of {choices}."),
    N_("{value} does not match the formats {formats}."),
    N_("Input should be a valid integer, unable to parse string as an integer"),
    N_("Input should be greater than or equal to {least}"),
    N_("Input should be less than or equal to {greatest}"),
    N_("Show this message and exit."),
    N_("default: {value}"),
    N_("required"),
    N_("Aborted!"),
)
"""typer's, and pydantic's in its name."""


def retold(message: str, _: Words) -> str:
    """A library's message in these words; `message` in it is one itself."""
    for template, pattern in _patterns():
        if found := pattern.fullmatch(message):
            facts = found.groupdict()
            if "message" in facts:
                facts["message"] = retold(facts["message"], _)
            return _(template, **facts)
    return message


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """In the order in which they are tried: what says more stands before what says less."""
    return tuple((template, _pattern(template)) for template in (*_TOML, *_USAGE))


def _pattern(template: str) -> re.Pattern[str]:
    parts = (
        re.escape(text) + (f"(?P<{name}>.+?)" if name else "")
        for text, name, _, _ in string.Formatter().parse(template)
    )
    return re.compile("".join(parts), re.DOTALL)
