"""`python -m bot kb …`: names, options and help texts of the knowledge commands."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bot.completing import BaseOption, complete_document
from bot.options import ConfigOption, JsonOption, everywhere, misused
from core.language import N_

kb = typer.Typer(
    help="Add documents to a knowledge base, find, list, remove and check them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class OriginOption(StrEnum):
    """Where golden questions can be had from."""

    FEEDBACK = "feedback"


class LegsOption(StrEnum):
    """Which ways of finding take part."""

    DENSE = "dense"
    LEXICAL = "lexical"
    BOTH = "both"


@kb.callback()
def common(context: typer.Context, config: ConfigOption = None) -> None:
    """Accept `--config` before the command too, as the default of the one behind it."""
    if config:
        context.default_map = everywhere(context.command, {"config": str(config)})


@kb.command()
def add(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="Files, folders, zips, https://…")
    ],
    base: BaseOption = "shared",
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Add files and pages of the web, or replace those that have changed."""
    from bot import knowledge_commands
    from bot.process import execute

    execute(config, lambda c: knowledge_commands.add(c, base, paths, as_json), log_level="warning")


@kb.command("bases")
def list_bases(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """List the knowledge bases, with what people call them."""
    from bot import knowledge_commands
    from bot.process import execute

    execute(config, lambda c: knowledge_commands.bases(c, as_json), log_level="warning")


@kb.command("list")
def list_documents(
    base: BaseOption = "shared", as_json: JsonOption = False, config: ConfigOption = None
) -> None:
    """List the documents."""
    from bot import knowledge_commands
    from bot.process import execute

    execute(config, lambda c: knowledge_commands.documents(c, base, as_json), log_level="warning")


@kb.command()
def remove(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...", help="As `kb list` shows them.", autocompletion=complete_document
        ),
    ],
    base: BaseOption = "shared",
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Remove documents; `kb undo` brings them back for some days."""
    from bot import knowledge_commands
    from bot.process import execute

    execute(
        config, lambda c: knowledge_commands.remove(c, base, names, as_json), log_level="warning"
    )


@kb.command()
def undo(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME...]", help="Left out: all that was removed last."),
    ] = None,
    base: BaseOption = "shared",
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Bring back what was removed."""
    from bot import knowledge_commands
    from bot.process import execute

    execute(
        config,
        lambda c: knowledge_commands.undo(c, base, names or (), as_json),
        log_level="warning",
    )


