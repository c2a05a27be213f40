"""The connection to Discord: logs in, listens, catches up with what was missed, closes."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from types import TracebackType
from typing import Final

import discord

from bot.adapters.discord.catching_up import CatchingUp, Past, place_of
from bot.adapters.discord.client import DiscordClient, Line
from bot.adapters.discord.endpoint import is_loopback, pointed_at
from bot.adapters.discord.files import Files
from bot.adapters.discord.interacting import Core, Ears
from bot.adapters.discord.interactions import Interactions
from bot.adapters.discord.outbox import DiscordOutbox
from bot.adapters.discord.proxies import connector_for
from bot.adapters.discord.refusals import FAILURES
from bot.proxies import proxy_for
from bot.settings import DiscordSettings
from core.commands.base import Command
from core.events import (
    IncomingEvent,
    IncomingMessage,
    InteractionRef,
    Interrupted,
    Platform,
    Trigger,
    origin_of,
)
from core.ports import (
    BadTokenError,
    Completer,
    Forms,
    Gone,
    Inbox,
    Outbox,
    Refetched,
    Unknown,
    UnreachableError,
)

LOGIN_SECONDS: Final = 60.0
READY_SECONDS: Final = 300.0
CLOSE_SECONDS: Final = 10.0
_MOST_EARLY: Final = 1000
_AUTHENTICATION_FAILED: Final = 4004
_GONE: Final = (10003, 10008)
"""No such channel, no such message."""

_log = logging.getLogger(__name__)


class DiscordListener:
    """One log-in. Events that come before `listen` wait for it; after its end nothing is heard."""

    def __init__(
        self,
        settings: DiscordSettings,
        commands: Sequence[Command],
        completer: Completer,
        *,
        forms: Forms | None = None,
        proxy: str | None = None,
        past: Past = Past(),  # noqa: B008 (frozen)
    ) -> None:
        self._settings = settings
        self._commands = tuple(commands)
        self._core = Core(completer, forms)
        self._proxy = proxy_for(settings.proxy, proxy)
        self._catching_up = CatchingUp(past, self._hear)
        self._stack = AsyncExitStack()
        self._client: DiscordClient | None = None
        self._outbox: DiscordOutbox | None = None
        self._files: Files | None = None
        self._connection: asyncio.Task[None] | None = None
        self._inbox: Inbox | None = None
        self._deaf = False
        self._early: deque[IncomingEvent] = deque(maxlen=_MOST_EARLY)
        self._session = asyncio.Event()

    @property
    def outbox(self) -> Outbox:
        """Only after entering."""
        assert self._outbox is not None  # noqa: S101 - the order of calls
        return self._outbox

    async def __aenter__(self) -> DiscordListener:
        async with AsyncExitStack() as stack:
            base = self._settings.api_base_url
            stack.enter_context(pointed_at(base))
            proxy = None if is_loopback(base) else self._proxy
            connector = connector_for(proxy)
            through = proxy if connector is None else None
            self._files = Files(base, proxy=through, connector=connector_for(proxy))
            stack.push_async_callback(self._files.aclose)
            line = Line(base, through, connector, self._settings.message_content)
            await self._connect(stack, line)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._deaf = True
        await self._stack.aclose()

    async def listen(self, inbox: Inbox) -> None:
        """See `ports.Listener`. Raises `UnreachableError` when the connection is given up."""
        assert self._connection is not None  # noqa: S101 - the order of calls
        self._inbox = inbox
        while self._early:
            inbox.submit(self._early.popleft())
        catching = asyncio.create_task(self._catch_up_ever(), name="discord: missed messages")
        try:
            await asyncio.wait({self._connection})
            raise _reason(self._connection)
        finally:
            self._deaf = True
            self._inbox = None
            catching.cancel()
            await asyncio.wait({catching})

    async def refetch(self, message: IncomingMessage) -> Refetched:
        """See `ports.Listener`."""
        if self._client is None or _was_chosen(message):
            return Unknown()
        try:
            async with asyncio.timeout(LOGIN_SECONDS):
                channel = await self._client.place(place_of(origin_of(message)))
                if channel is None:
                    return Unknown()
                found = await channel.fetch_message(int(message.message_id))
        except discord.NotFound as error:
            return Gone() if error.code in _GONE else Unknown()
        except (*FAILURES, discord.InvalidData, ValueError) as error:
            _log.info("a message could not be looked at again: %s", error)
            return Unknown()
        return self._client.as_it_stands(found, message)

    # Connecting

    async def _connect(self, stack: AsyncExitStack, line: Line) -> None:
        try:
            await self._open(stack, line)
        except discord.PrivilegedIntentsRequired as error:
            if not line.message_content:
                raise UnreachableError("Discord refuses our intents") from error
            _log.warning(
                "discord.message_content is on, but the message content intent is not granted: see"
                " docs/discord.md. Until then only mentions, replies that ping, private messages,"
                " slash commands and message menus are heard; files and questions that do not"
                " address the bot are not."
            )
            # The connector went with the first client.
            again = replace(line, message_content=False)
            if line.connector is not None:
                again = replace(again, connector=connector_for(self._proxy))
            await self._open(stack, again)

    async def _open(self, stack: AsyncExitStack, line: Line) -> None:
        assert self._files is not None  # noqa: S101 - made before
        interactions = Interactions()
        ears = Ears(self._hear, lambda: self._deaf, self._session.set, self._catching_up.lost)
        client = DiscordClient(ears, self._commands, self._core, self._files, interactions, line)
        async with AsyncExitStack() as opened:
            opened.push_async_callback(_close, client)
            await _log_in(client, self._token)
            connection = asyncio.create_task(client.connect(), name="discord: gateway")
            opened.push_async_callback(_end, connection, client)
            await _until_ready(client, connection)
            stack.push_async_exit(opened.pop_all())
        self._client, self._connection = client, connection
        self._outbox = DiscordOutbox(client, interactions, self._settings.edit_interval_seconds)

    @property
    def _token(self) -> str:
        token = self._settings.token
        return token.get_secret_value() if token is not None else ""

    # Hearing

    def _hear(self, event: IncomingEvent) -> bool:
        if self._deaf:
            return False
        if isinstance(event, IncomingMessage) and event.trigger is not Trigger.AMBIENT:
            self._catching_up.heard(event)
        if self._inbox is None:
            self._early.append(event)
        else:
            self._inbox.submit(event)
        return True

    async def _catch_up_ever(self) -> None:
        """Whenever a session begins: what was said, edited and deleted while there was none."""
        assert self._client is not None  # noqa: S101 - the order of calls
        while True:
            await self._session.wait()
            self._session.clear()
            self._hear(Interrupted(Platform.DISCORD))
            await self._catching_up.catch_up(self._client)


def _was_chosen(message: IncomingMessage) -> bool:
    """Whether it is a command from Discord's menus, which is no message: those alone tell of a
    language."""
    by_menu = message.trigger is Trigger.COMMAND and message.locale is not None
    return by_menu or isinstance(message.reply_to, InteractionRef)


async def _log_in(client: discord.Client, token: str) -> None:
    try:
        async with asyncio.timeout(LOGIN_SECONDS):
            await client.login(token)
    except discord.LoginFailure as error:
        raise BadTokenError from error
    except FAILURES as error:
        raise UnreachableError(f"Discord cannot be reached: {error}") from error


async def _until_ready(client: discord.Client, connection: asyncio.Task[None]) -> None:
    ready = asyncio.create_task(client.wait_until_ready(), name="discord: until ready")
    try:
        await asyncio.wait(
            {connection, ready}, timeout=READY_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        ready.cancel()
    if connection.done():
        if isinstance(connection.exception(), discord.PrivilegedIntentsRequired):
            connection.result()
        raise _reason(connection)
    if not client.is_ready():
        raise UnreachableError("Discord does not get ready")


def _reason(connection: asyncio.Task[None]) -> Exception:
    """Why a connection ended that nobody of ours ended."""
    if connection.cancelled():
        return UnreachableError("the connection to Discord was cancelled")
    error = connection.exception()
    if isinstance(error, discord.ConnectionClosed) and error.code == _AUTHENTICATION_FAILED:
        return BadTokenError()
    return UnreachableError(f"the connection to Discord ended: {error or 'closed'}")


async def _close(client: discord.Client) -> None:
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await client.close()
    except FAILURES as error:
        _log.warning("Discord was not left in good order: %s", error)


async def _end(connection: asyncio.Task[None], client: discord.Client) -> None:
    """Leave first: the gateway's task then ends by itself."""
    await _close(client)
    connection.cancel()
    await asyncio.wait({connection})
    if not connection.cancelled():
        connection.exception()  # looked at, so that nobody reports it as forgotten
