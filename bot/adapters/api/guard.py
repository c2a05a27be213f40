"""At the door of the API: a key, its rate, and a body of bearable size, before anything is read."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.adapters.api.refusals import RefusedError
from core.keys import Key, Keys

_KEY: Final = "lorekeeper.key"
_BODY_SECONDS: Final = 60.0
_MINUTE: Final = 60.0
_QUERY_NAMES: Final = frozenset(("api_key", "api-key", "apikey", "key", "token", "access_token"))


def key_of(request: Request) -> Key:
    """Whose request it is; the guard has seen to it that there is somebody."""
    key = request.scope[_KEY]
    assert isinstance(key, Key)  # noqa: S101 - the guard set it
    return key


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Rates:
    """So many requests a minute for each key, all of them at once if need be."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def take(self, key_id: str, limit: int) -> float:
        """0 where the request may pass, else the seconds until one may."""
        now = self._clock()
        bucket = self._buckets.setdefault(key_id, _Bucket(limit, now))
        bucket.left = min(limit, bucket.left + (now - bucket.at) * limit / _MINUTE)
        bucket.at = now
        if bucket.left >= 1:
            bucket.left -= 1
            return 0.0
        return (1 - bucket.left) * _MINUTE / limit


class KeyGuard:
    """Lets requests through that name a valid key in their `Authorization` header."""

    def __init__(
        self, app: ASGIApp, keys: Keys, rate: int, max_bytes: int, rates: Rates | None = None
    ) -> None:
        """`rate`: requests a minute of a key that names none itself."""
        self._app = app
        self._keys = keys
        self._rate = rate
        self._max_bytes = max_bytes
        self._rates = rates or Rates()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        try:
            headers = Headers(scope=scope)
            _require_no_key_in_query(scope)
            key = await self._key(headers)
            self._require_turn(key)
            if scope["method"] == "POST":
                _require_json(headers)
                receive = await self._read(headers, receive)
        except RefusedError as error:
            await error.response()(scope, receive, send)
            return
        await self._app({**scope, _KEY: key}, receive, send)

    async def _key(self, headers: Headers) -> Key:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise RefusedError(
                401,
                "Send your key as `Authorization: Bearer KEY`; `python -m bot keys create` "
                "makes one.",
                "missing_api_key",
            )
        key = await self._keys.valid(token.strip())
        if key is None:
            raise RefusedError(401, "This key is not valid.", "invalid_api_key")
        return key

    def _require_turn(self, key: Key) -> None:
        wait = self._rates.take(key.key_id, key.rate or self._rate)
        if wait:
            text, code = "This key's requests a minute are used up.", "rate_limit_exceeded"
            raise RefusedError(429, text, code, retry_after=math.ceil(wait))

    async def _read(self, headers: Headers, receive: Receive) -> Receive:
        """The whole body, once, for whoever receives from now on."""
        length = headers.get("content-length", "0")
        if length.isascii() and length.isdigit() and int(length[:20]) > self._max_bytes:
            raise self._too_large()
        parts, size, more = [], 0, True
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        break
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    more = message.get("more_body", False)
                    if size > self._max_bytes:
                        raise self._too_large()
        except TimeoutError as error:
            raise RefusedError(408, "The body did not arrive in time.", "timeout") from error
        body: list[Message] = [{"type": "http.request", "body": b"".join(parts)}]

        async def replayed() -> Message:
            return body.pop() if body else await receive()

        return replayed

    def _too_large(self) -> RefusedError:
        limit = self._max_bytes >> 20
        text = f"The request is larger than {limit} MB (`api.max_body_mb`)."
        return RefusedError(413, text, "request_too_large")


def _require_no_key_in_query(scope: Scope) -> None:
    """Addresses stand in logs and histories; a key that was in one is not secret any more."""
    query = scope["query_string"].decode("latin-1")
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name.lower() in _QUERY_NAMES or "lk-" in value:
            raise RefusedError(
                401,
                "Keys are not taken from the address. If this was one of yours, revoke it, and "
                "send the new one as `Authorization: Bearer KEY`.",
                "key_in_query",
            )


def _require_json(headers: Headers) -> None:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        text = "The body must be JSON: send `Content-Type: application/json`."
        raise RefusedError(415, text, "unsupported_media_type")
