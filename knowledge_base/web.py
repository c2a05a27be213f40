"""Pages of the web as files: fetched from public addresses alone, whatever a link leads to.

A page's address is a stranger's text. Where it leads is decided at the moment of connecting, by
the very address that is connected to: neither a redirect nor a name that answers differently the
second time gets past it. Through a proxy it is the proxy that connects; then the name is resolved
here first, every address of it must be public, and addresses written as such are refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import socket
import threading
import unicodedata
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import SplitResult, unquote, urljoin, urlsplit, urlunsplit

from knowledge_base.addresses import Address, is_disguised, is_inside, is_public, literal
from knowledge_base.connections import through_socks
from knowledge_base.errors import (
    FULL,
    LimitExceededError,
    PageNotFetchedError,
    PageRefusedError,
    StorageFullError,
)
from knowledge_base.models import PAGE_TYPE, Upload
from knowledge_base.settings import PageSettings

if TYPE_CHECKING:
    import aiohttp
    from aiohttp.abc import ResolveResult

_MOST_REDIRECTS: Final = 5
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_PORTS: Final = {"http": 80, "https": 443}
_LONGEST_ADDRESS: Final = 2000
_LONGEST_NAME: Final = 150
_MEGABYTE: Final = 1 << 20
_PIECE: Final = 1 << 16
_ASKED: Final = {
    "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
    "Accept-Encoding": "gzip, deflate",
    "User-Agent": "Lorekeeper/0.1 (a page that somebody asked for)",
}
_PAGE_KINDS: Final = ("text/html", "application/xhtml+xml")
_PAGE_START: Final = re.compile(
    # A comment ends where it first can: else there are as many ways to read a hundred of them as no
    # process has the time for.
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--(?:(?!-->).)*-->\s*)*"
    rb"<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
_OTHERS: Final = (
    b"%PDF-",
    b"PK\x03\x04",
    b"\xd0\xcf\x11\xe0",
    b"{\\rtf",
    b"\x89PNG",
    b"\xff\xd8\xff",
)
_DOTS: Final = str.maketrans("。．｡", "...")
_Info: TypeAlias = "tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[Any, ...]]"
_CHARSET: Final = re.compile(r"[A-Za-z0-9._:-]{2,40}", re.ASCII)


def everywhere(_address: Address) -> bool:
    """For tests against a server on this machine: every address is allowed."""
    return True


@dataclass(slots=True)
class _Guard:
    """Decides about each address that one fetch would connect to, and remembers a refusal."""

    permits: Callable[[Address], bool]
    refused: bool = False

    def check(self, host: str) -> None:
        """Raises `PermissionError`, which the HTTP library reports as a failed connection."""
        address = literal(host)
        if address is None or not self.permits(address):
            self.refused = True
            raise PermissionError("not a public address")

    def socket(self, info: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
        """A socket for an address, made only where it may be connected to."""
        family, kind, protocol, _name, address = info
        self.check(str(address[0]))
        return socket.socket(family, kind, protocol)


@dataclass(frozen=True, slots=True)
class WebPages:
    """Fetches single pages. By default from public addresses; tests have another `permits`."""

    settings: PageSettings = field(default_factory=PageSettings)
    max_file_mb: int = 50
    proxy: str | None = None
    permits: Callable[[Address], bool] = is_public

    async def fetch(self, address: str, folder: Path) -> Upload:
        """The page as a file in `folder`, with its address as source.

        Raises `PageRefusedError`, `PageNotFetchedError`, `LimitExceededError`, `StorageFullError`.
        """
        asked = self._checked(address, address)
        source = urlunsplit(asked)
        path = folder / f"page-{uuid.uuid4().hex}"
        guard = _Guard(self.permits)
        try:
            async with asyncio.timeout(self.settings.page_seconds):
                is_page = await self._follow(asked, source, path, guard)
        except TimeoutError as error:
            raise PageNotFetchedError(source, timed_out=True) from error
        except OSError as error:
            if error.errno in FULL:
                raise StorageFullError from error
            raise PageNotFetchedError(source) from error
        name = document_name(source)
        return Upload(name, path, media_type=PAGE_TYPE if is_page else None, source=source)

    async def _follow(self, at: SplitResult, source: str, path: Path, guard: _Guard) -> bool:
        """Whether what lies at `path` now is a page of the web, not another document."""
        import aiohttp

        async with self._session(guard) as session:
            for _redirect in range(_MOST_REDIRECTS + 1):
                await self._resolved(at, source, guard)
                try:
                    async with session.get(
                        urlunsplit(at), proxy=self._plain_proxy, allow_redirects=False
                    ) as response:
                        target = response.headers.get("Location", "")
                        if response.status not in _REDIRECTS or not target:
                            return await self._written(response, source, path)
                except (aiohttp.ClientError, aiohttp.InvalidURL, UnicodeError) as error:
                    if guard.refused:
                        raise PageRefusedError(source, "address") from error
                    raise PageNotFetchedError(source) from error
                at = self._checked(urljoin(urlunsplit(at), target), source)
        raise PageRefusedError(source, "redirects")

    async def _written(self, response: aiohttp.ClientResponse, source: str, path: Path) -> bool:
        if response.status != 200:
            raise PageNotFetchedError(source, response.status)
        kind, charset = response.content_type.lower(), response.charset or ""
        # What the server said of its size is not believed; what is packed is counted unpacked.
        limit, size, is_page = self.max_file_mb * _MEGABYTE, 0, False
        with await asyncio.to_thread(path.open, "xb") as file:
            async for piece in response.content.iter_chunked(_PIECE):
                if size == 0:
                    is_page = _is_page(piece, kind, response.headers.get("Content-Type"))
                    piece = _marked(piece, charset) if is_page else piece
                size += len(piece)
                if size > limit:
                    raise LimitExceededError(source, "knowledge.max_file_mb", self.max_file_mb)
                await asyncio.to_thread(file.write, piece)
        return is_page

    def _checked(self, address: str, source: str) -> SplitResult:
        """The address without its fragment. Raises `PageRefusedError`."""
        address = address.strip()
        try:
            split = urlsplit(address)
            host, port = (split.hostname or "").rstrip("."), split.port
        except ValueError as error:
            raise PageRefusedError(source, "form") from error
        if split.scheme not in _PORTS:
            raise PageRefusedError(source, "scheme")
        strange = any(letter.isspace() or not letter.isprintable() for letter in address)
        if not host or strange or len(address) > _LONGEST_ADDRESS or "\\" in address:
            raise PageRefusedError(source, "form")
        if "@" in split.netloc:
            raise PageRefusedError(source, "credentials")
        if (port or _PORTS[split.scheme]) not in self.settings.page_ports:
            raise PageRefusedError(source, "port")
        # Other digits and dots than ours are ours to whoever connects.
        host = unicodedata.normalize("NFKC", host).translate(_DOTS)
        numbered = literal(host)
        if "%" in host and numbered is None:
            raise PageRefusedError(source, "form")
        if numbered is not None:
            if not self.permits(numbered) or (self.proxy is not None and self._is_strict):
                raise PageRefusedError(source, "address")
        elif is_disguised(host) or (is_inside(host) and self._is_strict):
            raise PageRefusedError(source, "address")
        return split._replace(fragment="", path=split.path or "/")

    @property
    def _is_strict(self) -> bool:
        return self.permits is is_public

    @property
    def _plain_proxy(self) -> str | None:
        """A proxy that is asked by HTTP; one by SOCKS is the connector's."""
        if self.proxy is None or self.proxy.startswith("socks"):
            return None
        return self.proxy

    async def _resolved(self, at: SplitResult, source: str, guard: _Guard) -> None:
        """Before a proxy is asked: every address of the name as it is seen from here."""
        host = at.hostname or ""
        if self.proxy is None or literal(host) is not None:
            return
        try:
            found = await _looked_up(host, 0, socket.AF_UNSPEC)
        except (OSError, UnicodeError) as error:
            raise PageNotFetchedError(source) from error
        try:
            for *_kind, address in found:
                guard.check(str(address[0]))
        except PermissionError as error:
            raise PageRefusedError(source, "address") from error

    @asynccontextmanager
    async def _session(self, guard: _Guard) -> AsyncGenerator[aiohttp.ClientSession, None]:
        """Of one fetch alone: no cookie, no connection and no answer of a name server is kept."""
        import aiohttp

        async with aiohttp.ClientSession(
            connector=self._connector(guard),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_ASKED,
            trust_env=False,
            max_line_size=16_384,
            max_field_size=16_384,
        ) as session:
            yield session

    def _connector(self, guard: _Guard) -> aiohttp.BaseConnector:
        import aiohttp

        if self.proxy is not None and self.proxy.startswith("socks"):
            return through_socks(self.proxy, force_close=True)
        if self.proxy is not None:
            return aiohttp.TCPConnector(force_close=True)
        return aiohttp.TCPConnector(
            resolver=_guarded_resolver(guard),
            use_dns_cache=False,
            force_close=True,
            # The last word: no socket is made for an address that was not looked at.
            socket_factory=guard.socket,
        )


