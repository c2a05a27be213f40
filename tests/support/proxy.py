"""A proxy on loopback that counts: HTTP with CONNECT and whole addresses, or SOCKS5.

Names are led to ports of this machine, so that a program is given the addresses of real life. Where
it is told to, it also ends TLS as the servers' own names (certificates/ holds an authority that
nobody trusts but who is told to), for the servers behind it speak plainly.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

CERTIFICATES = Path(__file__).parent / "certificates"
AUTHORITY = CERTIFICATES / "authority.pem"
_LONGEST = 1 << 16


@dataclass
class Proxy:
    """What it leads where, and what was asked of it."""

    hosts: Mapping[str, int]
    """Names to ports of this machine; what is not among them cannot be reached (502)."""
    login: tuple[str, str] | None = None
    opens_tls: bool = False
    forbidden: frozenset[str] = frozenset()
    """Names that are refused (403)."""
    tunnels: Counter[str] = field(default_factory=Counter)
    """By CONNECT or SOCKS, by name."""
    requests: Counter[str] = field(default_factory=Counter)
    """With a whole address, by name."""
    refused: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return self.address("http")

    def address(self, scheme: str) -> str:
        """What is to be configured: "http" or "socks"."""
        user = "{}:{}@".format(*self.login) if self.login else ""
        return f"{'socks5' if scheme == 'socks' else scheme}://{user}127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.readexactly(1)
        if first == b"\x05":
            await self._socks(reader, writer)
            return
        head = first + await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        method, target, _version = lines[0].split(" ")
        if not self._may_pass(lines):
            self.refused += 1
            asked = "Proxy-Authenticate: Basic realm=x\r\n"
            await _end(writer, f"407 Proxy Authentication Required\r\n{asked}")
            return
        host = target.rpartition(":")[0] if method == "CONNECT" else urlsplit(target).hostname or ""
        if host in self.forbidden:
            self.refused += 1
            await _end(writer, "403 Forbidden\r\n")
        elif host not in self.hosts:
            self.refused += 1
            await _end(writer, "502 Bad Gateway\r\n")
        elif method == "CONNECT":
            self.tunnels[host] += 1
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await self._tunnel(host, reader, writer)
        else:
            self.requests[host] += 1
            await self._forward(host, lines, reader, writer)

    def _may_pass(self, lines: list[str]) -> bool:
        if self.login is None:
            return True
        wanted = base64.b64encode(":".join(self.login).encode()).decode()
        return any(
            line.lower().startswith("proxy-authorization:") and line.endswith(f"Basic {wanted}")
            for line in lines
        )

    async def _forward(
        self,
        host: str,
        lines: list[str],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        method, target, version = lines[0].split(" ")
        split = urlsplit(target)
        path = split.path + (f"?{split.query}" if split.query else "")
        kept = [line for line in lines[1:] if line and not line.lower().startswith("proxy-")]
        if not any(line.lower().startswith("upgrade:") for line in kept):
            # One request a connection, so that each is counted.
            kept = [line for line in kept if not line.lower().startswith("connection:")]
            kept.append("Connection: close")
        far, out = await asyncio.open_connection("127.0.0.1", self.hosts[host])
        out.write("\r\n".join([f"{method} {path or '/'} {version}", *kept, "", ""]).encode())
        await _relay(reader, writer, far, out)

    async def _tunnel(
        self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self.opens_tls:
            await writer.start_tls(_as_any_server())
        far, out = await asyncio.open_connection("127.0.0.1", self.hosts[host])
        await _relay(reader, writer, far, out)

    async def _socks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """RFC 1928, names and IPv4; RFC 1929 where there is a login."""
        await reader.readexactly((await reader.readexactly(1))[0])
        writer.write(b"\x05\x02" if self.login else b"\x05\x00")
        if self.login and not await self._knows(reader, writer):
            self.refused += 1
            return
        _version, _command, _reserved, kind = await reader.readexactly(4)
        if kind == 3:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        else:
            host = ".".join(map(str, await reader.readexactly(4)))
        await reader.readexactly(2)
        known = host in self.hosts
        writer.write(b"\x05" + (b"\x00" if known else b"\x04") + b"\x00\x01" + bytes(6))
        await writer.drain()
        if known:
            self.tunnels[host] += 1
            await self._tunnel(host, reader, writer)
        else:
            self.refused += 1

    async def _knows(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        await reader.readexactly(1)
        given = [
            (await reader.readexactly((await reader.readexactly(1))[0])).decode() for _ in range(2)
        ]
        known = tuple(given) == self.login
        writer.write(b"\x01" + (b"\x00" if known else b"\x01"))
        await writer.drain()
        return known


def _as_any_server() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.pem")
    return context


async def _end(writer: asyncio.StreamWriter, status: str) -> None:
    writer.write(f"HTTP/1.1 {status}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
    await writer.drain()


async def _relay(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    far: asyncio.StreamReader,
    out: asyncio.StreamWriter,
) -> None:
    """Both ways, until either side ends."""
    ways = [asyncio.create_task(_pass(reader, out)), asyncio.create_task(_pass(far, writer))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        out.close()
        for way in ways:
            way.cancel()
        await asyncio.wait(ways)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while piece := await reader.read(_LONGEST):
            writer.write(piece)
            await writer.drain()


@asynccontextmanager
async def proxying(hosts: Mapping[str, int], **how: object) -> AsyncGenerator[Proxy, None]:
    """A proxy on a free port, as long as the block lasts."""
    proxy = Proxy(hosts, **how)
    serving: set[asyncio.Task] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        serving.add(task)
        try:
            await proxy.serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            serving.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in list(serving):
            task.cancel()
        if serving:
            await asyncio.wait(list(serving))
