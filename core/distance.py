"""Where an engine or an embedder computes, and how far out something may go. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final, Literal, TypeAlias
from urllib.parse import urlsplit

EnginePlace: TypeAlias = Literal["local", "own", "outside"]
"""This machine; another of the operator's; somebody else's."""

_ORDER: Final[tuple[EnginePlace, ...]] = ("local", "own", "outside")
_OWN_NAMES: Final = (".local", ".internal", ".lan", ".home.arpa", ".intranet", ".localdomain")


def is_within(place: EnginePlace, limit: EnginePlace) -> bool:
    """Whether something at `place` may be used where nothing may go further out than `limit`."""
    return _ORDER.index(place) <= _ORDER.index(limit)


def furthest(places: Iterable[EnginePlace]) -> EnginePlace:
    """Of several servers that share the questions, the one furthest out; of none, local."""
    return max(places, key=_ORDER.index, default="local")


def nearer(one: EnginePlace, other: EnginePlace) -> EnginePlace:
    """The narrower of two limits."""
    return min(one, other, key=_ORDER.index)


def place_of_address(address: str) -> EnginePlace:
    """Where a server is, as far as its address says: what is not surely near is outside.

    A private address, or a name without a dot, is taken for the operator's own network.
    """
    host = (urlsplit(address).hostname or "").rstrip(".")
    if not host:
        return "outside"
    try:
        ip = ip_address(host)
    except ValueError:
        if host == "localhost" or host.endswith(".localhost"):
            return "local"
        return "own" if "." not in host or host.endswith(_OWN_NAMES) else "outside"
    if ip.is_loopback:
        return "local"
    return "own" if ip.is_private or ip.is_link_local else "outside"


def place_of(
    stated: Literal["auto", "local", "own", "outside"], addresses: Iterable[str]
) -> EnginePlace:
    """As stated, else by its addresses; what has none computes in this process."""
    return furthest(map(place_of_address, addresses)) if stated == "auto" else stated


def host_of(address: str) -> str:
    """What people are told of an address: no path, and no key that may stand in it."""
    return urlsplit(address).hostname or address
