"""`python -m bot models …`: names, options and help texts of the commands about models."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.options import ConfigOption, JsonOption

if TYPE_CHECKING:
    from bot.models.recommendation import Aim

models = typer.Typer(
    help="Recommend, fetch, check and remove models that run in this process.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class AimOption(StrEnum):
    """What a model is to be good at."""

    QUALITY = "quality"
    BALANCED = "balanced"
    FAST = "fast"


@models.callback()
def common(context: typer.Context, config: ConfigOption = None) -> None:
    """Accept `--config` before the command too, as the default of the one behind it."""
    if config:
        names = ("list", "recommend", "pull", "verify", "remove")
        context.default_map = {name: {"config": str(config)} for name in names}


@models.command("list")
def list_models(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """List the models that are recommended, and those that are here."""
    from bot.models import commands
    from bot.process import execute

    execute(config, lambda c: commands.show(c, as_json), log_level="warning")


@models.command()
def recommend(
    apply: Annotated[
        AimOption | None,
        typer.Option("--apply", help="Write this choice into the configuration file."),
    ] = None,
    language: Annotated[
        list[str] | None,
        typer.Option(
            "--language", metavar="en|zh", help="To write; may be repeated. Default: both."
        ),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show three models that suit this machine: for quality, for speed, and between."""
    from bot.models import commands
    from bot.process import execute

    aim: Aim | None = apply.value if apply else None
    request = commands.Recommending(aim, tuple(language or ("en", "zh")))
    execute(config, lambda c: commands.recommend(c, request, config, as_json), log_level="warning")


@models.command()
def pull(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Of the list, or owner/name, or owner/name:Q8_0.")
    ],
    source: Annotated[
        str | None,
        typer.Option(
            "--source", metavar="SOURCE", help="huggingface, modelscope, or a folder with files."
        ),
    ] = None,
    images: Annotated[
        bool, typer.Option("--images", help="Also what lets it see pictures, if that is apart.")
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Fetch a model, or go on fetching it, and check it."""
    from bot.models import commands
    from bot.process import execute

    execute(config, lambda c: commands.pull(c, name, source, images, as_json), log_level="warning")


@models.command()
def verify(
    path: Annotated[
        Path | None,
        typer.Argument(metavar="FOLDER", help="A model's folder or file; none: all that are here."),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Check that models are whole and that their files belong together."""
    from bot.models import commands
    from bot.process import execute

    execute(config, lambda c: commands.verify(c, path, as_json), log_level="warning")


@models.command()
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `models list` shows it.")],
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Delete a model's files; one that is configured stays."""
    from bot.models import commands
    from bot.process import execute

    execute(config, lambda c: commands.remove(c, name, as_json), log_level="warning")
