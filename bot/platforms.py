"""The chat platforms that are configured: how their listeners are made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import TypeAlias

from bot.settings import Config
from core.commands import COMMANDS
from core.events import MessageRef, Platform
from core.pacer import Pacers
from core.ports import Completer, Forms, Listener

Make: TypeAlias = Callable[[], Listener]
Addressed: TypeAlias = Callable[[Platform], Awaitable[Sequence[MessageRef]]]


def listeners(
    config: Config, completer: Completer, forms: Forms, addressed: Addressed, pacers: Pacers
) -> dict[Platform, Make]:
    """A way to log in for every platform that has a token. SDKs are imported when it is used."""

    def discord() -> Listener:
        from bot.adapters.discord import DiscordListener, Past

        return DiscordListener(
            config.discord,
            COMMANDS,
            completer,
            forms=forms,
            proxy=config.network.proxy,
            past=Past(
                partial(addressed, Platform.DISCORD),
                timedelta(minutes=config.dispatcher.answer_missed_minutes),
            ),
        )

    def telegram() -> Listener:
        from bot.adapters.telegram.client import TelegramListener

        return TelegramListener(
            config.telegram, COMMANDS, completer, proxy=config.network.proxy, pacers=pacers
        )

    made: dict[Platform, Make] = {}
    if config.discord.token is not None:
        made[Platform.DISCORD] = discord
    if config.telegram.token is not None:
        made[Platform.TELEGRAM] = telegram
    return made
