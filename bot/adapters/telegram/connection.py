"""How Telegram's servers are reached: timeouts, proxy, and what a refused token sets off."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
from telegram import Update
from telegram.request import HTTPXRequest

from bot.adapters.telegram.calls import Reach

POLL_SECONDS: Final = 25
_SECONDS: Final = 20.0
_CONNECT_SECONDS: Final = 10.0
_POOL: Final = 64

_log = logging.getLogger(__name__)


def is_loopback(url: str) -> bool:
    """Whether an address is this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def file_client(url: str, proxy: str | None) -> httpx2.AsyncClient:
    """What files are fetched with."""
    near = is_loopback(url)
    return httpx2.AsyncClient(
        proxy=None if near else proxy,
        verify=httpx2.create_ssl_context(),
        trust_env=False,
        timeout=httpx2.Timeout(_SECONDS, connect=_CONNECT_SECONDS),
    )


def request_for(url: str, proxy: str | None) -> HTTPXRequest:
    """What calls are made with."""
    return HTTPXRequest(**_options(url, proxy))


class PollingRequest(HTTPXRequest):
    """What updates are fetched with.

    To ask for the next ones is to confirm those before: `taken` is awaited first. `refused` is set
    when the token is not taken any more.
    """

    def __init__(
        self, url: str, proxy: str | None, reach: Reach, taken: Callable[[], Awaitable[None]]
    ) -> None:
        super().__init__(**_options(url, proxy))
        self.refused = asyncio.Event()
        self._reach = reach
        self._taken = taken
        self._unconfirmed = 0

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:  # noqa: ANN401
        if self._unconfirmed:
            await self._taken()
        code, payload = await super().do_request(*args, **kwargs)
        if code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND):
            self.refused.set()
        if code == HTTPStatus.OK:
            self._reach.found()
            # A hundred updates take longer to try than the loop may be held up.
            payload, self._unconfirmed = await asyncio.to_thread(readable, payload)
        return code, payload


def readable(payload: bytes) -> tuple[bytes, int]:
    """An answer to getUpdates in which what the library cannot parse is left empty; how many.

    It gives up on all of an answer for one update that lacks a field which a server of another
    version does not send; it would then ask for the same ones for ever.
    """
    answer = json.loads(payload)
    updates = answer.get("result") if isinstance(answer, dict) else None
    if not isinstance(updates, list):
        return payload, 0
    broken = 0
    for place, update in enumerate(updates):
        try:
            Update.de_json(update, None)
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            broken += 1
            kinds = ", ".join(sorted(set(update) - {"update_id"}))
            _log.warning("an update from Telegram cannot be read (%s): %s", kinds, error)
            updates[place] = {"update_id": update["update_id"]}
    return json.dumps(answer).encode() if broken else payload, len(updates)


def _options(url: str, proxy: str | None) -> dict[str, Any]:
    near = is_loopback(url)
    return {
        "connection_pool_size": _POOL,
        "read_timeout": _SECONDS,
        "write_timeout": _SECONDS,
        "connect_timeout": _CONNECT_SECONDS,
        "pool_timeout": _SECONDS,
        "proxy": None if near else proxy,
        # The environment's proxies are the configuration's business, its certificates are not.
        "httpx_kwargs": {"trust_env": False, "verify": httpx2.create_ssl_context()},
    }
