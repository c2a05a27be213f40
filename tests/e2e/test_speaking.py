"""The bot as a process where channels let it speak unasked: forums, threads, topics, groups."""

from __future__ import annotations

import pytest

from knowledge_base.embedders.bundled import runs_here
from tests.e2e.scenes.pair import UNHURRIED
from tests.platforms.discord_server.filling import File
from tests.platforms.discord_server.server import FakeDiscord
from tests.platforms.telegram_server.flood import UNLIMITED
from tests.platforms.telegram_server.people import Attached
from tests.platforms.telegram_server.server import FakeTelegram
from tests.support.serving import serving

pytestmark = pytest.mark.skipif(not runs_here(), reason="the bundled embedder cannot run here")

HOURS = (
    "The library opens at 7:10 on weekdays.\nOn Sundays the library opens at 9:40.\n"
    "图书馆周六上午八点二十分开门。\n"
)
QUICK = {**UNHURRIED, "LOREKEEPER__SPEAKING__SECOND_MESSAGE_SECONDS": "0.3"}
CONTENT = {"LOREKEEPER__DISCORD__MESSAGE_CONTENT": "true"}
WEEKDAYS, SUNDAYS = "When does the library open on weekdays?", "and on Sundays?"
ABROAD = "How many moons does Jupiter have?"
INTENT = "This works only where I may read messages that do not address me."


async def test_on_discord_posts_threads_and_questions_are_answered_unasked(tmp_path):
    async with FakeDiscord(privileged=("message_content",)) as discord:
        ada, ben, cleo = (discord.person(name) for name in ("Ada", "Ben", "Cleo"))
        server = discord.server("Harbour", owner=ada)
        server.join(ben)
        server.join(cleo)
        general, forum = server.channel("general"), server.forum("help", "Solved", "Question")

        async def said(where, count, text=""):
            return await discord.wait_for(
                lambda: (
                    len(found := discord.said_by_bot(where)) == count
                    and text in found[-1].content
                    and found[-1].components
                    and found
                ),
                60,
            )

        async with serving(tmp_path, discord, **QUICK, **CONTENT) as bot:
            file = File("hours.txt", HOURS.encode())
            first = await ada.say(general, discord.bot.mention, files=[file])
            await discord.answer(first, lambda m: "Added" in m.content, 60)
            message = await ada.start_post(forum, "Read me", discord.bot.mention, files=[file])
            await discord.answer(message, lambda m: "Added" in m.content, 60)
            rules = message.channel
            chosen = await ada.slash(rules, "settings", name="speaks", value="threads")
            await chosen.until(lambda shown: INTENT in shown.text)
            chosen = await ada.slash(general, "settings", name="speaks", value="questions")
            await chosen.until(lambda shown: INTENT in shown.text)
            chosen = await ada.slash(general, "settings", name="answers_in", value="thread")
            await chosen.until(lambda shown: "in a thread that I open" in shown.text)

            # A new post: its title is a part of it; what nothing is known of stays unanswered.
            post = (await ben.start_post(forum, "Opening hours", WEEKDAYS)).channel
            abroad = (await ben.start_post(forum, "Astronomy", ABROAD)).channel
            await said(post, 1, "7:10")
            await ben.say(post, SUNDAYS)
            await said(post, 2, "9:40")
            await cleo.say(post, WEEKDAYS)

            # Tagged as solved, it is left alone.
            solved = (await cleo.start_post(forum, "[Solved] hours", WEEKDAYS)).channel
            await ben.tag(post, "Solved")
            await ben.say(post, "and when on weekdays?")

            # In the channel: a thread of its own, in which the asker goes on.
            await ben.say(general, ABROAD)
            question = await cleo.say(general, "图书馆周六几点开门？")
            thread = await discord.wait_for(lambda: discord.world.channels.get(question.id), 60)
            await said(thread, 1, "八点二十分")
            assert (thread.name, thread.parent) == ("图书馆周六几点开门？", general)
            assert await bot.stop() == 0
            await bot.start()
            await discord.connected()
            await cleo.say(thread, WEEKDAYS)
            (_, second) = await said(thread, 2, "7:10")
            shown = await cleo.press(second, "Sources")
            await shown.until(lambda shown: "hours.txt" in shown.text)

            # Somebody who may moderate has spoken: it is theirs.
            helped = await ben.thread(general, "Sundays?")
            await ada.say(helped, "Let me look.")
            await ben.say(helped, "When does the library open on Sundays?")

            # What was asked last was dealt with last.
            last = await ben.say(general, "When does the library open on Sundays?")
            opened = await discord.wait_for(lambda: discord.world.channels.get(last.id), 60)
            await said(opened, 1, "9:40")
            for quiet in (abroad, solved, helped):
                assert discord.said_by_bot(quiet) == []
            assert len(discord.said_by_bot(post)) == 2
            asked = {m.reply_to for m in discord.said_by_bot(general) if m.reply_to}
            assert asked == {first}
            assert not any(m.content == "▌" for m in discord.said_by_bot(thread))
            assert await bot.stop() == 0
            assert "Traceback" not in bot.log
        assert discord.flood_violations == 0


