"""Durable settings of channels and servers, and where the bot is to keep silent.

What was chosen is held in memory, since every message asks for it; a change is on disk before it
holds. What is not chosen for a channel follows its parent (a private thread's), then its server.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from core.channel_settings import ChannelSettings, changed, setting_named, written
from core.database import Database
from core.errors import UserError
from core.events import Asked, ChannelKind, ChannelRef, Platform, ServerRef

Subject: TypeAlias = ChannelRef | ServerRef
"""What settings are kept for."""

UNCHOSEN: Final = ChannelSettings()
_ALL = ("", "all", "")
_Key: TypeAlias = tuple[str, str, str]
_log = logging.getLogger(__name__)


class Channels:
    """What holds where; `load` first."""

    def __init__(
        self,
        database: Database,
        defaults: ChannelSettings = UNCHOSEN,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._defaults = defaults
        self._clock = clock
        self._chosen: dict[_Key, dict[str, str]] = {}
        self._pauses: dict[_Key, float] = {}

    async def load(self) -> None:
        """Read what was chosen; before the first message, and when a channel has moved."""
        async with self._database.reader() as connection:
            settings = await connection.execute_fetchall(
                "SELECT platform, level, subject_id, key, value FROM settings"
            )
            pauses = await connection.execute_fetchall(
                "SELECT platform, level, subject_id, until FROM pauses"
            )
        chosen: dict[_Key, dict[str, str]] = {}
        for platform, level, subject_id, key, value in settings:
            chosen.setdefault((platform, level, subject_id), {})[key] = value
        self._chosen = chosen
        self._pauses = {
            (platform, level, subject_id): math.inf if until is None else until
            for platform, level, subject_id, until in pauses
        }

    def of(self, asked: Asked) -> ChannelSettings:
        """What holds where somebody asks.

        What is asked in private stays on this machine until its member agrees to something else;
        on the operator's own surfaces it may go wherever the operator let it be.
        """
        channel = asked.conversation.channel
        settings = self.at(channel, asked.place.parent, server_of(asked))
        if "place" in self.chosen(channel):
            return settings
        if channel.platform.is_operators:
            return replace(settings, place="outside")
        if asked.kind is ChannelKind.PRIVATE:
            return replace(settings, place="local")
        return settings

    def at(
        self, channel: ChannelRef, parent: ChannelRef | None = None, server: ServerRef | None = None
    ) -> ChannelSettings:
        """What holds in a channel, given what it lies in."""
        return self._held([own for own in (server, parent, channel) if own is not None])

    def of_server(self, server: ServerRef) -> ChannelSettings:
        """What holds in a server wherever a channel has chosen nothing else."""
        return self._held([server])

    def _held(self, subjects: Sequence[Subject]) -> ChannelSettings:
        settings = self._defaults
        keys = [_key(subject) for subject in subjects]
        for key in keys:
            for name, value in self._chosen.get(key, {}).items():
                settings = _changed_where_valid(settings, name, value)
        until = max((self._pauses.get(key, 0.0) for key in (_ALL, *keys)), default=0.0)
        if until <= self._clock():
            return settings
        return replace(settings, paused_until=until)

    def chosen(self, subject: Subject) -> frozenset[str]:
        """The settings that were chosen for this very channel or server."""
        return frozenset(self._chosen.get(_key(subject), {}))

    def choosing(self, key: str) -> tuple[Subject, ...]:
        """The channels and servers for which this setting was chosen."""
        return tuple(
            _subject(platform, level, subject_id)
            for (platform, level, subject_id), own in self._chosen.items()
            if key in own
        )

    def is_chosen(self, asked: Asked, key: str) -> bool:
        """Whether somebody chose this setting for where it is asked, or for what is above it."""
        above = (asked.place.parent, server_of(asked), asked.conversation.channel)
        return any(key in self.chosen(subject) for subject in above if subject is not None)

    async def change(self, subject: Subject, key: str, value: str | None) -> None:
        """Choose a value, as typed; None: leave it to the server, or to the configuration.

        Raises `UnknownSettingError` and `BadSettingError`, and then nothing is changed.
        """
        name = setting_named(key).key
        kept = None if value is None else written(changed(self._defaults, name, value), name)
        async with self._database.transaction() as connection:
            if kept is None:
                await connection.execute(
                    "DELETE FROM settings WHERE platform = ? AND level = ? AND subject_id = ?"
                    " AND key = ?",
                    (*_key(subject), name),
                )
            else:
                await connection.execute(
                    "INSERT OR REPLACE INTO settings VALUES (?, ?, ?, ?, ?)",
                    (*_key(subject), name, kept),
                )
        own = self._chosen.setdefault(_key(subject), {})
        if kept is None:
            own.pop(name, None)
        else:
            own[name] = kept

    async def pause(self, subject: Subject | None, minutes: float | None = None) -> float:
        """Be silent in a channel, a server, or (None) everywhere; returns until when.

        Without minutes until `resume`: infinite.
        """
        key = _ALL if subject is None else _key(subject)
        until = math.inf if minutes is None else self._clock() + minutes * 60
        async with self._database.transaction() as connection:
            await connection.execute(
                "INSERT OR REPLACE INTO pauses VALUES (?, ?, ?, ?)",
                (*key, None if math.isinf(until) else until),
            )
        self._pauses[key] = until
        return until

    async def resume(self, subject: Subject | None) -> bool:
        """Speak again there; False where there was no pause of that very channel or server."""
        key = _ALL if subject is None else _key(subject)
        async with self._database.transaction() as connection:
            await connection.execute(
                "DELETE FROM pauses WHERE platform = ? AND level = ? AND subject_id = ?", key
            )
        return self._pauses.pop(key, 0.0) > self._clock()


def server_of(asked: Asked) -> ServerRef | None:
    """The server that a message came from, where there is one above its channel."""
    channel = asked.conversation.channel
    if asked.server_id is None or asked.server_id == channel.channel_id:
        # A group with nothing above it is its own server: what it learns is its channel's.
        return None
    return ServerRef(channel.platform, asked.server_id)


def channel_on(platform: Platform, channel_id: str | None) -> ChannelRef | None:
    """A channel as settings keep it, such as `ChannelSettings.log_channel`."""
    return None if channel_id is None else ChannelRef(platform, channel_id)


def _key(subject: Subject) -> _Key:
    match subject:
        case ChannelRef(platform, channel_id):
            return platform.value, "channel", channel_id
        case ServerRef(platform, server_id):
            return platform.value, "server", server_id


def _subject(platform: str, level: str, subject_id: str) -> Subject:
    kind = ServerRef if level == "server" else ChannelRef
    return kind(Platform(platform), subject_id)


def _changed_where_valid(settings: ChannelSettings, name: str, value: str) -> ChannelSettings:
    try:
        return changed(settings, name, value)
    except UserError:
        # Written by another version: what it meant, nobody knows here.
        _log.warning("a stored setting is not understood: %s", name)
        return settings
