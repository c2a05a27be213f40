from __future__ import annotations

import math
from dataclasses import fields, replace

import pytest

from core.channel_settings import (
    SETTINGS,
    ChannelSettings,
    changed,
    setting_named,
    written,
)
from core.channels import Channels
from core.database import Database
from core.errors import BadSettingError, UnknownSettingError
from core.events import ChannelRef, Place, Platform, ServerRef
from core.helpers import Helpers
from core.language import words
from tests.support.places import posted, said, whispered

TOWN = ChannelRef(Platform.DISCORD, "town")
SERVER = ServerRef(Platform.DISCORD, "s1")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def database(tmp_path):
    async with Database.open(tmp_path / "lorekeeper.db") as database:
        yield database


def test_every_setting_has_a_row_and_only_pausing_has_none():
    rows = {setting.key for setting in SETTINGS}
    assert rows == {field.name for field in fields(ChannelSettings)} - {"paused_until"}


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.key)
def test_every_choice_of_a_menu_is_taken_and_written_back_as_it_was(setting):
    assert words("zh")(setting.label) != setting.label
    for choice in setting.choices:
        settings = changed(ChannelSettings(), setting.key, choice.value)
        assert written(settings, setting.key) == choice.value
        assert changed(ChannelSettings(), setting.key, written(settings, setting.key)) == settings


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("language", "klingon"),
        ("threshold", "1.2"),
        ("threshold", "nan"),
        ("threshold", "high"),
        ("passages", "0"),
        ("passages", "2.5"),
        ("passages", "inf"),
        ("speaks", "always"),
        ("auto_ingest", "maybe"),
        ("persona", "x" * 1001),
        ("log_channel", "discord:@eve"),
        ("log_channel", ""),
        ("place", "moon"),
        ("helpers", ""),
        ("helpers", "42 7"),
        ("helpers", "@everyone"),
        ("helpers", "42/7/1"),
    ],
)
async def test_a_value_that_a_setting_does_not_take_changes_nothing(database, key, value):
    channels = Channels(database)
    with pytest.raises(BadSettingError):
        await channels.change(TOWN, key, value)
    assert channels.of(said("town")) == ChannelSettings()


def test_values_are_read_as_people_write_them():
    assert changed(ChannelSettings(), "threshold", "35%").threshold == 0.35
    assert changed(ChannelSettings(), "Auto-Ingest", "开").auto_ingest
    assert changed(ChannelSettings(), "log channel", "<#42>").log_channel == "42"


@pytest.mark.parametrize(
    ("text", "helpers"),
    [
        ("42", Helpers("42")),
        ("-100123/7", Helpers("-100123", "7")),
        ("42 @9", Helpers("42", role_id="9")),
        ("42/7 @9", Helpers("42", "7", "9")),
        ("@9", Helpers(role_id="9")),
    ],
)
def test_helpers_are_kept_as_text(text, helpers):
    settings = changed(ChannelSettings(), "helpers", text)
    assert settings.helpers == helpers
    assert written(settings, "helpers") == text


def test_an_unknown_setting_names_the_nearest():
    with pytest.raises(UnknownSettingError) as caught:
        setting_named("langage")
    assert caught.value.near == ("language",)


async def test_what_was_chosen_outlives_a_restart_and_holds_there_alone(database):
    channels = Channels(database)
    await channels.change(TOWN, "persona", "A pirate.")
    await channels.change(TOWN, "threshold", "0.4")
    again = Channels(database)
    await again.load()
    assert again.of(said("town")) == ChannelSettings(persona="A pirate.", threshold=0.4)
    assert again.of(said("elsewhere")) == ChannelSettings()
    assert again.of(posted("town")) == ChannelSettings()


async def test_a_channel_follows_its_server_until_it_chooses_for_itself(database):
    channels = Channels(database)
    await channels.change(SERVER, "language", "zh")
    await channels.change(TOWN, "language", "en")
    assert channels.of(said("town")).language == "en"
    assert channels.of(said("other")).language == "zh"
    assert channels.of(said("other", server="s2")).language == "auto"
    assert channels.of(whispered()).language == "auto"
    assert channels.chosen(TOWN) == {"language"}
    await channels.change(TOWN, "language", None)
    assert channels.of(said("town")).language == "zh"


async def test_a_private_thread_follows_the_channel_it_was_opened_in(database):
    channels = Channels(database)
    await channels.change(TOWN, "teachers", "everyone")
    assert channels.of(said("thread", place=Place(parent=TOWN))).teachers == "everyone"


async def test_what_another_version_stored_and_nobody_understands_is_left_alone(database):
    async with database.transaction() as connection:
        await connection.execute(
            "INSERT INTO settings VALUES ('discord', 'channel', 'town', 'mood', 'blue'),"
            " ('discord', 'channel', 'town', 'speaks', 'everywhere'),"
            " ('discord', 'channel', 'town', 'passages', '8')"
        )
    channels = Channels(database)
    await channels.load()
    assert channels.of(said("town")) == ChannelSettings(passages=8)


async def test_a_pause_ends_by_itself_or_by_being_ended(database):
    clock = Clock()
    channels = Channels(database, clock=clock)
    assert await channels.pause(TOWN, 10) == 1600
    assert channels.of(said("town")).is_paused(clock.now)
    assert not channels.of(said("other")).is_paused(clock.now)
    clock.now = 1601
    assert not channels.of(said("town")).is_paused(clock.now)
    await channels.pause(SERVER)
    await channels.pause(None, 1)
    assert channels.of(said("town")).paused_until == math.inf
    assert channels.of(whispered()).paused_until == 1661
    assert await channels.resume(SERVER)
    assert not await channels.resume(SERVER)
    again = Channels(database, clock=clock)
    await again.load()
    assert again.of(said("town")).paused_until == 1661


async def test_a_group_that_is_its_own_server_has_one_set_of_settings(database):
    channels = Channels(database)
    await channels.change(ServerRef(Platform.TELEGRAM, "-100"), "language", "zh")
    assert channels.of(replace(posted("-100"))).language == "auto"
