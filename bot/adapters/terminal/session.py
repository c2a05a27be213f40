"""A conversation at the terminal."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Final, TypeAlias

from bot import output
from bot.adapters.terminal.completion import Local
from bot.adapters.terminal.messages import question, with_files
from bot.adapters.terminal.prompt import Prompt
from bot.adapters.terminal.replies import Reply, ask
from bot.adapters.terminal.screen import place, show
from core.events import IncomingMessage, Quoted
from core.feedback import Verdict
from core.language import N_, Words
from core.ports import Completer, Inbox

Judge: TypeAlias = Callable[[IncomingMessage, Verdict], Awaitable[bool]]
"""Notes what the person thinks of the latest answer; False where there is none."""
ListBases: TypeAlias = Callable[[], Awaitable[Sequence[str]]]

LOCAL: Final = (
    Local("sources", "/sources N", N_("the whole passage with this number")),
    Local("up", "/up", N_("the answer helped")),
    Local("down", "/down", N_("the answer did not help")),
    Local("base", "/base [NAME...]", N_("which documents are asked here")),
    Local("quit", "/quit", N_("leave; so do Ctrl-D, and Ctrl-C twice")),
)


@dataclass(frozen=True, slots=True)
class Desk:
    """What a conversation at the terminal works with."""

    inbox: Inbox
    completer: Completer
    judge: Judge
    bases: ListBases
    history_file: Path


class Terminal:
    """A conversation, until end of input."""

    def __init__(self, desk: Desk, bases: tuple[str, ...], words: Words) -> None:
        self._desk = desk
        self._chosen = bases
        self._words = words
        self._known: Sequence[str] = ()
        self._asked: IncomingMessage | None = None
        """The question of the latest answer here."""
        self._numbers: frozenset[int] = frozenset()
        """Of its sources."""

    async def converse(self) -> None:
        """Ask for questions and answer them; Ctrl-C stops the answer under way."""
        _ = self._words
        self._known = await self._desk.bases()
        async with aclosing(self._lines()) as lines:
            async for text in lines:
                if text.strip() in ("/exit", "/quit"):
                    return
                if text.strip():
                    await self._take(text.strip())

    async def _lines(self) -> AsyncGenerator[str, None]:
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            while line := await asyncio.to_thread(sys.stdin.readline):
                yield line
            return
        _ = self._words
        output.say(_("Ask about the documents. /help shows the commands, Ctrl-D ends."))
        desk = self._desk
        prompt = Prompt(desk.completer, self._message, LOCAL, lambda: self._known, _)
        prompt.keep_history(desk.history_file)
        async with aclosing(prompt.lines()) as lines:
            with _on_interrupt(lambda: None):  # between two prompts it means nothing
                async for line in lines:
                    yield line

    async def _take(self, text: str) -> None:
        _ = self._words
        name, _blank, rest = text.partition(" ")
        match name.lower():
            case "/up" | "/down" if not rest:
                await self._judge(Verdict(name.lower()[1:]))
            case "/base":
                await self._choose(rest.split())
            case "/sources" if rest.strip():
                await self._open(rest.strip())
            case "/help" if not rest.strip():
                await self._answer(text)
                output.say("\n" + _("At this terminal also:"))
                for one in LOCAL:
                    output.say(f"  {one.usage} - {_(one.summary)}")
                output.say("  " + _("Alt-Enter, or \\ at a line's end, begins another line."))
            case _:
                await self._answer(text)

    async def _judge(self, verdict: Verdict) -> None:
        _ = self._words
        if self._asked is None or not await self._desk.judge(self._asked, verdict):
            output.say(_("There is no answer here yet."))
        elif verdict is Verdict.UP:
            output.say(_("Noted: 👍. Thank you."))
        else:
            output.say(_("Noted: 👎. Thank you, that helps to find what is missing."))

    async def _choose(self, names: Sequence[str]) -> None:
        _ = self._words
        self._known = await self._desk.bases()
        unknown = [name for name in names if name not in self._known]
        if unknown:
            output.say(_("There is no knowledge base {name}.", name=f"`{unknown[0]}`"))
        elif names:
            self._chosen = tuple(names)
        for name in self._known:
            output.say(f"{'*' if name in self._chosen else ' '} {name}")

    async def _open(self, typed: str) -> None:
        """One passage in full, as it stands now: what was removed is not shown any more."""
        _ = self._words
        number = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 6 else -1
        if self._asked is None or number not in self._numbers:
            output.say(_("There is no source with that number here."))
            return
        asked = self._asked
        message = replace(
            self._message("/sources"), quoted=Quoted(asked.message_id, asked.author, asked.text)
        )
        reply = await ask(self._desk.inbox, message)
        opened = [source for source in reply.sources if source.number == number]
        if reply.failure is not None:
            output.say(reply.failure.text)
        elif not opened:
            output.say(_("[{number}] is not there any more.", number=number))
        for source in opened:
            output.say(f"[{source.number}] {place(source, _)}\n")
            output.say(source.passage.chunk.text)

    def _message(self, text: str = "") -> IncomingMessage:
        return question(text, self._chosen, locale=self._words.language)

    async def _answer(self, text: str) -> None:
        _ = self._words
        try:
            message = with_files(self._message(text))
        except (OSError, ValueError):
            output.say(_("Name the files like this: /kb add FILE..."))
            return
        reply = Reply()
        task = asyncio.create_task(self._shown(message, reply), name="answer")
        try:
            with _on_interrupt(task.cancel) if sys.stdin.isatty() else contextlib.nullcontext():
                await task
        except asyncio.CancelledError:
            me = asyncio.current_task()
            if not task.cancelled() or (me and me.cancelling()):
                raise
            output.say(_("[stopped]"))
        finally:
            task.cancel()
        if reply.sources and reply.is_answer:
            self._asked = message
            self._numbers = frozenset(source.number for source in reply.sources)

    async def _shown(self, message: IncomingMessage, reply: Reply) -> None:
        async with aclosing(self._desk.inbox.stream(message)) as events:
            await show(events, self._words, reply)


@contextlib.contextmanager
def _on_interrupt(act: Callable[[], object]) -> Generator[None, None, None]:
    """Ctrl-C does this and nothing else. Also where event loops take no signals."""
    loop = asyncio.get_running_loop()

    def interrupted(_number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(act)

    try:
        before = signal.signal(signal.SIGINT, interrupted)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