def _guarded_resolver(guard: _Guard) -> aiohttp.abc.AbstractResolver:
    import aiohttp

    class Guarded(aiohttp.abc.AbstractResolver):
        """Names of which any address is not public are refused whole: they mean no good."""

        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            found: list[ResolveResult] = []
            for own, _kind, proto, _name, address in await _looked_up(host, port, family):
                scope = f"%{address[3]}" if len(address) == 4 and address[3] else ""
                numbered = f"{address[0]}{scope}"
                guard.check(numbered)
                found.append(
                    {
                        "hostname": host,
                        "host": numbered,
                        "port": port,
                        "family": own,
                        "proto": proto,
                        "flags": socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
                    }
                )
            return found

        async def close(self) -> None:
            return None

    return Guarded()


async def _looked_up(host: str, port: int, family: socket.AddressFamily) -> list[_Info]:
    """Every address of a name. Raises `OSError` and `UnicodeError`.

    Each look-up has a thread of its own, which nobody waits for once the page is given up: a name
    server that does not answer holds up no thread that others need.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[_Info]] = loop.create_future()

    def settle(found: list[_Info] | Exception) -> None:
        if answer.done():
            return
        if isinstance(found, Exception):
            answer.set_exception(found)
        else:
            answer.set_result(found)

    def look_up() -> None:
        found: list[_Info] | Exception
        try:
            given = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
            found = [(own, kind, proto, name, tuple(at)) for own, kind, proto, name, at in given]
        except (OSError, UnicodeError) as error:
            found = error
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, found)

    threading.Thread(target=look_up, name="look a name up", daemon=True).start()
    return await answer


def document_name(source: str) -> str:
    """The name of a page's document: its address as people read it, the same each time."""
    split = urlsplit(source)
    host = split.hostname or ""
    with contextlib.suppress(UnicodeError):
        host = host.encode("ascii").decode("idna")
    path = unquote(split.path, errors="replace")
    query = f"?{unquote(split.query, errors='replace')}" if split.query else ""
    port = f":{split.port}" if split.port else ""
    name = unicodedata.normalize("NFC", f"{host}{port}{path.rstrip('/')}{query}")
    name = "".join(letter if letter.isprintable() else "_" for letter in name)
    if len(name) <= _LONGEST_NAME:
        return name
    # What was cut off is told apart by its mark.
    mark = hashlib.sha256(source.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{name[:_LONGEST_NAME]}… {mark}"


def _is_page(start: bytes, kind: str, said: str | None) -> bool:
    """Whether it is a page, whose main text is wanted; all else is told by its content later."""
    if start.startswith(_OTHERS) or b"%PDF-" in start[:1024]:
        return False
    return (said is not None and kind in _PAGE_KINDS) or _PAGE_START.match(start) is not None


def _marked(start: bytes, charset: str) -> bytes:
    """The page's beginning with the encoding that only the server told."""
    if not _CHARSET.fullmatch(charset) or charset.lower().startswith(("utf", "ucs")):
        return start
    return f'<meta charset="{charset}">\n'.encode("ascii") + start
