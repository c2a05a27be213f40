"""A conversation at the terminal."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import aclosing
from dataclasses import replace
from types import FrameType

from bot import output
from bot.adapters.terminal.choices import Choices, is_number
from bot.adapters.terminal.desk import LOCAL, Desk
from bot.adapters.terminal.messages import as_command, question, typed_command, with_files
from bot.adapters.terminal.prompt import Prompt
from bot.adapters.terminal.replies import Reply, ask
from bot.adapters.terminal.screen import place, show
from bot.adapters.terminal.typist import Pipe, Typist
from core import buttons
from core.events import IncomingMessage, Invocation, Quoted
from core.feedback import Verdict
from core.forms import FORM, TOKEN
from core.language import Words
from core.pressing import invocation_of
from core.replies import Button, Form, Menu


class Terminal:
    """A conversation, until end of input."""

    def __init__(
        self, desk: Desk, bases: tuple[str, ...], words: Words, typist: Typist | None = None
    ) -> None:
        """Without a `typist`, whoever is at standard input."""
        self._desk = desk
        self._chosen = bases
        self._words = words
        self._typist = typist or self._whoever()
        self._known: Sequence[str] = ()
        self._question: IncomingMessage | None = None
        """The latest, whatever became of it."""
        self._asked: IncomingMessage | None = None
        """The question of the latest answer here."""
        self._numbers: frozenset[int] = frozenset()
        """Of its sources."""
        self._choices = Choices()

    async def converse(self) -> None:
        """Ask for questions and answer them; Ctrl-C stops the answer under way."""
        _ = self._words
        self._known = await self._desk.bases()
        if self._typist.fills_in:
            output.say(_("Ask about the documents. /help shows the commands, Ctrl-D ends."))
        # Between two prompts Ctrl-C means nothing.
        with _on_interrupt(lambda: None) if self._typist.fills_in else contextlib.nullcontext():
            async with aclosing(self._typist.lines()) as lines:
                async for text in lines:
                    if text.strip() in ("/exit", "/quit"):
                        return
                    if text.strip():
                        await self._take(text.strip())

    def _whoever(self) -> Typist:
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            return Pipe()
        desk = self._desk
        prompt = Prompt(
            desk.completer,
            self._message,
            lambda: (*self._choices.commands(), *LOCAL),
            lambda: self._known,
            self._words,
        )
        prompt.keep_history(desk.history_file)
        return prompt

    async def _take(self, text: str) -> None:
        _ = self._words
        name, _blank, rest = text.partition(" ")
        match name.lower():
            case "/up" | "/down" if not rest:
                await self._judge(Verdict(name.lower()[1:]))
            case "/again" if not rest:
                await self._again()
            case "/correct" if not rest:
                await self._correct()
            case "/delete" if not rest:
                self._ask_whether_to_delete()
            case "/base":
                await self._choose(rest.split())
            case "/sources" if rest.strip():
                await self._open(rest.strip())
            case "/help" if not rest.strip():
                await self._answer(self._message(text))
                output.say("\n" + _("At this terminal also:"))
                for one in LOCAL:
                    output.say(f"  {one.usage} - {_(one.summary)}")
                output.say("  " + _("/1, /2 … do what stands below a reply under that number."))
                output.say("  " + _("Alt-Enter, or \\ at a line's end, begins another line."))
            case _ if is_number(text):
                await self._press(self._choices.typed(text))
            case _:
                await self._say(text)

    async def _say(self, text: str) -> None:
        _ = self._words
        try:
            message = with_files(self._message(text))
        except (OSError, ValueError):
            output.say(_("Name the files like this: /kb add FILE..."))
            return
        await self._fill_in(message)

    async def _judge(self, verdict: Verdict) -> None:
        _ = self._words
        if self._asked is None or not await self._desk.judge(self._asked, verdict):
            output.say(_("There is no answer here yet."))
        elif verdict is Verdict.UP:
            output.say(_("Noted: 👍. Thank you."))
        else:
            output.say(_("Noted: 👎. Thank you, that helps to find what is missing."))

    async def _again(self) -> None:
        """The last question, by the bases that are chosen now; its old answer gives way."""
        _ = self._words
        if self._question is None:
            output.say(_("There is no question here yet."))
            return
        last = self._question
        message = replace(self._message(last.text), message_id=last.message_id)
        await self._answer(replace(message, command=last.command))

    async def _correct(self) -> None:
        _ = self._words
        if self._asked is None:
            output.say(_("There is no answer here yet."))
        elif not self._typist.fills_in:
            output.say(_("Say it in one line: {line}", line="/kb note answer:ANSWER QUESTION"))
        else:
            await self._do(invocation_of(f"{buttons.CORRECT}:{self._asked.message_id}"))

    def _ask_whether_to_delete(self) -> None:
        _ = self._words
        if self._question is None:
            output.say(_("There is no question here yet."))
            return
        output.say(_("Delete this answer, and what I remember of the question?"))
        self._offer((buttons.delete_menu(self._question.message_id, _),))

    async def _delete(self) -> None:
        _ = self._words
        if self._question is not None:
            await self._desk.remove(self._question)
            output.say(_("Deleted."))
        self._question = self._asked = None
        self._numbers = frozenset()
        self._choices = Choices()

    async def _press(self, button: Button | None) -> None:
        """What stands below the latest reply under that number."""
        _ = self._words
        if button is None:
            output.say(_("Nothing has that number here now."))
            return
        match button.action.partition(":")[0]:
            case buttons.REGENERATE:
                await self._again()
            case buttons.DELETE_NOW:
                await self._delete()
            case _:
                await self._do(invocation_of(button.action))

    async def _do(self, invocation: Invocation | None) -> None:
        if invocation is not None:
            await self._fill_in(as_command(self._message(), invocation))

    async def _fill_in(self, message: IncomingMessage) -> None:
        """Ask for what a command still needs, then carry it out; all else is answered as it is."""
        invocation = typed_command(message) if self._typist.fills_in else None
        form = None
        if invocation is not None:
            form = await self._desk.forms.form_of(as_command(message, invocation))
        if form is None:
            await self._answer(message)
        elif (written := await self._written(form)) is None:
            output.say(self._words("Nothing was changed."))
        else:
            filled = Invocation(FORM, {TOKEN: form.token, **written})
            await self._answer(as_command(self._message(), filled))

    async def _written(self, form: Form) -> dict[str, str] | None:
        """What the person writes in each field; None: they gave it up."""
        output.say(f"{form.title} ({self._words('Ctrl-C gives it up')})")
        written: dict[str, str] = {}
        for field in form.fields:
            if field.settled:
                continue
            value = await self._typist.field(field.label, field.value)
            if value is None:
                return None
            written[field.name] = value
        return written

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
        asked = question(text, self._chosen, locale=self._words.language)
        return replace(asked, shows_menus=True)

    async def _answer(self, message: IncomingMessage) -> None:
        _ = self._words
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
        command = typed_command(message)
        if command is None or command.name == "ask":
            self._question = message
            if reply.sources and reply.is_answer:
                self._asked = message
                self._numbers = frozenset(source.number for source in reply.sources)
        self._offer(reply.menus)

    def _offer(self, menus: Sequence[Menu]) -> None:
        self._choices = Choices(menus)
        for line in self._choices.lines():
            output.say(line)

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
