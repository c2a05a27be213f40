"""Answers on their way to a caller who may leave at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from typing import Any, Final, TypeVar

from fastapi.sse import EventSourceResponse, format_sse_event
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

T = TypeVar("T")

DONE: Final = b"data: [DONE]\n\n"
_SILENCE: Final = b": wait\n\n"
_SILENCE_SECONDS: Final = 15.0
"""Proxies drop connections on which nothing comes for long."""


class EventStream(EventSourceResponse):
    """Server-sent events whose source is closed when the caller is gone, or has all of it."""

    def __init__(
        self, events: AsyncGenerator[bytes, None], silence_seconds: float = _SILENCE_SECONDS
    ) -> None:
        self._events = _unsilenced(events, silence_seconds)
        # Nginx would keep it all back until the end.
        headers = {"cache-control": "no-cache", "x-accel-buffering": "no"}
        super().__init__(self._events, headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._events):
            await super().__call__(scope, receive, send)


def frame(json: str) -> bytes:
    """One event."""
    return format_sse_event(data_str=json)


async def _unsilenced(
    events: AsyncGenerator[bytes, None], seconds: float
) -> AsyncGenerator[bytes, None]:
    """The events, with a comment wherever none comes for long."""
    coming: asyncio.Future[bytes | None] | None = None
    async with aclosing(events):
        try:
            while True:
                coming = coming or asyncio.ensure_future(anext(events, None))
                await asyncio.wait({coming}, timeout=seconds)
                if not coming.done():
                    yield _SILENCE
                    continue
                event, coming = coming.result(), None
                if event is None:
                    return
                yield event
        finally:
            if coming is not None:
                coming.cancel()
                await asyncio.wait({coming})


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """What the work comes to; raises `ClientDisconnect`, the work undone, once nobody waits."""
    task = asyncio.create_task(work, name="api request")
    gone = asyncio.create_task(_gone(request), name="api caller")
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        task.cancel()
        gone.cancel()
        await asyncio.wait({task, gone})


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
