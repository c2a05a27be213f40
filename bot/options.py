"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
        raise typer.BadParameter("a base needs a name, of printable characters")
    return name


BaseOption = Annotated[
    str,
    typer.Option("--base", metavar="NAME", help="The knowledge base.", callback=base_name),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
