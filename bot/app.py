"""The composition root: what the bot is made of, in which order it starts, and how it stops."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import logging
import signal
from collections.abc import (
    AsyncGenerator,
    Callable,
    Generator,
    Iterable,
    Mapping,
)
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bot import output
from bot.assembly import Stores, assemble
from bot.engines import open_engines
from bot.errors import ConfigError, Problem
from bot.folders import FollowedFolders
from bot.golden_bench import Bench
from bot.health import State
from bot.hinting import enriching
from bot.jobs import Means, coming_round
from bot.letting_go import Step
from bot.model_choosing import Choosing
from bot.observing import Observing, observing
from bot.parts import open_library
from bot.planning import settled
from bot.platforms import listeners
from bot.reloading import Reloading
from bot.settings import Config
from bot.sole import sole
from bot.supervise import Surface
from bot.threads import ThreadShares
from bot.watch import Watch
from bot.wording import own_words
from core.accounts import Accounts, Configured
from core.admission import Admission
from core.alerts import LOOK_SECONDS
from core.commands.base import Resources
from core.counted_outbox import CountedOutboxes
from core.database import Database
from core.digest import Digests
from core.dispatcher import Dispatcher
from core.engines.choice import EngineChoice
from core.events import IncomingMessage, MemberRef, Platform
from core.hourly import Hourly
from core.inbox import DurableInbox
from core.keys import Keys
from core.meters import Several
from core.permissions import Rules, listed
from core.ports import Completer, Forms, Outbox, Refetched, Unknown
from core.scheduler import Beat
from core.spend import Spending
from knowledge_base.library import Library

if TYPE_CHECKING:
    from bot.adapters.api.api import Api
    from bot.adapters.web.vitals import Vitals

log = logging.getLogger(__name__)

_FOLLOW_SECONDS = 30
"""How soon a running bot does what follows from a decision made in the shell."""
_GARBAGE_SECONDS = 10
_FLUSH_SECONDS = 60
"""What a crash may take of the figures of the hour."""
_NEVER = 1_000_000_000
_PATIENCE_SECONDS = 20.0
"""How long the ready line waits for a platform to answer; it goes on connecting after that."""
_NOTHING_TO_SERVE = "no surface can be served: give discord or telegram a token, or enable web"


@dataclass(frozen=True, slots=True)
class Bot:
    """The pipeline that every surface hands its messages to, and what operators' tools need."""

    library: Library
    inbox: Dispatcher
    folders: FollowedFolders
    surfaces: dict[Platform, Surface]
    """Of the chat platforms that have a token; none of them is entered yet."""
    database: Database
    resources: Resources
    engines: EngineChoice
    admission: Admission
    observing: Observing
    hourly: Hourly
    watch: Watch
    completions: Completer
    """What options of commands may be, for surfaces on which commands are typed."""
    forms: Forms
    """What commands ask for, for surfaces that ask themselves."""
    digests: Digests
    letting_go: tuple[Step, ...] = ()
    """What lets go of what was kept for its time."""


@asynccontextmanager
async def build(config: Config) -> AsyncGenerator[Bot, None]:
    """Everything but the surfaces. Leaving drains the replies under way, then closes the rest."""
    rules = rules_of(config)
    config = await settled(config)
    async with AsyncExitStack() as stack:
        shares = ThreadShares(config)
        library = await stack.enter_async_context(open_library(config, shares=shares))
        database = await stack.enter_async_context(Database.open(config.data_dir / "lorekeeper.db"))
        spending = Spending(database)
        await spending.load()
        stack.push_async_callback(spending.aclose)
        engines = await stack.enter_async_context(
            open_engines(
                config,
                library.quote,
                shares,
                by_words=partial(library.quote, by_words=True),
                spending=spending,
            )
        )
        outboxes: dict[Platform, Outbox] = {}
        surfaces: dict[Platform, Surface] = {}

        async def refetch(message: IncomingMessage) -> Refetched:
            surface = surfaces.get(message.conversation.channel.platform)
            return await surface.refetch(message) if surface is not None else Unknown()

        async def tell(text: str) -> bool:
            return bool(await core.envoy.tell_owners(text))

        seen = stack.enter_context(observing(config, library, tell))
        hourly = Hourly(database)
        stack.push_async_callback(hourly.flush)
        meters = Several(seen.meters, hourly)
        engines.metered(meters)
        stores = Stores(library, database, engines, meters, spending)
        core = await assemble(config, rules, stores, outboxes, refetch)
        addressed = DurableInbox(database).addressed
        makes = listeners(config, core.completions, core.forms, addressed, core.pacers)
        for platform, make in makes.items():
            inbox, counted = core.dispatcher, CountedOutboxes(outboxes, seen.meters)
            surfaces[platform] = Surface(platform, make, inbox, counted, inbox.resume)
        stack.push_async_callback(core.dispatcher.drain, config.dispatcher.grace_seconds)
        await stack.enter_async_context(core.summarising.working())
        folders = FollowedFolders(library, config.folders, own_words(config))
        yield Bot(
            library,
            core.dispatcher,
            folders,
            surfaces,
            database,
            core.resources,
            engines,
            core.admission,
            seen,
            hourly,
            Watch(seen.alerts, surfaces, config.data_dir),
            core.completions,
            core.forms,
            core.digests,
            core.letting_go,
        )


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


