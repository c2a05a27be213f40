"""Who may talk to the server: the check of Host, Origin and forwarding headers."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.adapters.web.visitors import OPERATOR, note_visitor

_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
_REFUSED = (
    "This console answers only to a browser on its own machine. To reach it from elsewhere, "
    "set web.password_env (and web.host).\n"
)
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
    """Lets requests through that a page of ours, opened on this machine, can have made.

    Without a login the console trusts whoever reaches it, so a request must name a loopback host
    (a foreign name resolved to 127.0.0.1 is an attack) and come through no proxy. With a login any
    host will do. In both cases a page of another origin may not send anything.
    """

    def __init__(self, app: ASGIApp, *, login: bool) -> None:
        self._app = app
        self._login = login

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and scope["path"] not in _OPEN_PATHS:
            headers = Headers(scope=scope)
            if not self._may_pass(headers):
                if scope["type"] == "websocket":
                    await send({"type": "websocket.close", "code": 1008})
                    return
                await _refusal(scope["path"])(scope, receive, send)
                return
            note_visitor(scope, OPERATOR)
        await self._app(scope, receive, send)

    def _may_pass(self, headers: Headers) -> bool:
        host = headers.get("host", "")
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return False
        return self._login or _names_this_machine(headers)


def is_from_here(scope: Scope) -> bool:
    """Whether a request was sent on this machine, through no proxy."""
    client = scope.get("client")
    is_local = client is not None and is_loopback(client[0])
    return is_local and _names_this_machine(Headers(scope=scope))


def _names_this_machine(headers: Headers) -> bool:
    if any(name in headers for name in _FORWARDED):
        return False
    try:
        name = urlsplit(f"//{headers.get('host', '')}").hostname
    except ValueError:
        return False
    return name is not None and is_loopback(name)
