"""Asking the team on Discord, from the question to who is pinged."""

from __future__ import annotations

import asyncio

import pytest

from bot.adapters.discord import DiscordListener
from core.events import ChannelRef, ConversationRef, MessageRef, Platform
from tests.support.discord_surface import COMMANDS, NameCompleter, settings_for, surface
from tests.support.office import Office


def place(channel) -> ConversationRef:
    return ConversationRef(ChannelRef(Platform.DISCORD, str(channel.id)))


@pytest.fixture
def roles(club):
    return club.role("Helpers"), club.role("Admins")


async def test_asking_the_team_pings_the_chosen_role_and_nobody_else(
    fake, club, general, alice, roles, tmp_path
):
    helpers, admins = roles
    office, bob = club.channel("office"), club.join(fake.person("Bob"), admins)
    listener = DiscordListener(settings_for(fake), COMMANDS, NameCompleter())
    async with listener, Office(tmp_path, listener.outbox).running() as bot:
        listening = asyncio.create_task(listener.listen(bot.dispatcher))
        try:
            await fake.connected()
            chosen = f"{office.id} @{helpers.id}"
            await bot.channels.change(place(general).channel, "helpers", chosen)
            others = f"{bob.mention} {admins.mention} {helpers.mention} @everyone @here"
            asked = await alice.say(general, f"{fake.bot.mention} 谁来喂鱼？{others}")
            refusal = await fake.wait_for(
                lambda: next(
                    (m for m in fake.said_by_bot(general) if "问问团队" in str(m.components)),
                    None,
                )
            )
            await alice.press(refusal, "问问团队")
            told = await fake.wait_for(lambda: [*fake.world.whispers])
            (post,) = fake.said_by_bot(office)
        finally:
            listening.cancel()
            await asyncio.wait({listening})
    assert post.mentions.roles == (helpers,)
    assert post.mentions.users == ()
    assert not post.mentions.everyone
    assert post.content.startswith(f"{helpers.mention} `Alice` ")
    assert f"https://discord.com/channels/{club.id}/{general.id}/{asked.id}" in post.content
    assert "谁来喂鱼？" in post.content
    assert [message.content for message in told] == ["我已经问了团队。"]


async def test_a_mention_is_of_one_role_whatever_the_text_says(fake, club, general, alice, roles):
    helpers, admins = roles
    async with surface(fake) as bot:
        text = f"{alice.mention} {admins.mention} @everyone"
        await bot.outbox.send(place(general), text, mention=str(helpers.id))
        await bot.outbox.send(place(general), text, mention=str(club.id))
        named, everybody = fake.said_by_bot(general)
    assert (named.mentions.users, named.mentions.roles) == ((), (helpers,))
    assert not named.mentions.everyone
    assert (everybody.mentions.users, everybody.mentions.roles) == ((), ())
    assert not everybody.mentions.everyone


async def test_messages_of_servers_have_addresses_and_those_of_private_chats_none(
    fake, club, general, alice
):
    async with surface(fake) as bot:
        asked = await alice.say(general, "hello")
        thread = await alice.thread(general, "Tanks")
        base = f"https://discord.com/channels/{club.id}"
        link = bot.outbox.link
        assert link(MessageRef(place(general), str(asked.id))) == f"{base}/{general.id}/{asked.id}"
        inside = ConversationRef(place(general).channel, str(thread.id))
        assert link(MessageRef(inside, "77")) == f"{base}/{thread.id}/77"
        here = place(general).channel
        at = bot.outbox.message_at
        assert at(here, f"{base}/{general.id}/77") == MessageRef(place(general), "77")
        assert at(here, f"{base}/{thread.id}/77") == MessageRef(inside, "77")
        assert at(here, "https://discord.com.evil.test/channels/1/2/77") is None
        direct = await bot.outbox.direct(str(alice.id))
        assert link(MessageRef(direct, "77")) is None
        assert link(MessageRef(place(general), "old:77")) is None
