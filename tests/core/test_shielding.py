"""Work that ends although its owner is cancelled."""

from __future__ import annotations

import asyncio

import pytest

from core.shielding import to_the_end
from tests.support.virtual_time import run


def test_the_result_comes_back_and_so_does_an_error():
    async def fine():
        return 3

    async def broken():
        raise ValueError

    assert run(to_the_end(fine())) == 3
    with pytest.raises(ValueError):  # noqa: PT011 - it has no text
        run(to_the_end(broken()))


@pytest.mark.parametrize("cancellations", [1, 3])
def test_a_cancellation_waits_for_the_end_however_often_it_comes(cancellations):
    done = []

    async def work():
        await asyncio.sleep(10)
        done.append(asyncio.get_running_loop().time())

    async def scenario():
        task = asyncio.create_task(to_the_end(work()))
        for _ in range(cancellations):
            await asyncio.sleep(1)
            task.cancel()
        await asyncio.wait({task})
        return task.cancelled()

    assert run(scenario())
    assert done == [10]


def test_patience_has_an_end():
    async def scenario():
        task = asyncio.create_task(to_the_end(asyncio.sleep(100), patience=5))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait({task})
        return task.cancelled(), asyncio.get_running_loop().time()

    assert run(scenario()) == (True, 6)


def test_a_time_limit_around_it_still_works():
    async def scenario():
        async with asyncio.timeout(2):
            await to_the_end(asyncio.sleep(3))

    with pytest.raises(TimeoutError):
        run(scenario())
