"""A configuration that is read again: what can be used is, what cannot changes nothing."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bot.config import load
from bot.reloading import Applied, Reloading, changes
from bot.settings import Config
from core.settings import LimitSettings
from tests.support.running import running


class Owners:
    def __init__(self) -> None:
        self.told: list[str] = []

    async def tell(self, text: str) -> bool:
        self.told.append(text)
        return True


@pytest.fixture
def owners() -> Owners:
    return Owners()


def reloading(file: Path, owners: Owners, used: list[Config]) -> Reloading:
    def load_it() -> Config:
        return load(file, {})

    return Reloading(load_it(), load_it, {"limits": used.append}, owners.tell)


async def test_what_can_be_used_at_once_is_and_the_rest_is_named(tmp_path, owners, caplog):
    file = tmp_path / "config.toml"
    file.write_text("[limits]\nquestions = 6\n", encoding="utf-8")
    used: list[Config] = []
    again = reloading(file, owners, used)
    file.write_text("[limits]\nquestions = 9\n[chat]\nhistory_turns = 7\n", encoding="utf-8")
    with caplog.at_level(logging.INFO):
        applied = await again.reload()
    assert applied == Applied(("limits.questions",), ("chat.history_turns",))
    assert [config.limits.questions for config in used] == [9]
    assert "only after a restart: chat.history_turns" in caplog.text
    assert owners.told == []
    # What waits is named until it is in use.
    assert await again.reload() == Applied((), ("chat.history_turns",))
    assert len(used) == 1


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("[limits\nquestions = 9\n", "line 1"),
        ("[limits]\nquestoins = 9\n", "questoins"),
        ("[limits]\nquestions = 'many'\n", "limits.questions"),
        ("", "config.toml"),
    ],
)
async def test_what_cannot_be_used_leaves_the_old_settings_and_is_told(
    tmp_path, owners, caplog, broken, said
):
    file = tmp_path / "config.toml"
    file.write_text("[limits]\nquestions = 6\n", encoding="utf-8")
    used: list[Config] = []
    again = reloading(file, owners, used)
    if broken:
        file.write_text(broken, encoding="utf-8")
    else:
        file.unlink()
    assert await again.reload() is None
    assert used == []
    assert again.config.limits.questions == 6
    (told,) = owners.told
    assert "I go on with the old one" in told
    assert said in caplog.text


async def test_all_problems_are_counted_and_it_is_told_when_they_are_over(tmp_path, owners):
    file = tmp_path / "config.toml"
    file.write_text("[limits]\nquestions = 6\n", encoding="utf-8")
    again = reloading(file, owners, [])
    file.write_text("[limits]\nquestoins = 9\n[chatt]\nx = 1\n", encoding="utf-8")
    assert await again.reload() is None
    assert owners.told[0].endswith("` (and 1 more, which the log names)")
    changed = "[limits]\nquestions = 9\n[chat]\nhistory_turns = 7\n"
    file.write_text(changed, encoding="utf-8")
    await again.reload()
    assert owners.told[1:] == [
        "✅ The configuration can be used again. In use from now on: `limits.questions`. "
        "Only after a restart: `chat.history_turns`."
    ]
    await again.reload()
    assert len(owners.told) == 2


def test_changes_are_named_by_their_keys():
    old = Config()
    new = replace(old, limits=LimitSettings(questions=1), owners=("discord:1",))
    assert sorted(changes(old, new)) == ["limits.questions", "owners"]
    assert list(changes(old, Config())) == []


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGHUP")
def test_a_bot_that_serves_goes_on_after_a_broken_configuration(tmp_path):
    file = tmp_path / "config.toml"
    plain = "[knowledge]\nfolders = {}\n"
    file.write_text(plain, encoding="utf-8")

    def says(words: str) -> None:
        until = time.monotonic() + 60
        while words not in bot.log.read_text(encoding="utf-8"):
            assert time.monotonic() < until, bot.log.read_text(encoding="utf-8")
            time.sleep(0.05)

    with running(tmp_path) as bot:
        file.write_text("[limits\n", encoding="utf-8")
        os.kill(bot.process.pid, signal.SIGHUP)
        says("the configuration cannot be used, the old one stays")
        file.write_text(plain + "[limits]\nquestions = 7\n", encoding="utf-8")
        os.kill(bot.process.pid, signal.SIGHUP)
        says("in use from now on: limits.questions")
        # One that is gone is no wish for the defaults, also where nobody named it.
        file.unlink()
        os.kill(bot.process.pid, signal.SIGHUP)
        says("config.toml: there is no such file")
        assert bot.process.poll() is None
        assert bot.stop() == 0
