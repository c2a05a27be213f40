"""What looks of `check` are made from, in a test's own loop."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

from bot.checking.items import Item, Local, Looked
from bot.machine import Machine
from bot.planning import planned
from bot.settings import Config
from core.channels import Channels
from core.database import Database
from core.engines.memory import Device
from core.events import ChannelRef
from core.language import words

MACHINE = Machine(Device("CPU", False, 16 << 30, 8 << 30), 2, None)


async def found(
    look: Callable[[Looked], Awaitable[list[Item]]],
    config: Config,
    language: str = "en",
    machine: Machine = MACHINE,
) -> list[Item]:
    """What a look finds; without more said, on a plain machine."""

    async def measured() -> Local:
        return Local(machine, planned(config, machine))

    measuring = asyncio.create_task(measured())
    try:
        return await look(Looked(config, words(language), measuring))
    finally:
        await measuring


def states(items: list[Item]) -> list[tuple[str, str]]:
    return [(item.state, item.subject) for item in items]


async def chosen(data_dir: Path, channel: ChannelRef, key: str, value: str, name: str = "") -> None:
    """A channel's admin chose something."""
    path = data_dir / "lorekeeper.db"
    async with Database.open(path) as database:
        channels = Channels(database)
        await channels.load()
        await channels.change(channel, key, value)
    if name:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(
                "INSERT INTO channels VALUES (?, ?, ?, NULL, '', NULL, 0, 0)",
                (channel.platform.value, channel.channel_id, name),
            )
