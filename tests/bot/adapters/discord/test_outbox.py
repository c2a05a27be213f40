"""What is sent to Discord, and what becomes of what it refuses."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.adapters.discord.interactions import LIFE_SECONDS
from core.errors import (
    ChannelGoneError,
    DeliveryError,
    DeliveryRateLimitedError,
    ForbiddenError,
)
from core.events import (
    ActionPressed,
    ChannelRef,
    ConversationRef,
    IncomingMessage,
    MessageRef,
    Platform,
)
from core.ports import Right, Standing
from core.replies import Button, Menu
from tests.platforms.discord_server.permissions import NONE, Permission
from tests.support.discord_surface import surface


def place(channel) -> ConversationRef:
    return ConversationRef(ChannelRef(Platform.DISCORD, str(channel.id)))


def only(fake, channel):
    (message,) = fake.said_by_bot(channel)
    return message


async def test_what_we_write_pings_nobody_and_shows_no_previews(fake, general, alice):
    async with surface(fake) as bot:
        await bot.outbox.send(place(general), f"@everyone {alice.mention} https://example.org")
        message = only(fake, general)
        assert not message.mentions.users
        assert not message.mentions.everyone
        assert message.flags & 4


async def test_an_edit_changes_the_message_and_its_menus_and_pings_nobody(fake, general, alice):
    async with surface(fake) as bot:
        stop = Menu((Button("stop", "Stop", "danger"),))
        sent = await bot.outbox.send(place(general), "…", menus=(stop,))
        await bot.outbox.edit(place(general), sent, "…", menus=(stop,))
        await bot.outbox.edit(place(general), sent, f"done {alice.mention}")
        message = only(fake, general)
        assert message.content == f"done {alice.mention}"
        assert not message.mentions.users
        assert not message.components
        assert message.flags & 4


async def test_a_reply_to_a_message_that_is_gone_is_sent_all_the_same(fake, general, alice):
    async with surface(fake) as bot:
        asked = await alice.say(general, "hello")
        await alice.delete(asked)
        ref = MessageRef(place(general), str(asked.id))
        await bot.outbox.send(place(general), "here", reply_to=ref)
        assert only(fake, general).content == "here"


async def test_a_reply_where_we_may_not_read_the_history_is_sent_without_reference(
    fake, club, general, alice
):
    club.overwrite(general, fake.bot, deny=Permission.READ_MESSAGE_HISTORY)
    async with surface(fake) as bot:
        asked = await alice.say(general, f"{fake.bot.mention} hello")
        ref = MessageRef(place(general), str(asked.id))
        await bot.outbox.send(place(general), "here", reply_to=ref)
        assert only(fake, general).content == "here"


async def test_a_file_is_sent_with_its_name(fake, general):
    async with surface(fake) as bot:
        await bot.outbox.send_file(place(general), "answer.md", b"# Long")
        (file,) = only(fake, general).files
        assert (file.filename, file.data) == ("answer.md", b"# Long")


async def test_deleting_takes_the_message_away_and_once_more_says_that_it_is_gone(fake, general):
    async with surface(fake) as bot:
        sent = await bot.outbox.send(place(general), "oops")
        await bot.outbox.delete(place(general), sent)
        assert fake.said_by_bot(general) == []
        with pytest.raises(ChannelGoneError):
            await bot.outbox.delete(place(general), sent)
        with pytest.raises(ChannelGoneError):
            await bot.outbox.edit(place(general), sent, "again")


async def test_a_channel_that_is_closed_to_us_is_told_as_such(fake, club, general):
    async with surface(fake) as bot:
        club.overwrite(general, fake.bot, deny=Permission.SEND_MESSAGES)
        with pytest.raises(ForbiddenError):
            await bot.outbox.send(place(general), "hello")


async def test_a_member_who_takes_no_private_messages_is_told_as_such(fake, general, alice):
    alice.user.accepts_direct = False
    async with surface(fake) as bot:
        with pytest.raises(ForbiddenError):
            await bot.outbox.send(await bot.outbox.direct(str(alice.id)), "hello")
        with pytest.raises(ForbiddenError):
            await bot.outbox.direct("12345678901234567")
        with pytest.raises(ForbiddenError):
            await bot.outbox.direct("nobody")


async def test_a_short_limit_is_waited_out_and_a_long_one_is_told(fake, general):
    async with surface(fake) as bot:
        fake.refuse("messages", 0.1)
        await bot.outbox.send(place(general), "one")
        assert only(fake, general).content == "one"
        fake.refuse("messages", 90)
        with pytest.raises(DeliveryRateLimitedError) as refused:
            await bot.outbox.send(place(general), "two")
        assert refused.value.retry_after == 90


async def test_a_server_that_is_ill_is_tried_again_later_and_makes_no_second_message(fake, general):
    async with surface(fake) as bot:
        fake.fail("POST", "/messages$", 503, "ill")
        with pytest.raises(DeliveryRateLimitedError):
            await bot.outbox.send(place(general), "one", key="7-text-0")
        await bot.outbox.send(place(general), "one", key="7-text-0")
        await bot.outbox.send(place(general), "two", key="7-text-0")
        assert [each.content for each in fake.said_by_bot(general)] == ["one", "two"]
        sent = [each for each in fake.requests if each.path.endswith("/messages")]
        nonces = [each.body["nonce"] for each in sent]
        assert nonces[0] == nonces[1] != nonces[2]


async def test_what_discord_does_not_take_is_no_rate_limit(fake, general):
    async with surface(fake) as bot:
        with pytest.raises(DeliveryError) as refused:
            await bot.outbox.send(place(general), "x" * 2001)
        assert type(refused.value) is DeliveryError


async def test_typing_is_shown(fake, general):
    async with surface(fake) as bot:
        await bot.outbox.typing(place(general))
        assert any(each.path.endswith("/typing") for each in fake.requests)


async def test_typing_is_shown_once_for_all_who_wait_in_a_channel(fake, club, general):
    other = club.channel("other")
    async with surface(fake) as bot:
        for where in (general, other, general, general):
            await bot.outbox.typing(place(where))
        assert list(fake.world.counters.typing) == [general.id, other.id]


async def test_buttons_and_selects_come_back_by_their_action(fake, general, alice):
    menus = (
        Menu((Button("up", "👍", "good"), Button("down", "👎"))),
        Menu(
            (Button("set:language:en", "English"), Button("set:language:zh", "中文")),
            label="Language",
            chosen="set:language:zh",
        ),
    )
    async with surface(fake) as bot:
        sent = await bot.outbox.send(place(general), "Answer", menus=menus)
        message = only(fake, general)
        shown = await alice.press(message, "👍")
        pressed = await bot.inbox.hears(ActionPressed)
        assert (pressed.message_id, pressed.action) == (sent, "up")
        assert (pressed.author.user_id, pressed.locale) == (str(alice.id), "zh-CN")
        assert not shown.failed
        await alice.choose(message, "Language", "English")
        chosen = await bot.inbox.hears(ActionPressed)
        assert (chosen.message_id, chosen.action) == (sent, "set:language:en")
        (select,) = message.components[1]["components"]
        assert [option["default"] for option in select["options"]] == [False, True]


async def test_a_button_of_an_earlier_run_is_heard(fake, general, alice):
    async with surface(fake) as bot:
        menus = (Menu((Button("sources", "Sources"),)),)
        await bot.outbox.send(place(general), "Answer", menus=menus)
    async with surface(fake) as bot:
        await alice.press(only(fake, general), "Sources")
        pressed = await bot.inbox.hears(ActionPressed)
        assert pressed.action == "sources"


async def test_more_than_a_row_holds_goes_on_below_and_ends_at_five_rows(fake, general):
    async with surface(fake) as bot:
        many = Menu(tuple(Button(f"a{n}", "x" * 200) for n in range(12)))
        long = Menu(tuple(Button(f"b{n}", f"{n}") for n in range(30)), label="y" * 300)
        await bot.outbox.send(place(general), "Answer", menus=(many, long, many))
        rows = only(fake, general).components
        assert [len(row["components"]) for row in rows] == [5, 5, 2, 1, 1]


async def test_what_is_revealed_only_the_one_who_pressed_sees(fake, club, general, alice):
    bob = club.join(fake.person("Bob"))
    async with surface(fake) as bot:
        menus = (Menu((Button("sources", "Sources"),)),)
        await bot.outbox.send(place(general), "Answer", menus=menus)
        shown = await alice.press(only(fake, general), "Sources")
        pressed = await bot.inbox.hears(ActionPressed)
        assert pressed.interaction is not None
        text = "\n".join(f"{n}: " + "passage " * 20 for n in range(30))
        await bot.outbox.reveal(pressed.interaction, text, menus=(Menu((Button("more", "More"),)),))
        await shown.until(lambda seen: len(seen.messages) >= 3)
        assert shown.ephemeral
        assert not shown.messages[0].components
        assert shown.messages[-1].components
        assert "passage" not in fake.transcript(general, bob)


async def test_a_menu_that_one_person_sees_can_be_changed_after_a_press(fake, general, alice):
    async with surface(fake) as bot:
        menus = (Menu((Button("more", "More"),)),)
        await bot.outbox.send(place(general), "Answer", menus=menus)
        shown = await alice.press(only(fake, general), "More")
        pressed = await bot.inbox.hears(ActionPressed)
        await bot.outbox.reveal(pressed.interaction, "What?", menus=(Menu((Button("x", "X"),)),))
        await alice.press(shown.message, "X")
        again = await bot.inbox.hears(ActionPressed)
        await bot.outbox.edit(again.conversation, again.message_id, "Done")
        assert shown.message.content == "Done"
        assert not shown.message.components


async def test_who_pressed_too_long_ago_is_answered_in_private(fake, general, alice):
    async with surface(fake) as bot:
        await bot.outbox.send(place(general), "Answer", menus=(Menu((Button("more", "More"),)),))
        await alice.press(only(fake, general), "More")
        pressed = await bot.inbox.hears(ActionPressed)
        grow_old(bot)
        await bot.outbox.reveal(pressed.interaction, "Late")
        assert only(fake, alice.direct).content == "Late"


def grow_old(bot) -> None:
    """Fifteen minutes pass."""
    for held in bot.outbox._interactions._held.values():
        held.ends -= LIFE_SECONDS


async def test_a_command_that_took_too_long_is_answered_by_an_ordinary_message(
    fake, general, alice
):
    async with surface(fake) as bot:
        asked = await bot.asked(alice.slash(general, "ask", question="which pump?"))
        heard = asked.message
        first, _ = await asked.answered("Wait")
        grow_old(bot)
        await bot.outbox.edit(heard.conversation, first, "The small one.")
        await bot.outbox.send(heard.conversation, "And the large one.", reply_to=heard.reply_to)
        said = [each.content for each in fake.said_by_bot(general)]
        assert said == ["The small one.", "And the large one."]


async def test_a_private_answer_that_took_too_long_stays_private(fake, general, alice):
    async with surface(fake) as bot:
        asked = await bot.asked(alice.slash(general, "ask", question="which pump?", private=True))
        heard = asked.message
        first, _ = await asked.answered("Wait")
        grow_old(bot)
        await bot.outbox.edit(heard.conversation, first, "The small")
        await bot.outbox.edit(heard.conversation, first, "The small one.")
        await bot.outbox.send(heard.conversation, "And the large one.", reply_to=heard.reply_to)
        said = [each.content for each in fake.said_by_bot(alice.direct)]
        assert said == ["The small one.", "And the large one."]
        assert all(each.is_ephemeral for each in fake.said_by_bot(general))


async def test_who_can_read_a_channel_is_asked_at_that_moment(fake, club, general, alice):
    board = club.role("board")
    hidden = club.channel("board", only_for=[board, club.bot_role])
    bob = fake.person("Bob")
    async with surface(fake) as bot:
        channel = place(hidden).channel
        assert await bot.outbox.is_member(str(alice.id), place(general).channel)
        assert await bot.outbox.is_member(str(alice.id), channel) is False
        club.set_roles(alice, board)
        assert await bot.outbox.is_member(str(alice.id), channel)
        club.overwrite(hidden, alice, deny=Permission.VIEW_CHANNEL)
        assert await bot.outbox.is_member(str(alice.id), channel) is False
        club.overwrite(hidden, alice)
        club.kick(alice)
        assert await bot.outbox.is_member(str(alice.id), channel) is False
        assert await bot.outbox.is_member(str(bob.id), place(general).channel) is False


async def test_where_we_see_nothing_ourselves_we_cannot_say(fake, club, general, alice):
    hidden = club.channel("board", only_for=[alice])
    async with surface(fake) as bot:
        assert await bot.outbox.is_member(str(alice.id), place(hidden).channel) is None
        club.remove_bot()
        assert not await bot.outbox.is_member(str(alice.id), place(general).channel)


async def test_a_private_thread_is_read_by_those_in_it(fake, club, general, alice):
    bob = club.join(fake.person("Bob"))
    thread = await alice.thread(general, "secrets", private=True)
    async with surface(fake) as bot:
        await alice.say(thread, f"{fake.bot.mention} hello")
        await bot.inbox.hears(IncomingMessage)
        channel = place(thread).channel
        assert await bot.outbox.is_member(str(alice.id), channel)
        assert await bot.outbox.is_member(str(bob.id), channel) is False
        await alice.invite(thread, bob)
        assert await bot.outbox.is_member(str(bob.id), channel)


async def test_a_private_chat_is_its_members_own(fake, club, alice):
    bob = club.join(fake.person("Bob"))
    async with surface(fake) as bot:
        channel = place(alice.direct).channel
        assert await bot.outbox.is_member(str(alice.id), channel)
        assert await bot.outbox.is_member(str(bob.id), channel) is False


async def test_the_standing_of_a_member_says_what_they_may_do(fake, club, general, alice):
    staff = club.role("staff", Permission.MANAGE_CHANNELS)
    club.set_roles(alice, staff)
    club.overwrite(general, club.everyone, deny=Permission.VIEW_CHANNEL)
    club.overwrite(general, alice, allow=Permission.VIEW_CHANNEL)
    club.overwrite(general, fake.bot, allow=Permission.VIEW_CHANNEL, deny=NONE)
    async with surface(fake) as bot:
        standing = await bot.outbox.standing(str(alice.id), place(general).channel)
        assert standing is not None
        assert standing.role_ids == {str(club.everyone.id), str(staff.id)}
        assert replace(standing, role_ids=frozenset()) == Standing(
            True, True, False, True, is_moderator=True
        )


async def test_whether_all_who_read_one_channel_can_read_another(fake, club, general, alice):
    staff, board = club.role("staff"), club.role("board")
    root = club.role("root", Permission.ADMINISTRATOR)
    ours = club.bot_role
    office = club.channel("office", only_for=[staff, ours])
    cabinet = club.channel("cabinet", only_for=[staff, board, ours])
    alone = club.channel("alone", only_for=[alice, ours])
    rooted = club.channel("rooted", only_for=[root, staff, ours])
    other = fake.server("Elsewhere", owner=alice).channel("general")
    async with surface(fake) as bot:

        async def within(one, two):
            return await bot.outbox.is_within(place(one).channel, place(two).channel)

        assert [await within(each, general) for each in (office, cabinet, alone)] == [True] * 3
        assert await within(general, office) is False
        assert await within(office, cabinet) is True
        assert await within(cabinet, office) is False
        assert await within(alone, office) is False
        assert await within(rooted, office) is True
        assert await within(office, office) is True
        assert await within(other, general) is False
        assert await within(other, office) is False
        # One member who is kept out of it may be among those who read the other.
        club.overwrite(cabinet, alice, deny=Permission.VIEW_CHANNEL)
        await _until(lambda: within(office, cabinet), False)
        # Where nothing is forbidden to all, a role's own right opens the channel too.
        club.overwrite(general, club.everyone)
        await _until(lambda: within(general, office), False)


async def test_a_private_thread_and_its_channel_are_not_read_by_the_same(
    fake, club, general, alice
):
    thread = await alice.thread(general, "secrets", private=True)
    async with surface(fake) as bot:
        await alice.say(thread, f"{fake.bot.mention} hello")
        await bot.inbox.hears(IncomingMessage)
        secret, open_to_all = place(thread).channel, place(general).channel
        assert await bot.outbox.is_within(open_to_all, secret) is False
        assert await bot.outbox.is_within(secret, open_to_all) is False


async def test_what_the_bot_may_not_do_is_named_for_each_channel_that_all_see(fake, club, general):
    hidden = club.channel("board", only_for=[club.role("board")])
    rules = club.channel("rules")
    ours = club.bot_role
    club.overwrite(rules, ours, deny=Permission.SEND_MESSAGES | Permission.ATTACH_FILES)
    async with surface(fake) as bot:
        found = await bot.outbox.lacking(place(general).channel)
        named = {one.name: one.rights for one in found}
        assert named["rules"] == (Right.WRITE, Right.SEND_FILES)
        assert "board" not in named
        there = await bot.outbox.lacking(place(hidden).channel)
        assert (there[0].name, there[0].rights) == ("board", (Right.READ,))


async def _until(asked, wanted):
    """What the gateway tells arrives a moment later."""
    for _ in range(200):
        if await asked() is wanted:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(wanted)


async def test_a_thread_is_opened_below_a_question_once_and_written_into(fake, general, alice):
    async with surface(fake) as bot:
        asked = await alice.say(general, "Which pump? " * 12)
        question = MessageRef(place(general), str(asked.id))
        home = await bot.outbox.open_thread(question, asked.content)
        assert home == await bot.outbox.open_thread(question, asked.content)
        thread = fake.world.channels[asked.id]
        assert (thread.parent, thread.owner, len(thread.name)) == (general, fake.bot, 100)
        await bot.outbox.send(home, "The red one.", reply_to=question)
        assert only(fake, thread).content == "The red one."
        assert fake.said_by_bot(general) == []


async def test_where_we_may_open_no_thread_there_is_none(fake, club, general, alice):
    club.overwrite(general, fake.bot, deny=Permission.CREATE_PUBLIC_THREADS)
    async with surface(fake) as bot:
        asked = await alice.say(general, "Which pump?")
        assert await bot.outbox.open_thread(MessageRef(place(general), str(asked.id)), "?") is None
        within = await alice.thread(general, "Pumps")
        inside = await alice.say(within, "Which pump?")
        ref = MessageRef(ConversationRef(place(general).channel, str(within.id)), str(inside.id))
        assert await bot.outbox.open_thread(ref, "?") is None
