"""Who is told what is measured, put together: the figures, and what the owners are told of."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.health import Health
from bot.library_watcher import LibraryWatcher
from bot.settings import Config
from bot.watch import Watch
from bot.wording import own_words
from core.alerts import Alerts, Overhearing
from core.engines.choice import EngineChoice
from core.meters import Meters, Several

if TYPE_CHECKING:
    from bot.figures import Figures
    from knowledge_base.library import Library


@dataclass(frozen=True, slots=True)
class Observing:
    """What is told of a running bot, and to whom."""

    alerts: Alerts
    meters: Meters
    figures: Figures | None
    """None where nobody could read them (the console is off), or nothing is there to make them."""
    health: Health = field(default_factory=Health)

    def exposition(
        self, config: Config, library: Library, engines: EngineChoice, watch: Watch
    ) -> Callable[[], Awaitable[bytes]] | None:
        """What `/metrics` answers; None where there are no figures."""
        if (figures := self.figures) is None:
            return None
        from bot.figures import Sights

        sights = Sights(
            lambda: engines.loads,
            lambda: watch.connected,
            library.extent,
            self.alerts,
            config.data_dir,
        )
        return lambda: figures.exposition(sights)


@contextmanager
def observing(
    config: Config, library: Library, tell: Callable[[str], Awaitable[bool]]
) -> Generator[Observing, None, None]:
    """`tell` reaches the owners."""
    alerts = Alerts(tell, own_words(config))
    overhearing = Overhearing(alerts, embeds=library.embeds)
    library.watcher = LibraryWatcher(overhearing)
    if not config.web.enabled or importlib.util.find_spec("prometheus_client") is None:
        yield Observing(alerts, overhearing, None)
        return
    from bot.figures import Figures

    figures = Figures()
    meters = Several(figures, overhearing)
    library.watcher = LibraryWatcher(meters)
    counting = figures.counting()
    logging.getLogger().addHandler(counting)
    try:
        yield Observing(alerts, meters, figures)
    finally:
        logging.getLogger().removeHandler(counting)
