"""Asking a server something, and why there was no answer, in words with the line that mends it."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, assert_never
from urllib.parse import urlsplit

from bot.proxies import proxy_for, shown
from core.distance import place_of_address
from core.language import Words

if TYPE_CHECKING:
    import httpx2

SECONDS: Final = 10.0
_LONGEST: Final = 4 << 20
_STATUS: Final = re.compile(r"\s*(\d{3})\b")
_GATEWAY: Final = (502, 503, 504)
_LOGIN: Final = 407

Trouble: TypeAlias = Literal[
    "proxy_gone",
    "proxy_name",
    "proxy_login",
    "proxy_refuses",
    "proxy_cannot",
    "name",
    "refused",
    "timeout",
    "tls",
    "broken",
]


@dataclass(frozen=True, slots=True)
class Way:
    """How a server is reached."""

    proxy: str | None
    key: str = "network.proxy"
    """Where the proxy stands in the configuration, or would."""


def way_of(section: str, own: str | None, common: str | None) -> Way:
    """How what a section of the configuration names is reached; `own`: by its own key."""
    return Way(proxy_for(own, common), f"{section}.proxy" if own else "network.proxy")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said."""

    status: int
    seconds: float
    body: object = None
    """Read as JSON; None for anything else."""
    date: datetime | None = None
    """By the server's clock."""

    def value(self, *keys: str) -> object:
        """What stands in the body under these keys, one in the other; None where it does not."""
        found = self.body
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        return found


class UnansweredError(Exception):
    """A server was not reached; never carries its whole address, which may hold a token."""

    def __init__(self, trouble: Trouble, host: str, way: Way, detail: str = "") -> None:
        super().__init__(trouble, host, detail)
        self.trouble = trouble
        self.host = host
        self.way = way
        self.detail = detail


def is_near(url: str) -> bool:
    """Whether an address is on this machine, where no proxy has a part."""
    return place_of_address(url) == "local"


async def ask(
    url: str,
    way: Way,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    seconds: float = SECONDS,
) -> Answer:
    """Ask once, through the proxy unless it is this machine. Raises `UnansweredError`."""
    import httpx2

    from knowledge_base.connections import trusted

    host = urlsplit(url).netloc.rpartition("@")[2]
    proxy = None if is_near(url) else way.proxy
    way = Way(proxy, way.key)
    begun = time.perf_counter()
    try:
        async with (
            asyncio.timeout(seconds),
            httpx2.AsyncClient(
                proxy=proxy, verify=trusted(), trust_env=False, timeout=seconds
            ) as client,
            client.stream(method, url, headers=headers) as response,
        ):
            body = await _read(response) if method != "HEAD" else b""
            took = time.perf_counter() - begun
    except TimeoutError as error:
        raise UnansweredError("timeout", host, way, f"{seconds:.0f} s") from error
    except httpx2.TransportError as error:
        trouble, detail = trouble_of(error, proxied=proxy is not None)
        raise UnansweredError(trouble, host, way, detail) from error
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        raise UnansweredError("broken", host, way, type(error).__name__) from error
    if proxy is not None and url.startswith("http:"):
        _refuse_proxys_own(response.status_code, host, way)
    return Answer(response.status_code, took, _parsed(body), _date(response.headers.get("Date")))


async def _read(response: httpx2.Response) -> bytes:
    body = b""
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > _LONGEST:
            return b""
    return body


def _refuse_proxys_own(status: int, host: str, way: Way) -> None:
    """What is not encrypted is answered by the proxy itself where it cannot or will not."""
    if status == _LOGIN:
        raise UnansweredError("proxy_login", host, way)
    if status in _GATEWAY:
        raise UnansweredError("proxy_cannot", host, way, str(status))


