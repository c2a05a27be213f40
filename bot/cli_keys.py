"""`python -m bot keys …`: names, options and help texts of the commands about keys."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from bot.options import ConfigOption, JsonOption, base_name, misused
from core.language import N_

keys = typer.Typer(
    help="Make, list and revoke keys for the OpenAI-compatible API.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@keys.callback()
def common(context: typer.Context, config: ConfigOption = None) -> None:
    """Accept `--config` before the command too, as the default of the one behind it."""
    if config:
        names = ("create", "list", "revoke")
        context.default_map = {name: {"config": str(config)} for name in names}


@keys.command()
def create(  # noqa: PLR0913 (one argument for each option)
    base: Annotated[
        list[str] | None,
        typer.Option("--base", metavar="NAME", help="Base to answer from; may be repeated."),
    ] = None,
    name: Annotated[str, typer.Option("--name", metavar="LABEL", help="Whose it is.")] = "",
    plain: Annotated[
        bool, typer.Option("--plain", help="Let it ask engines without documents, too.")
    ] = False,
    rate: Annotated[
        int | None,
        typer.Option("--rate", metavar="N", min=1, max=1_000_000, help="Requests a minute."),
    ] = None,
    expires: Annotated[
        datetime | None,
        typer.Option(
            "--expires", metavar="DATE", formats=["%Y-%m-%d"], help="Day from which it is void."
        ),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Make a key and show it, once."""
    if not base and not plain:
        raise misused(N_("say what it may ask: --base NAME, or --plain"))
    moment = None if expires is None else expires.astimezone()
    if moment is not None and moment <= datetime.now().astimezone():
        raise misused(N_("--expires must be a day to come"))
    from bot import keeping_keys
    from bot.process import execute

    asked = keeping_keys.Asked(tuple(map(base_name, base or ())), name, plain, rate, moment)
    execute(config, lambda c: keeping_keys.create(c, asked, as_json), log_level="warning")


@keys.command("list")
def list_keys(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """List all keys, also those that are void."""
    from bot import keeping_keys
    from bot.process import execute

    execute(config, lambda c: keeping_keys.show(c, as_json), log_level="warning")


@keys.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `keys list` shows it.")],
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Make a key void, at once."""
    from bot import keeping_keys
    from bot.process import execute

    execute(config, lambda c: keeping_keys.revoke(c, key_id, as_json), log_level="warning")
