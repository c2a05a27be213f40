"""Updates that Telegram pushes: a small HTTP server behind the operator's own proxy.

Our own rather than the library's: that one says 200 when an update is in memory, and Telegram then
forgets it. Here it is said when the core has it.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from telegram import Bot, Update
from telegram.error import InvalidToken, TelegramError

from bot.settings import TelegramSettings
from core.ports import UnreachableError

if TYPE_CHECKING:
    from aiohttp import web

SECRET_HEADER: Final = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - its name
LOOK_SECONDS: Final = 300.0
"""How often Telegram is asked whether it reaches us."""
_LARGEST: Final = 1 << 20
_LAST_SECONDS: Final = 2.0

_log = logging.getLogger(__name__)


class Webhook:
    """Where Telegram pushes to."""

    def __init__(
        self,
        bot: Bot,
        settings: TelegramSettings,
        heard: tuple[str, ...],
        take: Callable[[Update], Awaitable[None]],
    ) -> None:
        """`take` returns when the update need not come again."""
        self._bot = bot
        self._url = settings.webhook_url or ""
        self._host, self._port = settings.webhook_host, settings.webhook_port
        given = settings.webhook_secret
        self._secret = given.get_secret_value() if given is not None else secrets.token_urlsafe(32)
        self._heard = heard
        self._take = take
        self._told = ""

    async def serve(self) -> None:
        """Listen until cancelled, having told Telegram where. Raises `UnreachableError`.

        At the end Telegram is told nothing: for the next start it keeps what comes meanwhile.
        """
        from aiohttp import web

        application = web.Application(client_max_size=_LARGEST)
        application.router.add_post(urlsplit(self._url).path or "/", self._receive)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=_LAST_SECONDS)
        await runner.setup()
        try:
            await self._begin(web.TCPSite(runner, self._host, self._port))
            await self._watch()
        finally:
            await asyncio.shield(runner.cleanup())

    async def _begin(self, site: web.TCPSite) -> None:
        try:
            await site.start()
            await self._bot.set_webhook(
                self._url, allowed_updates=self._heard, secret_token=self._secret
            )
        except (OSError, TelegramError) as error:
            raise UnreachableError(f"the webhook cannot be set up: {error}") from error
        _log.info("Telegram is asked to push to %s", self._url)

    async def _watch(self) -> None:
        """What keeps Telegram from reaching us is worth a line in the log; a token that is not
        taken any more, or a webhook that somebody changed, ends it."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                info = await self._bot.get_webhook_info()
            except InvalidToken as error:
                raise UnreachableError(str(error)) from error
            except TelegramError as error:
                _log.info("Telegram does not say how the webhook does: %s", error)
                continue
            if info.url != self._url:
                raise UnreachableError("another program has changed the webhook")
            trouble = info.last_error_message or ""
            if trouble and trouble != self._told:
                _log.warning("Telegram does not reach the webhook: %s", trouble)
            self._told = trouble

    async def _receive(self, request: web.Request) -> web.Response:
        from aiohttp import web

        said = request.headers.get(SECRET_HEADER, "")
        if not hmac.compare_digest(said.encode(), self._secret.encode()):
            _log.warning("a call of the webhook without the secret was refused")
            return web.Response(status=HTTPStatus.FORBIDDEN)
        update: Update | None = None
        payload = await request.read()
        # What cannot be read now cannot be read later either: it is not to come for ever.
        with suppress(TypeError, KeyError, ValueError, AttributeError):
            update = Update.de_json(json.loads(payload), self._bot)
        if update is None:
            _log.warning("an update from Telegram cannot be read")
        else:
            await self._take(update)
        return web.Response()
