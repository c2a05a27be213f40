"""What failed calls of the Bot API are to the core."""

from __future__ import annotations

import pytest
from telegram.error import NetworkError, TimedOut

from bot.adapters.telegram.calls import AWAY_SECONDS, Calls, Reach
from core.errors import DeliveryRateLimitedError
from core.events import ChannelRef, ConversationRef, Platform

HERE = ConversationRef(ChannelRef(Platform.TELEGRAM, "-42"))


@pytest.mark.parametrize("error", [NetworkError("no route"), TimedOut()])
async def test_while_telegram_is_away_the_core_is_asked_to_wait_and_to_come_again(error):
    tries = []

    async def request(chat_id: int) -> str:
        tries.append(chat_id)
        raise error

    with pytest.raises(DeliveryRateLimitedError) as caught:
        await Calls(Reach(), pauses=(0.0, 0.0)).make(HERE, request)
    assert (tries, caught.value.retry_after) == ([-42] * 3, AWAY_SECONDS)
