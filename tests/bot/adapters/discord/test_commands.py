"""Slash commands and message menus: made from the table, used as members use them."""

from __future__ import annotations

import asyncio

import discord
import pytest

from bot.adapters.discord.translate import channel_ref
from core.commands import COMMANDS as CORE
from core.commands.base import Command
from core.errors import ChannelGoneError
from core.events import (
    ChannelKind,
    ConversationRef,
    IncomingMessage,
    InteractionRef,
    Platform,
    Trigger,
)
from core.permissions import Level
from core.replies import Button, Menu
from tests.platforms.discord_server.people import File
from tests.platforms.discord_server.permissions import Permission
from tests.support.discord_surface import COMMANDS, surface


async def test_the_tables_commands_are_offered_to_those_who_need_them(fake, club, general, alice):
    admin = club.join(fake.person("Root"), club.role("root", Permission.ADMINISTRATOR))
    moderator = club.join(fake.person("Mod"), club.role("mod", Permission.MANAGE_MESSAGES))
    async with surface(fake):
        everybody = ["ask", "help", "kb search", "kb add", "kb remove", "kb purge"]
        assert sorted(alice.offered(general)) == sorted(everybody)
        assert sorted(moderator.offered(general)) == sorted([*everybody, "pause"])
        assert set(admin.offered(general)) == {one.name for one in COMMANDS}
        assert "model" in alice.offered(alice.direct)


async def test_commands_are_for_servers_and_private_chats_and_installed_by_servers(fake, general):
    async with surface(fake):
        assert fake.world.commands[None]
        for command in fake.world.commands[None]:
            assert command["contexts"] == [0, 1]
            assert command["integration_types"] == [0]


async def test_the_whole_table_of_the_core_is_taken_by_discord(fake, general):
    async with surface(fake, commands=CORE):
        assert fake.world.commands[None]
        group = next(one for one in fake.world.commands[None] if one["name"] == "kb")
        assert group["description_localizations"]["zh-CN"]
        ask = next(one for one in fake.world.commands[None] if one["name"] == "ask")
        assert ask["name_localizations"]["zh-CN"] == "提问"
        assert "zh-CN" in ask["description_localizations"]


async def test_an_unchanged_table_is_not_sent_again(fake, general):
    def sent():
        return [each for each in fake.requests if each.method == "PUT"]

    async with surface(fake):
        assert len(sent()) == 1
    async with surface(fake):
        assert len(sent()) == 1
    changed = (*COMMANDS[:-1], Command("models", Level.OWNER, "which", COMMANDS[0].run))
    async with surface(fake, commands=changed):
        assert len(sent()) == 2
    async with surface(fake, commands=changed):
        assert len(sent()) == 2


async def test_a_bot_without_leave_to_register_commands_answers_mentions(fake, general, alice):
    fake.fail("GET", "/commands", 403, {"code": 50001, "message": "Missing Access"})
    async with surface(fake) as bot:
        await alice.say(general, f"{fake.bot.mention} hello")
        assert (await bot.inbox.hears(IncomingMessage)).text == "hello"


async def test_a_slash_command_is_acknowledged_and_its_answer_takes_that_place(
    fake, general, alice
):
    async with surface(fake) as bot:
        asked = await bot.asked(alice.slash(general, "ask", question="which pump?"))
        heard = asked.message
        assert heard.trigger is Trigger.COMMAND
        assert (heard.kind, heard.locale) == (ChannelKind.GROUP, "zh-CN")
        assert heard.command is not None
        assert (heard.command.name, dict(heard.command.options)) == (
            "ask",
            {"question": "which pump?"},
        )
        first, shown = await asked.answered("The small")
        await bot.outbox.edit(heard.conversation, first, "The small one.")
        await bot.outbox.send_file(heard.conversation, "more.md", b"more", reply_to=heard.reply_to)
        await shown.until(lambda seen: len(seen.messages) == 2)
        assert shown.messages[0].content == "The small one."
        assert not shown.ephemeral
        assert len(fake.said_by_bot(general)) == 2


async def test_a_private_answer_is_seen_by_nobody_else(fake, club, general, alice):
    bob = club.join(fake.person("Bob"))
    async with surface(fake) as bot:
        asked = await bot.asked(alice.slash(general, "ask", question="which pump?", private=True))
        heard = asked.message
        _, shown = await asked.answered("The small one.")
        await bot.outbox.send(heard.conversation, "And more.", reply_to=heard.reply_to)
        await shown.until(lambda seen: len(seen.messages) == 2)
        assert shown.ephemeral
        assert "small" not in fake.transcript(general, bob)


