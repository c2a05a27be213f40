"""What lets go of what was kept for its time: one list for the running bot and for the shell."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeAlias

from bot.settings import Config
from core.allowances import Allowances
from core.channels import Channels
from core.database import Database
from core.forgetting import Forgetting
from core.leaving import Leaving
from core.resting import Resting
from core.retention import Retention
from core.reviews import Reviews
from core.taught import TaughtMessages
from core.whole.kept import KeptSummaries
from knowledge_base.copying import prune_copies
from knowledge_base.library import Library

Step: TypeAlias = Callable[[], Awaitable[object]]


def steps(
    config: Config,
    library: Library,
    database: Database,
    channels: Channels,
    forgetting: Forgetting,
) -> tuple[Step, ...]:
    """Each on its own: that one fails is no reason to keep what the others let go."""
    reviews = Reviews(database, config.data_dir / "reviews")
    return (
        Leaving(database, library, channels, reviews).prune,
        Retention(database, config.privacy).prune,
        Resting(library, TaughtMessages(database)).prune,
        KeptSummaries(database, library).prune,
        forgetting.prune,
        Allowances(database, config.limits, config.data_dir).prune,
        partial(asyncio.to_thread, prune_copies, config.data_dir),
    )
