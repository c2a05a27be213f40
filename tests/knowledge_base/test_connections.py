"""A request that is cancelled, in whatever moment, leaves nothing behind in the pool."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import aiohttp
import httpx2
import pytest

from knowledge_base.connections import ReturningTransport, through_socks
from tests.support.proxy import proxying
from tests.support.scripted_server import answer, scripted_server

PIECES = 3


@asynccontextmanager
async def serving(*, keeps_alive: bool):
    """Chunked answers, as of a model that says a word at a time."""
    talking: set[asyncio.Task] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        talking.add(task)
        task.add_done_callback(talking.discard)
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                head += "\r\n" if keeps_alive else "Connection: close\r\n\r\n"
                writer.write(head.encode())
                for _ in range(PIECES):
                    await asyncio.sleep(0)
                    writer.write(b"3\r\none\r\n")
                writer.write(b"0\r\n\r\n")
                await writer.drain()
                if not keeps_alive:
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        if talking:
            await asyncio.wait(talking)


async def fetch(client: httpx2.AsyncClient, url: str) -> None:
    async with client.stream("GET", url) as response:
        async for _ in response.aiter_bytes():
            pass


async def cancelled_after(client: httpx2.AsyncClient, url: str, turns: int) -> bool:
    """Cancel a request after so many turns of the loop; whether that was before its end."""
    task = asyncio.create_task(fetch(client, url))
    for _ in range(turns):
        if task.done():
            break
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    return task.cancelled()


@pytest.mark.parametrize("keeps_alive", [True, False])
async def test_a_request_cancelled_in_any_moment_gives_its_connection_back(keeps_alive):
    async with serving(keeps_alive=keeps_alive) as url:
        transport = ReturningTransport()
        async with httpx2.AsyncClient(transport=transport, trust_env=False) as client:
            turns = 0
            while await cancelled_after(client, url, turns):
                turns += 1
                pool = transport._pool
                assert pool._requests == []
                assert all(c.is_idle() or c.is_closed() for c in pool.connections)
            assert turns > 10
            await fetch(client, url)


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
async def test_a_socks_proxy_resolves_the_name_and_is_closed(scheme):
    pytest.importorskip("aiohttp_socks")
    async with scripted_server() as server:
        server.script("/v1/words", answer("hello"))
        port = int(server.address.split(":")[2].split("/")[0])
        async with proxying({"far.example.com": port}, login=("me", "word")) as proxy:
            address = proxy.address("socks").replace("socks5", scheme)
            async with (
                aiohttp.ClientSession(connector=through_socks(address)) as session,
                session.get("http://far.example.com/v1/words") as response,
            ):
                assert "hello" in await response.text()
            assert proxy.tunnels == {"far.example.com": 1}


@pytest.mark.parametrize("trouble", ["gone", "refusing", "login"])
async def test_what_a_socks_proxy_refuses_is_an_error_of_the_http_library(trouble):
    pytest.importorskip("aiohttp_socks")
    async with proxying({}) as proxy:
        if trouble == "login":
            proxy.login = ("me", "word")
        address = f"socks5://me:wrong@127.0.0.1:{9 if trouble == 'gone' else proxy.port}"
        async with aiohttp.ClientSession(connector=through_socks(address)) as session:
            with pytest.raises(aiohttp.ClientConnectionError):
                await session.get("http://far.example.com/")
