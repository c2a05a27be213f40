"""The line that is typed on: history, completion, several lines, and how one leaves."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.application import create_app_session, get_app
from prompt_toolkit.filters import Condition, is_done
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.output.plain_text import PlainTextOutput
from prompt_toolkit.shortcuts import CompleteStyle
from prompt_toolkit.utils import is_dumb_terminal

from bot import output
from bot.adapters.terminal.completion import CommandCompleter, Local
from core.events import IncomingMessage
from core.language import Words
from core.ports import Completer

_MARK = "> "


class Prompt:
    """Asks for lines until the person leaves."""

    fills_in = True

    def __init__(
        self,
        completer: Completer,
        message: Callable[[], IncomingMessage],
        local: Callable[[], Sequence[Local]],
        bases: Callable[[], Sequence[str]],
        words: Words,
    ) -> None:
        self._completer = CommandCompleter(completer, message, local, bases, words)
        self._words = words
        self._history: History = InMemoryHistory()

    def keep_history(self, path: Path) -> None:
        """In a file for its owner alone; without one where it cannot be written."""
        try:
            os.close(os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600))
            path.chmod(0o600)
        except OSError as error:
            output.tell(f"{path}: {error.strerror}")
            return
        self._history = FileHistory(str(path))

    async def lines(self) -> AsyncGenerator[str, None]:
        """What is typed. Ctrl-C empties the line; at an empty one, twice, it leaves, as Ctrl-D."""
        _ = self._words
        with _suiting_output():
            session = self._session()
        leaving = False
        while True:
            try:
                text = await session.prompt_async(_MARK)
            except EOFError:
                return
            except KeyboardInterrupt:
                if leaving:
                    return
                leaving = not session.default_buffer.text
                if leaving:
                    output.say(_("Ctrl-C once more leaves."))
                continue
            leaving = False
            yield text

    async def field(self, label: str, value: str) -> str | None:
        """See `Typist`. Ctrl-C and Ctrl-D give it up; nothing of it is remembered as typed."""
        with _suiting_output():
            session: PromptSession[str] = PromptSession(
                multiline=True,
                prompt_continuation=_continued,
                key_bindings=_keys(),
                color_depth=_depth(),
                enable_open_in_editor=False,
            )
        try:
            return await session.prompt_async(f"{label}: ", default=output.harmless(value))
        except (EOFError, KeyboardInterrupt):
            return None

    def _session(self) -> PromptSession[str]:
        is_command = Condition(lambda: get_app().current_buffer.text.startswith("/"))
        return PromptSession(
            history=self._history,
            completer=self._completer,
            complete_while_typing=is_command,
            complete_style=CompleteStyle.COLUMN,
            reserve_space_for_menu=4,
            multiline=True,
            prompt_continuation=_continued,
            key_bindings=_keys(),
            color_depth=_depth(),
            enable_open_in_editor=False,
        )


def _suiting_output() -> contextlib.AbstractContextManager[object]:
    """A dumb terminal gets the mark and the letters, and no sequence, be it for the cursor."""
    if is_dumb_terminal():
        return create_app_session(output=PlainTextOutput(sys.stdout))
    return contextlib.nullcontext()


def _continued(_width: int, _line: int, _wrapped: int) -> str:
    return ". "


def _depth() -> ColorDepth | None:
    return ColorDepth.DEPTH_1_BIT if os.environ.get("NO_COLOR") else None


def _keys() -> KeyBindings:
    """Enter sends, unless a backslash stands before it; Alt-Enter begins another line."""
    keys = KeyBindings()

    @keys.add("enter", filter=~is_done)
    def _send(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.complete_state and buffer.complete_state.current_completion:
            buffer.complete_state = None
        elif buffer.document.text_before_cursor.endswith("\\"):
            buffer.delete_before_cursor()
            buffer.newline(copy_margin=False)
        else:
            buffer.validate_and_handle()

    @keys.add("escape", "enter")
    def _line(event: KeyPressEvent) -> None:
        event.current_buffer.newline(copy_margin=False)

    return keys
