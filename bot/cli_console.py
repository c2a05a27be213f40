"""`python -m bot console …`: names, options and help texts of the commands about accounts."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from bot.options import ConfigOption, JsonOption

console = typer.Typer(
    help="Say who may log in to the web console.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The account.")]


@console.callback()
def common(context: typer.Context, config: ConfigOption = None) -> None:
    """Accept `--config` before the command too, as the default of the one behind it."""
    if config:
        names = ("add-user", "list", "passwd", "remove")
        context.default_map = {name: {"config": str(config)} for name in names}


@console.command("add-user")
def add_user(
    name: NameArgument,
    role: Annotated[
        Literal["operator", "viewer"],
        typer.Option("--role", help="operator: everything; viewer: ask and look, change nothing."),
    ],
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Make an account; its password is asked for, or read from standard input."""
    from bot import keeping_accounts
    from bot.process import execute

    execute(config, lambda c: keeping_accounts.add(c, name, role, as_json), log_level="warning")


@console.command("list")
def list_users(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """List the accounts."""
    from bot import keeping_accounts
    from bot.process import execute

    execute(config, lambda c: keeping_accounts.show(c, as_json), log_level="warning")


@console.command()
def passwd(name: NameArgument, as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Give an account another password; whoever is logged in under it no longer is."""
    from bot import keeping_accounts
    from bot.process import execute

    execute(config, lambda c: keeping_accounts.change(c, name, as_json), log_level="warning")


@console.command()
def remove(name: NameArgument, as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Take an account out; whoever is logged in under it no longer is."""
    from bot import keeping_accounts
    from bot.process import execute

    execute(config, lambda c: keeping_accounts.remove(c, name, as_json), log_level="warning")
