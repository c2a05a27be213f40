"""What is looked after: the connections and the disk."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

from bot.watch import Watch
from core.alerts import SETTLING_SECONDS, Alerts
from core.events import Platform
from core.language import words

GIB = 1 << 30


class Standing:
    """A surface in a state that the test sets."""

    def __init__(self, state: str):
        self.state = state

    @property
    def is_on(self) -> bool:
        return self.state == "on"


async def test_owners_hear_of_a_lost_connection_and_a_full_disk_once_each(tmp_path, monkeypatch):
    now, told, free = [0.0], [], [100 * GIB]

    async def tell(text: str) -> bool:
        told.append(text)
        return True

    def usage(_folder):
        return SimpleNamespace(free=free[0], total=1000 * GIB)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    discord, telegram = Standing("connecting"), Standing("on")
    watch = Watch(
        Alerts(tell, words("en"), lambda: now[0]),
        {Platform.DISCORD: discord, Platform.TELEGRAM: telegram},
        tmp_path,
    )

    async def after(seconds: float) -> list[str]:
        end = now[0] + seconds
        while now[0] < end:
            now[0] += 15
            await watch.look()
        said = told[:]
        told.clear()
        return said

    assert await after(60) == []
    discord.state = "on"
    assert await after(600) == []
    discord.state = "off (bad token)"
    (said,) = await after(600)
    assert "discord" in said
    assert "bad token" in said
    assert watch.connected == {Platform.DISCORD: False, Platform.TELEGRAM: True}
    free[0] = GIB // 2
    (said,) = await after(600)
    assert "0.5 GB" in said
    free[0] = GIB + 1
    assert await after(600) == []
    free[0] = 10 * GIB
    discord.state = "on"
    assert len(await after(SETTLING_SECONDS + 30)) == 2
