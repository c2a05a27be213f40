"""The Telegram adapter against the local server, in one process, with an inbox that notes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from pydantic import SecretStr

from bot.adapters.telegram.client import TelegramListener
from bot.settings import TelegramSettings
from core.commands import COMMANDS
from core.events import IncomingEvent, IncomingMessage, Platform
from core.ports import Part
from core.replies import ReplyEvent
from tests.platforms.telegram_server.server import FakeTelegram

Event = TypeVar("Event")


class NotedEvents:
    """An inbox that notes what it is given and lets a test wait for it."""

    def __init__(self) -> None:
        self.events: list[IncomingEvent] = []
        self.parts: list[Part] = []
        """What is held now."""
        self.seen: list[Part] = []
        """What was ever held."""
        self._came = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    async def noted(self) -> None:
        """All that there is to it."""

    def hold(self, part: Part) -> None:
        known = [one for one in self.parts if one.message.message_id != part.message.message_id]
        self.parts = [*known, part]
        self.seen.append(part)

    def release(self, message: IncomingMessage, whole: str) -> None:
        """Once it is submitted."""
        assert self.events[-1] == message
        self.parts = [part for part in self.parts if part.whole != whole]

    async def held(self, platform: Platform) -> tuple[Part, ...]:
        return tuple(self.parts)

    def submit(self, event: IncomingEvent) -> None:
        self.events.append(event)
        task = asyncio.create_task(self._tell())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stream(self, message: IncomingMessage) -> AsyncGenerator[ReplyEvent, None]:
        raise AssertionError("push surfaces do not stream")
        yield  # makes it a generator

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    async def one(
        self, kind: type[Event], matching: Callable[[Event], bool] = lambda event: True
    ) -> Event:
        """The first event of a kind, as soon as it has come."""

        def found() -> Event | None:
            return next(filter(matching, self.of(kind)), None)

        async with asyncio.timeout(10), self._came:
            await self._came.wait_for(lambda: found() is not None)
        event = found()
        assert event is not None
        return event

    async def message(self, text: str) -> IncomingMessage:
        """The message with this text."""
        return await self.one(IncomingMessage, lambda message: message.text == text)

    async def _tell(self) -> None:
        async with self._came:
            self._came.notify_all()


class NoCompletions:
    async def complete(self, message: IncomingMessage, option: str, typed: str) -> tuple[str, ...]:
        return ()


def listener_for(telegram: FakeTelegram, **settings: object) -> TelegramListener:
    """A listener that is not entered yet."""
    given = {
        "token": SecretStr(telegram.token),
        "api_base_url": telegram.api_base_url,
        "file_base_url": telegram.file_base_url,
        **settings,
    }
    return TelegramListener(TelegramSettings(**given), COMMANDS, NoCompletions())


@asynccontextmanager
async def listening(
    listener: TelegramListener,
    inbox: NotedEvents | None = None,
) -> AsyncGenerator[tuple[TelegramListener, NotedEvents]]:
    """The listener logged in and polling."""
    inbox = inbox or NotedEvents()
    async with listener:
        task = asyncio.create_task(listener.listen(inbox))
        try:
            yield listener, inbox
        finally:
            task.cancel()
            await asyncio.wait({task})
        if not task.cancelled():
            task.result()
