"""Logging in and out: the page for it, the cookie of a session, and who a request comes from."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, quote

from starlette.datastructures import Headers, QueryParams
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import Scope

from bot.adapters.web.attempts import Attempts
from bot.adapters.web.requests import locale_of
from bot.adapters.web.visitors import Visitor
from core.accounts import Account, Accounts
from core.language import Words, words

COOKIE: Final = "lorekeeper_session"
LOGIN: Final = "/login"
LOGOUT: Final = "/logout"
_LONGEST_FORM: Final = 16_384
_EXIST_SECONDS: Final = 2.0
"""How soon a running console follows when the first account is made, or the last removed."""
_AT_ONCE: Final = 2
"""Passwords that are tried at the same time: each takes 32 MB and a tenth of a second."""
_MOST_WAITING: Final = 40
"""Who comes after so many is sent away at once: a flood of guesses holds nobody up for long."""
_BUSY_SECONDS: Final = 5
_PAGE: Final = Path(__file__).parent / "login.html"


class Door:
    """Who may come in, and as whom."""

    def __init__(
        self,
        accounts: Accounts,
        *,
        clock: Callable[[], float] = time.monotonic,
        attempts: Attempts | None = None,
    ) -> None:
        self._accounts = accounts
        self._clock = clock
        self._attempts = attempts or Attempts(clock)
        self._trying = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0
        self._looked: tuple[float, bool] = (-math.inf, False)

    async def asks(self) -> bool:
        """Whether anybody has to log in: there is an account."""
        at, exist = self._looked
        if self._clock() - at >= _EXIST_SECONDS:
            exist = await self._accounts.exist()
            self._looked = (self._clock(), exist)
        return exist

    async def visitor(self, scope: Scope) -> Visitor | None:
        """Whose session a request belongs to; None: nobody's."""
        token = _token(HTTPConnection(scope))
        account = None if token is None else await self._accounts.session(token)
        if account is None:
            return None
        return Visitor(account.name, account.role, account=account.author_id)

    async def answer(self, request: Request) -> Response:
        """What `/login` and `/logout` say."""
        path, method = request.url.path, request.method
        if path == LOGOUT and method == "POST":
            return await self._log_out(request)
        if path == LOGIN and method == "POST":
            return await self._log_in(request)
        if path == LOGIN and method in ("GET", "HEAD"):
            return _page(request, _next(request.query_params))
        return Response(status_code=405, headers={"Allow": "GET, POST"})

    async def _log_in(self, request: Request) -> Response:
        _ = words(locale_of(request.headers))
        form = await _form(request)
        name, password = form.get("name", ""), form.get("password", "")
        onward = _next(form)
        address = request.client.host if request.client is not None else ""
        wait = self._attempts.wait(address, name)
        if wait > 0:
            return _page(request, onward, _too_many(wait, _), name, 429, wait)
        if self._waiting >= _MOST_WAITING:
            return _page(request, onward, _too_many(0, _), name, 429, _BUSY_SECONDS)
        self._attempts.failed(address, name)
        account = await self._tried(name, password)
        if account is None:
            told = _("This name and password do not belong together.")
            return _page(request, onward, told, name, 401)
        self._attempts.succeeded(address, name)
        # A session that somebody slipped under this browser is not gone on with.
        if (old := _token(request)) is not None:
            await self._accounts.end(old)
        response = RedirectResponse(onward, 303)
        response.set_cookie(
            COOKIE,
            await self._accounts.begin(account.name),
            httponly=True,
            samesite="lax",
            secure=_is_behind_tls(request),
        )
        return response

    async def _tried(self, name: str, password: str) -> Account | None:
        self._waiting += 1
        try:
            async with self._trying:
                return await self._accounts.verified(name, password)
        finally:
            self._waiting -= 1

    async def _log_out(self, request: Request) -> Response:
        if (token := _token(request)) is not None:
            await self._accounts.end(token)
        response = RedirectResponse(LOGIN, 303)
        response.delete_cookie(COOKIE, httponly=True, samesite="lax")
        return response


def sent_to_login(scope: Scope) -> Response:
    """For who is not logged in: the page for it, or for a program the word that it needs one."""
    headers = Headers(scope=scope)
    if scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
        query = scope.get("query_string", b"").decode("latin-1")
        wanted = f"{scope['path']}?{query}" if query else scope["path"]
        onward = f"{LOGIN}?next={quote(wanted, safe='/')}" if wanted != "/" else LOGIN
        return RedirectResponse(onward, 303)
    return JSONResponse({"detail": "log in first"}, 401)


def _token(connection: HTTPConnection) -> str | None:
    # Read as browsers write it: whatever else on this host sets a cookie that `http.cookies` finds
    # fault with would keep everybody out.
    return connection.cookies.get(COOKIE) or None


def _is_behind_tls(request: Request) -> bool:
    # Whoever lies about it makes their own cookie safer.
    return "https" in (request.url.scheme, request.headers.get("x-forwarded-proto", ""))


async def _form(request: Request) -> dict[str, str]:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _LONGEST_FORM:
            return {}
    text = body.decode("utf-8", "replace")
    try:
        fields = parse_qs(text, keep_blank_values=True, max_num_fields=10)
    except ValueError:  # more fields than our form has
        return {}
    return {name: values[0] for name, values in fields.items()}


def _next(given: dict[str, str] | QueryParams) -> str:
    """Where to go on: a path of ours, whatever the address says."""
    wanted = given.get("next") or "/"
    is_path = wanted.startswith("/") and not wanted.startswith("//")
    return wanted if is_path and wanted.isprintable() and "\\" not in wanted else "/"


def _too_many(wait: float, _: Words) -> str:
    minutes = max(1, math.ceil(wait / 60))
    return _.plural(
        "Too many attempts. Try again in {count} minute.",
        "Too many attempts. Try again in {count} minutes.",
        minutes,
    )


def _page(
    request: Request,
    onward: str,
    failure: str = "",
    name: str = "",
    status: int = 200,
    wait: float = 0,
) -> Response:
    _ = words(locale_of(request.headers))
    told = f'<p role="alert">{escape(failure)}</p>' if failure else ""
    facts = {
        "LANG": "zh-CN" if _.language.startswith("zh") else "en",
        "TITLE": escape(_("Log in")),
        "NAME": escape(_("Name")),
        "PASSWORD": escape(_("Password")),
        "GIVEN": escape(name[:200], quote=True),
        "NEXT": escape(onward, quote=True),
        "FAILURE": told,
    }
    html = _PAGE.read_text(encoding="utf-8")
    for key, value in facts.items():
        html = html.replace(f"<!--{key}-->", value)
    headers = {"Cache-Control": "no-store"}
    if wait:
        headers["Retry-After"] = str(math.ceil(wait))
    return HTMLResponse(html, status, headers)
