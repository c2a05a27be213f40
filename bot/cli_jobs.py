"""`python -m bot jobs …`: names, options and help texts of the commands about scheduled work."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.options import ConfigOption, JsonOption

jobs = typer.Typer(
    help="List, run, pause and resume the work that comes round.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="As `jobs list` shows it.")]


@jobs.callback()
def common(context: typer.Context, config: ConfigOption = None) -> None:
    """Accept `--config` before the command too, as the default of the one behind it."""
    if config:
        names = ("list", "run", "pause", "resume")
        context.default_map = {name: {"config": str(config)} for name in names}


@jobs.command("list")
def list_jobs(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """List all jobs: when each runs, and how its last run ended."""
    from bot import steering_jobs
    from bot.process import execute

    execute(config, lambda c: steering_jobs.show(c, as_json), log_level="warning")


@jobs.command()
def run(name: NameArgument, as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Run a job now, and wait for its end. Where a bot runs, that does it."""
    from bot import steering_jobs
    from bot.process import execute

    execute(config, lambda c: steering_jobs.run(c, name, as_json), log_level="warning")


@jobs.command()
def pause(name: NameArgument, as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Let a job not run by itself until it is resumed; also over restarts."""
    from bot import steering_jobs
    from bot.process import execute

    execute(config, lambda c: steering_jobs.pause(c, name, True, as_json), log_level="warning")


@jobs.command()
def resume(name: NameArgument, as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Let a paused job run by itself again."""
    from bot import steering_jobs
    from bot.process import execute

    execute(config, lambda c: steering_jobs.pause(c, name, False, as_json), log_level="warning")
