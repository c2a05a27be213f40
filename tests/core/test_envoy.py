"""What is said beside replies shares their budgets, and nobody waits for it for ever."""

from __future__ import annotations

import asyncio

from core.envoy import Envoy
from core.errors import DeliveryRateLimitedError
from core.events import ChannelKind, ChannelRef, ConversationRef, Platform
from core.pacer import Pacers, Urgency
from core.ports import Capabilities
from tests.support.virtual_time import run

CAN = Capabilities(max_text=4096, edit_interval_group=3, edit_interval_private=1)
HERE = ConversationRef(ChannelRef(Platform.TELEGRAM, "-1"))


class Slow:
    """A platform that asks to wait so many times."""

    capabilities = CAN

    def __init__(self, refusals: int = 0, retry_after: float = 5) -> None:
        self.said: list[tuple[float, str]] = []
        self._refusals, self._retry_after = refusals, retry_after

    async def send(self, to, text, *, menus=()):
        if self._refusals:
            self._refusals -= 1
            raise DeliveryRateLimitedError(to, self._retry_after)
        self.said.append((asyncio.get_running_loop().time(), text))
        return str(len(self.said))

    async def edit(self, to, message_id, text):
        await self.send(to, text)

    async def direct(self, user_id):
        return ConversationRef(ChannelRef(Platform.TELEGRAM, user_id))


def test_a_message_that_the_platform_puts_off_is_not_lost():
    async def scenario():
        slow = Slow(refusals=2)
        envoy = Envoy({Platform.TELEGRAM: slow})
        assert await envoy.say(HERE, "logged")
        await envoy.replace(HERE, "1", "settled")
        return slow.said

    assert run(scenario()) == [(10, "logged"), (10, "settled")]


def test_it_waits_for_the_budget_that_replies_share():
    async def scenario():
        slow, pacers = Slow(), Pacers()
        pacer = pacers.of(HERE.channel, ChannelKind.GROUP, CAN)
        for _ in range(20):
            await pacer.ask(Urgency.FINAL)
        envoy = Envoy({Platform.TELEGRAM: slow}, pacers=pacers)
        await envoy.say(HERE, "logged")
        return slow.said

    assert run(scenario()) == [(60, "logged")]


def test_nobody_waits_for_it_for_ever():
    async def scenario():
        slow = Slow(refusals=10, retry_after=300)
        said = await Envoy({Platform.TELEGRAM: slow}).say(HERE, "logged")
        return said, slow.said, asyncio.get_running_loop().time()

    assert run(scenario()) == (False, [], 90)
