"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.own_language import words_in
from core.language import N_

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Configuration file; without it ./config.toml, if there is one, else the defaults.",
    ),
]


def base_name(name: str) -> str:
    """A name that can be shown and typed again; anything else is wrong usage."""
    if not name.strip() or not name.isprintable():
        raise misused(N_("a base needs a name, of printable characters"))
    return name


def misused(message: str) -> typer.BadParameter:
    """What is wrong with options that do not go together, in the operator's language."""
    return typer.BadParameter(words_in()(message))


def everywhere(command: object, own: dict[str, str]) -> dict[str, Any]:
    """These options as the defaults of a command and of all commands below it."""
    below: Mapping[str, object] = getattr(command, "commands", {})
    return {**own, **{name: everywhere(each, own) for name, each in below.items()}}


JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
