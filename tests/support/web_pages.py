"""A server on this machine with pages of every kind, and what it was asked for."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.test_utils import TestServer

ARTICLE = """<!doctype html><html><head><title>The Lighthouse of Pharos - Encyclopaedia</title>
</head><body><nav><a href=/>Home</a> <a href=/in>Log in</a></nav>
<div class=sidebar><ul><li>Related: a</li><li>Related: b</li></ul></div>
<main><article><h1>The Lighthouse of Pharos</h1>
<p>The lighthouse was built by Ptolemy between 280 and 247 BC and stood over one hundred metres
high, for many centuries among the tallest structures made by people.</p>
<h2>Construction</h2><p>It was made of <b>limestone</b> blocks and granite. The cost was 800 talents
of silver, says Pliny the Elder in his natural history.</p>
<table><tr><th>Stage</th><th>Height</th></tr><tr><td>Lower</td><td>55 m</td></tr>
<tr><td>Middle</td><td>27 m</td></tr></table>
<h2>Decline</h2><p>Earthquakes in 956, 1303 and 1323 damaged it badly, and the remains were used for
the fort in 1477.</p></article></main>
<footer>Copyright 2026. Cookies. Privacy policy.</footer></body></html>"""
_ENDLESS = 4 << 20


def _page(text: str) -> str:
    return f"<html><head><title>t</title></head><body><p>{text}</p></body></html>"


@dataclass
class Pages:
    """What the server was asked for."""

    redirect: str = ""
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    text: str = ARTICLE

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        if request.path in _PLACES:
            return _PLACES[request.path](self)
        if request.path == "/slow":
            await asyncio.sleep(5)
        if request.path in ("/circle", "/again"):
            return web.Response(status=301, headers={"Location": request.path})
        return web.Response(status=404)


def _moved(_pages: Pages) -> web.Response:
    answer = web.Response(status=302, headers={"Location": "/lighthouse"})
    answer.set_cookie("session", "1")
    return answer


def _bomb(_pages: Pages) -> web.Response:
    packed = gzip.compress(b"<html>" + b" " * _ENDLESS)
    return web.Response(
        body=packed, headers={"Content-Encoding": "gzip", "Content-Type": "text/html"}
    )


def _encoded(text: str, charset: str) -> web.Response:
    return web.Response(
        body=_page(text).encode(charset), headers={"Content-Type": f"text/html; charset={charset}"}
    )


def _article(pages: Pages) -> web.Response:
    return web.Response(text=pages.text, content_type="text/html")


_PLACES: dict[str, Callable[[Pages], web.Response]] = {
    "/": _article,
    "/lighthouse": _article,
    "/moved": _moved,
    "/leave": lambda pages: web.Response(status=307, headers={"Location": pages.redirect}),
    "/gbk": lambda _: _encoded("港口的灯塔建于一八八八年，由石头砌成。", "gbk"),
    "/big5": lambda _: _encoded("港口的燈塔建於一八八八年，由石頭砌成。", "big5"),
    "/latin": lambda _: _encoded("Café à Genève", "iso-8859-1"),
    "/paper.pdf": lambda _: web.Response(body=b"%PDF-1.7\n%%EOF", content_type="text/html"),
    "/notes.txt": lambda _: web.Response(text="plain words", content_type="text/plain"),
    "/bomb": _bomb,
    "/endless": lambda _: web.Response(body=b"<html>" + b"a" * _ENDLESS, content_type="text/html"),
}


@asynccontextmanager
async def serving(redirect: str = "") -> AsyncIterator[tuple[TestServer, Pages]]:
    """A server on a free port of the loopback interface."""
    pages = Pages(redirect)
    app = web.Application()
    app.router.add_get("/{rest:.*}", pages.answer)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    try:
        yield server, pages
    finally:
        await server.close()
