"""Proxies that the HTTP library of the SDK does not speak to by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.proxies import is_socks
from knowledge_base.connections import through_socks

if TYPE_CHECKING:
    import aiohttp


def connector_for(proxy: str | None) -> aiohttp.BaseConnector | None:
    """A connector through a SOCKS proxy; None for what needs none."""
    return through_socks(proxy) if proxy is not None and is_socks(proxy) else None
