"""A bot's updates: kept until confirmed, fetched by long polling or pushed to its webhook."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import aiohttp

from tests.platforms.telegram_server.errors import bad_request, conflict

NOT_BY_DEFAULT = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
_FIRST_RETRY_SECONDS = 0.05
_LAST_RETRY_SECONDS = 2.0


class Updates:
    """The queue of one bot."""

    def __init__(self, announce: Callable[[], None]) -> None:
        self.pending: list[dict] = []
        self.allowed: list[str] = []
        self.webhook_url = ""
        self.last_error = ""
        self.polls = 0
        """How many getUpdates calls have been made."""
        self._next_id = 900_000_001
        self._secret = ""
        self._announce = announce
        self._poller: asyncio.Future[None] | None = None
        self._arrived = asyncio.Event()
        self._pushing: asyncio.Task[None] | None = None

    @property
    def is_polled(self) -> bool:
        """Whether somebody waits for updates at this moment."""
        return self._poller is not None

    def push(self, kind: str, body: dict) -> None:
        """Queue an update of a kind that the bot asked for; others are lost, as on Telegram."""
        if kind not in self.allowed if self.allowed else kind in NOT_BY_DEFAULT:
            return
        self.pending.append({"update_id": self._next_id, kind: body})
        self._next_id += 1
        self._arrived.set()
        if self._poller is not None and not self._poller.done():
            self._poller.set_result(None)

    def confirm(self, offset: int) -> None:
        """Forget what came before an offset; a negative one keeps that many of the last."""
        if offset < 0:
            self.pending = self.pending[offset:]
        elif offset:
            self.pending = [each for each in self.pending if each["update_id"] >= offset]

    async def poll(self, offset: int, limit: int, seconds: float) -> list[dict]:
        """The next updates, at once or when they come; a second poller throws the first out."""
        if self.webhook_url:
            raise conflict(
                "can't use getUpdates method while webhook is active; "
                "use deleteWebhook to delete the webhook first"
            )
        self.polls += 1
        if self._poller is not None and not self._poller.done():
            self._poller.set_exception(
                conflict(
                    "terminated by other getUpdates request; "
                    "make sure that only one bot instance is running"
                )
            )
        self.confirm(offset)
        if not self.pending and seconds > 0:
            await self._wait(seconds)
        self._announce()
        return self.pending[: max(1, min(limit, 100))]

    async def _wait(self, seconds: float) -> None:
        mine = self._poller = asyncio.get_running_loop().create_future()
        self._announce()
        try:
            async with asyncio.timeout(seconds):
                await mine
        except TimeoutError:
            pass
        finally:
            if self._poller is mine:
                self._poller = None

    async def set_webhook(self, url: str, secret: str, *, drop: bool) -> None:
        """Push to a URL from now on; an empty one ends that."""
        await self.close()
        if drop:
            self.pending.clear()
        if url and not url.startswith(("https://", "http://127.0.0.1", "http://localhost")):
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        self.webhook_url, self._secret, self.last_error = url, secret, ""
        if url:
            if self._poller is not None and not self._poller.done():
                self._poller.set_exception(conflict("terminated by setWebhook request"))
            self._pushing = asyncio.create_task(self._push_all(), name="webhook")
        self._announce()

    async def close(self) -> None:
        """Stop pushing."""
        if self._pushing is not None:
            self._pushing.cancel()
            await asyncio.gather(self._pushing, return_exceptions=True)
            self._pushing = None

    async def _push_all(self) -> None:
        pause = _FIRST_RETRY_SECONDS
        headers = {"X-Telegram-Bot-Api-Secret-Token": self._secret} if self._secret else {}
        async with aiohttp.ClientSession(headers=headers) as session:
            while True:
                while not self.pending:
                    self._arrived.clear()
                    await self._arrived.wait()
                if await self._push_one(session, self.pending[0]):
                    self.pending.pop(0)
                    pause = _FIRST_RETRY_SECONDS
                else:
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LAST_RETRY_SECONDS)
                self._announce()

    async def _push_one(self, session: aiohttp.ClientSession, update: dict) -> bool:
        try:
            async with session.post(self.webhook_url, json=update) as answer:
                if answer.status < 300:
                    return True
                self.last_error = f"Wrong response from the webhook: {answer.status}"
        except aiohttp.ClientError:
            self.last_error = "Connection refused"
        return False
