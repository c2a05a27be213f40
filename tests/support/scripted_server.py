"""A model server on loopback that sends the bytes a test wrote down, and breaks off where it says.

It speaks just enough HTTP/1.1 for a client library: one request a connection, the answer chunked.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Scripted:
    """One answer. `status` other than 200 sends `body`; else the pieces, as server-sent events."""

    pieces: Sequence[str] = ()
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    hold: dict[int, asyncio.Event] = field(default_factory=dict)
    """Events that are awaited before the piece of that number."""
    hold_headers: asyncio.Event | None = None
    drop_at: int | None = None
    """Cut the connection before the piece of that number, as a crash would."""
    pause_seconds: float = 0.0
    """Between two pieces, as a model thinks."""


@dataclass
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the client has closed the connection before the answer was complete."""


class ScriptedServer:
    """Answers per path, in turn; the last one again and again. Paths unknown to it are 404.

    A function in the place of an answer is given the request.
    """

    def __init__(self) -> None:
        self.scripts: dict[str, list[Scripted | Callable[[Asked], Scripted]]] = {}
        self.asked: list[Asked] = []
        self.address = ""

    def script(self, path: str, *answers: Scripted | Callable[[Asked], Scripted]) -> None:
        self.scripts[path] = list(answers)

    def asked_for(self, path: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.path == path]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = await self._read(reader)
            self.asked.append(asked)
            script = self._script_for(asked)
            answering = asyncio.ensure_future(self._answer(script, writer))
            leaving = asyncio.ensure_future(reader.read())
            await asyncio.wait([answering, leaving], return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                asked.gone.set()
            for task in (answering, leaving):
                task.cancel()
            await asyncio.gather(answering, leaving, return_exceptions=True)
        finally:
            writer.close()

    def _script_for(self, asked: Asked) -> Scripted:
        scripts = self.scripts.get(asked.path)
        if not scripts:
            return Scripted(status=404, body='{"error": {"message": "no such path"}}')
        script = scripts.pop(0) if len(scripts) > 1 else scripts[0]
        return script if isinstance(script, Scripted) else script(asked)

    async def _read(self, reader: asyncio.StreamReader) -> Asked:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines if line)
        }
        raw = await reader.readexactly(int(headers.get("content-length", "0")))
        return Asked(method, path, headers, json.loads(raw) if raw else {})

    async def _answer(self, script: Scripted, writer: asyncio.StreamWriter) -> None:
        if script.hold_headers is not None:
            await script.hold_headers.wait()
        headers = {"Connection": "close", **script.headers}
        if script.status != 200 or script.body:
            headers |= {
                "Content-Type": "application/json",
                "Content-Length": str(len(script.body.encode())),
            }
            writer.write(_head(script.status, headers) + script.body.encode())
            await writer.drain()
            return
        headers |= {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"}
        writer.write(_head(200, headers))
        for n, piece in enumerate([*script.pieces, ""]):
            if n in script.hold:
                await writer.drain()
                await script.hold[n].wait()
            if n == script.drop_at:
                await writer.drain()
                writer.transport.abort()
                return
            if n and script.pause_seconds:
                await writer.drain()
                await asyncio.sleep(script.pause_seconds)
            data = piece.encode()
            writer.write(b"%x\r\n%s\r\n" % (len(data), data))
        await writer.drain()


def _head(status: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def event(data: dict | str) -> str:
    """One server-sent event."""
    return f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n"


def delta(text: str | None = None, finish: str | None = None) -> str:
    """A chunk of a chat completion."""
    choice = {"index": 0, "delta": {"content": text} if text else {}, "finish_reason": finish}
    return event({"id": "1", "object": "chat.completion.chunk", "choices": [choice]})


def usage(prompt: int, completion: int) -> str:
    """The chunk that ends a stream that was asked for its usage."""
    counted = {"prompt_tokens": prompt, "completion_tokens": completion}
    return event({"id": "1", "choices": [], "usage": counted})


DONE = event("[DONE]")


def answer(*words: str) -> Scripted:
    """A whole answer as a well-behaved server streams it."""
    return Scripted([*map(delta, words), delta(finish="stop"), usage(7, len(words)), DONE])


@asynccontextmanager
async def scripted_server() -> AsyncGenerator[ScriptedServer, None]:
    """A server that lives as long as the block; its `address` is the API's base address."""
    scripted = ScriptedServer()
    serving: set[asyncio.Task] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        serving.add(task)
        try:
            await scripted.serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            serving.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    scripted.address = f"http://127.0.0.1:{port}/v1"
    try:
        yield scripted
    finally:
        server.close()
        for task in serving:
            task.cancel()
        if serving:
            await asyncio.wait(serving)
