"""How Telegram's servers are reached: timeouts, proxy, and what a refused token sets off."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
from telegram.request import HTTPXRequest

from bot.adapters.telegram.calls import Reach

POLL_SECONDS: Final = 25
_SECONDS: Final = 20.0
_CONNECT_SECONDS: Final = 10.0
_POOL: Final = 64


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
        trust_env=not near,
        timeout=httpx2.Timeout(_SECONDS, connect=_CONNECT_SECONDS),
    )


def request_for(url: str, proxy: str | None) -> HTTPXRequest:
    """What calls are made with."""
    return HTTPXRequest(**_options(url, proxy))


class PollingRequest(HTTPXRequest):
    """What updates are fetched with. `refused` is set when the token is not taken any more."""

    def __init__(self, url: str, proxy: str | None, reach: Reach) -> None:
        super().__init__(**_options(url, proxy))
        self.refused = asyncio.Event()
        self._reach = reach

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:  # noqa: ANN401
        code, payload = await super().do_request(*args, **kwargs)
        if code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND):
            self.refused.set()
        if code == HTTPStatus.OK:
            self._reach.found()
        return code, payload


def _options(url: str, proxy: str | None) -> dict[str, Any]:
    near = is_loopback(url)
    return {
        "connection_pool_size": _POOL,
        "read_timeout": _SECONDS,
        "write_timeout": _SECONDS,
        "connect_timeout": _CONNECT_SECONDS,
        "pool_timeout": _SECONDS,
        "proxy": None if near else proxy,
        # A proxy of the environment is never for this machine either.
        "httpx_kwargs": {"trust_env": not near},
    }
