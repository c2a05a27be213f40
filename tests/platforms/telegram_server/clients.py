"""The real python-telegram-bot against the local server, in the test's own process."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from telegram import Bot, Update
from telegram.ext import Application, ApplicationBuilder, ContextTypes, TypeHandler

from tests.platforms.telegram_server.server import FakeTelegram

OnUpdate = Callable[[Update, ContextTypes.DEFAULT_TYPE], Awaitable[None]]


def builder(telegram: FakeTelegram) -> ApplicationBuilder:
    """An application that knows where the local server is."""
    return (
        Application.builder()
        .token(telegram.token)
        .base_url(telegram.api_base_url)
        .base_file_url(telegram.file_base_url)
    )


@asynccontextmanager
async def plain_bot(telegram: FakeTelegram) -> AsyncGenerator[Bot]:
    """A bot that calls and does not listen."""
    async with Bot(telegram.token, telegram.api_base_url, telegram.file_base_url) as bot:
        yield bot


@asynccontextmanager
async def polling(
    telegram: FakeTelegram,
    on_update: OnUpdate,
    application: Application | None = None,
    allowed_updates: tuple[str, ...] = (),
) -> AsyncGenerator[Application]:
    """An application that polls and hands every update to one function."""
    application = application or builder(telegram).build()
    application.add_handler(TypeHandler(Update, on_update))
    async with application:
        await application.start()
        assert application.updater is not None
        await application.updater.start_polling(allowed_updates=list(allowed_updates))
        try:
            yield application
        finally:
            await application.updater.stop()
            await application.stop()
