"""The command line: names, options and help texts. What a command does stands in its own module."""

from __future__ import annotations

import os
import sys
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import typer.main
from typer.exceptions import TyperException

from bot import output
from bot.cli_backup import backup, restore
from bot.cli_console import console
from bot.cli_help import complaint, speak
from bot.cli_jobs import jobs
from bot.cli_kb import kb
from bot.cli_keys import keys
from bot.cli_models import models
from bot.completing import COMPLETE, SHELLS, complete_base
from bot.library_words import retold
from bot.options import ConfigOption, JsonOption, base_name, everywhere, misused
from bot.own_language import words_in
from core.language import N_

if TYPE_CHECKING:
    from bot.settings import Config

_NAME = "lorekeeper"
_COMPLETING = ("--install-completion", "--show-completion")
_UNDETECTED = "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"

app = typer.Typer(
    name=_NAME,
    help="A self-hosted bot that answers from what each channel has taught it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(console, name="console")
app.add_typer(backup, name="backup")
app.add_typer(kb, name="kb")
app.add_typer(jobs, name="jobs")
app.add_typer(keys, name="keys")
app.add_typer(models, name="models")


@app.callback()
def common(context: typer.Context, config: ConfigOption = None) -> None:
    """Accept `--config` before the command too, as the default of the one behind it."""
    context.default_map = everywhere(context.command, {"config": str(config)} if config else {})


@app.command()
def run(config: ConfigOption = None) -> None:
    """Serve every surface that is configured, until Ctrl-C."""
    from functools import partial

    from bot.app import serve
    from bot.config import found, load
    from bot.process import execute

    # The file that it began with: one that is gone is no wish for the defaults.
    again = partial(load, found(config))
    execute(config, partial(serve, again=again, file=config))


@app.command()
def chat(
    base: Annotated[
        list[str] | None,
        typer.Option(
            "--base",
            metavar="NAME",
            help="Base to ask; may be repeated.",
            autocompletion=complete_base,
        ),
    ] = None,
    once: Annotated[
        str | None,
        typer.Option(
            "--once", metavar="QUESTION", help='Answer this and end; "-" reads it from the input.'
        ),
    ] = None,
    questions: Annotated[
        Path | None,
        typer.Option(
            "--questions",
            metavar="FILE.jsonl",
            exists=True,
            dir_okay=False,
            help='Answer each line, JSON with "id" and "question", in turn.',
        ),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Ask in the terminal: with streaming, sources, / commands and history."""
    if once is not None and questions is not None:
        raise misused(N_("give --once or --questions, not both"))
    if as_json and once is None and questions is None:
        raise misused(N_("--json needs --once or --questions"))
    if questions is not None and not as_json:
        raise misused(N_("--questions needs --json"))
    from bot import chatting
    from bot.process import execute

    bases = tuple(map(base_name, base or ()))
    if once is not None:
        execute(config, lambda c: chatting.once(c, bases, once, as_json), log_level="warning")
    if questions is not None:
        execute(config, lambda c: chatting.answer_file(c, bases, questions), log_level="warning")
    execute(config, lambda c: chatting.converse(c, bases), log_level="warning")


@app.command()
def admit(
    name: Annotated[
        str | None,
        typer.Argument(metavar="ID", help='Who to serve, such as "discord:123"; none: list all.'),
    ] = None,
    refuse: Annotated[bool, typer.Option("--refuse", help="Serve them no longer.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Decide which servers, groups and people are served; list who waits."""
    from bot import admitting
    from bot.process import execute

    work = partial(admitting.admit, wanted=name, refuse=refuse, as_json=as_json)
    execute(config, work, log_level="warning")


@app.command()
def check(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Say what is in order, what is not, and which line mends it; with the memory plan."""
    from bot.checking.run import check as look_over
    from bot.checking.run import refused
    from bot.process import execute

    execute(
        config,
        partial(look_over, as_json=as_json),
        log_level="critical",
        refused=partial(refused, as_json=as_json),
    )


@app.command()
def forget(
    name: Annotated[str, typer.Argument(metavar="ID", help='Whom, such as "discord:123".')],
    files: Annotated[
        bool, typer.Option("--files", help="Also what they added to other places' documents.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Confirm; nothing is erased without it.")
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Erase everything that is kept of a person, also of one who has left."""
    from bot import forgetting
    from bot.process import execute

    work = partial(forgetting.forget, wanted=name, uploads=files, yes=yes, as_json=as_json)
    execute(config, work, log_level="warning")


@app.command()
def invite(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Print the links by which the bot is added, with the least permissions."""
    from bot import admitting
    from bot.process import execute

    async def work(loaded: Config) -> int:
        return admitting.invite(loaded, as_json)

    execute(config, work, log_level="warning")


app.command()(restore)


def main() -> None:
    """The entry point of `python -m bot` and of the script `lorekeeper`.

    Shells complete the script: for them the program is called by its name, however it was started.
    Typer takes a shell's name only where it does not look for the shell that runs it.
    """
    if any(word in _COMPLETING and next_ in SHELLS for word, next_ in pairwise(sys.argv)):
        os.environ[_UNDETECTED] = "1"
    completes = any(word in _COMPLETING for word in sys.argv) or COMPLETE in os.environ
    command, _ = typer.main.get_command(app), words_in()
    speak(command, _)
    try:
        code = command.main(prog_name=_NAME if completes else None, standalone_mode=False)
    except TyperException as error:
        output.use_utf8()
        if told := complaint(error, _):
            output.tell(told)
        sys.exit(error.exit_code)
    except typer.Abort:
        output.tell(retold("Aborted!", _))
        sys.exit(1)
    sys.exit(code or 0)
