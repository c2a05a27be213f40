"""Imported by every Python process that has this folder on its path: no way out of this machine.

What tries is refused, and written to the file that CONFINED_LOG names. CONFINED_NAMES are resolved
(to an address of the internet, which then cannot be connected to), for who only wants to look.
"""

import os
import socket
from ipaddress import ip_address
from pathlib import Path

_ADDRESS = "93.184.215.14"
_log = os.environ.get("CONFINED_LOG", os.devnull)
_names = set(os.environ.get("CONFINED_NAMES", "").split(","))
_connect, _connect_ex, _getaddrinfo = (
    socket.socket.connect,
    socket.socket.connect_ex,
    socket.getaddrinfo,
)


def _refuse(what):
    with Path(_log).open("a", encoding="utf-8") as file:
        file.write(f"{what}\n")
    raise OSError(101, f"confined: {what}")


def _is_near(host):
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return True
    try:
        return ip_address(str(name).partition("%")[0]).is_loopback or str(name) in ("0.0.0.0", "::")
    except ValueError:
        return False


def _guarded(inner):
    def connect(self, address):
        if isinstance(address, tuple) and not _is_near(address[0]):
            _refuse(f"connect {address[0]}")
        return inner(self, address)

    return connect


def _resolved(host, port, *args, **kwargs):
    name = host.decode() if isinstance(host, bytes) else host
    if name in _names:
        return _getaddrinfo(_ADDRESS, port, *args, **kwargs)
    if not _is_near(host):
        try:
            ip_address(str(name))
        except ValueError:
            _refuse(f"resolve {name}")
    return _getaddrinfo(host, port, *args, **kwargs)


socket.socket.connect = _guarded(_connect)
socket.socket.connect_ex = _guarded(_connect_ex)
socket.getaddrinfo = _resolved
