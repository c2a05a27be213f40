"""What the console's pages work with."""

from __future__ import annotations

from bot.adapters.web.channel_desk import ChannelDesk
from bot.adapters.web.overview import Overviews
from bot.adapters.web.parts import Parts
from bot.adapters.web.shelves import Shelves
from bot.adapters.web.talks import Talks
from core.admission import Admission
from core.commands.base import Resources
from core.database import Database
from core.hourly import Hourly
from core.ports import Inbox


def parts(
    inbox: Inbox,
    database: Database,
    resources: Resources,
    admission: Admission,
    hourly: Hourly,
) -> Parts:
    """Of the parts that the composition root has made."""
    library = resources.library

    def plain_engine() -> str | None:
        engines = resources.engines
        written = (name for name in engines.names if not engines.of(name).engine.quotes)
        return next(written, None)

    talks = Talks(database, library, resources.access.scope_of)
    return Parts(
        inbox,
        Shelves(library, resources.sightings).all,
        talks,
        plain_engine,
        ChannelDesk(resources, admission),
        Overviews(database, hourly, lambda: resources.engines.loads),
        max_file_mb=resources.max_file_mb,
    )