@kb.command()
def search(  # noqa: PLR0913 (one argument for each option)
    query: Annotated[str | None, typer.Argument(metavar="QUERY")] = None,
    queries: Annotated[
        Path | None,
        typer.Option(
            "--queries",
            metavar="FILE.jsonl",
            exists=True,
            dir_okay=False,
            help='Search for each line, JSON with "id" and "question", in turn.',
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, max=1000, help="Passages to show.")
    ] = None,
    legs: Annotated[LegsOption, typer.Option("--legs", help="Ways of finding.")] = LegsOption.BOTH,
    base: BaseOption = "shared",
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Find passages, without any model writing."""
    if (query is None) == (queries is None):
        raise misused(N_("give a QUERY or --queries FILE.jsonl"))
    from bot import searching
    from bot.process import execute

    request = searching.SearchRequest(base, limit, legs.value, as_json)
    if queries is not None:
        execute(
            config,
            lambda c: searching.search_file(c, request, queries),
            log_level="warning",
        )
    execute(config, lambda c: searching.search(c, request, query or ""), log_level="warning")


@kb.command("eval")
def evaluate(  # noqa: PLR0913 (one argument for each option)
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]", exists=True, dir_okay=False, help="Left out: the shipped ones."
        ),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option("--base", metavar="NAME", help="Left out: the samples, in a scratch base."),
    ] = None,
    engine: Annotated[
        str | None, typer.Option("--engine", metavar="NAME", help="Let this one answer.")
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            "--against",
            metavar="OTHER.json",
            exists=True,
            dir_okay=False,
            help="Compare with what `--json` printed, not with the last run.",
        ),
    ] = None,
    beside: Annotated[
        Path | None,
        typer.Option(
            "--beside",
            metavar="OTHER.toml",
            exists=True,
            dir_okay=False,
            help="Ask this configuration first, and compare with it.",
        ),
    ] = None,
    origin: Annotated[
        OriginOption | None,
        typer.Option("--from", help="Print verdicts and notes as a file of questions instead."),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Ask golden questions through the whole pipeline, and tell how good the answers are."""
    from bot import evaluating
    from bot.process import execute

    if origin is not None:
        from bot import golden_exporting

        execute(config, lambda c: golden_exporting.export(c, base), log_level="warning")
    if against is not None and beside is not None:
        raise misused(N_("give --against or --beside, not both"))
    request = evaluating.EvalRequest(file, base, engine, against, beside, as_json)
    execute(config, lambda c: evaluating.evaluate(c, request), log_level="warning")


@kb.command()
def tune(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]", exists=True, dir_okay=False, help="Golden questions about it."
        ),
    ] = None,
    base: BaseOption = "shared",
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Tell which threshold and how many passages suit a base, where that helps beyond noise."""
    from bot import tuning
    from bot.process import execute

    execute(config, lambda c: tuning.tune(c, base, file, as_json), log_level="warning")


@kb.command()
def enrich(
    passages: Annotated[
        int | None,
        typer.Option("--passages", metavar="N", min=1, help="At most so many; else all."),
    ] = None,
    engine: Annotated[
        str | None, typer.Option("--engine", metavar="NAME", help="Let this one write.")
    ] = None,
    forget: Annotated[
        bool, typer.Option("--forget", help="Take out all that was written instead.")
    ] = False,
    base: BaseOption = "shared",
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Have a model write what each passage answers, so that it is found by that too."""
    from bot import enriching
    from bot.process import execute

    request = enriching.EnrichRequest(base, passages, engine, forget, as_json)
    execute(config, lambda c: enriching.enrich(c, request), log_level="warning")


@kb.command()
def verify(
    base: BaseOption = "shared", as_json: JsonOption = False, config: ConfigOption = None
) -> None:
    """Check that documents, passages, vectors and index agree."""
    from bot import knowledge_commands
    from bot.process import execute

    execute(config, lambda c: knowledge_commands.verify(c, base, as_json), log_level="warning")


@kb.command()
def stats(
    base: BaseOption = "shared", as_json: JsonOption = False, config: ConfigOption = None
) -> None:
    """Show the figures of a base."""
    from bot import knowledge_commands
    from bot.process import execute

    execute(config, lambda c: knowledge_commands.stats(c, base, as_json), log_level="warning")


@kb.command()
def rebuild(
    base: BaseOption = "shared", as_json: JsonOption = False, config: ConfigOption = None
) -> None:
    """Make the indexes anew from the stored rows."""
    from bot import knowledge_commands
    from bot.process import execute

    execute(config, lambda c: knowledge_commands.rebuild(c, base, as_json), log_level="warning")


@kb.command("export")
def export_base(
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="A file that is not there yet.")],
    uploaders: Annotated[
        bool, typer.Option("--uploaders/--no-uploaders", help="Say who added what.")
    ] = True,
    base: BaseOption = "shared",
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Write the originals of a base and a manifest to a zip."""
    from bot import carrying
    from bot.process import execute

    execute(
        config,
        lambda c: carrying.export(c, base, file, uploaders=uploaders, as_json=as_json),
        log_level="warning",
    )


@kb.command("import")
def import_base(
    path: Annotated[Path, typer.Argument(metavar="FILE.zip|FOLDER", exists=True)],
    yes: Annotated[
        bool, typer.Option("--yes", help="Embed anew without asking, where that is needed.")
    ] = False,
    base: BaseOption = "shared",
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Add what `kb export` wrote, or a folder with a FAISS index that LangChain wrote."""
    from bot import carrying
    from bot.process import execute

    execute(
        config,
        lambda c: carrying.take_in(c, base, path, agreed=yes, as_json=as_json),
        log_level="warning",
    )
