"""Channels whose settings need to read messages that do not address the bot, from their rows."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.checking.rows import reading
from core.channel_settings import setting_named
from core.errors import UserError
from core.events import Platform

_MOST_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class InNeed:
    """What was chosen where."""

    keys: tuple[str, ...]
    """Of the settings, as `/settings` has them."""
    places: tuple[str, ...]
    """Names, or numbers where no name is known."""

    @property
    def named(self) -> str:
        """The first few places."""
        more = ", …" if len(self.places) > _MOST_NAMED else ""
        return ", ".join(self.places[:_MOST_NAMED]) + more


def needing_content(data_dir: Path, platform: Platform) -> InNeed | None:
    """None where nobody chose such a setting, or there is no data yet. Blocks."""
    keys: dict[str, None] = {}
    places: dict[str, None] = {}
    with (
        contextlib.suppress(sqlite3.Error),
        reading(data_dir / "lorekeeper.db") as connection,
    ):
        chosen = connection.execute(
            """SELECT key, value, subject_id, coalesce(channels.name, '') FROM settings
            LEFT JOIN channels ON channels.platform = settings.platform
            AND channels.channel_id = settings.subject_id AND level = 'channel'
            WHERE settings.platform = ? ORDER BY subject_id, key""",
            (platform.value,),
        )
        for key, value, place, name in chosen:
            if _needs_content(key, value):
                keys[key] = places[name or place] = None
    return InNeed(tuple(keys), tuple(places)) if keys else None


def _needs_content(key: str, value: str) -> bool:
    try:
        return setting_named(key).needs_content(value)
    except UserError:
        return False  # of another version