async def test_what_is_revealed_after_an_open_command_is_seen_by_nobody_else(fake, general, alice):
    async with surface(fake) as bot:
        asked = await bot.asked(alice.slash(general, "ask", question="which pump?"))
        heard = asked.message
        await bot.outbox.reveal(heard.reply_to, "Only for you.")
        shown = await asked.waiting
        await shown.until(lambda seen: seen.text == "Only for you.")
        assert shown.ephemeral


async def test_files_of_a_command_come_as_one_batch(fake, general, alice, tmp_path):
    async with surface(fake) as bot:
        asked = await bot.asked(
            alice.slash(general, "kb add", file=File("a.txt", b"aa"), file2=File("b.txt", b"bbb"))
        )
        heard = asked.message
        await asked.answered()
        assert [each.filename for each in heard.attachments] == ["a.txt", "b.txt"]
        await heard.attachments[1].save(tmp_path / "b", 10)
        assert (tmp_path / "b").read_bytes() == b"bbb"
        assert heard.command is not None
        assert dict(heard.command.options) == {}


async def test_a_file_of_a_command_comes_once(fake, general, alice):
    async with surface(fake, commands=CORE) as bot:
        asked = await bot.asked(alice.slash(general, "kb add", file=File("a.txt", b"aa")))
        await asked.answered()
        assert [each.filename for each in asked.message.attachments] == ["a.txt"]
        assert asked.message.command is not None
        assert dict(asked.message.command.options) == {}


async def test_members_and_numbers_come_as_the_core_takes_them(fake, club, general, alice):
    moderator = club.join(fake.person("Mod"), club.role("mod", Permission.MANAGE_MESSAGES))
    async with surface(fake) as bot:
        asked = await bot.asked(moderator.slash(general, "kb purge", who=alice, since=7))
        heard = asked.message
        await asked.answered()
        assert heard.command is not None
        assert dict(heard.command.options) == {"who": str(alice.id), "since": 7}
        assert heard.author.is_moderator


async def test_names_complete_as_they_are_typed(fake, general, alice):
    async with surface(fake) as bot:
        found = await alice.complete(general, "kb remove", "name", "fi")
        assert [choice.value for choice in found] == ["fish.pdf", "filters.md"]
        asked = bot.completer.asked[-1]
        assert asked.command is not None
        assert (asked.command.name, asked.author.user_id) == ("kb remove", str(alice.id))
        bot.completer.names = ("x" * 101, *(f"x{n}" for n in range(40)))
        assert len(await alice.complete(general, "kb remove", "name", "x")) == 25


async def test_the_menu_of_a_message_brings_that_message(fake, club, general, alice, tmp_path):
    bob = club.join(fake.person("Bob"))
    said = await bob.say(general, "The pump is in the cellar.", files=[File("plan.txt", b"plan")])
    async with surface(fake) as bot:
        asked = await bot.asked(alice.menu(said, "Add to knowledge base"))
        heard = asked.message
        await asked.answered()
        assert heard.command is not None
        assert (heard.command.name, dict(heard.command.options)) == ("kb add", {})
        assert heard.quoted is not None
        assert heard.quoted.text == "The pump is in the cellar."
        assert heard.quoted.author.user_id == str(bob.id)
        assert heard.quoted.link == f"https://discord.com/channels/{club.id}/{general.id}/{said.id}"
        await heard.quoted.attachments[0].save(tmp_path / "plan", 10)
        asked = await bot.asked(alice.menu(said, "Ask about this"))
        assert asked.message.author.user_id == str(alice.id)
        await asked.answered()


@pytest.mark.parametrize("typed", ["/kb remove pumps.txt", "/KB remove", "/settings a b c d"])
async def test_an_administrative_command_that_is_typed_asks_for_help_with_it(
    fake, general, alice, typed
):
    async with surface(fake) as bot:
        await alice.say(general, f"{fake.bot.mention} {typed}")
        heard = await bot.inbox.hears(IncomingMessage)
        assert heard.command is not None
        assert heard.command.name == "help"
        assert heard.command.options["typed"] is True
        assert str(heard.command.options["command"]) in typed.lower()


