"""What `check` says of Discord, asked of a local one."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from bot.checking import on_discord
from bot.settings import Config, DiscordSettings
from core.events import ChannelRef, Platform
from tests.platforms.discord_server.server import FakeDiscord
from tests.support.looked import chosen, found, states


def config_for(discord: FakeDiscord, tmp_path, **more):
    settings = {
        "token": SecretStr(discord.token),
        "api_base_url": discord.api_base_url,
        **more,
    }
    return Config(data_dir=tmp_path, discord=DiscordSettings(**settings))


async def test_without_a_token_it_is_off(tmp_path):
    items = await found(on_discord.look, Config(data_dir=tmp_path))
    assert states(items) == [("ok", "discord")]


async def test_a_good_token_logs_in_and_needs_no_intent(tmp_path):
    async with FakeDiscord() as discord:
        items = await found(on_discord.look, config_for(discord, tmp_path))
        assert states(items) == [("ok", "discord"), ("ok", "intents")]
        assert "Lorekeeper" in items[0].text
        assert not discord.gateway.connected


async def test_a_token_that_is_not_taken_is_a_failure_with_its_mending(tmp_path):
    async with FakeDiscord() as discord:
        bad = SecretStr("MTAw.Gabcde.notours")
        items = await found(on_discord.look, config_for(discord, tmp_path, token=bad))
    assert states(items) == [("failure", "discord")]
    assert "Reset Token" in items[0].fix
    assert "notours" not in items[0].text


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_a_setting_that_reads_every_message_asks_for_the_intent(tmp_path, language):
    channel = ChannelRef(Platform.DISCORD, "42")
    await chosen(tmp_path, channel, "auto_ingest", "yes", "library")
    async with FakeDiscord() as discord:
        items = await found(on_discord.look, config_for(discord, tmp_path), language)
    assert states(items) == [("ok", "discord"), ("warning", "intents")]
    assert "auto_ingest" in items[1].text
    assert "library" in items[1].text
    assert items[1].fix.startswith("discord.message_content = true")
    assert "Message Content Intent" in items[1].fix


async def test_where_discord_grants_it_already_only_the_key_is_asked_for(tmp_path):
    await chosen(tmp_path, ChannelRef(Platform.DISCORD, "42"), "speaks", "questions")
    async with FakeDiscord(privileged=["message_content"]) as discord:
        items = await found(on_discord.look, config_for(discord, tmp_path))
    assert items[1].fix == "discord.message_content = true"


async def test_settings_of_the_other_platform_ask_for_nothing_here(tmp_path):
    await chosen(tmp_path, ChannelRef(Platform.TELEGRAM, "42"), "speaks", "questions")
    async with FakeDiscord() as discord:
        items = await found(on_discord.look, config_for(discord, tmp_path))
    assert states(items) == [("ok", "discord"), ("ok", "intents")]


@pytest.mark.parametrize(("privileged", "state"), [((), "warning"), (("message_content",), "ok")])
async def test_an_intent_that_is_asked_for_is_looked_up(tmp_path, privileged, state):
    async with FakeDiscord(privileged=privileged) as discord:
        config = config_for(discord, tmp_path, message_content=True)
        items = await found(on_discord.look, config)
    assert states(items) == [("ok", "discord"), (state, "intents")]


async def test_where_discord_cannot_be_reached_nothing_is_said_of_the_token(tmp_path):
    async with FakeDiscord() as discord:
        config = config_for(discord, tmp_path)
    items = await found(on_discord.look, config)
    assert states(items) == [("failure", "discord")]
    assert "cannot be told" in items[0].text
    assert "nothing answers there" in items[0].text
