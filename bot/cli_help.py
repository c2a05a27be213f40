"""The command line's help and its complaints in the operator's language.

typer has no catalogues, and breaks lines where words end, which Chinese has none of: the texts are
ours from here on, the rest of what it does stays typer's.
"""

from __future__ import annotations

import inspect
import io
import re
from collections.abc import Iterator, Sequence
from typing import Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from bot import output
from bot.library_words import retold
from core.language import N_, Words

_Formatter: Any = typer.Context.formatter_class
_HEADINGS = (N_("Options:"), N_("Arguments:"), N_("Commands:"))
"""Looked up by what typer calls them."""
_FIRST_COLUMN = 30
_EXTRA = re.compile(r"(?P<help>.*?)(?:  )?\[(?P<extra>[^\[\]]+)\]", re.DOTALL)
"""A text and what typer puts after it: "[default: shared]"."""


def speak(command: Any, _: Words) -> None:  # noqa: ANN401 (typer's classes are its own)
    """Have a command and all below it explain themselves in these words."""
    context = _context(_)
    for one in every(command):
        one.context_class = context
        one.options_metavar = _("[OPTIONS]")
        if isinstance(one, TyperGroup):
            one.subcommand_metavar = _("COMMAND [ARGS]...")
        if one.help:
            one.help = one.short_help = _(inspect.cleandoc(one.help))
        for parameter in one.params:
            if parameter.help:
                parameter.help = _(parameter.help)


def every(command: Any) -> Iterator[Any]:  # noqa: ANN401
    """A command and all below it."""
    yield command
    for below in getattr(command, "commands", {}).values():
        yield from every(below)


def _context(_: Words) -> type[typer.Context]:
    class Page(_Formatter):  # type: ignore[misc]
        """A page of help."""

        def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
            super().write_usage(prog, args, _("Usage: "))

        def write_heading(self, heading: str) -> None:
            self.write(_(f"{heading}:") + "\n")

        def write_text(self, text: str) -> None:
            for line in output.wrapped(text, self.width - self.current_indent):
                self.write(" " * self.current_indent + line + "\n")

        def write_dl(self, rows: Sequence[tuple[str, str]]) -> None:
            room = min(max(output.width(name) for name, _text in rows), _FIRST_COLUMN) + 2
            for name, text in rows:
                first = " " * self.current_indent + name
                if output.width(name) + 2 > room:
                    self.write(first + "\n")
                    first = ""
                columns = self.width - self.current_indent - room
                for line in output.wrapped(_explained(text, _), columns):
                    gap = self.current_indent + room - output.width(first)
                    self.write(first + " " * gap + line + "\n")
                    first = ""

    class Context(typer.Context):
        """Makes such pages."""

        formatter_class = Page

    return Context


def complaint(error: TyperException, _: Words) -> str:
    """What was wrong with how a command was given, and where its help is.

    Empty where it was given without anything: typer has shown the page of help by then.
    """
    shown = io.StringIO()
    show = getattr(error, "show", None)
    if show is None:
        return retold(f"Error: {error.format_message()}", _)
    show(shown)
    usage, mark, message = shown.getvalue().rstrip("\n").rpartition("Error: ")
    lines = [retold(line, _) for line in usage.splitlines()]
    return "\n".join([*lines, retold(mark + message, _)])


def _explained(text: str, _: Words) -> str:
    found = _EXTRA.fullmatch(text)
    if not found:
        return retold(text, _)
    extra = "; ".join(retold(one, _) for one in found["extra"].split("; "))
    return f"{found['help']} [{extra}]".lstrip()
