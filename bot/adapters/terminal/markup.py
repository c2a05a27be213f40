"""An answer's Markdown as the lines of a terminal. What cannot change any more is made once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import ClassVar, Final

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown, MarkdownElement
from rich.syntax import Syntax
from rich.text import Text
from rich.theme import Theme

_SEQUENCE: Final = re.compile(r"\x1b\[[0-9;]*m")
_BLANK_END: Final = re.compile(r"(?:\x1b\[[0-9;]*m|\s)+$")
_RESET: Final = "\x1b[0m"
_NARROWEST: Final = 12
THEME: Final = Theme(
    {
        # Readable on dark and light grounds: no ground of our own.
        "markdown.code": "bold cyan",
        "markdown.code_block": "cyan",
        "markdown.h1": "bold underline",
        "markdown.h2": "bold",
        "markdown.h3": "bold",
        "markdown.h4": "italic",
        "markdown.block_quote": "none",
        "markdown.link": "none",
        "markdown.link_url": "underline",
    }
)


class _Heading(Heading):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.text


class _Code(CodeBlock):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Syntax(
            str(self.text).rstrip(),
            self.lexer_name,
            theme="ansi_dark",
            background_color="default",
            word_wrap=True,
        )


class _Answer(Markdown):
    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "heading_open": _Heading,
        "fence": _Code,
        "code_block": _Code,
    }

    def __init__(self, tokens: list[Token]) -> None:
        # A link shows its address: its text must not hide another one.
        super().__init__("", hyperlinks=False)
        self.parsed = tokens


class Page:
    """A growing Markdown text as lines, each with its colours and never wider than the width."""

    def __init__(self, console: Console) -> None:
        self._console = console
        # What looks like HTML is text: nothing of an answer may vanish.
        self._parser = MarkdownIt("commonmark", {"html": False})
        self._parser.enable(["table", "strikethrough"])
        self._width = 0
        self._settled_text = ""
        self._settled: list[str] = []

    def lines(self, text: str, width: int) -> list[str]:
        """The lines of the whole text; cheap where it has only grown since the last call."""
        width = max(_NARROWEST, width)
        if width != self._width or not text.startswith(self._settled_text):
            self._width, self._settled_text, self._settled = width, "", []
        rest = text[len(self._settled_text) :]
        starts = self._blocks(rest)
        if len(starts) > 1:
            # Only the last block can still become something else.
            done = "".join(f"{line}\n" for line in rest.split("\n")[: starts[-1]])
            self._settled += [*self._rendered(done), ""]
            self._settled_text += done
            rest = rest[len(done) :]
        return [*self._settled, *self._rendered(rest)]

    def _blocks(self, text: str) -> list[int]:
        """The line that each block begins at."""
        return [
            token.map[0]
            for token in self._parser.parse(text)
            if token.level == 0 and token.nesting >= 0 and token.map is not None
        ]

    def _rendered(self, text: str) -> list[str]:
        if not text.strip():
            return []
        answer = _Answer(list(_broken(self._parser.parse(text))))
        with self._console.capture() as captured:
            self._console.print(answer, width=self._width, crop=False, end="")
        lines = [""]
        for line in map(_trimmed, captured.get().split("\n")):
            if line or lines[-1]:
                lines.append(line)
        return lines[1:] if lines[-1] else lines[1:-1]


def _broken(tokens: Iterable[Token]) -> Iterable[Token]:
    """A line that ends in the answer ends on the screen, as in a chat."""
    for token in tokens:
        for child in token.children or ():
            if child.type == "softbreak":
                child.type = "hardbreak"
        yield token


def plain(line: str) -> str:
    """A line without its colours."""
    return _SEQUENCE.sub("", line)


def cells(line: str) -> int:
    """Columns that a line takes."""
    return Text(plain(line)).cell_len


def _trimmed(line: str) -> str:
    """Without blanks at the end, which a wider window would not show and a copy would carry."""
    end = _BLANK_END.search(line)
    if end is None:
        return line
    kept = line[: end.start()]
    return kept + _RESET if "\x1b" in kept else kept
