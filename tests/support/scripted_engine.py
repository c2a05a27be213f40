"""An engine that says what a test wrote down, when the test lets it; time plays no part."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from core.engines.base import (
    ChatMessage,
    EngineDelta,
    EngineEvent,
    EngineFinished,
    GenerationOptions,
)
from core.replies import Usage

_TOKEN = re.compile("[\u4e00-\u9fff]|[^\\s\u4e00-\u9fff]+")


@dataclass
class Script:
    """One answer: its pieces, what holds it up, and what goes wrong.

    `gates` maps the number of a piece (from 0; `len(pieces)`: the end) to an event that is awaited
    before it. `fail` maps likewise to an exception. While `prompt_lock` is set the answer cannot
    be interrupted before its first piece: closing it waits for that event.
    """

    pieces: Sequence[str] = ("Paris.",)
    gates: dict[int, asyncio.Event] = field(default_factory=dict)
    fail: dict[int, BaseException] = field(default_factory=dict)
    prompt_lock: asyncio.Event | None = None
    clean_up_lock: asyncio.Event | None = None
    """Closing waits for this event, at whatever piece."""


@dataclass
class Call:
    """What the engine was asked, and how that ended."""

    messages: tuple[ChatMessage, ...]
    options: GenerationOptions
    said: int = 0
    open: bool = True
    outcome: str = "running"
    """running | finished | failed | cancelled"""


class ScriptedEngine:
    """Answers with the scripts in turn; the last one again and again. A string is a script too.

    Counts a token a word or Chinese character. `calls` tells what was asked; `streams_open` how
    many are being answered; `most_open` the most there ever were at once.
    """

    def __init__(
        self,
        *scripts: Script | str,
        slots: int = 1,
        context_window: int = 8192,
        trusted: bool = True,
        quotes: bool = False,
        languages: frozenset[str] | None = None,
        name: str = "scripted",
    ) -> None:
        self._scripts = [
            Script(_words(script)) if isinstance(script, str) else script
            for script in scripts or ("Paris.",)
        ]
        self._slots = slots
        self._context_window = context_window
        self._trusted = trusted
        self._quotes = quotes
        self._languages = languages
        self._name = name
        self.accepts_images = False
        self.calls: list[Call] = []
        self.keep_calls = True
        self.streams_open = 0
        self.most_open = 0
        self.asked = 0
        self.closed = False
        self._begun = asyncio.Event()

    async def begun(self, count: int) -> None:
        """Until it was asked so many times."""
        while self.asked < count:
            self._begun.clear()
            await self._begun.wait()

    @property
    def name(self) -> str:
        return self._name

    @property
    def context_window(self) -> int:
        return self._context_window

    @property
    def slots(self) -> int:
        return self._slots

    @property
    def trusted(self) -> bool:
        return self._trusted

    @property
    def quotes(self) -> bool:
        return self._quotes

    @property
    def languages(self) -> frozenset[str] | None:
        return self._languages

    async def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        return sum(len(_TOKEN.findall(message.text)) for message in messages)

    def script_for(self, messages: Sequence[ChatMessage]) -> Script:
        """What to say; a test that lets requests overtake each other chooses by the messages."""
        return self._scripts[min(self.asked, len(self._scripts) - 1)]

    async def stream(
        self, messages: Sequence[ChatMessage], options: GenerationOptions
    ) -> AsyncGenerator[EngineEvent, None]:
        script = self.script_for(messages)
        self.asked += 1
        self._begun.set()
        call = Call(tuple(messages), options)
        if self.keep_calls:
            self.calls.append(call)
        self.streams_open += 1
        self.most_open = max(self.most_open, self.streams_open)
        try:
            async with aclosing(self._say(script, call)) as events:
                async for event in events:
                    yield event
            call.outcome = "finished"
        except (asyncio.CancelledError, GeneratorExit):
            call.outcome = "cancelled"
            raise
        except BaseException:
            call.outcome = "failed"
            raise
        finally:
            try:
                if script.prompt_lock is not None and not call.said:
                    await script.prompt_lock.wait()
                if script.clean_up_lock is not None:
                    await script.clean_up_lock.wait()
            finally:
                self.streams_open -= 1
                call.open = False

    async def aclose(self) -> None:
        self.closed = True

    async def _say(self, script: Script, call: Call) -> AsyncGenerator[EngineEvent, None]:
        limit = call.options.max_tokens
        if script.prompt_lock is not None:
            await script.prompt_lock.wait()
        for n, piece in enumerate([*script.pieces, None]):
            if n in script.gates:
                await script.gates[n].wait()
            if n in script.fail:
                raise script.fail[n]
            if piece is None or (limit is not None and n >= limit):
                usage = Usage(await self.count_tokens(call.messages), call.said)
                yield EngineFinished("stop" if piece is None else "length", usage)
                return
            call.said += 1
            yield EngineDelta(piece)


def _words(text: str) -> list[str]:
    words = text.split(" ")
    return [word + " " for word in words[:-1]] + words[-1:]
