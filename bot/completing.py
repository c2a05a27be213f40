"""What a shell suggests for names of bases and documents; import nothing heavy up here."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from bot.options import base_name

COMPLETE = "_LOREKEEPER_COMPLETE"
"""Set by a shell that asks what may come next, and says which shell it is."""
SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")
_ACTIVE = re.compile(r"[\s!\"#$&'()*;<>?\[\\\]^`{|}~]")


def complete_base(context: typer.Context, incomplete: str) -> list[str]:
    """Names of bases that begin like this; none where they cannot be read."""
    return _beginning(_stored(context, None), incomplete)


def complete_document(context: typer.Context, incomplete: str) -> list[str]:
    """Names of documents of the base that was named, those that begin like this."""
    base = context.params.get("base") or "shared"
    return _beginning(_stored(context, str(base)), incomplete)


def _beginning(names: Sequence[str], incomplete: str) -> list[str]:
    """Bash puts in what it is given as it stands: there, what it would act upon is escaped."""
    if not os.environ.get(COMPLETE, "").endswith("bash"):
        return [name for name in names if name.startswith(incomplete)]
    typed = re.sub(r"\\(.)", r"\1", incomplete).lstrip("\"'")
    return [_ACTIVE.sub(r"\\\g<0>", name) for name in names if name.startswith(typed)]


def _stored(context: typer.Context, base: str | None) -> Sequence[str]:
    """Read beside whatever runs, within the time that somebody waits for a suggestion."""
    from bot import config as configuration
    from bot.errors import ConfigError
    from knowledge_base.names import names_in

    path = context.params.get("config")
    above = context.parent
    while path is None and above is not None:
        path, above = above.params.get("config"), above.parent
    try:
        config = configuration.load(Path(path) if path else None)
        return names_in(config.data_dir, base)
    except (ConfigError, OSError, sqlite3.Error):
        return ()


BaseOption = Annotated[
    str,
    typer.Option(
        "--base",
        metavar="NAME",
        help="The knowledge base; `kb bases` lists them.",
        callback=base_name,
        autocompletion=complete_base,
    ),
]
