"""The picture of an exchange shows what people wrote, and nothing that they could smuggle in."""

from __future__ import annotations

import runpy

from tests.platforms.discord_server.filling import File
from tests.platforms.discord_server.server import FakeDiscord
from tests.support.shell import ROOT

TOOL = runpy.run_path(str(ROOT / "tools" / "exchange_picture.py"))


async def page(text: str, name: str = "a.md") -> str:
    async with FakeDiscord() as discord:
        ada = discord.person("Ada")
        channel = discord.server("Aquarists", owner=ada).channel("reef")
        await ada.say(channel, text.replace("BOT", discord.bot.mention), files=[File(name, b"1")])
        drawn: str = TOOL["page_of"](TOOL["Exchange"](discord, channel, ada.user))
        return drawn.partition("<main>")[2]


async def test_mentions_are_names_and_markdown_is_rendered():
    shown = await page("BOT **when** does it rain?")
    assert '<span class="mention">@Lorekeeper</span> <strong>when</strong> does it rain?' in shown


async def test_what_people_write_is_text():
    shown = await page("<script>alert(1)</script>", "<b>.md")
    assert "<script>" not in shown
    assert "&lt;b&gt;.md" in shown
    assert "<b>.md" not in shown


async def test_a_page_asks_nothing_from_outside():
    assert "http" not in await page("BOT hello")
