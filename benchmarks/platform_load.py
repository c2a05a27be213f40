"""(f) The bot as a process on local platforms: message to engine, edits used, budgets under load.

The engine is scripted and the embedder real, so the way to the engine has the question's embedding
in it, and both platforms' own ways: polling, gateway, HTTP. Takes three minutes: in the quiet part
one answer of some seconds follows the other.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.pairing import percentile, say, verdict
from tests.support.crowd import Asking, Crowd, crowd

QUIET = 40
CHATS, MEMBERS = 50, 200
TO_ENGINE_SECONDS = 0.25
EDITS = 4.0
"""An answer of a few seconds: Discord's budget has an edit every 1.25 s, and the end one more."""
TURN_SECONDS = 0.05
ALL_SECONDS = 60.0


async def main() -> bool:
    """Prints seconds, edits and refusals beside their limits; True where they hold."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        report = folder / "report.json"
        program = ("-m", "tests.support.watched_bot", str(report), "run")
        async with crowd(folder, program=program) as (chats, bot):
            await _asked(chats, chats.people(2, 2), 60)
            held = await _quiet(chats)
            os.kill(bot.pid, signal.SIGUSR1)
            held &= await _crowded(chats)
            await bot.stop()
        watch = json.loads(report.read_text())
    callback = f"{watch['longest_step'] * 1000:.0f} ms in {watch['step']}"
    say(f"    longest turn of {watch['steps_of_it']} callbacks; longest callback {callback};")
    say(f"    longest collection of garbage {watch['collecting'] * 1000:.0f} ms")
    return verdict(
        "(f) longest turn of the loop's thread under load, its own CPU seconds",
        watch["longest_turn"],
        TURN_SECONDS,
    ) & held  # fmt: skip


async def _quiet(chats: Crowd) -> bool:
    """One after another, on either platform in turn; the answers take a few seconds."""
    held = True
    people = chats.people(QUIET, QUIET)
    chats.pause_seconds = 0.12
    for asking in people:
        await _asked(chats, [asking], 60)
    for place, platform in enumerate(("Discord", "Telegram")):
        there = people[place::2]
        to_engine = [asking.at_engine - asking.asked_at for asking in there]
        say(f"    {platform}: 95th percentile {percentile(to_engine, 0.95) * 1000:.0f} ms")
        held &= verdict(
            f"(f) {platform}: message to engine, median seconds",
            statistics.median(to_engine),
            TO_ENGINE_SECONDS,
        )
        held &= verdict(
            f"(f) {platform}: edits of an answer of 3 s in a quiet chat, mean", _edits(there), EDITS
        )
    return held


async def _crowded(chats: Crowd) -> bool:
    """Everybody at once."""
    people = chats.people(CHATS, MEMBERS)
    chats.pause_seconds = 0.03
    loop = asyncio.get_running_loop()
    start = loop.time()
    await _asked(chats, people, 300)
    held = verdict(
        f"(f) {MEMBERS} members in {CHATS} chats at once: all answered, seconds",
        loop.time() - start,
        ALL_SECONDS,
    )
    held &= verdict("(f) edits of an answer then, mean", _edits(people), EDITS)
    kinds = dict(chats.discord.world.counters.violations)
    refused = chats.discord.flood_violations + chats.telegram.flood_violations
    say(f"    refused by Discord: {kinds}, by Telegram: {chats.telegram.flood_violations}")
    return verdict("(f) requests past a budget", refused, 0) & held


async def _asked(chats: Crowd, people: Sequence[Asking], within: float) -> None:
    await chats.ask(people)
    await chats.answered(people, within)


def _edits(people: Sequence[Asking]) -> float:
    return statistics.mean(asking.count()[1] for asking in people)


if __name__ == "__main__":
    asyncio.run(main())
