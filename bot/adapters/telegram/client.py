"""The connection to Telegram: logs in, polls, hands every update over, and closes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Final, TypeAlias
from weakref import WeakValueDictionary

from telegram import Update
from telegram.error import Conflict, Forbidden, InvalidToken, TelegramError
from telegram.ext import AIORateLimiter, Application, ContextTypes, TypeHandler

from bot.adapters.telegram.administrators import Administrators
from bot.adapters.telegram.albums import Albums
from bot.adapters.telegram.attachments import Files, RemoteFile
from bot.adapters.telegram.calls import Calls, Reach
from bot.adapters.telegram.connection import (
    POLL_SECONDS,
    PollingRequest,
    file_client,
    request_for,
)
from bot.adapters.telegram.menu import first_words, menus
from bot.adapters.telegram.outbox import TelegramOutbox, capabilities
from bot.adapters.telegram.presses import Presses
from bot.adapters.telegram.translate import Viewpoint, event_of
from bot.adapters.telegram.webhook import Webhook
from bot.proxies import proxy_for
from bot.settings import TelegramSettings
from core.commands.base import Command
from core.events import (
    Attachment,
    ChannelMigrated,
    IncomingEvent,
    IncomingMessage,
    MessageEdited,
    Platform,
)
from core.pacer import Pacers
from core.ports import (
    BadTokenError,
    Completer,
    Inbox,
    Part,
    Refetched,
    Unknown,
    UnreachableError,
)

HEARD: Final = (
    "message",
    "edited_message",
    "callback_query",
    "my_chat_member",
    "chat_member",
    "stopped_message_generation",
)
"""The updates that we want; Telegram keeps some of them back unless they are named."""
_BURST: Final = 3
_BURST_SECONDS: Final = 0.15
"""Telegram takes 30 messages a second, counted when they arrive: a burst at once, 20 more in the
second after it, and room for those that were held up on the way."""
_UPLOAD: Final = 50_000_000
_LOCAL_UPLOAD: Final = 2_000_000_000
_LAST_SECONDS: Final = 4.0
_TAKING_SECONDS: Final = 2.0
_NOTING_SECONDS: Final = 15.0
"""A disk that is busy for longer must not make us deaf."""

_Application: TypeAlias = Application[Any, Any, Any, Any, Any, Any]

_log = logging.getLogger(__name__)


class TelegramListener:
    """Telegram as a surface."""

    def __init__(
        self,
        settings: TelegramSettings,
        commands: Sequence[Command],
        completer: Completer,
        *,
        proxy: str | None = None,
        pacers: Pacers | None = None,
    ) -> None:
        """Telegram completes nothing while it is typed: `completer` stands for uniformity.

        `pacers` are those that the core sends by.
        """
        self._settings = settings
        self._commands = commands
        self._proxy = proxy_for(settings.proxy, proxy)
        self._pacers = pacers or Pacers()
        self._reach = Reach()
        self._calls = Calls(self._reach)
        self._inbox: Inbox | None = None
        self._albums = Albums(self._submit, self._hold, self._release)
        # Updates come several at a time; those of one chat are taken in their order.
        self._lines: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    @property
    def outbox(self) -> TelegramOutbox:
        return self._outbox

    async def __aenter__(self) -> TelegramListener:
        # What the library is to become: otherwise every flood limit is a deprecation warning.
        os.environ.setdefault("PTB_TIMEDELTA", "1")
        # Being asked to wait is the pacer's business and nothing to report with a traceback.
        logging.getLogger("telegram.ext.AIORateLimiter").setLevel(logging.CRITICAL)
        logging.getLogger("telegram.ext.Application").setLevel(logging.WARNING)
        settings = self._settings
        if settings.token is None:
            raise BadTokenError("there is no token")
        self._polling = PollingRequest(settings.api_base_url, self._proxy, self._reach, self._taken)
        self._requests = request_for(settings.api_base_url, self._proxy)
        self._application = self._build(settings.token.get_secret_value())
        self._fetching = file_client(settings.file_base_url, self._proxy)
        bot = self._application.bot
        try:
            await self._application.initialize()
        except (InvalidToken, Forbidden) as error:
            await self._close()
            raise BadTokenError(str(error)) from error
        except TelegramError as error:
            await self._close()
            raise UnreachableError(str(error)) from error
        self._files = Files(bot, self._fetching, local=settings.local_mode)
        self._administrators = Administrators(bot)
        self._presses = Presses(bot)
        self._viewpoint = Viewpoint(bot.bot, first_words(self._commands), self._files.attachment)
        self._outbox = TelegramOutbox(
            bot,
            capabilities(
                settings.group_messages_per_minute,
                settings.group_minute_seconds,
                self._files.limit,
                _LOCAL_UPLOAD if settings.local_mode else _UPLOAD,
            ),
            self._calls,
            self._presses,
            self._administrators,
            self._pacers,
        )
        _log.info("logged in to Telegram as @%s", bot.username)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._presses.aclose()
        await self._close()

    async def listen(self, inbox: Inbox) -> None:
        """Hear updates until cancelled, fetched or pushed. Raises `UnreachableError` when the
        token is not taken any more."""
        self._inbox = inbox
        self._calls.on_migration = inbox.submit
        for part in await inbox.held(Platform.TELEGRAM):
            self._albums.restore(Part(self._as_fetchable(part.message), part.whole))
        menu = asyncio.create_task(self._show_menus(), name="telegram menus")
        await self._application.start()
        try:
            await (self._be_pushed() if self._settings.webhook_url else self._poll())
        except InvalidToken as error:
            raise UnreachableError(str(error)) from error
        finally:
            menu.cancel()
            await asyncio.wait({menu})
            await asyncio.shield(self._deafen())

    async def refetch(self, message: IncomingMessage) -> Refetched:
        """Telegram gives no message twice, but a file for as long as its id is kept."""
        quoted = message.quoted
        if not message.attachments and not (quoted and quoted.attachments):
            return Unknown()
        return self._as_fetchable(message)

    def _as_fetchable(self, message: IncomingMessage) -> IncomingMessage:
        quoted = message.quoted
        if quoted is not None:
            quoted = replace(quoted, attachments=self._again(quoted.attachments))
        return replace(message, attachments=self._again(message.attachments), quoted=quoted)

    def _again(self, attachments: Sequence[Attachment]) -> tuple[Attachment, ...]:
        return tuple(
            self._files.attachment(
                RemoteFile(one.attachment_id, one.filename, one.media_type, one.size)
            )
            for one in attachments
        )

    async def _poll(self) -> None:
        updater = self._application.updater
        assert updater is not None  # noqa: S101 (built with one)
        await updater.start_polling(
            timeout=POLL_SECONDS,
            bootstrap_retries=-1,
            allowed_updates=HEARD,
            error_callback=self._poll_failed,
        )
        await self._polling.refused.wait()
        # Whether the token is bad, or something between us and Telegram, the next login tells.
        raise UnreachableError("polling was refused")

    async def _be_pushed(self) -> None:
        async def take(update: Update) -> None:
            await self._application.update_queue.put(update)
            await self._taken()

        await Webhook(self._application.bot, self._settings, HEARD, take).serve()

    def _build(self, token: str) -> _Application:
        settings = self._settings
        application = (
            Application.builder()
            .token(token)
            .base_url(settings.api_base_url)
            .base_file_url(settings.file_base_url)
            .local_mode(settings.local_mode)
            .request(self._requests)
            .get_updates_request(self._polling)
            # A group's budget is the core's pacer's; here is only what holds for all chats at once.
            .rate_limiter(AIORateLimiter(_BURST, _BURST_SECONDS, 0, 0, max_retries=0))
            .concurrent_updates(True)
            .build()
        )
        application.add_handler(TypeHandler(Update, self._on_update, block=True))
        return application

    async def _on_update(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        """Hand it to the core, which answers in a task of its own."""
        chat = update.effective_chat
        if update.callback_query is not None:
            self._presses.note(update.callback_query)
        if chat is None:
            self._take(update, frozenset())
            return
        async with self._lines.setdefault(chat.id, asyncio.Lock()):
            if update.chat_member is not None or update.my_chat_member is not None:
                self._administrators.forget(chat.id)
            asks = chat.id < 0 and update.chat_member is None and update.my_chat_member is None
            known = await self._administrators.of(chat.id) if asks else frozenset()
            self._take(update, known)

    async def _taken(self) -> None:
        """Wait until what has come is on the core's disk, lest a kill loses what was confirmed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_TAKING_SECONDS):
                await self._application.update_queue.join()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_NOTING_SECONDS):
                if self._inbox is not None:
                    await self._inbox.noted()

    def _take(self, update: Update, administrators: frozenset[int]) -> None:
        event = event_of(update, self._viewpoint, administrators)
        match event:
            case None:
                return
            case ChannelMigrated(old, new):
                if self._calls.moved(int(old.channel_id), int(new.channel_id)):
                    self._submit(event)
            case IncomingMessage() if update.message and update.message.media_group_id:
                self._albums.collect(event, update.message.media_group_id)
            case MessageEdited(message) if group_id := _album_of(update):
                if (whole := self._albums.edited(message, group_id)) is not None:
                    self._submit(MessageEdited(whole))
            case _:
                self._submit(event)

    def _submit(self, event: IncomingEvent) -> None:
        if self._inbox is not None:
            self._inbox.submit(event)

    def _hold(self, part: Part) -> None:
        if self._inbox is not None:
            self._inbox.hold(part)

    def _release(self, message: IncomingMessage, whole: str) -> None:
        if self._inbox is not None:
            self._inbox.release(message, whole)

    def _poll_failed(self, error: TelegramError) -> None:
        if isinstance(error, Conflict):
            self._reach.lost("another program is polling with the same token")
        else:
            self._reach.lost(error)

    async def _show_menus(self) -> None:
        try:
            for menu in menus(self._commands):
                await self._application.bot.set_my_commands(
                    menu.commands, scope=menu.scope, language_code=menu.language or None
                )
        except TelegramError as error:
            _log.warning("the command menus were not set: %s", error)

    async def _deafen(self) -> None:
        """Take what has come, and no more."""
        updater = self._application.updater
        try:
            if updater is not None and updater.running:
                async with asyncio.timeout(_LAST_SECONDS):
                    await updater.stop()
        except (TimeoutError, TelegramError):
            _log.info("Telegram was not told which updates have been taken")
        finally:
            await self._application.stop()
            self._albums.flush()

    async def _close(self) -> None:
        await self._fetching.aclose()
        await self._application.shutdown()
        # Not done by the application where it never came up.
        await self._requests.shutdown()
        await self._polling.shutdown()


def _album_of(update: Update) -> str | None:
    edited = update.edited_message
    return edited.media_group_id if edited is not None else None
