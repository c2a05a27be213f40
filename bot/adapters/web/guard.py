"""Who may talk to the server: the check of Host, Origin and forwarding headers."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.adapters.web.login import LOGIN, LOGOUT, Door, sent_to_login
from bot.adapters.web.visitors import OPERATOR, note_visitor

_FORWARDED = (
    "forwarded", "via", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip",
    "cf-connecting-ip", "cf-ray", "fastly-client-ip", "x-original-host", "x-original-forwarded-for",
    "x-envoy-external-address",
)  # fmt: skip
_FORWARDED_PREFIX = "x-forwarded"
_REFUSED = (
    "This console answers only to a browser on its own machine. To reach it from elsewhere, "
    "make an account with `python -m bot console add-user NAME`, or set web.password_env.\n"
)
_LOOKING = "You may look, but not change anything here.\n"
_KEYED = "/v1/"
"""Programs come there, each with a key of its own."""
_UPLOADS = ("/gradio_api/upload", "/upload")
_PROTECTION = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        "media-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; "
        "base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
_OPEN_PATHS = ("/healthz", "/healthz/ready", "/metrics")
"""Whoever answers there lets in whom they let in."""


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine itself, seen from this machine."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _refusal(path: str) -> Response:
    """For a program in the shape that its client reads."""
    if not path.startswith("/v1/"):
        return PlainTextResponse(_REFUSED, status_code=403)
    error = {"message": _REFUSED.strip(), "type": "permission_error", "param": None, "code": "host"}
    return JSONResponse({"error": error}, 403)


class HostGuard:
    """Lets requests through that a page of ours can have made, and notes whose they are.

    Where nobody has to log in, the console trusts whoever reaches it, so a request must name a
    loopback host (a foreign name resolved to 127.0.0.1 is an attack) and come through no proxy.
    Where there are accounts, any host will do, and whatever is not the door itself needs a session.
    In both cases a page of another origin may not send anything.
    """

    def __init__(self, app: ASGIApp, *, door: Door | None = None) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = None if scope["path"] in _OPEN_PATHS else await self._refused(scope, receive)
        if refusal is None:
            await self._app(scope, receive, _protecting(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refusal(scope, receive, _protecting(send))

    async def _refused(self, scope: Scope, receive: Receive) -> Response | None:
        """What a request is answered with instead; None: it may pass."""
        headers, path = Headers(scope=scope), scope["path"]
        if _is_foreign(scope, headers):
            return _refusal(path)
        if self._door is None or not await self._door.asks():
            if not is_from_here(scope):
                return _refusal(path)
            note_visitor(scope, OPERATOR)
            return None
        if path.startswith(_KEYED):
            return None
        if scope["type"] == "http" and path in (LOGIN, LOGOUT):
            return await self._door.answer(Request(scope, receive))
        visitor = await self._door.visitor(scope)
        if visitor is None:
            return sent_to_login(scope) if scope["type"] == "http" else _refusal(path)
        if not visitor.may_change and path.startswith(_UPLOADS):
            return PlainTextResponse(_LOOKING, 403)
        note_visitor(scope, visitor)
        return None


def _is_foreign(scope: Scope, headers: Headers) -> bool:
    """Whether the page of somebody else made a browser send this."""
    host, origin = headers.get("host", ""), headers.get("origin")
    if origin is not None and origin.partition("://")[2].lower() != host.lower():
        return True
    if headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
        return False
    # To follow a link to us is all that another page may let somebody do.
    return scope.get("method") != "GET" or headers.get("sec-fetch-mode") != "navigate"


def _protecting(send: Send) -> Send:
    """Every page says that it may load, ask and be shown nowhere but here."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _PROTECTION.items():
                headers.setdefault(name, value)
        await send(message)

    return sending


def is_from_here(scope: Scope) -> bool:
    """Whether a request was sent on this machine, through no proxy."""
    client = scope.get("client")
    is_local = client is not None and is_loopback(client[0])
    # So nginx asks unless it is told otherwise, naming us as the host and nobody it asks for.
    is_proxy = scope.get("http_version") == "1.0"
    return is_local and not is_proxy and _names_this_machine(Headers(scope=scope))


def _names_this_machine(headers: Headers) -> bool:
    if any(name in _FORWARDED or name.startswith(_FORWARDED_PREFIX) for name in headers):
        return False
    try:
        name = urlsplit(f"//{headers.get('host', '')}").hostname
    except ValueError:
        return False
    return name is not None and is_loopback(name)
