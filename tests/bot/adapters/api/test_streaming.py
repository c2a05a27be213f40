from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from bot.adapters.api.streaming import EventStream, frame, unless_gone

SCOPE = {"type": "http", "asgi": {"spec_version": "2.3"}, "method": "POST", "headers": []}


class Caller:
    """Receives what is sent, and leaves when told."""

    def __init__(self) -> None:
        self.leaves = asyncio.Event()
        self.bodies: list[bytes] = []
        self.got = asyncio.Event()

    async def receive(self) -> Message:
        await self.leaves.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.body" and message["body"]:
            self.bodies.append(message["body"])
            self.got.set()


async def test_in_a_long_silence_the_connection_is_kept_by_comments():
    caller, goes_on = Caller(), asyncio.Event()

    async def events() -> AsyncGenerator[bytes, None]:
        await goes_on.wait()
        yield frame("{}")

    sending = asyncio.create_task(EventStream(events(), 0.001)(SCOPE, caller.receive, caller.send))
    await caller.got.wait()
    goes_on.set()
    await sending
    assert caller.bodies[0] == b": wait\n\n"
    assert caller.bodies[-1] == b"data: {}\n\n"


@pytest.mark.parametrize("silence", [0.001, 100])
async def test_the_source_is_closed_when_the_caller_leaves(silence):
    caller, closed = Caller(), asyncio.Event()

    async def events() -> AsyncGenerator[bytes, None]:
        try:
            yield frame("1")
            await asyncio.Event().wait()
        finally:
            closed.set()

    stream = EventStream(events(), silence)
    sending = asyncio.create_task(stream(SCOPE, caller.receive, caller.send))
    await caller.got.wait()
    caller.leaves.set()
    await sending
    assert closed.is_set()


async def test_a_source_that_fails_is_told_to_whoever_sends():
    async def events() -> AsyncGenerator[bytes, None]:
        yield frame("1")
        raise RuntimeError

    caller = Caller()
    with pytest.raises(BaseException) as failed:  # noqa: PT011 - alone, or in a group
        await EventStream(events())(SCOPE, caller.receive, caller.send)
    assert "RuntimeError" in repr(failed.value)
    assert caller.bodies == [b"data: 1\n\n"]


async def test_work_is_undone_when_nobody_waits_for_it():
    caller, begun, undone = Caller(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            undone.set()

    request = Request(SCOPE, caller.receive)
    waiting = asyncio.create_task(unless_gone(request, work()))
    await begun.wait()
    caller.leaves.set()
    with pytest.raises(ClientDisconnect):
        await waiting
    assert undone.is_set()


async def test_work_comes_to_what_it_comes_to():
    async def three() -> int:
        return 3

    async def fails() -> int:
        raise LookupError

    request = Request(SCOPE, Caller().receive)
    assert await unless_gone(request, three()) == 3
    with pytest.raises(LookupError):
        await unless_gone(request, fails())
