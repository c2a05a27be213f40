"""The local Discord holds with the real client what Discord holds: gateway and messages."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator

import discord
import pytest

from tests.platforms.discord_server.echo_bot import EchoBot, running
from tests.platforms.discord_server.limits import Limits, Rate
from tests.platforms.discord_server.people import File, NotPossibleError, Person
from tests.platforms.discord_server.permissions import Permission
from tests.platforms.discord_server.server import FakeDiscord
from tests.platforms.discord_server.servers import Server
from tests.platforms.discord_server.state import Channel


@pytest.fixture
async def fake() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord(limits=Limits(Rate(5, 0.5), Rate(5, 0.5))) as made:
        yield made


@pytest.fixture
def club(fake: FakeDiscord) -> Server:
    return fake.server("Aquarists")


@pytest.fixture
def general(club: Server) -> Channel:
    return club.channel("general")


@pytest.fixture
def alice(fake: FakeDiscord, club: Server) -> Person:
    return club.join(fake.person("Alice"))


async def test_a_mention_is_answered(fake, general, alice):
    async with running(EchoBot(), fake):
        question = await alice.say(general, f"{fake.bot.mention} hello")
        answer = await fake.answer(question)
        assert fake.transcript(general, alice) == (
            f"Alice> {fake.bot.mention} hello\nLorekeeper> echo: hello\n"
        )
        assert not answer.mentions
        assert fake.flood_violations == 0


async def test_without_the_intent_content_is_empty_unless_it_is_meant_for_the_bot(
    fake, general, alice
):
    bot = EchoBot()
    async with running(bot, fake):
        secret = await alice.say(general, "among us", files=[File("a.txt", b"a")])
        await alice.say(general, f"{fake.bot.mention} for you")
        await alice.say(alice.direct, "in private")
        await fake.wait_for(lambda: len(bot.seen) == 4)
        told = [each.content for each in bot.seen if each.author.id == alice.id]
        assert told == ["", f"{fake.bot.mention} for you", "in private"]
        assert bot.seen[0].attachments == []
        fetched = await bot.seen[0].channel.fetch_message(secret.id)
        assert fetched.content == ""


async def test_with_the_intent_content_is_told(alice, general):
    async with FakeDiscord(privileged=["message_content"]) as fake:
        server = fake.server("Readers")
        channel, bob = server.channel("talk"), server.join(fake.person("Bob"))
        bot = EchoBot(message_content=True)
        async with running(bot, fake):
            await bob.say(channel, "among us", files=[File("a.txt", b"abc")])
            await fake.wait_for(lambda: bot.seen)
            assert bot.seen[0].content == "among us"
            assert await bot.seen[0].attachments[0].read() == b"abc"
            assert fake.world.counters.downloads == ["a.txt"]


async def test_a_privileged_intent_that_was_not_granted_closes_with_4014(fake):
    with pytest.raises(discord.PrivilegedIntentsRequired):
        async with running(EchoBot(message_content=True), fake):
            pytest.fail("connected")


async def test_a_bad_token_is_refused(fake):
    fake.token = "of.another.bot"
    with pytest.raises(discord.LoginFailure):
        async with running(EchoBot(), fake):
            pytest.fail("logged in")


@pytest.mark.parametrize("code", [None, 4000, 1001])
async def test_a_dropped_connection_is_resumed_and_what_was_missed_is_told(
    fake, general, alice, code
):
    bot = EchoBot()
    async with running(bot, fake):
        await alice.say(general, f"{fake.bot.mention} before")
        await fake.wait_for(lambda: len(bot.seen) == 2)
        fake.drop_gateway(code=code)
        question = await alice.say(general, f"{fake.bot.mention} meanwhile")
        await fake.answer(question)
        counted = fake.world.counters
        assert (counted.identifies, counted.resumes) == (1, 1)
        assert fake.gateway.resumed_elsewhere == 0
        assert [each.content for each in bot.seen].count(question.content) == 1


async def test_after_a_drop_that_cannot_be_resumed_the_bot_identifies_anew(fake, general, alice):
    bot = EchoBot()
    async with running(bot, fake):
        fake.drop_gateway(resumable=False)
        await fake.wait_for(lambda: fake.world.counters.identifies == 2)
        await fake.connected()
        await fake.answer(await alice.say(general, f"{fake.bot.mention} again"))


async def test_an_invalid_session_and_a_call_to_reconnect_are_obeyed(fake, general, alice):
    async with running(EchoBot(), fake):
        fake.gateway.ask_to_reconnect()
        await fake.wait_for(lambda: fake.world.counters.resumes == 1)
        fake.gateway.invalidate(resumable=False)
        await fake.wait_for(lambda: fake.world.counters.identifies == 2)
        await fake.answer(await alice.say(general, f"{fake.bot.mention} again"))


async def test_two_shards_are_told_each_of_its_own_servers(alice):
    async with FakeDiscord(shards=2) as fake:
        server = fake.server("One")
        channel, bob = server.channel("talk"), server.join(fake.person("Bob"))
        async with running(EchoBot(), fake):
            assert len(fake.gateway.sessions) == 2
            await fake.answer(await bob.say(channel, f"{fake.bot.mention} hi"))
            assert len(fake.said_by_bot(channel)) == 1


async def test_edits_and_deletions_are_told_and_counted(fake, general, alice):
    bot = EchoBot()
    async with running(bot, fake):
        question = await alice.say(general, f"{fake.bot.mention} one")
        answer = await fake.answer(question)
        await alice.edit(question, f"{fake.bot.mention} two")
        await fake.wait_for(lambda: "raw_message_edit" in bot.happened)
        mine = next(each for each in bot.seen if each.author == bot.user)
        await mine.edit(content="better")
        assert (answer.content, answer.edits) == ("better", 1)
        assert fake.world.counters.edits == {answer.id: 1}
        await alice.delete(question)
        await mine.delete()
        await fake.wait_for(lambda: bot.happened.count("raw_message_delete") == 2)
        assert fake.transcript(general, alice) == ""


async def test_what_discord_refuses_is_refused(fake, general, alice):
    bot = EchoBot()
    async with running(bot, fake):
        message = await alice.say(general, f"{fake.bot.mention} hi")
        answer = await fake.answer(message)
        channel = bot.get_channel(general.id)
        for wrong, code in [
            (channel.send("x" * 2001), 50035),
            (channel.send("  "), 50006),
            (channel.send(embeds=[discord.Embed(description="x" * 3500)] * 2), 50035),
            (channel.get_partial_message(message.id).edit(content="mine"), 50005),
            (channel.get_partial_message(5).edit(content="gone"), 10008),
            (channel.get_partial_message(5).reply("to nothing"), 50035),
            (bot.get_partial_messageable(77).send("nowhere"), 10003),
        ]:
            with pytest.raises(discord.HTTPException) as raised:
                await wrong
            assert raised.value.code == code
        assert len(fake.said_by_bot(general)) == 1
        assert not answer.deleted


async def test_permissions_are_held(fake, club, general, alice):
    secret = club.channel("secret", only_for=[alice])
    private = await alice.thread(general, "whisper", private=True)
    bot = EchoBot()
    async with running(bot, fake):
        await alice.say(secret, "the bot does not hear this")
        await alice.say(private, "nor this")
        closed = fake.person("Closed")
        for wrong, code in [
            (bot.get_partial_messageable(secret.id).send("hi"), 50001),
            (bot.get_partial_messageable(private.id).send("hi"), 50001),
            (bot.http.start_private_message(closed.id), None),
        ]:
            if code is None:
                made = await wrong
                wrong, code = bot.get_partial_messageable(int(made["id"])).send("hi"), 50007
            with pytest.raises(discord.Forbidden) as raised:
                await wrong
            assert raised.value.code == code
        club.overwrite(general, club.bot_role, deny=Permission.SEND_MESSAGES)
        with pytest.raises(discord.Forbidden) as raised:
            await bot.get_channel(general.id).send("hi")
        assert raised.value.code == 50013
        assert bot.seen == []
        member = await bot.get_guild(club.id).fetch_member(alice.id)
        await fake.wait_for(lambda: "guild_channel_update" in bot.happened)
        assert bot.get_channel(secret.id).permissions_for(member).view_channel
        assert (
            not bot.get_channel(secret.id).permissions_for(bot.get_guild(club.id).me).view_channel
        )
    bob = club.join(fake.person("Bob"))
    with pytest.raises(NotPossibleError):
        await bob.say(secret, "let me in")
    assert fake.transcript(secret, bob) == ""


async def test_a_thread_that_the_bot_is_mentioned_in_becomes_its_own(fake, club, general, alice):
    forum = club.forum("help")
    bot = EchoBot()
    async with running(bot, fake):
        private = await alice.thread(general, "whisper", private=True)
        await fake.answer(await alice.say(private, f"{fake.bot.mention} come"))
        assert bot.get_channel(private.id).is_private()
        public = await alice.thread(general, "open")
        await fake.answer(await alice.say(public, f"{fake.bot.mention} here"))
        post = await alice.start_post(forum, "Question", f"{fake.bot.mention} in a forum")
        await fake.answer(post)
        assert bot.get_channel(post.channel.id).parent.id == forum.id
        assert (await bot.get_channel(private.id).fetch_member(alice.id)).id == alice.id
        with pytest.raises(discord.NotFound):
            await bot.get_channel(public.id).fetch_member(club.guild.owner.id)
        opened = await bot.get_channel(general.id).create_thread(name="mine")
        assert fake.world.channels[opened.id].owner is fake.bot


async def test_pings_are_recorded_as_the_sender_allows_them(fake, club, general, alice):
    bot = EchoBot()
    async with running(bot, fake):
        question = await alice.say(general, f"{fake.bot.mention} @everyone {alice.mention}")
        assert question.mentions.users == (fake.bot, alice.user)
        assert not question.mentions.everyone
        await fake.answer(question)
        channel = bot.get_channel(general.id)
        await channel.send(f"{alice.mention}")
        await channel.send(f"{alice.mention}", allowed_mentions=discord.AllowedMentions.none())
        loud = channel.get_partial_message(question.id)
        await loud.reply("hey")
        sent = fake.said_by_bot(general)
        assert [bool(each.mentions) for each in sent[-3:]] == [True, False, True]


async def test_floods_are_answered_429_and_counted_and_the_client_waits(alice):
    limits = Limits(messages=Rate(2, 0.3), edits=Rate(2, 0.3))
    async with FakeDiscord(limits=limits) as fake:
        channel = fake.server("Busy").channel("talk")
        bot = EchoBot()
        async with running(bot, fake):
            target = bot.get_channel(channel.id)
            for number in range(5):
                await target.send(str(number))
            assert [each.content for each in fake.said_by_bot(channel)] == list("01234")
            assert fake.flood_violations == 0  # the client reads the headers
            fake.refuse("messages", retry_after=0.05, times=2)
            await target.send("after all")
            statuses = [each.status for each in fake.requests[-3:]]
            assert statuses == [429, 429, 200]
            fake.refuse("overall", retry_after=0.05)
            await target.send("after the global limit")
            assert fake.flood_violations == 0
            async with asyncio.timeout(5):
                await asyncio.gather(*(_raw_send(fake, channel) for _ in range(5)))
            assert fake.flood_violations >= 3


async def _raw_send(fake: FakeDiscord, channel: Channel) -> int:
    import aiohttp

    url = f"{fake.api_base_url}/channels/{channel.id}/messages"
    headers = {"Authorization": f"Bot {fake.token}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, json={"content": "raw"}, headers=headers) as response,
    ):
        if response.status == 429:
            assert response.headers["Via"]
            assert float(response.headers["Retry-After"]) > 0
        return response.status


async def test_a_preview_of_a_link_is_an_update_and_no_edit(fake, general, alice):
    bot = EchoBot()
    async with running(bot, fake):
        message = await alice.say(general, f"{fake.bot.mention} https://example.org")
        await fake.answer(message)
        fake.unfurl(message, "Example")
        await fake.wait_for(lambda: "raw_message_edit" in bot.happened)
        seen = next(each for each in bot.seen if each.id == message.id)
        assert seen.edited_at is None
        assert (message.edits, seen.embeds[0].title) == (0, "Example")


async def test_heartbeats_are_answered(alice):
    async with FakeDiscord(heartbeat_seconds=0.02) as fake:
        bot = EchoBot()
        async with running(bot, fake):
            await fake.wait_for(lambda: fake.world.counters.heartbeats > 3)
            assert bot.latency < 10


async def test_ordered_failures_are_met(fake, general, alice):
    bot = EchoBot()
    async with running(bot, fake):
        fake.fail("POST", "/messages$", 503)
        with pytest.raises(discord.DiscordServerError):
            await bot.get_partial_messageable(general.id).send("hi")
        await bot.get_partial_messageable(general.id).send("hi")


async def test_files_go_both_ways_and_links_expire(fake, general, alice):
    bot = EchoBot()
    async with running(bot, fake):
        files = [File("notes.txt", b"water\n"), File("big.bin", b"", declared_size=99_000_000)]
        message = await alice.say(general, fake.bot.mention, files=files)
        await fake.answer(message)
        seen = next(each for each in bot.seen if each.id == message.id)
        assert [each.size for each in seen.attachments] == [6, 99_000_000]
        assert await seen.attachments[0].read() == b"water\n"
        fake.expire_links()
        with pytest.raises(discord.NotFound):
            await seen.attachments[0].read()
        again = await seen.channel.fetch_message(message.id)
        assert await again.attachments[0].read() == b"water\n"
        await seen.channel.send(file=discord.File(io.BytesIO(b"csv"), "stats.csv"))
        assert fake.said_by_bot(general)[-1].files[0].data == b"csv"


async def test_history_after_a_message_is_read_in_order(fake, general, alice):
    bot = EchoBot()
    async with running(bot, fake):
        first = await alice.say(general, f"{fake.bot.mention} 1")
        await alice.say(general, "unread")
        await alice.say(general, f"{fake.bot.mention} 2")
        await fake.wait_for(lambda: len(fake.said_by_bot(general)) == 2)
        channel = bot.get_channel(general.id)
        found = [m async for m in channel.history(after=discord.Object(first.id), limit=None)]
        theirs = [each.content for each in found if each.author.id == alice.id]
        assert theirs == ["", f"{fake.bot.mention} 2"]
        async with channel.typing():
            assert list(fake.world.counters.typing) == [general.id]


async def test_the_bot_comes_and_goes(fake, alice):
    bot = EchoBot()
    async with running(bot, fake):
        later = fake.server("Later")
        await fake.wait_for(lambda: "guild_join" in bot.happened)
        assert [guild.name for guild in bot.guilds] == ["Aquarists", "Later"]
        later.remove_bot()
        await fake.wait_for(lambda: "guild_remove" in bot.happened)
        await bot.guilds[0].leave()
        await fake.wait_for(lambda: not bot.guilds)


async def test_waiting_ends_with_the_change_or_in_time(fake):
    with pytest.raises(TimeoutError):
        await fake.wait_for(lambda: fake.requests, within=0.01)
