"""Looks after what can go wrong without anybody asking: the disk, the connections."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path

from bot.supervise import Surface
from core.alerts import Alerts, Subject, Trouble, has_room
from core.events import Platform


class Watch:
    """Called every `core.alerts.LOOK_SECONDS`."""

    def __init__(self, alerts: Alerts, surfaces: Mapping[Platform, Surface], folder: Path) -> None:
        self.alerts = alerts
        self._surfaces = surfaces
        self._folder = folder
        self._had_room = True

    @property
    def connected(self) -> dict[Platform, bool]:
        """Which of the chat platforms with a token are connected."""
        return {platform: surface.is_on for platform, surface in self._surfaces.items()}

    async def look(self) -> None:
        """See how things stand, and tell the owners what they are to know."""
        for platform, surface in self._surfaces.items():
            subject = Subject(Trouble.SURFACE, platform.value)
            self.alerts.observe(subject, well=surface.is_on, detail=surface.state)
        disk = await asyncio.to_thread(shutil.disk_usage, self._folder)
        self._had_room = has_room(disk.free, disk.total, had_room=self._had_room)
        free = f"{disk.free / (1 << 30):.1f} GB"
        self.alerts.observe(Subject(Trouble.DISK), well=self._had_room, detail=free)
        await self.alerts.look()
