"""A local Discord, in the test's own event loop; the bot comes to it from wherever it runs.

async with FakeDiscord(limits=Limits(edits=Rate(5, 0.2))) as discord:
    club = discord.server("Aquarists")
    general, alice = club.channel("general"), club.join(discord.person("Alice"))
    # … start a bot with discord.api_base_url and discord.token …
    await discord.connected()
    question = await alice.say(general, f"{discord.bot.mention} which pump?")
    answer = await discord.answer(question, lambda message: "[1]" in message.content)
    shown = await alice.press(answer, "Sources")
    print(discord.transcript(general, alice))
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Iterable
from typing import Self, TypeVar

from aiohttp import web

from tests.platforms.discord_server.client import Client
from tests.platforms.discord_server.gateway import Gateway
from tests.platforms.discord_server.interactions import Interactions
from tests.platforms.discord_server.limits import Buckets, Limits
from tests.platforms.discord_server.people import Person
from tests.platforms.discord_server.permissions import EVERYONE, Permission
from tests.platforms.discord_server.rest import PREFIX, Failure, Rest
from tests.platforms.discord_server.rest_commands import CommandRoutes
from tests.platforms.discord_server.rest_interactions import InteractionRoutes
from tests.platforms.discord_server.rest_messages import MessageRoutes
from tests.platforms.discord_server.rest_places import PlaceRoutes
from tests.platforms.discord_server.rest_threads import ThreadRoutes
from tests.platforms.discord_server.servers import Server
from tests.platforms.discord_server.state import (
    Channel,
    Guild,
    LoggedRequest,
    Message,
    StoredFile,
    User,
)
from tests.platforms.discord_server.transcript import transcript
from tests.platforms.discord_server.world import World

T = TypeVar("T")
PRIVILEGED = {"members": 1 << 1, "presences": 1 << 8, "message_content": 1 << 15}
MAX_BODY_BYTES = 120 * 1024 * 1024


class FakeDiscord:
    """REST and gateway for one bot, and the people around it."""

    def __init__(
        self,
        *,
        name: str = "Lorekeeper",
        limits: Limits = Limits(),  # noqa: B008 (frozen)
        privileged: Iterable[str] = (),
        shards: int = 1,
        heartbeat_seconds: float = 41.25,
        patience: float = 10.0,
    ) -> None:
        """`privileged`: intents switched on in the developer portal; `patience`: of people."""
        bot = User(id=0, name=name, is_bot=True)
        self.world = World(bot)
        del self.world.users[0]
        bot.id = self.world.ids.make()
        self.world.users[bot.id] = bot
        for intent in privileged:
            self.world.granted |= PRIVILEGED[intent]
        self.token = f"{bot.id}.{secrets.token_urlsafe(6)}.{secrets.token_urlsafe(27)}"
        self.patience = patience
        self.origin = ""
        self.interactions = Interactions(self.world)
        self.client = Client(self.world, self.interactions, patience)
        self.gateway = Gateway(
            self.world, self.token, shards=shards, heartbeat_seconds=heartbeat_seconds
        )
        self.world.publish = self.gateway.publish
        self.world.link = self._link
        self._limits = limits
        self._links_made = 0

    @property
    def gives_content(self) -> bool:
        """Whether a bot may read messages that do not address it."""
        return bool(self.world.granted & PRIVILEGED["message_content"])

    async def __aenter__(self) -> Self:
        self.rest = Rest(
            self.world, Buckets(self._limits, asyncio.get_running_loop().time), self.token
        )
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_get("/gateway/", self.gateway.connect)
        app.router.add_get("/gateway", self.gateway.connect)
        app.router.add_get("/gateway/resume", self.gateway.connect)
        app.router.add_get("/attachments/{channel}/{file}/{name}", self._download)
        operator = User(self.world.ids.make(), "Operator")
        self.world.users[operator.id] = operator
        self.operator = Person(operator, self.world, self.client)
        routes = [
            *PlaceRoutes(self.world, self.gateway, operator).routes(),
            *MessageRoutes(self.world).routes(),
            *ThreadRoutes(self.world).routes(),
            *CommandRoutes(self.world).routes(),
            *InteractionRoutes(self.world, self.interactions).routes(),
        ]
        self.rest.mount(app, routes)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.origin = f"http://127.0.0.1:{port}"
        self.gateway.url = f"ws://127.0.0.1:{port}/gateway"
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.gateway.close()
        await self._runner.cleanup()

    @property
    def api_base_url(self) -> str:
        """What the client takes instead of Discord's own address."""
        return self.origin + PREFIX

    @property
    def bot(self) -> User:
        """The bot's account."""
        return self.world.bot

    def person(self, name: str, *, is_bot: bool = False, locale: str = "en-US") -> Person:
        """A new account."""
        user = User(self.world.ids.make(), name, is_bot=is_bot, locale=locale)
        self.world.users[user.id] = user
        return Person(user, self.world, self.client)

    def server(
        self,
        name: str,
        *,
        owner: Person | None = None,
        with_bot: bool = True,
        bot_permissions: Permission = EVERYONE,
        locale: str = "en-US",
    ) -> Server:
        """A new server; the operator owns it if nobody else."""
        who = (owner or self.operator).user
        guild = Guild(self.world.ids.make(), name, who, locale)
        self.world.guilds[guild.id] = guild
        made = Server(guild, self.world, self.gateway)
        if with_bot:
            made.add_bot(bot_permissions)
        return made

    async def wait_for(self, predicate: Callable[[], T], within: float | None = None) -> T:
        """The first true value of a predicate over the state; looked at with every change."""
        return await self.world.wait_for(predicate, within or self.patience)

    async def connected(self, within: float | None = None) -> None:
        """Wait until the bot is on the gateway with all its shards."""
        await self.wait_for(lambda: self.gateway.connected, within)

    async def answer(
        self,
        question: Message,
        predicate: Callable[[Message], object] = lambda message: message.content,
        within: float | None = None,
    ) -> Message:
        """Wait for a message of the bot in reply to another that satisfies the predicate."""

        def found() -> Message | None:
            replies = self.world.answers.get(question.id, [])
            own = (each for each in replies if each.author is self.bot and not each.deleted)
            return next((each for each in own if predicate(each)), None)

        answer = await self.wait_for(found, within)
        assert answer is not None
        return answer

    def said_by_bot(self, channel: Channel) -> list[Message]:
        """The bot's messages that stand in a channel."""
        return [each for each in channel.messages.values() if each.author is self.bot]

    def transcript(self, channel: Channel, viewer: Person) -> str:
        """What somebody sees in a channel, as text."""
        return transcript(self.world, channel, viewer.user)

    @property
    def shards(self) -> int:
        """With how many shards the bot is told to connect."""
        return self.gateway.shards

    @property
    def flood_violations(self) -> int:
        """Requests past a limit."""
        return self.world.counters.violations.total()

    @property
    def requests(self) -> list[LoggedRequest]:
        """All requests of the bot."""
        return self.world.counters.requests

    def drop_gateway(self, *, resumable: bool = True, code: int | None = None) -> None:
        """Break the bot's connection: cut, or closed with a code."""
        self.gateway.drop(resumable=resumable, code=code)

    def unfurl(self, message: Message, title: str) -> None:
        """Discord adds the preview of a link to a message: an update that is no edit."""
        self.world.unfurl(message, title)

    def refuse(self, bucket: str, retry_after: float, times: int = 1) -> None:
        """Answer 429 to the next requests of a bucket: messages, edits, typing, webhooks, overall.

        Refusals that were ordered are no violations.
        """
        self.rest.buckets.force(bucket, retry_after, times)

    def fail(
        self,
        method: str,
        path: str,
        status: int,
        body: dict[str, object] | str = "",
        times: int = 1,
    ) -> None:
        """Answer an error to the next requests whose path matches; text is no JSON."""
        self.rest.failures.append(Failure(method, re.compile(path), status, body, times))

    def expire_links(self) -> None:
        """Addresses of files that were given out are good no more; a refetch gives new ones."""
        self._links_made += 1

    def _link(self, file: StoredFile) -> str:
        path = f"attachments/{file.channel_id}/{file.id}/{file.filename}"
        return f"{self.origin}/{path}?ex={self._links_made:x}"

    async def _download(self, request: web.Request) -> web.Response:
        file = self.world.files.get(int(request.match_info["file"]))
        if file is None or request.query.get("ex") != f"{self._links_made:x}":
            return web.Response(status=404, text="This content is no longer available.")
        self.world.counters.downloads.append(file.filename)
        self.world.changed()
        return web.Response(body=file.data, content_type=file.content_type)
