"""Completion while a command is typed: names, options, and values as the core suggests them."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document

from bot import output
from core.commands import COMMANDS
from core.commands.base import Command, Option
from core.events import Attachment, IncomingMessage, Invocation
from core.language import Words
from core.ports import Completer as Suggesting

_NAMED: Final = re.compile(r"(\w{1,32})[:：]")
_QUOTED: Final = re.compile(r'"([^"]*)"\s+')


@dataclass(frozen=True, slots=True)
class Local:
    """A command of the terminal itself: it changes what is seen here, and asks the core nothing."""

    name: str
    usage: str
    summary: str


@dataclass(frozen=True, slots=True)
class Typing:
    """What is being typed: an option of a command, and the letters of it that are there."""

    command: Command
    option: Option
    typed: str
    given: dict[str, str | int | bool | Attachment]
    """What stands before it."""
    named: tuple[Option, ...]
    """Options that may still be begun by their name here."""

    @property
    def is_last(self) -> bool:
        """The last option takes the rest of the line; what comes before it ends at a blank."""
        places = [o for o in self.command.options if o.kind != "file" and not o.by_name]
        return bool(places) and self.option == places[-1]


def typing(text: str, commands: Sequence[Command] = COMMANDS) -> Typing | None:
    """The option at the end of what is typed; None: no command yet, or nothing more of it. Pure."""
    found = [
        command for command in commands if text.lower().startswith(f"/{command.name} ".lower())
    ]
    if not found:
        return None
    command = max(found, key=lambda one: len(one.name))
    rest = text[len(command.name) + 2 :].lstrip()
    given: dict[str, str | int | bool | Attachment] = {}
    named = {option.name: option for option in command.options if option.by_name}
    while (begun := _NAMED.match(rest)) and begun[1].lower() in named:
        option = named.pop(begun[1].lower())
        value, after = _word(rest[begun.end() :])
        if after is None:
            return Typing(command, option, value, given, ())
        given[option.name], rest = value, after
    places = [o for o in command.options if o.kind != "file" and not o.by_name]
    for number, option in enumerate(places, start=1):
        value, after = _word(rest)
        if number == len(places) or after is None:
            typed = rest.removeprefix('"')
            begins = tuple(named.values()) if number == 1 else ()
            return Typing(command, option, typed, given, begins)
        given[option.name], rest = value, after
    if not named:
        return None
    first = next(iter(named.values()))
    return Typing(command, first, rest, given, tuple(named.values()))


def _word(text: str) -> tuple[str, str | None]:
    """The first word, or what stands in quotes, and the rest; None where it has not ended yet."""
    if text.startswith('"'):
        quoted = _QUOTED.match(text)
        return (quoted[1], text[quoted.end() :]) if quoted else (text[1:], None)
    word, blank, rest = text.partition(" ")
    return (word, rest.lstrip()) if blank else (word, None)


class CommandCompleter(Completer):
    """Completes lines that begin with `/`; questions are left alone."""

    def __init__(
        self,
        suggesting: Suggesting,
        message: Callable[[], IncomingMessage],
        local: Callable[[], Sequence[Local]],
        bases: Callable[[], Sequence[str]],
        _: Words,
    ) -> None:
        """`message` is one that the person could send now; `local` is what the terminal itself
        takes at the moment; `bases` are those that can be chosen."""
        self._suggesting = suggesting
        self._message = message
        self._local = local
        self._bases = bases
        self._words = _
        self._paths = PathCompleter(expanduser=True)

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterable[Completion]:
        """Nothing: the core is asked without blocking."""
        return ()

    async def get_completions_async(
        self, document: Document, event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        """What may stand at the cursor."""
        text = document.text_before_cursor
        if not text.startswith("/"):
            return
        for completion in self._names(text):
            yield completion
        if text.lower().startswith(("/kb add ", "/kb import ")):
            path = text.split(" ", 2)[2]
            for completion in self._paths.get_completions(Document(path), event):
                yield completion
        elif text.startswith("/base "):
            typed = text.rpartition(" ")[2]
            for name in self._bases():
                if name.startswith(typed):
                    yield Completion(name, -len(typed))
        elif (at := typing(text)) is not None:
            for completion in await self._values(at):
                yield completion

    def _names(self, text: str) -> Iterable[Completion]:
        _ = self._words
        wanted = text.lower()
        names = {command.name for command in COMMANDS}
        for one in self._local():
            if one.name not in names and f"/{one.name}".startswith(wanted):
                yield Completion(f"/{one.name}", -len(text), display_meta=_(one.summary))
        for command in COMMANDS:
            name = f"/{command.name}"
            if name.startswith(wanted) and name != wanted:
                yield Completion(name, -len(text), display_meta=_(command.summary))

    async def _values(self, at: Typing) -> list[Completion]:
        _ = self._words
        found = []
        begun = at.typed if " " not in at.typed else None
        for option in at.named:
            if begun is not None and f"{option.name}:".startswith(begun):
                meta = _(option.summary)
                found.append(Completion(f"{option.name}:", -len(begun), display_meta=meta))
        for value in await self._suggested(at):
            # Names are strangers' words, and what is inserted here is run.
            if output.harmless(value) != value or "\n" in value:
                continue
            quoted = not at.is_last and (" " in value or value.startswith('"'))
            shown = f'"{value}"' if quoted else value
            found.append(Completion(shown, -len(at.typed), display=value))
        return found

    async def _suggested(self, at: Typing) -> Sequence[str]:
        if at.option.choices:
            return [choice for choice in at.option.choices if choice.startswith(at.typed)]
        if at.option.kind == "boolean":
            return [word for word in ("yes", "no") if word.startswith(at.typed)]
        if not at.option.completes:
            return ()
        asked = replace(self._message(), command=Invocation(at.command.name, at.given))
        return await self._suggesting.complete(asked, at.option.name, at.typed)
