"""Whether a stranger in private belongs to a place that is served."""

from __future__ import annotations

import asyncio

import pytest

from core.belonging import Belonging
from core.database import Database
from core.errors import DeliveryRateLimitedError
from core.events import ChannelRef, ConversationRef, MemberRef, Platform
from core.sightings import Sightings
from tests.support.places import Town

ADA = MemberRef(Platform.DISCORD, "ada")
PLACES = tuple(ChannelRef(Platform.DISCORD, name) for name in ("away", "hall", "town"))


class Slow(Town):
    """Takes a moment for each answer; of "away" it has none now."""

    async def is_member(self, user_id: str, channel: ChannelRef) -> bool | None:
        await asyncio.sleep(0)
        if channel.channel_id == "away":
            raise DeliveryRateLimitedError(ConversationRef(channel), 5)
        return await super().is_member(user_id, channel)


async def served(_platform):
    return PLACES


@pytest.fixture
async def town(tmp_path):
    async with Database.open(tmp_path / "lorekeeper.db") as database:
        platform = Slow()
        yield platform, Belonging(Sightings(database), {Platform.DISCORD: platform})


async def test_many_messages_at_once_are_one_search(town):
    platform, belonging = town
    platform.readers["town"] = {"ada"}
    found = await asyncio.gather(*(belonging.is_member(ADA, served) for _ in range(20)))
    assert set(found) == {True}
    assert platform.asked == [("ada", "hall"), ("ada", "town")]


async def test_nobody_is_a_stranger_because_the_platform_was_away(town):
    platform, belonging = town
    with pytest.raises(DeliveryRateLimitedError):
        await belonging.is_member(ADA, served)
    platform.readers["town"] = {"ada"}
    assert await belonging.is_member(ADA, served)
