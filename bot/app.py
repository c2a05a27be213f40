"""The composition root: what the bot is made of, in which order it starts, and how it stops."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import logging
import signal
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from bot import output
from bot.engines import open_engines
from bot.errors import ConfigError, Problem
from bot.folders import FollowedFolders
from bot.parts import open_library
from bot.settings import Config
from bot.threads import ThreadShares
from bot.wording import own_words
from core.access import SHARED
from core.assistant import Assistant
from core.chat import Chat
from core.commands.base import Resources
from core.database import Database
from core.dispatcher import Dispatcher, Hooks
from core.events import MemberRef, Platform
from core.history import History
from core.permissions import Rules
from core.prompts import Prompts
from knowledge_base.library import Library

log = logging.getLogger(__name__)

_SNAPSHOT_MINUTES = 10
_LATE_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Bot:
    """The pipeline that every surface hands its messages to, and what operators' tools need."""

    library: Library
    inbox: Dispatcher
    folders: FollowedFolders


@asynccontextmanager
async def build(config: Config) -> AsyncGenerator[Bot, None]:
    """Everything but the surfaces. Leaving drains the replies under way, then closes the rest."""
    owners = owners_of(config)
    async with AsyncExitStack() as stack:
        shares = ThreadShares(config)
        library = await stack.enter_async_context(open_library(config, shares=shares))
        database = await stack.enter_async_context(Database.open(config.data_dir / "lorekeeper.db"))
        engines = await stack.enter_async_context(open_engines(config, library.quote, shares))
        history = History(database, group_minutes=config.chat.group_history_minutes)
        folder = config.chat.prompt_folder
        chat = Chat(
            library,
            engines,
            history,
            Prompts(Path(folder) if folder else None),
            config.chat,
            config.engine.max_answer_tokens,
        )
        resources = Resources(
            library, engines, history, chat.answer, config.knowledge.limits.max_file_mb
        )
        assistant = Assistant(resources, Rules(owners), config.chat.language)
        dispatcher = Dispatcher(
            assistant.reply,
            {},
            database,
            config.dispatcher,
            hooks=Hooks(is_immediate=assistant.is_immediate),
        )
        stack.push_async_callback(dispatcher.drain, config.dispatcher.grace_seconds)
        yield Bot(library, dispatcher, FollowedFolders(library, config.folders, own_words(config)))


def owners_of(config: Config) -> frozenset[MemberRef]:
    """The owners as people on platforms. Raises `ConfigError` for one that names no platform."""
    platforms = {platform.value: platform for platform in Platform}
    found = set()
    for owner in config.owners:
        platform, _, user_id = owner.partition(":")
        if platform not in platforms or not user_id:
            wanted = f'{owner!r} must read like "discord:123" or "telegram:456"'
            raise ConfigError(Problem("configuration", None, "owners", wanted))
        found.add(MemberRef(platforms[platform], user_id))
    return frozenset(found)


class _Signals:
    """SIGINT and SIGTERM: the first asks for an orderly end, the second for one at once."""

    def __init__(self, serving: asyncio.Task[object]) -> None:
        self.stop = asyncio.Event()
        self.ready = False
        self.count = 0
        self._serving = serving

    def listen(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C cancels instead
                loop.add_signal_handler(number, self._take)

    def _take(self) -> None:
        self.count += 1
        self.stop.set()
        # Before the start is complete nothing is under way that an orderly end could save.
        if self.count > 1 or not self.ready:
            self._serving.cancel()


async def serve(config: Config) -> int:
    """Run every configured surface until SIGINT or SIGTERM; a second one ends it at once.

    The end has an order: deaf to new work, drain what is under way, close.
    """
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 (a coroutine runs in a task)
    signals = _Signals(task)
    signals.listen()
    for remark in config.remarks:
        log.info("%s", remark)
    if config.web.enabled:
        from bot.adapters.web.server import check_login

        check_login(config.web)
    try:
        await _serve(config, signals)
    except asyncio.CancelledError:
        if signals.count != 1:
            raise
        task.uncancel()
    return 0


async def _serve(config: Config, signals: _Signals) -> None:
    async with AsyncExitStack() as stack:
        bot = await stack.enter_async_context(build(config))
        importing = asyncio.create_task(_import_console(config), name="import console")
        try:
            await bot.folders.follow_all()
        finally:
            await importing
        await bot.inbox.resume()
        web = await stack.enter_async_context(_web(config, bot))
        # Drains before the web server closes: replies in flight still need their connection.
        stack.push_async_callback(bot.inbox.drain, config.dispatcher.grace_seconds)
        stack.enter_context(_jobs(bot))
        gc.collect()
        gc.freeze()
        signals.ready = True
        output.say(f"ready: {', '.join([web, *_chat_platforms(config)])}")
        await signals.stop.wait()
        log.info("stopping")


def _chat_platforms(config: Config) -> list[str]:
    """How each chat platform stands."""
    tokens = {"discord": config.discord.token, "telegram": config.telegram.token}
    for name, token in tokens.items():
        if token is not None:
            log.warning("%s: a token is configured, but this version does not serve it", name)
    return [
        f"{name} off ({'not in this version' if token else 'no token'})"
        for name, token in tokens.items()
    ]


async def _import_console(config: Config) -> None:
    """Load what the page needs, which takes seconds, while the folders are read."""
    if config.web.enabled:
        from bot.adapters import web

        web.prepare(config.data_dir / "uploads")
        await asyncio.to_thread(importlib.import_module, "bot.adapters.web.console")


@asynccontextmanager
async def _web(config: Config, bot: Bot) -> AsyncGenerator[str, None]:
    """The web server, if it is on; yields how it stands."""
    if not config.web.enabled:
        yield "web off"
        return
    from bot.adapters.web.console import Console
    from bot.adapters.web.server import serving

    async def names() -> Sequence[str]:
        held = [base.name for base in await bot.library.bases()]
        return sorted({SHARED, *held}, key=lambda name: (name != SHARED, name))

    async with serving(config.web, Console(bot.inbox, names)) as address:
        yield f"web {address}"


@contextlib.contextmanager
def _jobs(bot: Bot) -> Generator[None, None, None]:
    """Work that comes round: snapshots of the indexes."""
    from apscheduler.schedulers.asyncio import AsyncIOScheduler

    scheduler = AsyncIOScheduler(timezone=UTC)
    scheduler.add_job(
        bot.library.snapshot,
        "interval",
        minutes=_SNAPSHOT_MINUTES,
        coalesce=True,
        max_instances=1,
        misfire_grace_time=_LATE_SECONDS,
    )
    scheduler.start()
    try:
        yield
    finally:
        scheduler.shutdown(wait=False)
