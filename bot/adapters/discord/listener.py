"""The connection to Discord: logs in, listens, catches up with what was missed, closes."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Final, TypeAlias

import discord

from bot.adapters.discord.client import Core, DiscordClient, Ears, Line
from bot.adapters.discord.endpoint import is_loopback, pointed_at
from bot.adapters.discord.files import Files
from bot.adapters.discord.interactions import Interactions
from bot.adapters.discord.outbox import DiscordOutbox
from bot.adapters.discord.proxies import connector_for
from bot.adapters.discord.refusals import FAILURES
from bot.settings import DiscordSettings
from core.commands.base import Command
from core.events import (
    ConversationRef,
    IncomingEvent,
    IncomingMessage,
    MessageRef,
    Trigger,
)
from core.ports import BadTokenError, Completer, Forms, Inbox, Outbox, UnreachableError

Addressed: TypeAlias = Callable[[], Awaitable[Sequence[MessageRef]]]
"""The conversations in which we were addressed lately, each with the newest message known."""

LOGIN_SECONDS: Final = 60.0
READY_SECONDS: Final = 300.0
CLOSE_SECONDS: Final = 10.0
MOST_CHANNELS: Final = 100
"""So many conversations are looked through for what was missed, the latest first."""
MOST_MISSED: Final = 100
"""So many messages of each."""
MISSED: Final = timedelta(hours=24)
"""Nothing older is fetched; whether it is answered is the core's to say."""
_MOST_EARLY: Final = 1000
_AUTHENTICATION_FAILED: Final = 4004

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
        addressed: Addressed | None = None,
    ) -> None:
        self._settings = settings
        self._commands = tuple(commands)
        self._core = Core(completer, forms)
        self._proxy = settings.proxy or proxy
        self._addressed = addressed
        self._stack = AsyncExitStack()
        self._client: DiscordClient | None = None
        self._outbox: DiscordOutbox | None = None
        self._files: Files | None = None
        self._connection: asyncio.Task[None] | None = None
        self._inbox: Inbox | None = None
        self._deaf = False
        self._early: deque[IncomingEvent] = deque(maxlen=_MOST_EARLY)
        self._recent: OrderedDict[ConversationRef, str] = OrderedDict()
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

    async def refetch(self, message: IncomingMessage) -> IncomingMessage | None:
        """A command with files is gone with its interaction; a message still has its own."""
        if self._client is None or self._files is None:
            return None
        place = message.conversation.thread_id or message.conversation.channel.channel_id
        try:
            async with asyncio.timeout(LOGIN_SECONDS):
                channel = self._client.get_partial_messageable(int(place))
                found = await channel.fetch_message(int(message.message_id))
        except FAILURES:
            return None
        return replace(
            message, attachments=tuple(self._files.attachment(one) for one in found.attachments)
        )

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
        ears = Ears(self._hear, lambda: self._deaf, self._session.set)
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

    def _hear(self, event: IncomingEvent) -> None:
        if self._deaf:
            return
        if isinstance(event, IncomingMessage) and event.trigger is not Trigger.AMBIENT:
            self._recent[event.conversation] = event.message_id
            self._recent.move_to_end(event.conversation)
            if len(self._recent) > MOST_CHANNELS:
                self._recent.popitem(last=False)
        if self._inbox is None:
            self._early.append(event)
        else:
            self._inbox.submit(event)

    async def _catch_up_ever(self) -> None:
        """Whenever a session begins: what was said while there was none."""
        known = await self._addressed() if self._addressed is not None else ()
        while True:
            await self._session.wait()
            self._session.clear()
            latest = {ref.conversation: ref.message_id for ref in known} | self._recent
            known = ()
            for conversation, message_id in list(latest.items())[-MOST_CHANNELS:]:
                try:
                    await self._catch_up(conversation, int(message_id))
                except (*FAILURES, discord.InvalidData) as error:
                    _log.info("nothing to catch up with in %s: %s", conversation, error)

    async def _catch_up(self, conversation: ConversationRef, after: int) -> None:
        assert self._client is not None  # noqa: S101 - the order of calls
        floor = discord.utils.time_snowflake(datetime.now(UTC) - MISSED)
        place = int(conversation.thread_id or conversation.channel.channel_id)
        channel = await self._client.fetch_channel(place)
        if not isinstance(channel, discord.abc.Messageable):
            return
        since = discord.Object(max(after, floor))
        async for message in channel.history(limit=MOST_MISSED, after=since, oldest_first=True):
            event = await self._client.translated(message)
            if event is not None and event.trigger is not Trigger.AMBIENT:
                self._hear(event)


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
