"""Which key a way out stands under: the line that mends it names that one."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest
from pydantic import SecretStr

from bot.checking import on_discord, on_telegram
from bot.settings import Config, DiscordSettings, NetworkSettings, TelegramSettings
from tests.support.looked import found, states

TOKEN = SecretStr("1:notours")


@pytest.fixture
def nothing():
    """The address of a proxy that is not there."""
    with closing(socket.socket()) as own:
        own.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{own.getsockname()[1]}"


@pytest.mark.parametrize("is_own", [True, False])
async def test_a_surfaces_own_proxy_is_mended_under_its_own_key(is_own, nothing, tmp_path):
    own = nothing if is_own else None
    config = Config(
        data_dir=tmp_path,
        network=NetworkSettings(proxy=None if is_own else nothing),
        discord=DiscordSettings(
            token=TOKEN, proxy=own, api_base_url="http://discord.invalid/api/v10"
        ),
        telegram=TelegramSettings(
            token=TOKEN, proxy=own, api_base_url="http://telegram.invalid/bot"
        ),
    )
    for look, section in ((on_discord.look, "discord"), (on_telegram.look, "telegram")):
        items = await found(look, config)
        assert states(items) == [("failure", section)]
        key = f"{section}.proxy" if is_own else "network.proxy"
        assert items[0].fix.startswith(f"{key} = ")
        assert "notours" not in items[0].text
