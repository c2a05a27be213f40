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
BaseOption = Annotated[str, typer.Option("--base", metavar="NAME", help="The knowledge base.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