def trouble_of(error: httpx2.TransportError, *, proxied: bool) -> tuple[Trouble, str]:
    """What an error of the HTTP library comes from, with a detail for people."""
    import httpx2

    below = list(_causes(error))
    if isinstance(error, httpx2.ProxyError):
        return _of_proxy(str(error))
    if isinstance(error, httpx2.TimeoutException):
        return "timeout", ""
    for cause in below:
        if isinstance(cause, ssl.SSLError):
            reason = cause.reason or "TLS"
            return "tls", str(getattr(cause, "verify_message", "") or reason)
    if isinstance(error, httpx2.ConnectError):
        is_name = any(isinstance(cause, socket.gaierror) for cause in below)
        if proxied:
            return "proxy_name" if is_name else "proxy_gone", ""
        return "name" if is_name else "refused", ""
    return "broken", type(error).__name__


def _of_proxy(said: str) -> tuple[Trouble, str]:
    status = _STATUS.match(said)
    if status is None:  # by SOCKS, in words
        is_login = any(word in said.lower() for word in ("auth", "username"))
        return ("proxy_login", "") if is_login else ("proxy_cannot", said[:100])
    if int(status[1]) == _LOGIN:
        return "proxy_login", ""
    return ("proxy_cannot" if int(status[1]) >= 500 else "proxy_refuses"), status[1]


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what it came from, and so on; of several at once, each."""
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return None


def _date(header: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(header) if header else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


def trouble_words(error: UnansweredError, _: Words) -> tuple[str, str]:
    """What to say, and what to do."""
    host, key, detail = error.host, error.way.key, error.detail
    proxy = shown(error.way.proxy) if error.way.proxy else ""
    own = f'{key} = "http://HOST:PORT"'
    match error.trouble:
        case "proxy_gone":
            text = _("{host}: nothing answers at the proxy {proxy}.", host=host, proxy=proxy)
            return text, _("{line}   # where a proxy listens", line=own)
        case "proxy_name":
            text = _("{host}: the proxy's name is not known: {proxy}.", host=host, proxy=proxy)
            return text, _("{line}   # where a proxy listens", line=own)
        case "proxy_login":
            text = _("{host}: the proxy {proxy} asks for a login.", host=host, proxy=proxy)
            return text, f'{key} = "http://NAME:PASSWORD@HOST:PORT"'
        case "proxy_refuses":
            text = _(
                "{host}: the proxy {proxy} does not let us there ({detail}).",
                host=host,
                proxy=proxy,
                detail=detail,
            )
            return text, _("Have the proxy allow {host}.", host=host)
        case "proxy_cannot":
            text = _(
                "{host}: the proxy {proxy} does not reach it ({detail}).",
                host=host,
                proxy=proxy,
                detail=detail,
            )
            return text, _("Look at the proxy's own log; another: {line}", line=own)
        case _:
            return _without_proxy(error, own, _)


def _without_proxy(error: UnansweredError, own: str, _: Words) -> tuple[str, str]:
    host, detail = error.host, error.detail
    match error.trouble:
        case "name":
            text = _("{host}: no name server knows this name.", host=host)
            return text, _("Check the address and the name server, or set {line}", line=own)
        case "refused":
            text = _("{host}: nothing answers there.", host=host)
            return text, _("Check the address, a firewall, or set {line}", line=own)
        case "timeout":
            text = _("{host}: no answer in time.", host=host)
            return text, _("Check a firewall, or set {line}", line=own)
        case "tls":
            text = _("{host}: its certificate is not trusted ({detail}).", host=host, detail=detail)
            return text, _(
                "SSL_CERT_FILE=FILE   # with the authority of whoever opens connections on the way"
            )
        case "broken":
            text = _("{host}: the connection broke off ({detail}).", host=host, detail=detail)
            return text, _("Check the address, a firewall, or set {line}", line=own)
        case "proxy_gone" | "proxy_name" | "proxy_login" | "proxy_refuses" | "proxy_cannot":
            raise ValueError(error.trouble)
        case never:
            assert_never(never)
