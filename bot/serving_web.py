"""The web server of a running bot: the console, the API, and what monitors ask."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.building import Bot
from bot.model_choosing import Choosing
from bot.settings import Config
from bot.wording import own_words
from core.accounts import Accounts, Configured
from core.database import Database
from core.keys import Keys

if TYPE_CHECKING:
    from bot.adapters.api.api import Api
    from bot.adapters.web.vitals import Vitals


async def import_console(config: Config) -> None:
    """Load what the page needs, which takes seconds, while the folders are read."""
    if config.web.enabled:
        from bot.adapters import web

        web.prepare(config.data_dir / "uploads")
        await asyncio.to_thread(importlib.import_module, "bot.adapters.web.console")
        if config.api.enabled:
            await asyncio.to_thread(importlib.import_module, "bot.adapters.api.api")


@asynccontextmanager
async def web_of(config: Config, bot: Bot, choosing: Choosing) -> AsyncGenerator[str, None]:
    """The web server, if it is on; yields how it stands."""
    if not config.web.enabled:
        yield own_words(config)("web off")
        return
    from bot.adapters.web.console import Console
    from bot.adapters.web.server import Mountable, serving
    from bot.console_desk import knowledge_desk, trial_of
    from bot.console_parts import parts
    from bot.model_room import Models

    made = parts(bot.inbox, bot.database, bot.resources, bot.admission, bot.hourly)
    accounts = accounts_of(config, bot.database)
    await accounts.start()
    async with (
        knowledge_desk(config, bot.inbox, bot.resources, bot.folders) as desk,
        Models(config, bot.engines, choosing).working() as models,
    ):
        # The console last: whatever nobody else takes is its own.
        console = Console(replace(made, desk=desk, trial=trial_of(config, desk), models=models))
        pages: tuple[Mountable, ...] = (_vitals(config, bot), *_api(config, bot), console)
        async with serving(config.web, *pages, accounts=accounts) as address:
            yield f"web {address}"


def accounts_of(config: Config, database: Database) -> Accounts:
    password = config.web.password
    own = None if password is None else Configured(config.web.username, password.get_secret_value())
    return Accounts(database, own)


def _vitals(config: Config, bot: Bot) -> Vitals:
    from bot.adapters.web.vitals import Vitals

    seen = bot.observing
    exposition = seen.exposition(config, bot.library, bot.engines, bot.watch)
    return Vitals(lambda: seen.health.is_ready, exposition)


def _api(config: Config, bot: Bot) -> Iterable[Api]:
    if not config.api.enabled:
        return
    from bot.adapters.api.api import Api
    from bot.adapters.api.requests import Limits

    limits = Limits(config.chat.max_pictures, config.chat.max_picture_mb << 20)
    keys = Keys(bot.database)
    yield Api(bot.inbox, bot.library, bot.engines, keys, config.api, limits)
