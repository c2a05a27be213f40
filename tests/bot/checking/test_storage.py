"""What `check` says of the data directory and of the configuration."""

from __future__ import annotations

import asyncio
import shutil
from collections import namedtuple

import pytest
from pydantic import SecretStr

from bot.checking import configured, storage
from bot.settings import Config, DiscordSettings, WebSettings
from core.language import Later
from core.settings import AdmissionSettings
from knowledge_base.leases import Lease
from tests.support.looked import found, states

Usage = namedtuple("Usage", "total used free")


async def test_a_folder_that_is_not_there_is_not_made(tmp_path):
    folder = tmp_path / "a" / "中文 data"
    items = await found(storage.look, Config(data_dir=folder))
    assert states(items) == [("ok", "disk")]
    assert list(tmp_path.iterdir()) == []


async def test_a_place_that_cannot_be_written_is_a_failure(tmp_path):
    (tmp_path / "file").write_text("")
    items = await found(storage.look, Config(data_dir=tmp_path / "file" / "data"))
    assert states(items) == [("failure", "disk")]
    assert "data_dir" in items[0].fix


@pytest.mark.parametrize(("free", "state"), [(6, "ok"), (4, "failure")])
async def test_a_full_disk_is_a_failure(tmp_path, monkeypatch, free, state):
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(100, 100 - free, free))
    items = await found(storage.look, Config(data_dir=tmp_path))
    assert states(items) == [(state, "disk")]
    assert f"({free} %)" in items[0].text


async def test_another_process_on_the_data_is_told_and_no_failure(tmp_path):
    lease = await asyncio.to_thread(Lease.take, tmp_path / "processes")
    try:
        items = await found(storage.look, Config(data_dir=tmp_path))
        assert states(items) == [("ok", "disk"), ("ok", "disk")]
    finally:
        lease.release()
    assert states(await found(storage.look, Config(data_dir=tmp_path))) == [("ok", "disk")]


async def test_a_token_without_owner_or_operator_is_doubtful(tmp_path):
    discord = DiscordSettings(token=SecretStr("t"))
    items = await found(configured.look, Config(data_dir=tmp_path, discord=discord))
    assert states(items)[:3] == [("ok", "configuration")] + 2 * [("warning", "configuration")]
    assert items[1].fix == 'owners = ["discord:YOUR_ID"]'
    config = Config(
        data_dir=tmp_path,
        discord=discord,
        operator="Ada, ada@example.org",
        admission=AdmissionSettings(policy="open"),
    )
    assert {item.state for item in await found(configured.look, config)} == {"ok"}


async def test_a_variable_that_is_named_and_not_set_is_to_be_set(tmp_path):
    text = "{key} names {variable}, which is not set"
    remark = Later(text, key="discord.token_env", variable="DISCORD_TOKEN")
    items = await found(configured.look, Config(data_dir=tmp_path, remarks=(remark,)))
    assert ("warning", "configuration") in states(items)
    assert items[1].text == "discord.token_env names DISCORD_TOKEN, which is not set"
    assert items[1].fix == "DISCORD_TOKEN=…"


async def test_an_open_console_without_a_login_is_a_failure(tmp_path):
    pytest.importorskip("gradio")
    config = Config(data_dir=tmp_path, web=WebSettings(host="0.0.0.0"))
    assert states(await found(configured.look, config))[-1] == ("failure", "console")
    web = WebSettings(host="0.0.0.0", password=SecretStr("word"))
    config = Config(data_dir=tmp_path, web=web)
    assert states(await found(configured.look, config))[-1] == ("ok", "console")


async def test_nothing_to_serve_is_a_failure(tmp_path):
    config = Config(data_dir=tmp_path, web=WebSettings(enabled=False))
    assert states(await found(configured.look, config))[-1] == ("failure", "configuration")
