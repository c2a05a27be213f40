"""What `check` says of Telegram, asked of a local one."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import httpx2
import pytest
from pydantic import SecretStr

from bot.checking import on_telegram
from bot.settings import Config, TelegramSettings
from core.events import ChannelRef, Platform
from knowledge_base.leases import Lease
from tests.platforms.telegram_server.server import FakeTelegram
from tests.support.looked import chosen, found, states


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr(on_telegram, "_LISTEN_SECONDS", 1)


def config_for(telegram: FakeTelegram, tmp_path, **more):
    settings = {
        "token": SecretStr(telegram.token),
        "api_base_url": telegram.api_base_url,
        "file_base_url": telegram.file_base_url,
        **more,
    }
    return Config(data_dir=tmp_path, telegram=TelegramSettings(**settings))


async def test_a_good_token_logs_in_and_privacy_mode_harms_nothing(tmp_path):
    async with FakeTelegram() as telegram:
        ada = telegram.user("Ada")
        ada.start()
        waiting = len(telegram.bot.updates.pending)
        items = await found(on_telegram.look, config_for(telegram, tmp_path))
        assert states(items) == [("ok", "telegram"), ("ok", "privacy")]
        assert "@lorekeeper_bot" in items[0].text
        assert len(telegram.bot.updates.pending) == waiting > 0


@pytest.mark.parametrize("token", ["123456:notours", "nonsense"])
async def test_a_token_that_is_not_taken_is_a_failure_with_its_mending(tmp_path, token):
    async with FakeTelegram() as telegram:
        config = config_for(telegram, tmp_path, token=SecretStr(token))
        items = await found(on_telegram.look, config)
    assert states(items) == [("failure", "telegram")]
    assert "BotFather" in items[0].fix
    assert token not in items[0].text


@pytest.mark.parametrize(("private", "state"), [(True, "warning"), (False, "ok")])
async def test_a_setting_that_reads_every_message_needs_privacy_mode_off(tmp_path, private, state):
    channel = ChannelRef(Platform.TELEGRAM, "-100")
    await chosen(tmp_path, channel, "speaks", "questions", "Readers")
    async with FakeTelegram(privacy_mode=private) as telegram:
        items = await found(on_telegram.look, config_for(telegram, tmp_path))
    assert states(items) == [("ok", "telegram"), (state, "privacy")]
    if private:
        assert "Readers" in items[1].text
        assert "/setprivacy" in items[1].fix


async def test_a_webhook_of_somebody_else_is_told(tmp_path):
    async with FakeTelegram() as telegram:
        await telegram.bot.updates.set_webhook("https://other.example/hook", "", drop=False)
        items = await found(on_telegram.look, config_for(telegram, tmp_path))
        assert states(items) == [("ok", "telegram"), ("warning", "telegram"), ("ok", "privacy")]
        assert "other.example" in items[1].text
        assert telegram.bot.updates.webhook_url


@asynccontextmanager
async def polling(telegram: FakeTelegram):
    """Another program with the same token, which asks again whenever it is thrown out."""

    async def poll() -> None:
        async with httpx2.AsyncClient(trust_env=False, timeout=60) as client:
            while True:
                await client.get(f"{telegram.api_base_url}{telegram.token}/getUpdates?timeout=50")

    task = asyncio.create_task(poll())
    try:
        await telegram.wait_for(lambda: telegram.bot.updates.polls or None)
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_another_program_that_polls_is_found(tmp_path):
    async with FakeTelegram() as telegram, polling(telegram):
        items = await found(on_telegram.look, config_for(telegram, tmp_path))
    assert ("failure", "telegram") in states(items)
    assert any("Another program" in item.text and "revoke" in item.fix for item in items)


async def test_our_own_running_bot_is_not_disturbed(tmp_path):
    lease = await asyncio.to_thread(Lease.take, tmp_path / "processes")
    try:
        async with FakeTelegram() as telegram:
            items = await found(on_telegram.look, config_for(telegram, tmp_path))
            assert telegram.calls("getUpdates") == []
    finally:
        lease.release()
    assert states(items) == [("ok", "telegram"), ("ok", "privacy")]
