"""The composition root: what the bot is made of, and in which order it is closed."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from bot.assembly import Stores, assemble
from bot.engines import open_engines
from bot.folders import FollowedFolders
from bot.letting_go import Step
from bot.observing import Observing, observing
from bot.parts import open_library
from bot.planning import settled
from bot.platforms import listeners
from bot.rules import rules_of
from bot.settings import Config
from bot.supervise import Surface
from bot.threads import ThreadShares
from bot.watch import Watch
from bot.wording import own_words
from core.admission import Admission
from core.commands.base import Resources
from core.counted_outbox import CountedOutboxes
from core.database import Database
from core.digest import Digests
from core.dispatcher import Dispatcher
from core.engines.choice import EngineChoice
from core.events import IncomingMessage, Platform
from core.hourly import Hourly
from core.inbox import DurableInbox
from core.meters import Several
from core.ports import Completer, Forms, Outbox, Refetched, Unknown
from core.spend import Spending
from knowledge_base.library import Library


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
