"""A small bot on the real client, to try the local Discord with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import discord
import pytest
import yarl
from discord import app_commands

from tests.platforms.discord_server.server import FakeDiscord


class EchoBot(discord.AutoShardedClient):
    """Says back what mentions it; `seen` has every message that it was told of."""

    def __init__(self, *, message_content: bool = False, **options) -> None:
        intents = discord.Intents.default()
        intents.message_content = message_content
        super().__init__(intents=intents, guild_ready_timeout=0.05, **options)
        self.tree = app_commands.CommandTree(self)
        self.seen: list[discord.Message] = []
        self.happened: list[str] = []
        self.changed: Callable[[], None] = lambda: None

    async def setup_hook(self) -> None:
        """Point at the gateway that the REST interface names, and register commands."""
        _, url, _ = await self.http.get_bot_gateway()
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(url)
        if self.tree.get_commands() or self.tree.get_commands(type=discord.AppCommandType.message):
            await self.tree.sync()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Identify at once; the library would wait five seconds."""

    def dispatch(self, event: str, /, *args, **kwargs) -> None:
        """Note every event."""
        self.happened.append(event)
        self.changed()
        super().dispatch(event, *args, **kwargs)

    async def on_message(self, message: discord.Message) -> None:
        """Echo."""
        self.seen.append(message)
        self.changed()
        if message.author != self.user and self.user in message.mentions:
            text = message.content.replace(self.user.mention, "").strip()
            await message.reply(f"echo: {text}", mention_author=False)


@asynccontextmanager
async def running(client: EchoBot, fake: FakeDiscord) -> AsyncIterator[None]:
    """The client at the server, connected; what it raised comes out at the end."""
    client.changed = fake.world.changed
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(discord.http.Route, "BASE", fake.api_base_url)
        default = discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY
        patch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", default)
        task = asyncio.create_task(client.start(fake.token))
        watch = asyncio.create_task(fake.connected())
        try:
            await asyncio.wait([task, watch], return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                await watch
                await fake.wait_for(lambda: client.happened.count("shard_ready") == fake.shards)
                yield
        finally:
            watch.cancel()
            await client.close()
            await task
