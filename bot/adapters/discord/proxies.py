"""Proxies that the HTTP library of the SDK does not speak to by itself."""

from __future__ import annotations

import aiohttp
from yarl import URL

from bot.errors import ConfigError, Problem


def connector_for(proxy: str | None) -> aiohttp.BaseConnector | None:
    """A connector through a SOCKS proxy; None for what needs none. Raises `ConfigError`."""
    if proxy is None or not URL(proxy).scheme.startswith("socks"):
        return None
    try:
        from aiohttp_socks import ProxyConnector
    except ImportError as error:
        wanted = "a SOCKS proxy needs the package aiohttp-socks"
        raise ConfigError(Problem("configuration", None, "network.proxy", wanted)) from error
    connector: aiohttp.BaseConnector = ProxyConnector.from_url(
        # The library knows one of the two names; names are resolved by the proxy either way.
        proxy.replace("socks5h://", "socks5://", 1)
    )
    return connector
