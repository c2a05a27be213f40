"""The API's addresses, mounted at `/v1`."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Final, Literal

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPBearer
from openai.types import Model
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.adapters.api.catalogue import Catalogue, Shelf, unknown
from bot.adapters.api.completions import Completions
from bot.adapters.api.guard import KeyGuard, key_of
from bot.adapters.api.not_taken import not_taken
from bot.adapters.api.refusals import Refused, RefusedError
from bot.adapters.api.requests import Limits
from bot.adapters.api.vectors import add_embeddings
from bot.settings import ApiSettings, WebSettings
from core.engines.choice import EngineChoice
from core.keys import Keys
from core.ports import Inbox

_log = logging.getLogger(__name__)

PATH: Final = "/v1"
_REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {"model": Refused, "description": "Why there is no answer"},
    "5XX": {"model": Refused, "description": "Why there is no answer"},
}


class Models(BaseModel):
    """What a key can ask."""

    object: Literal["list"] = "list"
    data: list[Model]


@dataclass(frozen=True, slots=True)
class Api:
    """Answers programs that speak to it as they would to OpenAI."""

    inbox: Inbox
    shelf: Shelf
    engines: EngineChoice
    keys: Keys
    settings: ApiSettings
    limits: Limits

    def mount(self, app: FastAPI, settings: WebSettings) -> None:
        """Put it at `/v1`, where every request needs a key."""
        api = FastAPI(
            title="Lorekeeper",
            summary="Answers from knowledge bases, in the manner of OpenAI's API",
            version="1",
            docs_url=None,
            redoc_url=None,
            # Only so that it is written down; the guard is who looks.
            dependencies=[Depends(HTTPBearer(auto_error=False))],
            responses=_REFUSED,
        )
        catalogue = Catalogue(self.shelf, self.engines)
        Completions(self.inbox, catalogue, self.limits).add_to(api)
        _add_models(api, catalogue)
        add_embeddings(api, catalogue, self.shelf)
        _shape_errors(api)
        max_bytes = self.settings.max_body_mb << 20
        guard = KeyGuard(api, self.keys, self.settings.requests_per_minute, max_bytes)
        app.add_middleware(_Below, inside=guard)


class _Below:
    """Takes every address below the API's. A mount leaves some, with a line break, to others."""

    def __init__(self, app: ASGIApp, *, inside: ASGIApp) -> None:
        self._app = app
        self._inside = inside

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or not f"{scope['path']}/".startswith(f"{PATH}/"):
            await self._app(scope, receive, send)
            return
        root = scope.get("root_path", "") + PATH
        await self._inside({**scope, "root_path": root}, receive, send)


def _add_models(api: FastAPI, catalogue: Catalogue) -> None:
    @api.get("/models", response_model=Models)
    async def list_models(request: Request) -> Models:
        names = await catalogue.names(key_of(request))
        return Models(data=[_model(name) for name in names])

    @api.get("/models/{model:path}", response_model=Model)
    async def retrieve_model(model: str, request: Request) -> Model:
        if model not in await catalogue.names(key_of(request)):
            raise unknown(model)
        return _model(model)


def _model(name: str) -> Model:
    # Nobody needs to know when a base was made.
    return Model(id=name, object="model", created=0, owned_by="lorekeeper")


def _shape_errors(api: FastAPI) -> None:
    """Whatever goes wrong is told as OpenAI tells it."""

    @api.exception_handler(RefusedError)
    async def refused(_request: Request, error: RefusedError) -> JSONResponse:
        return error.response()

    @api.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        return not_taken(error.errors()).response()

    @api.exception_handler(HTTPException)
    async def http(_request: Request, error: HTTPException) -> JSONResponse:
        response = RefusedError(error.status_code, str(error.detail)).response()
        response.headers.update(error.headers or {})
        return response

    @api.exception_handler(ClientDisconnect)
    async def gone(_request: Request, _error: ClientDisconnect) -> Response:
        return Response(status_code=499)

    @api.exception_handler(Exception)
    async def broken(_request: Request, _error: Exception) -> JSONResponse:
        # Starlette raises it again, for the server to log.
        return RefusedError(500, "Something went wrong on my side.", "internal_error").response()
