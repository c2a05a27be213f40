"""A local Discord with a server, a channel and a member."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.platforms.discord_server.limits import Limits, Rate
from tests.platforms.discord_server.people import Person
from tests.platforms.discord_server.server import FakeDiscord
from tests.platforms.discord_server.servers import Server
from tests.platforms.discord_server.state import Channel


@pytest.fixture(autouse=True)
def _ready_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The local Discord tells all servers in one go."""
    monkeypatch.setattr("bot.adapters.discord.client.GUILDS_SECONDS", 0.05)


@pytest.fixture
async def fake() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord(limits=Limits(messages=Rate(50, 1), edits=Rate(50, 1))) as made:
        yield made


@pytest.fixture
def club(fake: FakeDiscord) -> Server:
    return fake.server("Aquarists")


@pytest.fixture
def general(club: Server) -> Channel:
    return club.channel("general")


@pytest.fixture
def alice(fake: FakeDiscord, club: Server) -> Person:
    return club.join(fake.person("Alice", locale="zh-CN"))
