"""Where Discord is: its own address, or that of a server which speaks like it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Final

from discord.gateway import DiscordWebSocket
from discord.http import Route
from yarl import URL

OFFICIAL: Final = "https://discord.com/api/v10"
CDN_HOSTS: Final = frozenset({"cdn.discordapp.com", "media.discordapp.net"})
"""The hosts that attachments of Discord's own come from."""


@contextmanager
def pointed_at(base: str) -> Generator[None, None, None]:
    """Let the SDK talk to `base` while this is open.

    The SDK keeps its addresses in class attributes, so that every client of this process would
    follow: they are touched only for a base that is not Discord's own, and put back at the end.
    """
    kept = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    if not is_official(base):
        Route.BASE = base.rstrip("/")
    try:
        yield
    finally:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = kept


def use_gateway(url: str) -> None:
    """Where a new session goes, named by the server itself.

    The SDK asks for it only once; after an invalid session it goes to its built-in address.
    """
    DiscordWebSocket.DEFAULT_GATEWAY = URL(url)


def is_official(base: str) -> bool:
    """Whether this is Discord's own address."""
    return base.rstrip("/") == OFFICIAL


def is_loopback(url: str) -> bool:
    """Whether an address stays on this machine, where no proxy has a part."""
    host = URL(url).host or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def may_fetch(url: str, base: str) -> bool:
    """Whether an attachment is fetched from there: from Discord's own hosts alone.

    A server of one's own (`base` is not Discord's) may keep them wherever it says.
    """
    if not is_official(base):
        return True
    address = URL(url)
    return address.scheme == "https" and address.host in CDN_HOSTS and address.port == 443
