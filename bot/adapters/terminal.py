"""The terminal as a surface: one question at a time, its answer streamed, its sources below."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import shlex
import shutil
import signal
import sys
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from bot import output
from bot.adapters.files import local_file
from core.events import (
    Author,
    ChannelKind,
    ChannelRef,
    ConversationRef,
    IncomingMessage,
    Invocation,
    Platform,
    Trigger,
    Turn,
)
from core.language import Words
from core.ports import Inbox
from core.replies import (
    Actions,
    CitedPassage,
    Failed,
    FileReply,
    Finished,
    Notice,
    Progress,
    Queued,
    ReplyEvent,
    Sources,
    TextDelta,
    TextReplaced,
    Usage,
)

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession

_ADD = "/kb add "
CONVERSATION = ConversationRef(ChannelRef(Platform.TERMINAL, "local"))


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole reply, for whoever does not watch it come."""

    text: str
    refused: bool
    sources: tuple[CitedPassage, ...]
    usage: Usage | None
    failure: str | None


def question(
    text: str,
    bases: tuple[str, ...],
    *,
    locale: str | None = None,
    context: tuple[Turn, ...] | None = None,
) -> IncomingMessage:
    """A question of the person at this terminal, who is the operator."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "operator"
    return IncomingMessage(
        conversation=CONVERSATION,
        kind=ChannelKind.PRIVATE,
        trigger=Trigger.PRIVATE,
        message_id=uuid.uuid4().hex,
        author=Author(name, name, is_channel_admin=True),
        text=text,
        sent_at=datetime.now(UTC),
        locale=locale,
        context=context,
        bases=bases or None,
    )


def _addition(message: IncomingMessage, paths: str) -> IncomingMessage:
    """`/kb add FILE...` at a terminal: the files come along. Raises `OSError`, `ValueError`."""
    files = tuple(local_file(Path(path).expanduser()) for path in shlex.split(paths))
    return replace(message, command=Invocation("kb add"), attachments=files)


async def ask(inbox: Inbox, message: IncomingMessage) -> Answer:
    """The reply to a message, once it is complete."""
    text = ""
    sources = Sources(())
    usage = None
    failure = None
    async with aclosing(inbox.stream(message)) as events:
        async for event in events:
            match event:
                case TextDelta(delta):
                    text += delta
                case TextReplaced(whole):
                    text = whole
                case Sources():
                    sources = event
                case Finished(_, counted):
                    usage = counted
                case Failed(sentence):
                    failure = sentence
                case Notice() | Progress() | Queued() | FileReply() | Actions():
                    pass
                case _:
                    assert_never(event)
    return Answer(text, sources.refused, sources.passages, usage, failure)


class Screen:
    """Shows one reply while it comes."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._shown = ""
        self._status = False

    async def show(self, events: AsyncGenerator[ReplyEvent, None]) -> None:
        """Print every event of a reply; the sources come last."""
        sources: Sources | None = None
        async for event in events:
            if isinstance(event, Sources):
                sources = event
            else:
                self._one(event)
        self._line_up()
        if sources:
            self._sources(sources)

    def _one(self, event: ReplyEvent) -> None:
        _ = self._words
        match event:
            case TextDelta(delta):
                self._write(delta)
            case TextReplaced(whole):
                self._replace(whole)
            case Notice(text):
                self._line_up()
                output.say(f"({text})")
            case Progress(stage, done, total):
                self._show_status(f"{stage} {done}" + (f"/{total}" if total else ""))
            case Queued(position, eta):
                wait = f", ~{eta:.0f} s" if eta else ""
                self._show_status(_("waiting, place {position}", position=position) + wait)
            case FileReply(filename, _type, data):
                self._line_up()
                output.say(_saved(Path(filename).name, data))
            case Failed(text):
                self._line_up()
                output.say(text)
            case Sources() | Finished() | Actions():
                pass
            case never:
                assert_never(never)

    def _write(self, text: str) -> None:
        self._show_status("")
        self._shown += text
        output.say(text, end="")

    def _replace(self, whole: str) -> None:
        """Go on where the new text goes on; else write it anew over the old one."""
        if not whole.startswith(self._shown):
            columns, rows = shutil.get_terminal_size()
            lines = sum(max(1, -(-output.width(x) // columns)) for x in self._shown.split("\n"))
            if sys.stdout.isatty() and lines < rows:
                output.move("\r" + (f"\x1b[{lines - 1}A" if lines > 1 else "") + "\x1b[J")
            else:
                self._line_up()
            self._shown = ""
        self._write(whole[len(self._shown) :])

    def _show_status(self, text: str) -> None:
        if sys.stdout.isatty() and (text or self._status):
            output.move(f"\r\x1b[K{output.harmless(text)}")
            self._status = bool(text)

    def _line_up(self) -> None:
        """The next thing printed starts a line of its own."""
        self._show_status("")
        if self._shown and not self._shown.endswith("\n"):
            output.say()
        self._shown = ""

    def _sources(self, sources: Sources) -> None:
        _ = self._words
        cited = [source for source in sources.passages if source.cited]
        for source in cited:
            passage = source.passage
            page = _("page {page}", page=passage.chunk.page) if passage.chunk.page else ""
            named = passage.document.source or passage.document.name
            place = " · ".join(filter(None, (named, page, passage.chunk.heading)))
            output.say(f"  [{source.number}] {place} ({passage.relevance:.0%})")


def _saved(name: str, data: bytes) -> str:
    """Write a file of the reply into the current folder, over nothing that is there."""
    path = Path(name)
    for number in range(1, 1000):
        with contextlib.suppress(FileExistsError), path.open("xb") as file:
            file.write(data)
            break
        path = Path(f"{Path(name).stem}-{number}{Path(name).suffix}")
    return str(path)


class Terminal:
    """A conversation at the terminal, until end of input or Ctrl-C at the prompt."""

    def __init__(
        self, inbox: Inbox, bases: tuple[str, ...], words: Words, history_file: Path
    ) -> None:
        self._inbox = inbox
        self._bases = bases
        self._words = words
        self._history_file = history_file

    async def converse(self) -> None:
        """Ask for questions and answer them; Ctrl-C stops the answer under way."""
        _ = self._words
        if sys.stdin.isatty():
            output.say(_("Ask about the documents. /help shows the commands, Ctrl-D ends."))
        async for text in self._lines():
            if text.strip() in ("/exit", "/quit"):
                return
            if text.strip():
                await self._answer(text.strip())

    async def _lines(self) -> AsyncGenerator[str, None]:
        if not sys.stdin.isatty():
            while line := await asyncio.to_thread(sys.stdin.readline):
                yield line
            return
        session = self._prompt_session()
        while True:
            try:
                yield await session.prompt_async("> ")
            except (EOFError, KeyboardInterrupt):
                return

    def _prompt_session(self) -> PromptSession[str]:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.history import FileHistory

        descriptor = os.open(self._history_file, os.O_CREAT | os.O_APPEND, 0o600)
        os.close(descriptor)
        return PromptSession(history=FileHistory(str(self._history_file)))

    async def _answer(self, text: str) -> None:
        _ = self._words
        message = question(text, self._bases, locale=_.language)
        if text.startswith(_ADD):
            try:
                message = _addition(message, text.removeprefix(_ADD))
            except (OSError, ValueError):
                output.say(_("Name the files like this: /kb add FILE..."))
                return
        loop = asyncio.get_running_loop()
        task = asyncio.create_task(self._shown(message), name="answer")
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(signal.SIGINT, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            me = asyncio.current_task()
            if not task.cancelled() or (me and me.cancelling()):
                raise
            output.say("\n" + _("[stopped]"))
        finally:
            task.cancel()
            with contextlib.suppress(NotImplementedError):
                loop.remove_signal_handler(signal.SIGINT)

    async def _shown(self, message: IncomingMessage) -> None:
        async with aclosing(self._inbox.stream(message)) as events:
            await Screen(self._words).show(events)
