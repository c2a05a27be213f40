"""The local Discord holds with the real client what Discord holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import discord
import pytest
import yarl
from discord import app_commands

from tests.platforms.discord_server.people import Person
from tests.platforms.discord_server.server import FakeDiscord
from tests.platforms.discord_server.servers import Server
from tests.platforms.discord_server.state import Channel


class EchoBot(discord.AutoShardedClient):
    """Says back what mentions it; `seen` has every message that it was told of."""

    def __init__(self, *, message_content: bool = False, **options) -> None:
        intents = discord.Intents.default()
        intents.message_content = message_content
        super().__init__(intents=intents, guild_ready_timeout=0.05, **options)
        self.tree = app_commands.CommandTree(self)
        self.seen: list[discord.Message] = []

    async def setup_hook(self) -> None:
        _, url, _ = await self.http.get_bot_gateway()
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(url)

    async def on_message(self, message: discord.Message) -> None:
        self.seen.append(message)
        if message.author != self.user and self.user in message.mentions:
            text = message.content.replace(self.user.mention, "").strip()
            await message.reply(f"echo: {text}", mention_author=False)


@asynccontextmanager
async def running(client: discord.Client, token: str) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(client.start(token))
    try:
        yield task
    finally:
        await client.close()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def address(monkeypatch):
    def point_to(fake: FakeDiscord) -> None:
        monkeypatch.setattr(discord.http.Route, "BASE", fake.api_base_url)
        monkeypatch.setattr(
            discord.gateway.DiscordWebSocket,
            "DEFAULT_GATEWAY",
            discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY,
        )

    return point_to


@pytest.fixture
async def fake(address) -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as made:
        address(made)
        yield made


@pytest.fixture
def club(fake: FakeDiscord) -> Server:
    return fake.server("Aquarists")


@pytest.fixture
def general(club: Server) -> Channel:
    return club.channel("general")


@pytest.fixture
def alice(fake: FakeDiscord, club: Server) -> Person:
    return club.join(fake.person("Alice"))


async def test_a_mention_is_answered(fake, general, alice):
    async with running(EchoBot(), fake.token):
        await fake.connected()
        question = await alice.say(general, f"{fake.bot.mention} hello")
        answer = await fake.answer(question)
        assert fake.transcript(general, alice) == (
            f"Alice> {fake.bot.mention} hello\nLorekeeper> echo: hello\n"
        )
        assert not answer.mentions
