"""`python -m bot backup …`: names, options and help texts of the commands about backups."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.options import ConfigOption, JsonOption

backup = typer.Typer(
    help="Back up the data directory, also while the bot runs; list and check backups.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@backup.callback()
def make(
    context: typer.Context,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FOLDER", help="Folder of backups; default: backup.folder."),
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option(
            "--keep", metavar="N", min=1, max=10_000, help="Backups to keep; default: backup.keep."
        ),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Back up the data directory, also while the bot runs."""
    if context.invoked_subcommand is not None:
        if config:
            context.default_map = {name: {"config": str(config)} for name in ("list", "verify")}
        return
    from bot.backup import commands
    from bot.process import execute

    execute(config, lambda c: commands.make(c, to, keep, as_json), log_level="warning")


@backup.command("list")
def list_backups(
    folder: Annotated[Path | None, typer.Argument(metavar="[FOLDER]")] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """List the backups of a folder."""
    from bot.backup import commands
    from bot.process import execute

    execute(config, lambda c: commands.show(c, folder, as_json), log_level="warning")


@backup.command()
def verify(
    path: Annotated[
        Path | None, typer.Argument(metavar="[BACKUP|FOLDER]", help="Left out: all of them.")
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Read every file of the backups, and name those that are not what they were."""
    from bot.backup import commands
    from bot.process import execute

    execute(config, lambda c: commands.verify(c, path, as_json), log_level="warning")


def restore(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="BACKUP|FOLDER", exists=True, help="A backup; of a folder, the newest."
        ),
    ],
    into: Annotated[
        Path | None,
        typer.Option("--into", metavar="DIR", help="Data directory; default: data_dir."),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Move the data that is there aside, into a folder.")
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Put a backup in the place of the data directory; no bot may run on it."""
    from bot.backup import commands
    from bot.process import execute

    execute(
        config,
        lambda c: commands.bring_back(c, path, into, agreed=yes, as_json=as_json),
        log_level="warning",
    )
