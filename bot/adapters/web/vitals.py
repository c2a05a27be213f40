"""What machines ask: whether we are ready, and the figures."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from bot.adapters.web.guard import is_from_here
from bot.settings import WebSettings

_REFUSED = (
    "The figures are for this machine alone. To read them from elsewhere, set "
    "web.metrics_token_env and send the token (Authorization: Bearer ...).\n"
)
_BAD_TOKEN = "The token is missing or wrong: send it as Authorization: Bearer ...\n"  # noqa: S105
_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Vitals:
    """`/healthz/ready` for anybody; `/metrics` for this machine, or for who has the token.

    A password of the console's opens neither: Prometheus would have to hold it.
    """

    def __init__(
        self, is_ready: Callable[[], bool], exposition: Callable[[], Awaitable[bytes]] | None
    ) -> None:
        self._is_ready = is_ready
        self._exposition = exposition

    def mount(self, app: FastAPI, settings: WebSettings) -> None:
        token = settings.metrics_token

        @app.get("/healthz/ready")
        async def ready() -> JSONResponse:
            if self._is_ready():
                return JSONResponse({"status": "ready"})
            return JSONResponse({"status": "not ready"}, 503)

        exposition = self._exposition
        if exposition is None:
            return

        @app.get("/metrics")
        async def metrics(request: Request) -> Response:
            if token is not None:
                sent = request.headers.get("authorization", "").encode()
                wanted = f"Bearer {token.get_secret_value()}".encode()
                if not secrets.compare_digest(sent, wanted):
                    head = {"WWW-Authenticate": "Bearer"}
                    return Response(_BAD_TOKEN, 401, head, "text/plain")
            elif not is_from_here(request.scope):
                return Response(_REFUSED, 403, media_type="text/plain")
            return Response(await exposition(), media_type=_CONTENT_TYPE)
