"""Connections to a server, given back to their pool in whatever moment a request is cancelled."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, cast

import httpx2

if TYPE_CHECKING:
    import aiohttp
    from aiohttp.client_proto import ResponseHandler


def through_socks(proxy: str, *, force_close: bool = False) -> aiohttp.BaseConnector:
    """A connector of aiohttp's through a SOCKS proxy, whose refusals are errors of aiohttp's."""
    import aiohttp
    from aiohttp_socks import ProxyConnector
    from python_socks import ProxyConnectionError, ProxyError, ProxyTimeoutError

    class Connector(ProxyConnector):
        """The library's own errors are no kind of those that a request is known to end with."""

        async def _connect_via_proxy(
            self,
            host: str,
            port: int,
            ssl: ssl.SSLContext | None = None,
            timeout: float | None = None,  # noqa: ASYNC109
        ) -> tuple[asyncio.Transport, ResponseHandler]:
            try:
                return await super()._connect_via_proxy(host, port, ssl, timeout)
            except (ProxyConnectionError, ProxyError, ProxyTimeoutError) as error:
                raise aiohttp.ClientConnectionError(str(error)) from error

    # The library knows one of the two names; the proxy resolves either way.
    address = proxy.replace("socks5h://", "socks5://", 1)
    made: aiohttp.BaseConnector = Connector.from_url(address, force_close=force_close)
    return made


def trusted() -> ssl.SSLContext:
    """Whom to believe: the system's authorities, or those that `SSL_CERT_FILE` names.

    Asked for by itself, since a client that leaves the environment's proxies alone leaves that
    variable alone as well, which whoever sits behind a proxy that opens TLS depends on.
    """
    return httpx2.create_ssl_context()


class ReturningTransport(httpx2.AsyncHTTPTransport):
    """The library's own transport, whose answers are closed to the end.

    The library shields that from its own cancel scopes alone: a task that is cancelled just then
    would leave the connection counted as in use for ever, and a hundred of them end all requests.
    """

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        response.stream = _ReturningStream(cast(httpx2.AsyncByteStream, response.stream))
        return response


class _ReturningStream(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            yield part

    async def aclose(self) -> None:
        closing = asyncio.ensure_future(self._stream.aclose())
        cancelled = False
        while not closing.done():
            try:
                await asyncio.wait({closing})
            except asyncio.CancelledError:
                cancelled = True
        if cancelled:
            if not closing.cancelled():
                closing.exception()  # Read, so that nobody warns: the cancellation is what counts.
            raise asyncio.CancelledError
        closing.result()
