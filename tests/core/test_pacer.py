"""One channel's budget."""

from __future__ import annotations

import asyncio
from itertools import chain

from core.errors import DeliveryRateLimitedError
from core.events import ChannelKind, ChannelRef, ConversationRef, Platform
from core.pacer import Pacer, Pacers, Urgency
from core.ports import Capabilities
from tests.support.virtual_time import run

HERE = ConversationRef(ChannelRef(Platform.TELEGRAM, "-1"))


async def moments(pacer: Pacer, urgency: Urgency, times: int) -> list[float]:
    loop = asyncio.get_running_loop()
    found = []
    for _ in range(times):
        await pacer.ask(urgency)
        found.append(round(loop.time(), 3))
    return found


def test_glimpses_keep_the_interval():
    async def scenario():
        return await moments(Pacer(3), Urgency.SPARE, 4)

    assert run(scenario()) == [0, 3, 6, 9]


def test_a_channel_never_passes_its_budget_in_any_window():
    async def scenario():
        pacer = Pacer(3)
        answers = [moments(pacer, Urgency.FINAL, 15) for _ in range(4)]
        return sorted(chain.from_iterable(await asyncio.gather(*answers)))

    times = run(scenario())
    assert len(times) == 60
    assert all(later - earlier >= 60 for earlier, later in zip(times, times[20:], strict=False))


def test_an_end_never_waits_while_others_only_glimpse():
    async def scenario():
        pacer = Pacer(3)
        loop = asyncio.get_running_loop()
        waits = []

        async def answer(number):
            with pacer.unfinished():
                await pacer.ask(Urgency.OPENING)
                for _ in range(30):
                    await pacer.ask(Urgency.SPARE)
                    await asyncio.sleep(number * 0.1)
                asked = loop.time()
                await pacer.ask(Urgency.FINAL)
                waits.append(loop.time() - asked)

        await asyncio.gather(*(answer(number) for number in range(5)))
        return waits

    assert run(scenario()) == [0.0] * 5


def test_glimpses_are_shared_out_in_turn():
    async def scenario():
        pacer = Pacer(1)
        order = []

        async def answer(name):
            for _ in range(3):
                await pacer.ask(Urgency.SPARE)
                order.append(name)

        await pacer.ask(Urgency.SPARE)
        await asyncio.gather(answer("a"), answer("b"), answer("c"))
        return "".join(order)

    assert run(scenario()) == "abcabcabc"


def test_a_pause_asked_for_by_the_platform_is_kept_by_all():
    async def scenario():
        pacer = Pacer(1)
        pacer.pause(25)
        return await asyncio.gather(*(moments(pacer, urgency, 1) for urgency in Urgency))

    assert run(scenario()) == [[25], [25], [26]]


def test_an_operation_counts_from_when_it_has_gone_through():
    async def scenario():
        loop = asyncio.get_running_loop()
        pacer, arrived = Pacer(30), []  # two in a window

        async def slow():
            await asyncio.sleep(7)
            arrived.append(loop.time())

        await asyncio.gather(*(pacer.carry_out(slow) for _ in range(4)))
        return arrived

    assert run(scenario()) == [7, 7, 74, 74]


def test_a_turn_that_nobody_takes_is_not_kept_for_ever():
    async def scenario():
        pacer = Pacer(30)
        await pacer.ask(Urgency.FINAL)
        with await pacer.ask(Urgency.FINAL):
            await asyncio.sleep(100)
            return await moments(pacer, Urgency.FINAL, 1)

    assert run(scenario()) == [100]


def test_who_withdraws_takes_nothing_from_the_budget():
    async def scenario():
        pacer = Pacer(30)  # two in a window
        await pacer.ask(Urgency.FINAL)
        for _ in range(10):
            pacer.ask(Urgency.SPARE).cancel()
        await pacer.ask(Urgency.FINAL)
        before = asyncio.get_running_loop().time()
        await asyncio.sleep(61)
        return before, pacer.idle

    assert run(scenario()) == (0, True)


def test_a_group_is_counted_over_the_minute_that_its_platform_has():
    async def scenario():
        can = Capabilities(4096, edit_interval_group=0.5, edit_window_group=2)
        channel = ChannelRef(Platform.TELEGRAM, "-100")
        return await moments(Pacers().of(channel, ChannelKind.GROUP, can), Urgency.FINAL, 9)

    assert run(scenario()) == [0] * 4 + [2] * 4 + [4]


def test_what_the_platform_puts_off_is_carried_out_when_it_may():
    async def scenario():
        loop = asyncio.get_running_loop()
        pacer, tried = Pacer(0), []

        async def operation():
            tried.append(round(loop.time(), 3))
            if len(tried) < 3:
                raise DeliveryRateLimitedError(HERE, 5)
            return "m1"

        return await pacer.carry_out(operation), tried

    assert run(scenario()) == ("m1", [0, 5, 10])


def test_what_can_do_without_waits_no_longer_than_it_likes():
    async def scenario():
        pacer, tried = Pacer(0), []

        async def operation():
            tried.append(True)
            raise DeliveryRateLimitedError(HERE, 90)

        try:
            await pacer.carry_out(operation, patience=60)
        except TimeoutError:
            return len(tried), asyncio.get_running_loop().time()

    assert run(scenario()) == (1, 60)