async def test_other_commands_can_be_typed_and_all_of_them_in_private(fake, general, alice):
    async with surface(fake) as bot:
        await alice.say(general, f"{fake.bot.mention} /kb search pumps")
        assert (await bot.inbox.hears(IncomingMessage)).command is None
        await alice.say(general, f"{fake.bot.mention} /nonsense")
        assert (await bot.inbox.hears(IncomingMessage)).command is None
        await alice.say(alice.direct, "/kb remove pumps.txt")
        assert (await bot.inbox.hears(IncomingMessage)).command is None


RESTARTING = "我正在重启。请稍后再试一次。"
"""In the language of who asks."""


async def test_a_command_that_comes_when_we_are_deaf_is_told_so(fake, general, alice):
    async with surface(fake) as bot:
        bot.listening.cancel()
        await asyncio.wait({bot.listening})
        shown = await alice.slash(general, "ask", question="which pump?")
        assert (shown.text, shown.ephemeral, shown.failed) == (RESTARTING, True, False)
        assert bot.inbox.events == []


async def test_a_command_that_is_acknowledged_while_we_stop_listening_gets_a_last_word(
    fake, general, alice, monkeypatch
):
    async with surface(fake) as bot:
        defer = discord.InteractionResponse.defer

        async def slow(response, **options):
            await defer(response, **options)
            bot.listening.cancel()
            await asyncio.wait({bot.listening})

        monkeypatch.setattr(discord.InteractionResponse, "defer", slow)
        shown = await alice.slash(general, "ask", question="which pump?")
        assert shown.text == RESTARTING
        assert bot.inbox.events == []


async def test_a_press_that_comes_when_we_are_deaf_is_told_so(fake, general, alice):
    async with surface(fake) as bot:
        menu = Menu((Button("up", "Good"),))
        sent = await bot.outbox.send(
            ConversationRef(channel_ref(general.id)), "Yes.", menus=(menu,)
        )
        bot.listening.cancel()
        await asyncio.wait({bot.listening})
        shown = await alice.press(general.messages[int(sent)], "Good")
        assert (shown.text, shown.ephemeral) == (RESTARTING, True)


async def test_a_command_that_nobody_answers_stops_waiting(fake, general, alice):
    async with surface(fake) as bot:
        asked = await bot.asked(alice.slash(general, "ask", question="which pump?"))
        await bot.outbox.dismiss(asked.message.reply_to)
        shown = await asked.waiting
        assert shown.messages == []
        await bot.outbox.dismiss(asked.message.reply_to)
        await bot.outbox.send(
            asked.message.conversation, "After all.", reply_to=asked.message.reply_to
        )
        assert shown.text == "After all."
        await bot.outbox.dismiss(asked.message.reply_to)
        assert shown.text == "After all."


async def test_a_private_command_that_was_acknowledged_too_late_is_answered_in_private(
    fake, general, alice, caplog
):
    fake.interactions.answer_within = 0.0
    async with surface(fake) as bot:
        await alice.slash(general, "ask", question="which pump?", private=True)
        heard = await bot.inbox.hears(IncomingMessage)
        await bot.outbox.send(heard.conversation, "The small one.", reply_to=heard.reply_to)
        assert fake.said_by_bot(general) == []
        (said,) = fake.said_by_bot(alice.direct)
        assert said.content == "The small one."
    assert "not acknowledged in time" in caplog.text


@pytest.mark.parametrize("private", [True, False])
async def test_another_run_answers_in_the_place_of_thinking(fake, general, alice, private):
    async with surface(fake) as bot:
        asked = await bot.asked(
            alice.slash(general, "ask", question="which pump?", private=private)
        )
    message = asked.message
    async with surface(fake) as bot:
        assert message.reply_to.is_private is private
        sent = await bot.outbox.send(message.conversation, "The…", reply_to=message.reply_to)
        await bot.outbox.edit(message.conversation, sent, "The small one.")
        shown = await asked.waiting
        assert [each.content for each in shown.messages] == ["The small one."]
        assert shown.ephemeral is private


async def test_a_key_that_is_none_of_ours_answers_nobody_in_public(fake, general, alice):
    async with surface(fake) as bot:
        forged = InteractionRef(Platform.DISCORD, "nonsense", is_private=True)
        with pytest.raises(ChannelGoneError):
            await bot.outbox.send(
                ConversationRef(channel_ref(general.id)), "secret", reply_to=forged
            )
        assert fake.said_by_bot(general) == []
