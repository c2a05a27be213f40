"""Whatever a request does not get, in the shape in which OpenAI's clients expect to be told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel
from starlette.responses import JSONResponse

_INVALID: Final = "invalid_request_error"
_TYPES: Final[Mapping[int, str]] = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
}


class Refusal(BaseModel):
    """What went wrong."""

    message: str
    type: str
    param: str | None
    code: str | None


class Refused(BaseModel):
    """The body of every answer that is none."""

    error: Refusal


class RefusedError(Exception):
    """A request that gets no answer; the caller is told why."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        *,
        param: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(status, code)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.retry_after = retry_after

    @property
    def body(self) -> dict[str, object]:
        """As OpenAI words it."""
        kind = _TYPES.get(self.status, "server_error" if self.status >= 500 else _INVALID)
        refusal = Refusal(message=self.message, type=kind, param=self.param, code=self.code)
        return Refused(error=refusal).model_dump()

    def response(self) -> JSONResponse:
        headers = {} if self.retry_after is None else {"retry-after": str(self.retry_after)}
        if self.status == 401:
            headers["www-authenticate"] = "Bearer"
        return JSONResponse(self.body, self.status, headers)


_STATUS: Final[Mapping[str, int]] = {
    "queue_full": 429,
    "engine_rate_limited": 429,
    "quota_exceeded": 429,
    "context_too_long": 400,
    "engine_refused": 400,
    "attachment_too_large": 400,
    "unsupported_attachment": 400,
    "rejected_document": 400,
    "no_such_engine": 404,
    "not_allowed": 403,
    "engine_unavailable": 503,
    "engine_memory": 503,
    "model_not_loaded": 503,
    "storage_busy": 503,
    "embedding_unavailable": 503,
    "engine_timeout": 504,
}
_CODES: Final[Mapping[str, str]] = {
    "context_too_long": "context_length_exceeded",
    "queue_full": "rate_limit_exceeded",
    "engine_rate_limited": "rate_limit_exceeded",
    "no_such_engine": "model_not_found",
}
_WAIT_SECONDS: Final = 2
"""For a place in the queue, which nobody can promise."""
_QUOTA_SECONDS: Final = 60
"""When the text says how long it takes, asking in between does no good, and no harm."""


def failed(code: str, text: str) -> RefusedError:
    """What the core told the asker, as an error of the API."""
    status = _STATUS.get(code, 500)
    waits = _WAIT_SECONDS if status in (429, 503) else None
    if code == "quota_exceeded":
        waits = _QUOTA_SECONDS
    return RefusedError(status, text, _CODES.get(code, code or None), retry_after=waits)