def rules_of(config: Config) -> Rules:
    """What the operator decided about people and places. Raises `ConfigError`."""
    lists = {}
    for key, written in (("blocked", config.blocked), ("allowed", config.allowed)):
        try:
            lists[key] = listed(written)
        except ValueError as error:
            wanted = f'{str(error)!r} must read like "discord:123" or "discord:role:123"'
            raise ConfigError(Problem("configuration", None, key, wanted)) from error
    return Rules(owners_of(config), lists["blocked"], lists["allowed"])


class _Signals:
    """SIGINT and SIGTERM: the first asks for an orderly end, the second for one at once."""

    def __init__(self, serving: asyncio.Task[object]) -> None:
        self.stop = asyncio.Event()
        self.reload = asyncio.Event()
        self.ready = False
        self.count = 0
        self._serving = serving

    def listen(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C cancels instead
                loop.add_signal_handler(number, self._take)
        # Else it would end us, whether or not somebody can read a configuration again.
        if hasattr(signal, "SIGHUP"):
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(signal.SIGHUP, self.reload.set)

    def _take(self) -> None:
        self.count += 1
        self.stop.set()
        # Before the start is complete nothing is under way that an orderly end could save.
        if self.count > 1 or not self.ready:
            self._serving.cancel()


async def serve(
    config: Config, again: Callable[[], Config] | None = None, file: Path | None = None
) -> int:
    """Run every configured surface until SIGINT or SIGTERM; a second one ends it at once.

    At SIGHUP the configuration is read by `again`, see `bot.reloading`. `file` is where it
    stands, None where none was given.
    The end has an order: deaf to new work, drain what is under way, close.
    """
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 (a coroutine runs in a task)
    signals = _Signals(task)
    signals.listen()
    for remark in config.remarks:
        log.info("%s", remark)
    try:
        await _serve(config, signals, again or (lambda: config), file)
    except asyncio.CancelledError:
        if signals.count != 1:
            raise
        task.uncancel()
    return 0


async def _serve(
    config: Config, signals: _Signals, again: Callable[[], Config], file: Path | None
) -> None:
    async with AsyncExitStack() as stack:
        stack.enter_context(sole(config.data_dir))
        bot = await stack.enter_async_context(build(config))
        if config.web.enabled:
            from bot.adapters.web.server import check_login

            await check_login(config.web, _accounts(config, bot.database))
        importing = asyncio.create_task(_import_console(config), name="import console")
        try:
            await bot.folders.follow_all()
        finally:
            await importing
        reloading = Reloading(
            config,
            again,
            {"logs.level": _use_level, "limits": partial(_use_limits, bot)},
            bot.resources.moderation.envoy.tell_owners,
        )
        web = await stack.enter_async_context(_web(config, bot, Choosing(file, reloading.reload)))
        for surface in bot.surfaces.values():
            await stack.enter_async_context(surface)
        # Drains before web server and platforms close: replies in flight still need them.
        stack.push_async_callback(bot.inbox.drain, config.dispatcher.grace_seconds)
        # What a platform was told that we have must reach the inbox before that closes.
        stack.push_async_callback(_silence, bot.surfaces.values())
        await stack.enter_async_context(bot.folders.watching())
        await stack.enter_async_context(_jobs(config, bot))
        if config.retrieval.enrichment:
            making = enriching(config, bot.library, bot.engines, bot.database)
            await stack.enter_async_context(making.working())
        bot.library.reembed_all()
        standing = [web, *await _standing(bot.surfaces)]
        if not config.web.enabled and all(one.is_off for one in bot.surfaces.values()):
            raise ConfigError(Problem("configuration", None, "", _NOTHING_TO_SERVE))
        await stack.enter_async_context(reloading.listening(signals.reload))
        stack.enter_context(_garbage())
        signals.ready = True
        bot.observing.health.state = State.READY
        await _tell_who_waits(bot, config)
        output.say(f"ready: {', '.join(standing)}")
        await signals.stop.wait()
        bot.observing.health.state = State.STOPPING
        log.info("stopping")


def _use_level(config: Config) -> None:
    logging.getLogger().setLevel(config.logs.level.upper())


def _use_limits(bot: Bot, config: Config) -> None:
    bot.resources.limiting.allowances.limits = config.limits


async def _silence(surfaces: Iterable[Surface]) -> None:
    await asyncio.gather(*(surface.silence() for surface in surfaces))


async def _standing(surfaces: Mapping[Platform, Surface]) -> list[str]:
    """How each chat platform stands."""
    told = []
    for platform in (Platform.DISCORD, Platform.TELEGRAM):
        surface = surfaces.get(platform)
        state = "off (no token)" if surface is None else await surface.standing(_PATIENCE_SECONDS)
        told.append(f"{platform.value} {state}")
    return told


async def _import_console(config: Config) -> None:
    """Load what the page needs, which takes seconds, while the folders are read."""
    if config.web.enabled:
        from bot.adapters import web

        web.prepare(config.data_dir / "uploads")
        await asyncio.to_thread(importlib.import_module, "bot.adapters.web.console")
        if config.api.enabled:
            await asyncio.to_thread(importlib.import_module, "bot.adapters.api.api")


@asynccontextmanager
async def _web(config: Config, bot: Bot, choosing: Choosing) -> AsyncGenerator[str, None]:
    """The web server, if it is on; yields how it stands."""
    if not config.web.enabled:
        yield "web off"
        return
    from bot.adapters.web.console import Console
    from bot.adapters.web.server import Mountable, serving
    from bot.console_desk import knowledge_desk, trial_of
    from bot.console_parts import parts
    from bot.model_room import Models

    made = parts(bot.inbox, bot.database, bot.resources, bot.admission, bot.hourly)
    accounts = _accounts(config, bot.database)
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


def _accounts(config: Config, database: Database) -> Accounts:
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


async def _tell_who_waits(bot: Bot, config: Config) -> None:
    """Whom no owner could be asked about stands where the operator looks first."""
    waiting = await bot.admission.unasked()
    if waiting:
        _ = own_words(config)
        output.tell(
            _.plural(
                "{count} place or person waits for your approval: `python -m bot admit` lists it.",
                "{count} places or people wait for your approval: `python -m bot admit` lists "
                "them.",
                len(waiting),
            )
        )


@contextlib.contextmanager
def _garbage() -> Generator[None, None, None]:
    """What is there now stays; complete collections are left to a job, off the loop's thread.

    With two hundred questions open one takes over 30 ms, wherever it happens to begin.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(before[0], before[1], _NEVER)
    try:
        yield
    finally:
        gc.set_threshold(*before)


async def _golden(config: Config, bot: Bot) -> str:
    """Raises `WorseAnswersError` and what reading the questions raises."""
    bench = Bench(bot.library, bot.inbox, bot.engines.name_for(None))
    jobs = config.jobs
    return await bench.nightly(
        jobs.golden_file, jobs.golden_base or "shared", config.data_dir, own_words(config)
    )


@asynccontextmanager
async def _jobs(config: Config, bot: Bot) -> AsyncGenerator[None, None]:
    """Work that comes round."""
    seen = bot.observing
    means = Means(
        bot.library,
        bot.folders,
        bot.letting_go,
        seen.alerts,
        own_words(config),
        bot.digests,
        partial(_golden, config, bot),
    )
    beats = (
        Beat(bot.admission.follow, _FOLLOW_SECONDS),
        Beat(bot.watch.look, LOOK_SECONDS),
        Beat(bot.hourly.flush, _FLUSH_SECONDS),
        # No coroutine: it runs in a thread.
        Beat(gc.collect, _GARBAGE_SECONDS),
    )
    async with coming_round(config, means, bot.database, seen.meters, beats):
        yield
