"""Who enriches passages: an engine that idles, within what people let go there."""

from __future__ import annotations

from bot.settings import Config
from core.agreeing import Nearness
from core.database import Database
from core.distance import EnginePlace
from core.engines.choice import EngineChoice
from core.enriching import Enriching
from core.events import ChannelRef, Platform
from knowledge_base.library import Library


def enriching(
    config: Config,
    library: Library,
    engines: EngineChoice,
    database: Database,
    *,
    insists: bool = False,
) -> Enriching:
    """By the engine that answers where nobody picked another; `insists`: whichever it is."""

    async def may_read(base: str, place: EnginePlace) -> bool:
        return place == "local" or await Nearness(database, place).may_embed(base)

    hourly = config.retrieval.enrichment_tokens_hourly
    shell = ChannelRef(Platform.TERMINAL, "enrichment")
    making = Enriching(library, engines, may_read, hourly, shell)
    making.insists = insists
    return making
