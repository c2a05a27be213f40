"""Shows one reply while it comes: growing Markdown where the terminal can, plain text elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import time
from collections.abc import AsyncGenerator, Callable, Generator
from pathlib import Path
from typing import Final, Protocol

from rich.console import Console

from bot import output
from bot.adapters.terminal.live import Live
from bot.adapters.terminal.markup import THEME, Page
from bot.adapters.terminal.replies import Reply
from core.language import Words
from core.replies import CitedPassage, Progress, Queued, ReplyEvent

_FRAME_SECONDS: Final = 0.08
_WIDEST: Final = 120
"""Columns beyond which lines are hard to read."""


class Display(Protocol):
    """Where the text of a reply is shown."""

    def show(self, text: str, status: str) -> None:
        """The text as it is now, and what is waited for."""
        ...

    def end(self, text: str) -> None:
        """The text as it stays; the next thing printed starts a line of its own."""
        ...


class Whole:
    """For a pipe or a file: the text as it stays, once."""

    def show(self, text: str, status: str) -> None:
        """Nothing yet."""

    def end(self, text: str) -> None:
        """All of it."""
        if text:
            output.say(text)


class Running:
    """For a terminal that can only go on: each piece as it comes."""

    def __init__(self) -> None:
        self._shown = ""

    def show(self, text: str, status: str) -> None:
        """What is new; what was mended, anew from its beginning."""
        if not text.startswith(self._shown):
            output.say()
            self._shown = ""
        output.say(text[len(self._shown) :], end="")
        self._shown = text

    def end(self, text: str) -> None:
        """The rest of it."""
        self.show(text, "")
        if text and not text.endswith("\n"):
            output.say()


class Growing:
    """For a terminal with a cursor: Markdown, rewritten where it changes."""

    def __init__(
        self,
        mended: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        size: Callable[[], os.terminal_size] = shutil.get_terminal_size,
    ) -> None:
        """`mended` stands above what has to be printed again."""
        self._mended = mended
        self._clock = clock
        console = Console(
            file=sys.stdout, theme=THEME, highlight=False, legacy_windows=False, soft_wrap=False
        )
        self._page = Page(console)
        self._live = Live(output.move, size)
        self._next = 0.0
        self._due: asyncio.TimerHandle | None = None

    def show(self, text: str, status: str) -> None:
        """At most some frames a second; the last state is always shown."""
        self._cancel()
        wait = self._next - self._clock()
        if wait <= 0:
            self._draw(text, status)
        else:
            loop = asyncio.get_running_loop()
            self._due = loop.call_later(wait, self._draw, text, status)

    def end(self, text: str) -> None:
        """As it stays; what scrolled off in other words is told to be mended, and printed anew."""
        self._cancel()
        lines = self._lines(text)
        wrong = self._live.end(lines)
        if wrong is not None:
            while wrong > 0 and lines[wrong - 1 : wrong] != [""]:
                wrong -= 1
            output.move("\r\n".join(["", self._mended, "", *lines[wrong:], ""]))

    def _cancel(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _draw(self, text: str, status: str) -> None:
        began = self._clock()
        told = [output.harmless(status)] if status else []
        self._live.show([*self._lines(text), *told])
        # A long answer on a slow line is drawn less often.
        self._next = self._clock() + max(_FRAME_SECONDS, 3 * (self._clock() - began))

    def _lines(self, text: str) -> list[str]:
        return self._page.lines(output.harmless(text), min(self._live.columns - 1, _WIDEST))


def display(_: Words) -> Display:
    """What suits the standard output."""
    if not sys.stdout.isatty():
        return Whole()
    if os.environ.get("TERM", "").lower() in ("dumb", "unknown", ""):
        return Running() if os.name != "nt" else Growing(_("Mended from here on:"))
    return Growing(_("Mended from here on:"))


async def show(events: AsyncGenerator[ReplyEvent, None], _: Words, reply: Reply) -> None:
    """Show a reply while it comes; below it what belongs to it, its sources last.

    However it ends, what has come is shown whole.
    """
    shown = display(_)
    try:
        with _unechoed():
            async for event in events:
                reply.take(event)
                shown.show(reply.text, _status(reply, _))
    finally:
        shown.end(reply.text)
    for file in reply.files:
        output.say(_saved(Path(file.filename).name, file.data))
    for notice in reply.notices:
        output.say(f"({notice})")
    if reply.failure is not None:
        output.say(reply.failure.text)
    elif reply.finished == "cancelled":
        output.say(_("[stopped]"))
    if reply.is_answer:
        for source in reply.sources:
            if source.cited:
                output.say(f"  [{source.number}] {place(source, _)}")


def place(source: CitedPassage, _: Words) -> str:
    """Where a passage stands, on one line."""
    passage = source.passage
    page = _("page {page}", page=passage.chunk.page) if passage.chunk.page else ""
    named = passage.document.source or passage.document.name
    where = " · ".join(filter(None, (named, page, passage.chunk.heading)))
    if passage.is_measured:
        where = _("{text} ({facts})", text=where, facts=f"{passage.relevance:.0%}")
    return where.replace("\n", " ")


def _status(reply: Reply, _: Words) -> str:
    match reply.status:
        case Progress(stage, done, total):
            return f"{stage} {done}" + (f"/{total}" if total else "")
        case Queued(position, eta):
            wait = f", ~{eta:.0f} s" if eta else ""
            return _("waiting, place {position}", position=position) + wait
        case None:
            return "" if reply.text else "…"


def _saved(name: str, data: bytes) -> str:
    """Write a file of the reply into the current folder, over nothing that is there."""
    path = Path(name)
    for number in range(1, 1000):
        with contextlib.suppress(FileExistsError), path.open("xb") as file:
            file.write(data)
            break
        path = Path(f"{Path(name).stem}-{number}{Path(name).suffix}")
    return str(path)


@contextlib.contextmanager
def _unechoed() -> Generator[None, None, None]:
    """What is typed meanwhile waits for the prompt: shown, it would stand in the answer."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.name == "nt":
        yield
        return
    import termios

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    quiet = [*before]
    quiet[3] &= ~termios.ECHO
    termios.tcsetattr(descriptor, termios.TCSADRAIN, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
