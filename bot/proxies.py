"""Which proxy leads outside: one for all, a surface's own, or none. Pure."""

from __future__ import annotations

import importlib.util
from typing import Final
from urllib.parse import urlsplit

from core.language import Later

DIRECT: Final = "direct"
"""Written in place of an address: no proxy here, whatever `network.proxy` is."""
_SCHEMES: Final = ("http", "https", "socks5", "socks5h")
_SOCKS_PACKAGES: Final = ("aiohttp_socks", "socksio")
SOCKS_FIX: Final = 'pip install "lorekeeper[socks]"'


def proxy_for(own: str | None, common: str | None) -> str | None:
    """The proxy of one surface: its own, else that for all."""
    wanted = own or common
    return None if wanted in (None, "", DIRECT) else wanted


def is_socks(proxy: str) -> bool:
    """Whether it is asked by SOCKS and not by HTTP."""
    return proxy.startswith("socks")


def problem_of(proxy: str) -> Later | None:
    """What is wrong with the address of a proxy as it is written; None: nothing."""
    try:
        split = urlsplit(proxy)
        host, port = split.hostname, split.port
    except ValueError:
        host, port = None, None
    else:
        if split.scheme not in _SCHEMES:
            host = None
    if not host or (port is None and is_socks(proxy)):
        return Later(
            'must be an address such as "http://127.0.0.1:3128" or "socks5://127.0.0.1:1080"'
        )
    if is_socks(proxy) and not all(map(importlib.util.find_spec, _SOCKS_PACKAGES)):
        return Later("a SOCKS proxy needs a package: {command}", command=SOCKS_FIX)
    return None


def shown(proxy: str) -> str:
    """An address without the name and password in it: for logs and people."""
    split = urlsplit(proxy)
    host = split.hostname or "?"
    host = f"[{host}]" if ":" in host else host
    return f"{split.scheme}://{host}" + (f":{split.port}" if split.port else "")
