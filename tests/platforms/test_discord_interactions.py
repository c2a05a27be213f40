"""The local Discord holds with the real client what Discord holds: commands and components."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import discord
import pytest
from discord import app_commands

from tests.platforms.discord_server.echo_bot import EchoBot, running
from tests.platforms.discord_server.limits import Limits, Rate
from tests.platforms.discord_server.people import File, NotPossibleError, Person
from tests.platforms.discord_server.permissions import Permission
from tests.platforms.discord_server.server import FakeDiscord
from tests.platforms.discord_server.servers import Server
from tests.platforms.discord_server.state import Channel


@pytest.fixture
async def fake() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord(limits=Limits(messages=Rate(50, 1))) as made:
        yield made


@pytest.fixture
def club(fake: FakeDiscord) -> Server:
    return fake.server("Aquarists")


@pytest.fixture
def general(club: Server) -> Channel:
    return club.channel("general")


@pytest.fixture
def alice(fake: FakeDiscord, club: Server) -> Person:
    return club.join(fake.person("Alice", locale="zh-CN"))


def kb_group() -> app_commands.Group:
    group = app_commands.Group(name="kb", description="Knowledge")

    @group.command(name="add", description="Add a file")
    async def add(
        interaction: discord.Interaction, file: discord.Attachment, title: str | None = None
    ) -> None:
        await interaction.response.defer(thinking=True, ephemeral=True)
        data = await file.read()
        await interaction.followup.send(f"{title or file.filename}: {len(data)} bytes")

    @group.command(name="show", description="Show a document")
    async def show(interaction: discord.Interaction, name: str) -> None:
        await interaction.response.send_message(f"{name} ({interaction.locale})")

    @show.autocomplete("name")
    async def names(interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        known = ["pumps", "plants", "fish"]
        return [app_commands.Choice(name=n, value=n) for n in known if n.startswith(typed)]

    return group


class Panel(discord.ui.View):
    """A button, a select and a modal."""

    def __init__(self) -> None:
        super().__init__(timeout=None)

    @discord.ui.button(label="Count", custom_id="count")
    async def count(self, interaction: discord.Interaction, button: discord.ui.Button) -> None:
        await interaction.response.edit_message(content=interaction.message.content + "!")

    @discord.ui.button(label="Whisper", custom_id="whisper")
    async def whisper(self, interaction: discord.Interaction, button: discord.ui.Button) -> None:
        await interaction.response.defer()
        await interaction.followup.send("between us", ephemeral=True)

    @discord.ui.button(label="Form", custom_id="form")
    async def form(self, interaction: discord.Interaction, button: discord.ui.Button) -> None:
        await interaction.response.send_modal(Form())

    @discord.ui.select(
        custom_id="style",
        placeholder="Style",
        options=[
            discord.SelectOption(label="Short", value="s"),
            discord.SelectOption(label="Long"),
        ],
    )
    async def style(self, interaction: discord.Interaction, select: discord.ui.Select) -> None:
        await interaction.response.send_message(f"chosen {select.values}", ephemeral=True)


class Form(discord.ui.Modal, title="Teach"):
    """One required text."""

    answer = discord.ui.TextInput(label="The right answer", max_length=20)

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"learnt {self.answer.value}")


async def test_a_subcommand_takes_a_file_and_answers_one_person(fake, club, general, alice):
    bot = EchoBot()
    bot.tree.add_command(kb_group())
    bob = club.join(fake.person("Bob"))
    async with running(bot, fake):
        assert alice.offered(general) == ["kb add", "kb show"]
        shown = await alice.slash(general, "kb add", file=File("a.txt", b"12345"), title="Five")
        assert (shown.text, shown.ephemeral) == ("Five: 5 bytes", True)
        assert fake.transcript(general, alice) == "Lorekeeper (only to Alice)> Five: 5 bytes\n"
        assert fake.transcript(general, bob) == ""
        with pytest.raises(NotPossibleError, match="required"):
            await alice.slash(general, "kb add")
        with pytest.raises(NotPossibleError, match="needs a subcommand"):
            await alice.slash(general, "kb")


async def test_options_are_completed_and_the_locale_is_told(fake, general, alice):
    bot = EchoBot()
    bot.tree.add_command(kb_group())
    async with running(bot, fake):
        offered = await alice.complete(general, "kb show", "name", "p")
        assert [each.value for each in offered] == ["pumps", "plants"]
        shown = await alice.slash(general, "kb show", name="fish")
        assert (shown.text, shown.ephemeral) == ("fish (zh-CN)", False)
        assert (await alice.slash(alice.direct, "kb show", name="x")).text == "x (zh-CN)"


async def test_commands_show_only_to_those_who_may(fake, club, general, alice):
    bot = EchoBot()

    @bot.tree.command(description="Set up")
    @app_commands.default_permissions(manage_guild=True)
    @app_commands.guild_only()
    async def setup(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("set")

    async with running(bot, fake):
        assert alice.offered(general) == []
        assert alice.offered(alice.direct) == []
        club.set_roles(alice, club.role("Mods", Permission.MANAGE_GUILD))
        assert (await alice.slash(general, "setup")).text == "set"


async def test_a_message_menu_brings_the_message_without_the_intent(fake, club, general, alice):
    bot = EchoBot()

    @bot.tree.context_menu(name="Ask about this")
    async def ask(interaction: discord.Interaction, message: discord.Message) -> None:
        await interaction.response.send_message(f"about: {message.content}")

    async with running(bot, fake):
        bob = club.join(fake.person("Bob"))
        message = await bob.say(general, "plain talk")
        assert (await alice.menu(message, "Ask about this")).text == "about: plain talk"


async def test_buttons_selects_and_modals(fake, general, alice):
    bot = EchoBot()
    async with running(bot, fake):
        bot.add_view(Panel())
        await bot.get_channel(general.id).send("panel", view=Panel())
        panel = fake.said_by_bot(general)[0]
        assert "[Count] [Whisper] [Form]" in fake.transcript(general, alice)
        await alice.press(panel, "Count")
        assert panel.content == "panel!"
        shown = await alice.press(panel, "whisper")
        await shown.until(lambda now: now.text == "between us")
        assert shown.ephemeral
        shown = await alice.choose(panel, "Style", "Short")
        assert (shown.text, shown.ephemeral) == ("chosen ['s']", True)
        opened = await alice.press(panel, "Form")
        assert [field.label for field in opened.modal.fields] == ["The right answer"]
        with pytest.raises(NotPossibleError, match="characters"):
            await alice.submit(opened, {"The right answer": "x" * 21})
        shown = await alice.submit(opened, {"The right answer": "42"})
        assert shown.text == "learnt 42"
        with pytest.raises(NotPossibleError):
            await alice.press(panel, "Nothing")


async def test_an_answer_after_three_seconds_fails_and_a_second_one_too(fake, general, alice):
    bot = EchoBot()
    fake.interactions.answer_within = 0.1
    errors: list[int] = []
    gone = asyncio.Event()

    @bot.tree.command(description="Late")
    async def late(interaction: discord.Interaction) -> None:
        await gone.wait()
        with pytest.raises(discord.NotFound) as raised:
            await interaction.response.send_message("too late")
        errors.append(raised.value.code)

    @bot.tree.command(description="Twice")
    async def twice(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("one")
        other = discord.Interaction(data=_raw(interaction), state=bot._connection)
        with pytest.raises(discord.HTTPException) as raised:
            await other.response.send_message("two")
        errors.append(raised.value.code)

    async with running(bot, fake):
        shown = await alice.slash(general, "late")
        assert (shown.failed, shown.text) == (True, "")
        gone.set()
        await fake.wait_for(lambda: fake.requests[-1].status == 404)
        shown = await alice.slash(general, "twice")
        await fake.wait_for(lambda: fake.requests[-1].status == 400)
        await asyncio.sleep(0)
    assert errors == [10062, 40060]


def _raw(interaction: discord.Interaction) -> dict:
    return {
        "id": str(interaction.id),
        "type": 2,
        "token": interaction.token,
        "version": 1,
        "application_id": str(interaction.application_id),
        "attachment_size_limit": 1,
        "data": interaction.data,
    }


async def test_follow_ups_and_edits_last_as_long_as_the_token(fake, general, alice):
    bot = EchoBot()
    fake.interactions.token_lasts = 0.2
    over = asyncio.Event()
    codes: list[int] = []

    @bot.tree.command(description="Slow")
    async def slow(interaction: discord.Interaction) -> None:
        await interaction.response.defer(thinking=True)
        await interaction.edit_original_response(content="first")
        await interaction.edit_original_response(content="first, then more")
        await interaction.followup.send("and another")
        await over.wait()
        with pytest.raises(discord.HTTPException) as raised:
            await interaction.edit_original_response(content="never")
        codes.append(raised.value.code)

    async with running(bot, fake):
        shown = await alice.slash(general, "slow")
        await shown.until(lambda now: len(now.messages) == 2)
        assert shown.text == "first, then more\nand another"
        assert shown.message.versions == ["first", "first, then more"]
        await asyncio.sleep(0.25)
        over.set()
        await fake.wait_for(lambda: fake.requests[-1].status == 401)
    assert codes == [50027]


@pytest.mark.parametrize(
    "command",
    [
        {"name": "Upper", "description": "d"},
        {"name": "a b", "description": "d"},
        {"name": "fine", "description": ""},
        {"name": "fine", "description": "x" * 101},
        {"name": "fine", "description": "d", "name_localizations": {"zh": "好"}},
        {"name": "fine", "description": "d", "description_localizations": {"zh-CN": "长" * 101}},
        {
            "name": "fine",
            "description": "d",
            "options": [
                {"type": 3, "name": "a", "description": "d"},
                {"type": 3, "name": "b", "description": "d", "required": True},
            ],
        },
        {
            "name": "fine",
            "description": "d",
            "options": [{"type": 3, "name": f"o{n}", "description": "d"} for n in range(26)],
        },
        {"name": "menu", "type": 3, "description": "menus have none"},
    ],
)
async def test_commands_that_discord_refuses_are_refused(fake, command):
    bot = EchoBot()
    async with running(bot, fake):
        with pytest.raises(discord.HTTPException) as raised:
            await bot.http.bulk_upsert_global_commands(bot.application_id, [command])
        assert raised.value.code == 50035
        assert fake.world.commands == {}


async def test_components_that_discord_refuses_are_refused(fake, general):
    bot = EchoBot()
    button = {"type": 2, "style": 1, "label": "a", "custom_id": "a"}
    options = [{"label": str(n), "value": str(n)} for n in range(26)]
    wrong = [
        [{**button, "custom_id": "x" * 101}],
        [{**button, "label": "x" * 81}],
        [{**button, "label": ""}],
        [button, button],
        [{**button, "custom_id": str(n)} for n in range(6)],
        [{"type": 3, "custom_id": "s", "options": options}],
    ]
    async with running(bot, fake):
        for items in wrong:
            body = {"content": "x", "components": [{"type": 1, "components": items}]}
            with pytest.raises(discord.HTTPException) as raised:
                await bot.http.request(
                    discord.http.Route("POST", f"/channels/{general.id}/messages"), json=body
                )
            assert raised.value.code == 50035
        assert fake.said_by_bot(general) == []
