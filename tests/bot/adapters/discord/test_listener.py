"""The Discord surface against the local Discord: over real sockets, with the real SDK."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import discord
import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route
from pydantic import SecretStr

from bot.adapters.discord import DiscordListener
from bot.adapters.discord.endpoint import OFFICIAL
from bot.errors import FileNotFetchedError
from bot.settings import DiscordSettings
from core.errors import AttachmentTooLargeError
from core.events import (
    ChannelKind,
    ChannelRef,
    ConversationRef,
    IncomingMessage,
    Interrupted,
    Invocation,
    Joined,
    Left,
    MessageDeleted,
    MessageEdited,
    MessageRef,
    Platform,
    Trigger,
)
from core.ports import BadTokenError, Gone, Unknown, UnreachableError
from tests.platforms.discord_server.people import File
from tests.platforms.discord_server.permissions import Permission
from tests.platforms.discord_server.server import FakeDiscord
from tests.support.discord_surface import COMMANDS, NameCompleter, settings_for, surface


def ref_of(channel) -> ChannelRef:
    return ChannelRef(Platform.DISCORD, str(channel.id))


async def test_a_mention_is_a_question_and_its_answer_a_reply(fake, general, alice):
    async with surface(fake) as bot:
        asked = await alice.say(general, f"🎉 {fake.bot.mention} which pump?")
        heard = await bot.inbox.hears(IncomingMessage)
        assert (heard.trigger, heard.text) == (Trigger.MENTION, "🎉 which pump?")
        assert (heard.kind, heard.place.channel_name) == (ChannelKind.GROUP, "general")
        ref = MessageRef(heard.conversation, heard.message_id)
        sent = await bot.outbox.send(heard.conversation, "The small one.", reply_to=ref)
        answer = await fake.answer(asked)
        assert str(answer.id) == sent
        assert not answer.mentions.users


async def test_the_role_that_discord_made_for_us_is_a_mention_too(fake, club, general, alice):
    fake.world.granted |= 1 << 15  # Discord gives no text with it otherwise
    async with surface(fake, message_content=True) as bot:
        await alice.say(general, f"{club.bot_role.mention} which pump?")
        heard = await bot.inbox.hears(IncomingMessage)
        assert (heard.trigger, heard.text) == (Trigger.MENTION, "which pump?")


async def test_another_bot_whose_name_begins_with_ours_is_not_us(fake, club, general, alice):
    other = club.join(fake.person("LorekeeperTwo", is_bot=True))
    async with surface(fake) as bot:
        await alice.say(general, f"{other.mention} hello")
        await alice.say(general, f"{fake.bot.mention} hello")
        heard = await bot.inbox.hears(IncomingMessage)
        assert heard.trigger is Trigger.MENTION


async def test_bots_and_notes_of_discord_are_not_heard(fake, club, general, alice):
    other = club.join(fake.person("Pingbot", is_bot=True))
    async with surface(fake) as bot:
        await other.say(general, f"{fake.bot.mention} ping")
        await alice.say(general, kind=7)
        await alice.say(general, f"{fake.bot.mention} me")
        heard = await bot.inbox.hears(IncomingMessage)
        assert heard.text == "me"
        assert bot.inbox.events == []


async def test_a_reply_to_us_is_addressed_and_brings_what_it_quotes(fake, general, alice):
    async with surface(fake) as bot:
        asked = await alice.say(general, f"{fake.bot.mention} which pump?")
        first = await bot.inbox.hears(IncomingMessage)
        ref = MessageRef(first.conversation, first.message_id)
        await bot.outbox.send(first.conversation, "The small one.", reply_to=ref)
        answer = await fake.answer(asked)
        await alice.say(general, "and on Sundays?", reply_to=answer)
        heard = await bot.inbox.hears(IncomingMessage)
        assert (heard.trigger, heard.text) == (Trigger.REPLY, "and on Sundays?")
        assert heard.quoted is not None
        assert (heard.quoted.text, heard.quoted.author.is_bot) == ("The small one.", True)


async def test_a_private_message_needs_no_mention(fake, alice):
    async with surface(fake) as bot:
        await alice.say(alice.direct, "which pump?")
        heard = await bot.inbox.hears(IncomingMessage)
        assert (heard.kind, heard.trigger) == (ChannelKind.PRIVATE, Trigger.PRIVATE)
        assert heard.conversation == ConversationRef(ref_of(alice.direct))
        assert heard.server_id is None
        await bot.outbox.send(heard.conversation, "The small one.")
        await fake.wait_for(lambda: fake.said_by_bot(alice.direct))


async def test_a_thread_belongs_to_its_channel_and_a_private_one_to_itself(fake, general, alice):
    open_thread = await alice.thread(general, "pumps")
    closed = await alice.thread(general, "secrets", private=True)
    async with surface(fake) as bot:
        await alice.say(open_thread, f"{fake.bot.mention} one")
        heard = await bot.inbox.hears(IncomingMessage)
        assert heard.conversation == ConversationRef(ref_of(general), str(open_thread.id))
        assert (heard.place.is_thread, heard.place.is_restricted) == (True, False)
        await alice.say(closed, f"{fake.bot.mention} two")
        heard = await bot.inbox.hears(IncomingMessage)
        assert heard.conversation == ConversationRef(ref_of(closed))
        assert heard.place.parent == ref_of(general)
        assert heard.place.is_restricted
        await bot.outbox.send(heard.conversation, "here")
        await fake.wait_for(lambda: fake.said_by_bot(closed))


async def test_a_thread_that_comes_out_of_the_archive_is_known(fake, club, general, alice):
    thread = await alice.thread(general, "pumps")
    club.archive(thread)
    async with surface(fake) as bot:
        await alice.say(thread, f"{fake.bot.mention} one")
        heard = await bot.inbox.hears(IncomingMessage)
        assert heard.conversation == ConversationRef(ref_of(general), str(thread.id))
        assert heard.place.is_thread


async def test_a_post_in_a_forum_is_a_thread_of_the_forum(fake, club, alice):
    forum = club.forum("questions")
    async with surface(fake) as bot:
        post = await alice.start_post(forum, "Pumps", f"{fake.bot.mention} which pump?")
        heard = await bot.inbox.hears(IncomingMessage)
        assert heard.conversation == ConversationRef(ref_of(forum), str(post.channel.id))
        assert heard.place.channel_name == "questions"


async def test_a_channel_that_not_everybody_sees_is_restricted(fake, club, alice):
    hidden = club.channel("board", only_for=[alice, club.bot_role])
    async with surface(fake) as bot:
        await alice.say(hidden, f"{fake.bot.mention} what was decided?")
        heard = await bot.inbox.hears(IncomingMessage)
        assert heard.place.is_restricted
        club.overwrite(hidden, club.everyone)
        await alice.say(hidden, f"{fake.bot.mention} and now?")
        heard = await bot.inbox.hears(IncomingMessage)
        assert not heard.place.is_restricted


async def test_a_channel_that_some_are_kept_out_of_is_restricted(fake, club, general, alice):
    guests = club.role("guests")
    async with surface(fake) as bot:

        async def is_restricted() -> bool:
            await alice.say(general, f"{fake.bot.mention} what was decided?")
            return (await bot.inbox.hears(IncomingMessage)).place.is_restricted

        club.overwrite(general, guests, deny=Permission.SEND_MESSAGES)
        assert not await is_restricted()
        club.overwrite(general, guests, deny=Permission.VIEW_CHANNEL)
        assert await is_restricted()
        club.overwrite(general, guests)
        club.overwrite(general, club.join(fake.person("Bob")), deny=Permission.VIEW_CHANNEL)
        assert await is_restricted()


@pytest.mark.parametrize(
    ("permission", "levels"),
    [
        (Permission.ADMINISTRATOR, (True, True, True)),
        (Permission.MANAGE_GUILD, (True, True, True)),
        (Permission.MANAGE_CHANNELS, (True, True, False)),
        (Permission.MANAGE_MESSAGES, (False, True, False)),
        (Permission.KICK_MEMBERS, (False, False, False)),
    ],
)
async def test_what_an_author_may_do_comes_from_their_roles(
    fake, club, general, alice, permission, levels
):
    role = club.role("staff", permission)
    club.set_roles(alice, role)
    async with surface(fake) as bot:
        await alice.say(general, f"{fake.bot.mention} hello")
        author = (await bot.inbox.hears(IncomingMessage)).author
        assert (author.is_channel_admin, author.is_moderator, author.is_server_admin) == levels
        assert str(role.id) in author.role_ids


async def test_without_the_intent_a_message_that_is_not_for_us_is_not_read(fake, general, alice):
    async with surface(fake) as bot:
        await alice.say(general, "secret")
        await alice.say(general, f"{fake.bot.mention} hello")
        heard = await bot.inbox.hears(IncomingMessage)
        assert heard.text == "hello"


async def test_with_the_intent_a_message_that_is_not_for_us_is_ambient(general, alice, fake):
    fake.world.granted |= 1 << 15
    async with surface(fake, message_content=True) as bot:
        await alice.say(general, "which pump?")
        heard = await bot.inbox.hears(IncomingMessage)
        assert (heard.trigger, heard.text) == (Trigger.AMBIENT, "which pump?")


async def test_a_post_tells_how_it_began_and_whether_it_is_settled(club, alice, fake):
    fake.world.granted |= 1 << 15
    forum = club.forum("help", "✅ Solved", "Question")
    async with surface(fake, message_content=True) as bot:
        start = await alice.start_post(forum, "Pump dead", "It stopped.")
        heard = await bot.inbox.hears(IncomingMessage)
        opening = heard.place.opening
        assert (heard.conversation.thread_id, heard.message_id) == (str(start.id), str(start.id))
        assert (opening.title, opening.opened_by) == ("Pump dead", str(alice.id))
        assert abs((heard.sent_at - opening.opened_at).total_seconds()) < 1
        assert not heard.place.is_settled
        for settle in (alice.tag(start.channel, "✅ Solved"), alice.tag(start.channel, "Question")):
            await settle
            await alice.say(start.channel, "It runs.")
            settled = (await bot.inbox.hears(IncomingMessage)).place.is_settled
            assert settled == (start.channel.applied == list(forum.tags)[:1])
        club.lock(start.channel)
        await alice.say(start.channel, "?")
        assert (await bot.inbox.hears(IncomingMessage)).place.is_settled


async def test_a_thread_below_ones_own_message_is_about_that_message(club, general, alice, fake):
    fake.world.granted |= 1 << 15
    bob = club.join(fake.person("Bob"))
    async with surface(fake, message_content=True) as bot:
        said, others = await alice.say(general, "which pump?"), await bob.say(general, "red")
        await alice.thread(general, "Red?", message=others)
        thread = await alice.thread(general, "Pumps", message=said)
        heard = await bot.inbox.hears(
            IncomingMessage, lambda event: event.conversation.thread_id is not None
        )
        assert (heard.text, heard.message_id) == ("which pump?", str(said.id))
        assert heard.conversation.thread_id == str(thread.id)
        assert heard.place.opening.opened_by == str(alice.id)


async def test_without_the_intent_a_thread_below_a_message_is_not_looked_into(fake, general, alice):
    async with surface(fake) as bot:
        thread = await alice.thread(general, "Pumps", message=await alice.say(general, "which?"))
        await alice.say(thread, f"{fake.bot.mention} end")
        assert (await bot.inbox.hears(IncomingMessage)).text == "end"
        assert not any(
            request.method == "GET" and "/messages/" in request.path for request in fake.requests
        )


async def test_an_intent_that_is_refused_is_done_without(fake, general, alice, caplog):
    with caplog.at_level(logging.WARNING):
        async with surface(fake, message_content=True) as bot:
            await alice.say(general, f"{fake.bot.mention} hello")
            assert (await bot.inbox.hears(IncomingMessage)).text == "hello"
    assert "message content intent is not granted" in caplog.text


async def test_an_edit_is_told_and_a_preview_is_none(fake, general, alice):
    async with surface(fake) as bot:
        asked = await alice.say(general, f"{fake.bot.mention} which pump?")
        await bot.inbox.hears(IncomingMessage)
        fake.unfurl(asked, "A shop")
        await alice.edit(asked, f"{fake.bot.mention} which filter?")
        edited = await bot.inbox.hears(MessageEdited)
        assert (edited.message.message_id, edited.message.text) == (str(asked.id), "which filter?")
        assert bot.inbox.events == []


async def test_a_deletion_is_told_with_its_conversation(fake, general, alice):
    thread = await alice.thread(general, "pumps")
    async with surface(fake) as bot:
        asked = await alice.say(thread, f"{fake.bot.mention} which pump?")
        heard = await bot.inbox.hears(IncomingMessage)
        await alice.delete(asked)
        gone = await bot.inbox.hears(MessageDeleted)
        assert gone == MessageDeleted(heard.conversation, str(asked.id))


async def test_joining_and_leaving_servers_is_told(fake, general):
    async with surface(fake) as bot:
        other = fake.server("Gardeners", with_bot=False)
        lobby = other.channel("lobby")
        other.add_bot()
        joined = await bot.inbox.hears(Joined)
        assert (joined.server_id, joined.name) == (str(other.id), "Gardeners")
        assert joined.conversation == ConversationRef(ref_of(lobby))
        other.remove_bot()
        left = await bot.inbox.hears(Left)
        assert left.server_id == str(other.id)


async def test_who_added_the_bot_is_told_where_it_may_look_into_the_servers_log(fake, alice):
    bob = fake.person("Bob")
    async with surface(fake) as bot:
        other = fake.server("Gardeners", owner=alice, with_bot=False)
        other.add_bot(Permission.VIEW_AUDIT_LOG, by=bob)
        joined = await bot.inbox.hears(Joined)
        assert joined.by is not None
        assert (joined.by.user_id, joined.contact) == (str(bob.id), str(bob.id))
        third = fake.server("Bakers", owner=alice, with_bot=False)
        third.add_bot(by=bob)
        unseen = await bot.inbox.hears(Joined)
        assert (unseen.by, unseen.contact) == (None, str(alice.id))


async def test_leaving_a_server_is_done_when_asked(fake, club, general):
    async with surface(fake) as bot:
        await bot.outbox.leave(str(club.id))
        await fake.wait_for(lambda: not club.has_bot)


async def test_files_are_fetched_when_somebody_wants_them(fake, general, alice, tmp_path):
    async with surface(fake) as bot:
        file = File("pumps.txt", b"x" * 100)
        await alice.say(general, f"{fake.bot.mention} /kb add", files=[file])
        (attachment,) = (await bot.inbox.hears(IncomingMessage)).attachments
        assert (attachment.filename, attachment.size) == ("pumps.txt", 100)
        assert not fake.world.counters.downloads
        await attachment.save(tmp_path / "a", 100)
        assert (tmp_path / "a").read_bytes() == b"x" * 100
        with pytest.raises(AttachmentTooLargeError):
            await attachment.save(tmp_path / "b", 99)
        fake.expire_links()
        with pytest.raises(FileNotFetchedError):
            await attachment.save(tmp_path / "c", 100)


async def test_a_file_larger_than_was_said_is_not_taken_whole(fake, general, alice, tmp_path):
    async with surface(fake) as bot:
        file = File("pumps.txt", b"x" * 100)
        await alice.say(general, f"{fake.bot.mention} /kb add", files=[file])
        (attachment,) = (await bot.inbox.hears(IncomingMessage)).attachments
        stored = next(iter(fake.world.files.values()))
        stored.data = b"x" * 1_000_000
        with pytest.raises(AttachmentTooLargeError):
            await attachment.save(tmp_path / "a", 1000)


async def test_files_of_an_earlier_run_are_found_again(fake, general, alice, tmp_path):
    async with surface(fake) as bot:
        asked = await alice.say(
            general, f"{fake.bot.mention} /kb add", files=[File("pumps.txt", b"pumps")]
        )
        heard = await bot.inbox.hears(IncomingMessage)
        fake.expire_links()
        again = await bot.listener.refetch(heard)
        assert isinstance(again, IncomingMessage)
        await again.attachments[0].save(tmp_path / "a", 100)
        await alice.delete(asked)
        assert await bot.listener.refetch(heard) == Gone()


@pytest.mark.parametrize("in_thread", [False, True])
async def test_a_question_is_looked_at_again(fake, club, general, alice, in_thread):
    place = await alice.thread(general, "pumps") if in_thread else general
    async with surface(fake) as bot:
        asked = await alice.say(place, f"{fake.bot.mention} which pump?")
        heard = await bot.inbox.hears(IncomingMessage)
        if in_thread:
            club.archive(place)
        assert await bot.listener.refetch(heard) == heard
        bot.listening.cancel()
        await asyncio.wait({bot.listening})
        await alice.edit(asked, f"{fake.bot.mention} which filter?")
        again = await bot.listener.refetch(heard)
        assert (again.text, again.author, again.conversation) == (
            "which filter?",
            heard.author,
            heard.conversation,
        )
        assert again.edited_at is not None
        # Without the intent, nothing is told of what does not name us.
        await alice.edit(asked, "never mind, Bob knows")
        assert (await bot.listener.refetch(heard)).text == "which pump?"
        await alice.delete(asked)
        assert await bot.listener.refetch(heard) == Gone()


async def test_an_edit_that_makes_a_command_of_a_question_is_told_as_such(fake, general, alice):
    async with surface(fake) as bot:
        asked = await alice.say(general, f"{fake.bot.mention} which pump?")
        heard = await bot.inbox.hears(IncomingMessage)
        await alice.edit(asked, f"{fake.bot.mention} /kb remove pumps.txt")
        again = await bot.listener.refetch(heard)
        assert again.command == Invocation("help", {"command": "kb remove", "typed": True})


async def test_what_cannot_be_looked_at_again_is_unknown(fake, club, general, alice):
    async with surface(fake) as bot:
        await alice.say(general, f"{fake.bot.mention} which pump?")
        heard = await bot.inbox.hears(IncomingMessage)
        chosen = await bot.asked(alice.slash(general, "ask", question="which pump?"))
        assert await bot.listener.refetch(chosen.message) == Unknown()
        late = replace(chosen.message, reply_to=None)
        assert await bot.listener.refetch(late) == Unknown()
        await chosen.answered()
        fake.fail("GET", "/messages/", 403, {"code": 50001, "message": "Missing Access"})
        assert await bot.listener.refetch(heard) == Unknown()
        fake.fail("GET", "/messages/", 404, "nobody here")
        assert await bot.listener.refetch(heard) == Unknown()


async def test_a_deletion_in_a_thread_that_we_were_not_told_of_has_its_conversation(
    fake, club, general, alice
):
    thread = await alice.thread(general, "pumps")
    asked = await alice.say(thread, f"{fake.bot.mention} which pump?")
    club.archive(thread)
    async with surface(fake) as bot:
        await alice.delete(asked)
        gone = await bot.inbox.hears(MessageDeleted)
        where = ConversationRef(ref_of(general), str(thread.id))
        assert gone == MessageDeleted(where, str(asked.id))


async def test_a_dropped_connection_is_resumed_and_nothing_is_lost(fake, general, alice):
    async with surface(fake) as bot:
        fake.drop_gateway(resumable=True)
        await alice.say(general, f"{fake.bot.mention} are you there?")
        heard = await bot.inbox.hears(IncomingMessage, within=30)
        assert heard.text == "are you there?"


async def test_what_was_said_while_a_session_was_lost_is_caught_up_with(fake, general, alice):
    async with surface(fake) as bot:
        await alice.say(general, f"{fake.bot.mention} one")
        await bot.inbox.hears(IncomingMessage)
        fake.drop_gateway(resumable=False)
        await alice.say(general, f"{fake.bot.mention} two")
        heard = await bot.inbox.hears(IncomingMessage, within=30)
        assert heard.text == "two"
        assert heard.author.display_name == "Alice"
        assert await bot.inbox.hears(Interrupted)
        assert bot.inbox.events == []


async def test_a_resumed_connection_interrupts_nothing(fake, general, alice):
    async with surface(fake) as bot:
        fake.drop_gateway(resumable=True)
        await alice.say(general, f"{fake.bot.mention} are you there?")
        await bot.inbox.hears(IncomingMessage, within=30)
        assert bot.inbox.events == []


async def test_other_channels_of_a_server_that_knows_us_are_looked_through_too(
    fake, club, general, alice
):
    other = club.channel("filters")
    thread = await alice.thread(other, "cheap ones")
    stranger = fake.server("Gardeners")
    stranger.join(alice)
    elsewhere = stranger.channel("general")
    async with surface(fake) as bot:
        await alice.say(general, f"{fake.bot.mention} one")
        await bot.inbox.hears(IncomingMessage)
        fake.drop_gateway(resumable=False)
        for place in (elsewhere, other, thread):
            await alice.say(place, f"{fake.bot.mention} two")
        heard = [await bot.inbox.hears(IncomingMessage, within=30) for _ in range(2)]
        assert {each.conversation for each in heard} == {
            ConversationRef(ref_of(other)),
            ConversationRef(ref_of(other), str(thread.id)),
        }
        await bot.inbox.hears(Interrupted)
        assert bot.inbox.events == []


async def test_commands_that_cannot_be_registered_now_keep_nobody_from_asking(
    fake, general, alice, monkeypatch, caplog
):
    """Discord counts how often commands change, and may want minutes of patience."""

    async def refused(*_arguments):
        raise discord.RateLimited(300.0)

    monkeypatch.setattr("bot.adapters.discord.client.register", refused)
    async with surface(fake) as bot:
        await alice.say(general, f"{fake.bot.mention} which pump?")
        assert (await bot.inbox.hears(IncomingMessage)).text == "which pump?"
    assert "could not be registered" in caplog.text


async def test_what_was_said_while_we_were_away_is_asked_for_where_we_are_known(
    fake, club, general, alice
):
    strangers = fake.server("Strangers")
    strangers.join(alice)
    unknown = strangers.channel("unknown")
    club.set_roles(alice, club.role("staff", Permission.MANAGE_MESSAGES))
    old = await alice.say(
        general,
        f"{fake.bot.mention} long ago",
        sent_at=datetime.now(UTC) - timedelta(days=3),
    )
    known = await alice.say(general, "the last that we knew")
    await alice.say(general, f"{fake.bot.mention} which pump?")
    await alice.say(unknown, f"{fake.bot.mention} which filter?")
    assert old.id < known.id

    async def addressed():
        return [MessageRef(ConversationRef(ref_of(general)), str(known.id))]

    async with surface(fake, addressed=addressed) as bot:
        heard = await bot.inbox.hears(IncomingMessage)
        assert heard.text == "which pump?"
        assert heard.author.is_moderator
        await alice.say(unknown, f"{fake.bot.mention} hello")
        assert (await bot.inbox.hears(IncomingMessage)).text == "hello"


async def test_deaf_means_hearing_nothing_and_sending_still(fake, general, alice):
    async with surface(fake) as bot:
        bot.listening.cancel()
        await asyncio.wait({bot.listening})
        await alice.say(general, f"{fake.bot.mention} hello")
        await bot.outbox.send(ConversationRef(ref_of(general)), "bye")
        await fake.wait_for(lambda: fake.said_by_bot(general))
        assert bot.inbox.events == []


async def test_a_bad_token_is_told_as_such(fake):
    settings = DiscordSettings(token=SecretStr("nonsense"), api_base_url=fake.api_base_url)
    with pytest.raises(BadTokenError):
        async with DiscordListener(settings, COMMANDS, NameCompleter()):
            pass


async def test_a_token_that_is_revoked_while_we_listen_ends_it(fake, general):
    async with surface(fake) as bot:
        fake.drop_gateway(code=4004)
        with pytest.raises(BadTokenError):
            await bot.listening


async def test_nobody_there_is_told_as_such(fake):
    settings = DiscordSettings(token=SecretStr("x"), api_base_url="http://127.0.0.1:9/api/v10")
    with pytest.raises(UnreachableError):
        async with DiscordListener(settings, COMMANDS, NameCompleter()):
            pass


async def test_the_sdk_is_left_pointing_where_it_did(fake, general):
    gateway = DiscordWebSocket.DEFAULT_GATEWAY
    async with surface(fake):
        assert fake.api_base_url == Route.BASE
    assert (OFFICIAL, gateway) == (Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY)
    settings = settings_for(fake)
    with pytest.raises(BadTokenError):
        async with DiscordListener(
            DiscordSettings(token=SecretStr("x"), api_base_url=settings.api_base_url),
            COMMANDS,
            NameCompleter(),
        ):
            pass
    assert OFFICIAL == Route.BASE


async def test_only_the_intents_that_are_needed_are_asked_for(fake, general):
    async with surface(fake) as bot:
        client = bot.listener._client
        assert client is not None
        assert client.intents == discord.Intents(guilds=True, guild_messages=True, dm_messages=True)


async def test_several_shards_are_served_alike():
    async with FakeDiscord(shards=2) as fake:
        first, second = fake.server("One"), fake.server("Two")
        alice = fake.person("Alice")
        async with surface(fake) as bot:
            for club in (first, second):
                channel = club.channel("general")
                club.join(alice)
                await alice.say(channel, f"{fake.bot.mention} hello")
                heard = await bot.inbox.hears(IncomingMessage)
                assert heard.server_id == str(club.id)
