"""What commands need of a member's own data and limits, for tests that are about something else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from core.allowances import Allowances
from core.channels import Channels
from core.database import Database
from core.envoy import Envoy
from core.events import Platform
from core.exporting import Exporting
from core.forgetting import Forgetting
from core.limiting import Limiting
from core.own_data import OwnData
from core.permissions import Rules
from core.ports import Outbox
from core.reviews import Reviews
from core.settings import LimitSettings
from knowledge_base.library import Library
from tests.support.shelf import Shelf

NO_LIMITS = LimitSettings(0, 5, 0, 0, 0, 0, 0, 0)


def own_data_of(
    database: Database,
    library: Library | Shelf,
    channels: Channels,
    folder: Path,
    outboxes: Mapping[Platform, Outbox] | None = None,
) -> OwnData:
    """Reviews lie in `folder / "reviews"`."""
    reviews = Reviews(database, folder / "reviews")
    return OwnData(
        Exporting(database, library, reviews),
        Forgetting(database, library, channels, reviews),
        Envoy(outboxes or {}),
    )


def unlimited(
    database: Database,
    channels: Channels,
    rules: Rules,
    outboxes: Mapping[Platform, Outbox] | None = None,
) -> Limiting:
    """Everybody may ask as much as they like."""
    allowances = Allowances(database, NO_LIMITS, database.path.parent)
    return Limiting(allowances, Envoy(outboxes or {}), channels, rules)
