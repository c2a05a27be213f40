"""REST v10: who asks, how often, and what is answered when it goes wrong."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from aiohttp import web

from tests.platforms.discord_server.bodies import Body, read_body
from tests.platforms.discord_server.errors import ApiError, unauthorized
from tests.platforms.discord_server.limits import Buckets, Verdict
from tests.platforms.discord_server.state import LoggedRequest
from tests.platforms.discord_server.world import World

PREFIX = "/api/v10"
Answer: TypeAlias = object
"""What is sent as JSON; None: nothing, with status 204."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, its parameters read."""

    request: web.Request
    body: Body

    def id(self, name: str) -> int:
        """An identifier from the path; one that is none belongs to nothing."""
        text = self.request.match_info[name]
        return int(text) if text.isascii() and text.isdigit() else 0

    def text(self, name: str) -> str:
        """A part of the path."""
        return self.request.match_info[name]

    @property
    def query(self) -> dict[str, str]:
        """What stands behind the question mark."""
        return dict(self.request.query)


Endpoint: TypeAlias = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint, its bucket, and what the bucket counts by."""

    method: str
    path: str
    endpoint: Endpoint
    bucket: str = ""
    major: str = ""
    """The part of the path that has a window of its own."""
    open: bool = False
    """True where the token in the path is proof enough."""


@dataclass(slots=True)
class Failure:
    """An answer that a test ordered for the next requests that match."""

    method: str
    path: re.Pattern[str]
    status: int
    body: dict[str, object] | str
    times: int


def json_response(data: Answer, status: int = 200) -> web.Response:
    """JSON with the bare content type: with a charset the client takes it for text."""
    if data is None:
        return web.Response(status=204)
    return web.Response(
        body=json.dumps(data).encode(), status=status, content_type="application/json"
    )


@dataclass
class Rest:
    """The REST interface, made of routes."""

    world: World
    buckets: Buckets
    token: str
    failures: list[Failure] = field(default_factory=list)

    def mount(self, app: web.Application, routes: list[Route]) -> None:
        """Add routes to the application."""
        for route in routes:
            app.router.add_route(route.method, PREFIX + route.path, self._served(route))
        app.router.add_route("*", PREFIX + "/{rest:.*}", self._unknown)

    def _served(self, route: Route) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def serve(request: web.Request) -> web.Response:
            body = Body()
            verdict: Verdict | None = None
            try:
                body = await read_body(request, self.world.ids)
                verdict, response = self._refused(route, request)
                if response is None:
                    response = json_response(await route.endpoint(Call(request, body)))
            except ApiError as error:
                response = json_response(error.body, error.status)
            if verdict is not None:
                response.headers.update(verdict.headers(time.time()))
            self._log(request, route, body, response.status)
            return response

        return serve

    def _refused(
        self, route: Route, request: web.Request
    ) -> tuple[Verdict | None, web.Response | None]:
        for failure in self.failures:
            if failure.method in ("*", route.method) and failure.path.search(request.path):
                failure.times -= 1
                if not failure.times:
                    self.failures.remove(failure)
                if isinstance(failure.body, str):
                    return None, web.Response(text=failure.body, status=failure.status)
                return None, json_response(failure.body, failure.status)
        if not route.open and request.headers.get("Authorization") != f"Bot {self.token}":
            raise unauthorized()
        if forced := self.buckets.forced("overall") or self.buckets.forced(route.bucket):
            return forced, _too_many(forced)
        overall = None if route.open else self.buckets.take("overall", "")
        verdict = self.buckets.take(route.bucket, request.match_info.get(route.major, ""))
        for each in (overall, verdict):
            if each is not None and each.refused:
                self.world.counters.violations[each.bucket] += 1
                return each, _too_many(each)
        return verdict, None

    def _log(self, request: web.Request, route: Route, body: Body, status: int) -> None:
        path = request.path.removeprefix(PREFIX)
        name = f"{route.method} {route.path}"
        self.world.counters.requests.append(
            LoggedRequest(route.method, path, name, body.data, status, self.buckets.clock())
        )
        self.world.changed()

    async def _unknown(self, request: web.Request) -> web.Response:
        path = request.path.removeprefix(PREFIX)
        self.world.counters.requests.append(
            LoggedRequest(request.method, path, "", None, 404, self.buckets.clock())
        )
        return json_response({"message": "404: Not Found", "code": 0}, 404)


def _too_many(verdict: Verdict) -> web.Response:
    told = {
        "message": "You are being rate limited.",
        "retry_after": round(verdict.reset_after, 3),
        "global": verdict.is_global,
    }
    return json_response(told, 429)
