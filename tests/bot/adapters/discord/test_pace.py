"""Requests beyond Discord's overall limit wait, in their order."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.adapters.discord.pace import Pace
from tests.support import virtual_time


def test_no_window_holds_more_than_its_share_and_the_order_stays():
    async def crowd():
        loop = asyncio.get_running_loop()
        pace = Pace("https://discord.com/api/v10", most=4, seconds=1.0)
        passed = []

        async def one(number):
            await pace.turn()
            passed.append((number, loop.time()))

        await asyncio.gather(*map(one, range(11)))
        return passed

    passed = virtual_time.run(crowd())
    assert [number for number, _ in passed] == list(range(11))
    start = passed[0][1]
    assert [round(at - start, 6) for _, at in passed] == [0] * 4 + [1] * 4 + [2] * 3


def test_one_who_stops_waiting_holds_nobody_up():
    async def crowd():
        loop = asyncio.get_running_loop()
        pace = Pace("https://discord.com/api/v10", most=1, seconds=1.0)
        start = loop.time()
        await pace.turn()
        gone = asyncio.create_task(pace.turn())
        stays = asyncio.create_task(pace.turn())
        await asyncio.sleep(0.25)
        gone.cancel()
        await stays
        return loop.time() - start

    assert virtual_time.run(crowd()) == pytest.approx(1.0)


async def test_interactions_and_other_hosts_are_not_held_up():
    async def yes(_request):
        return web.Response(text="yes")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", yes)
    async with TestServer(app) as server:
        base = str(server.make_url("/api/v10"))
        pace = Pace(base, most=1, seconds=3600)
        async with aiohttp.ClientSession(trace_configs=[pace.trace()]) as session:
            for path in ("interactions/1/token/callback", "webhooks/1/token", "channels/1/typing"):
                async with session.post(f"{base}/{path}") as response:
                    assert response.status == 200
            async with session.get(server.make_url("/attachments/1")) as response:
                assert response.status == 200
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2), session.get(f"{base}/users/@me"):
                    pass
