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
from core.events import IncomingEvent, IncomingMessage
from core.replies import ReplyEvent
from tests.platforms.telegram_server.server import FakeTelegram

Event = TypeVar("Event")


class NotedEvents:
    """An inbox that notes what it is given and lets a test wait for it."""

    def __init__(self) -> None:
        self.events: list[IncomingEvent] = []
        self._came = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    async def noted(self) -> None:
        """All that there is to it."""

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
) -> AsyncGenerator[tuple[TelegramListener, NotedEvents]]:
    """The listener logged in and polling."""
    inbox = NotedEvents()
    async with listener:
        task = asyncio.create_task(listener.listen(inbox))
        try:
            yield listener, inbox
        finally:
            task.cancel()
            await asyncio.wait({task})
        if not task.cancelled():
            task.result()
