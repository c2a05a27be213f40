"""Which addresses of the internet a page may be fetched from: public ones, and no others. Pure."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

Address: TypeAlias = "IPv4Address | IPv6Address"

_NAT64: Final = IPv6Network("64:ff9b::/96")
"""The last four bytes are the IPv4 address that it leads to (RFC 6052)."""
_REFUSED: Final = tuple(
    ip_network(network)
    for network in (
        "64:ff9b:1::/48",  # NAT64 of a local network (RFC 8215): leads anywhere within it
        "2002::/16",  # 6to4, which wraps any IPv4 address
        "2001::/32",  # Teredo, likewise
        "::/96",  # IPv4-compatible, likewise
        "168.63.129.16/32",  # a cloud's own service, at a public address
        "100.100.100.200/32",  # likewise; in the range of carriers, too
        "192.88.99.0/24",  # relays of 6to4
        "3fff::/20",  # of documentation (RFC 9637)
        "192.0.0.0/24",  # protocols' own; a cloud's metadata, too
    )
)
_NUMBER: Final = re.compile(r"0x[0-9a-f]*|[0-9]+", re.IGNORECASE | re.ASCII)
_INSIDE: Final = (
    "localhost",
    "local",
    "localdomain",
    "internal",
    "intranet",
    "lan",
    "corp",
    "home",
    "home.arpa",
    "private",
)
"""Ends of names that are of one network alone."""


def is_public(address: Address) -> bool:
    """Whether it is somewhere in the internet: not this machine, not a network around it."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped
        if inner is None and address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.scope_id is not None or address.is_site_local:
            return False
    if any(address.version == network.version and address in network for network in _REFUSED):
        return False
    return (
        address.is_global
        and not address.is_private
        and not address.is_multicast
        and not address.is_reserved
        and not address.is_unspecified
        and not address.is_loopback
        and not address.is_link_local
    )


def literal(host: str) -> Address | None:
    """The address that a host is, where it is one and not a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def is_disguised(host: str) -> bool:
    """Whether it is an address written so that only some readers take it for one (`127.1`,
    `2130706433`, `0x7f.1`): no name of the internet ends in a number."""
    if literal(host) is not None:
        return False
    last = host.rstrip(".").rpartition(".")[2]
    return _NUMBER.fullmatch(last) is not None


def is_inside(host: str) -> bool:
    """Whether it is a name that only one network knows."""
    name = host.rstrip(".").lower()
    return "." not in name or any(name == end or name.endswith(f".{end}") for end in _INSIDE)
