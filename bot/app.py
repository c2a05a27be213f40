"""A running bot: in which order it starts, what comes round, and how it stops."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from bot import output
from bot.building import Bot, build
from bot.errors import SETTINGS, ConfigError, Problem
from bot.golden_bench import Bench
from bot.health import State
from bot.hinting import enriching
from bot.jobs import Means, coming_round
from bot.model_choosing import Choosing
from bot.reloading import Reloading
from bot.serving_web import accounts_of, import_console, web_of
from bot.settings import Config
from bot.signals import Signals
from bot.sole import sole
from bot.supervise import Surface
from bot.wording import own_words
from core.alerts import LOOK_SECONDS
from core.events import Platform
from core.language import N_, Later, Told, Words
from core.scheduler import Beat

log = logging.getLogger(__name__)

_FOLLOW_SECONDS = 30
"""How soon a running bot does what follows from a decision made in the shell."""
_GARBAGE_SECONDS = 10
_FLUSH_SECONDS = 60
"""What a crash may take of the figures of the hour."""
_NEVER = 1_000_000_000
_PATIENCE_SECONDS = 20.0
"""How long the ready line waits for a platform to answer; it goes on connecting after that."""
_STANDING = (
    N_("{surface} on"),
    N_("{surface} connecting"),
    N_("{surface} away"),
    N_("{surface} off (no token)"),
    N_("{surface} off (bad token)"),
    N_("{surface} off (failed, see the log)"),
)
"""What the ready line says of a platform, by how it stands."""
_NOTHING_TO_SERVE = Later(
    "no surface can be served: give discord or telegram a token, or enable web"
)


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
    signals = Signals(task)
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
    config: Config, signals: Signals, again: Callable[[], Config], file: Path | None
) -> None:
    async with AsyncExitStack() as stack:
        stack.enter_context(sole(config.data_dir))
        bot = await stack.enter_async_context(build(config))
        if config.web.enabled:
            from bot.adapters.web.server import check_login

            await check_login(config.web, accounts_of(config, bot.database))
        importing = asyncio.create_task(import_console(config), name="import console")
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
        web = await stack.enter_async_context(web_of(config, bot, Choosing(file, reloading.reload)))
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
        _ = own_words(config)
        standing = [web, *await _standing(bot.surfaces, _)]
        if not config.web.enabled and all(one.is_off for one in bot.surfaces.values()):
            raise ConfigError(Problem(SETTINGS, None, "", _NOTHING_TO_SERVE))
        await stack.enter_async_context(reloading.listening(signals.reload))
        stack.enter_context(_garbage())
        signals.ready = True
        bot.observing.health.state = State.READY
        await _tell_who_waits(bot, config)
        output.say(_("ready: {surfaces}", surfaces=_(", ").join(standing)))
        await signals.stop.wait()
        bot.observing.health.state = State.STOPPING
        log.info("stopping")


def _use_level(config: Config) -> None:
    logging.getLogger().setLevel(config.logs.level.upper())


def _use_limits(bot: Bot, config: Config) -> None:
    bot.resources.limiting.allowances.limits = config.limits


async def _silence(surfaces: Iterable[Surface]) -> None:
    await asyncio.gather(*(surface.silence() for surface in surfaces))


async def _standing(surfaces: Mapping[Platform, Surface], _: Words) -> list[str]:
    """How each chat platform stands."""
    told = []
    for platform in (Platform.DISCORD, Platform.TELEGRAM):
        surface = surfaces.get(platform)
        state = "off (no token)" if surface is None else await surface.standing(_PATIENCE_SECONDS)
        told.append(_(f"{{surface}} {state}", surface=platform.value))
    return told


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


async def _golden(config: Config, bot: Bot) -> Told:
    """Raises `WorseAnswersError` and what reading the questions raises."""
    bench = Bench(bot.library, bot.inbox, bot.engines.name_for(None))
    jobs = config.jobs
    return await bench.nightly(jobs.golden_file, jobs.golden_base or "shared", config.data_dir)


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