async def test_on_discord_without_the_intent_it_says_so_and_does_nothing(tmp_path):
    async with FakeDiscord() as discord:
        ada, ben = discord.person("Ada"), discord.person("Ben")
        server = discord.server("Harbour", owner=ada)
        server.join(ben)
        general, forum = server.channel("general"), server.forum("help")
        async with serving(tmp_path, discord, **QUICK) as bot:
            taught = await ada.say(
                general, f"{discord.bot.mention}", files=[File("hours.txt", HOURS.encode())]
            )
            await discord.answer(taught, lambda m: "Added" in m.content, 60)
            chosen = await ada.slash(general, "settings", name="speaks", value="questions")
            await chosen.until(lambda shown: INTENT in shown.text)
            await ben.say(general, WEEKDAYS)
            await ben.start_post(forum, "Hours", WEEKDAYS)
            asked = await ben.say(general, f"{discord.bot.mention} {WEEKDAYS}")
            await discord.answer(asked, lambda m: "7:10" in m.content, 60)
            assert await bot.stop() == 0
            assert "Traceback" not in bot.log


async def test_on_telegram_topics_and_questions_are_answered_unasked(tmp_path):
    async with FakeTelegram(limits=UNLIMITED) as telegram:
        ada, ben, cleo = (telegram.user(name, f"{name}_of_us") for name in ("Ada", "Ben", "Cleo"))
        forum = telegram.supergroup("Library", ada, ben, cleo, is_forum=True)
        ada.promote_bot(forum)

        async def said(topic, text):
            return await telegram.wait_for(
                lambda: next(
                    (
                        m
                        for m in telegram.bot_messages(forum, topic)
                        if text in m.text and m.buttons
                    ),
                    None,
                ),
                60,
            )

        async with serving(tmp_path, None, telegram, **QUICK) as bot:
            taught = ada.say(
                forum, "@lorekeeper_bot", files=[Attached("hours.txt", HOURS.encode())]
            )
            await telegram.answer_to(taught, lambda reply: "Added" in reply.text, 60)
            chosen = ada.say(forum, "/settings@lorekeeper_bot speaks questions")
            await telegram.answer_to(chosen, lambda reply: INTENT in reply.text, 60)
            topic = ben.open_topic(forum, "Hours").thread_id
            first = ben.say(forum, WEEKDAYS, topic=topic)
            await said(topic, "7:10")
            ben.say(forum, SUNDAYS, topic=topic)
            await said(topic, "9:40")
            ben.say(forum, ABROAD, topic=topic)
            assert await bot.stop() == 0
            await bot.start()
            quiet = ben.open_topic(forum, "Moons").thread_id
            ben.say(forum, ABROAD, topic=quiet)
            ben.say(forum, "thanks!", topic=topic)
            other = cleo.open_topic(forum, "周六").thread_id
            cleo.say(forum, "图书馆周六几点开门？", topic=other)
            await said(other, "八点二十分")
            assert telegram.bot_messages(forum, quiet) == []
            assert len(telegram.answers_to(first)) == 1
            assert await bot.stop() == 0
            assert "Traceback" not in bot.log
