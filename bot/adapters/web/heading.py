"""The navigation in the page itself, so that it is there before the rest of the page is."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Heading:
    """Puts a text at the end of the head of every page of HTML."""

    def __init__(self, app: ASGIApp, text: str) -> None:
        self._app = app
        self._text = text.encode("utf-8")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        if "text/html" not in Headers(scope=scope).get("accept", ""):
            await self._app(scope, receive, send)
            return
        # What is packed could not be added to.
        plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        page = _Page(send, self._text)
        await self._app({**scope, "headers": plain}, receive, page.send)


class _Page:
    """One answer, kept back until it is whole where it is HTML."""

    def __init__(self, send: Send, text: bytes) -> None:
        self._send = send
        self._text = text
        self._start: Message | None = None
        self._body = bytearray()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            kind = Headers(raw=message["headers"]).get("content-type", "")
            if kind.startswith("text/html"):
                self._start = message
                return
        if self._start is None:
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if message.get("more_body", False):
            return
        body = bytes(self._body).replace(b"</head>", self._text + b"</head>", 1)
        MutableHeaders(scope=self._start)["content-length"] = str(len(body))
        await self._send(self._start)
        await self._send({"type": "http.response.body", "body": body})
