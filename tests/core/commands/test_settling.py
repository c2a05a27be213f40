from __future__ import annotations

import math
from dataclasses import replace

import pytest

from core.channel_settings import SETTINGS
from core.events import Author, ChannelRef, ConversationRef, Platform, ServerRef
from core.helpers import Helpers
from core.ports import Standing
from tests.support.commanding import ADMIN, MEMBER, MODERATOR, OWNER, open_hall, spoken, whispered

TOWN = spoken("").conversation.channel
SERVER_ADMIN = Author("sue", "Sue", is_channel_admin=True, is_server_admin=True)


@pytest.fixture
async def hall(tmp_path):
    async with open_hall(tmp_path) as hall:
        yield hall


async def test_every_setting_is_listed_with_what_holds(hall):
    said = await hall.types("/settings", ADMIN)
    for setting in SETTINGS:
        assert f"(`{setting.key}`)" in said.text
    assert "- who teaches me (`teachers`): moderators" in said.text


async def test_every_setting_with_choices_has_a_menu_on_some_page(hall):
    labels: set[str | None] = set()
    said = await hall.types("/settings", ADMIN)
    for _page in range(4):
        assert len(said.menus) <= 5
        for menu in said.menus:
            assert len(menu.buttons) <= 25
            for button in menu.buttons:
                assert len(button.action) <= 40
                assert button.action.isascii()
            labels.add(menu.label)
        turn = said.menus[-1].buttons[0].action.removeprefix("set:page:")
        said = await hall.slash("settings", ADMIN, name="page", value=turn)
    assert labels >= {setting.label for setting in SETTINGS if setting.choices}
    assert "model" in labels


async def test_choosing_in_a_menu_holds_at_once_and_shows_it(hall):
    said = await hall.types("/settings", ADMIN)
    menu = next(menu for menu in said.menus if menu.label == "who teaches me")
    assert menu.chosen == "set:teachers:moderators"
    shown = await hall.press("set:teachers:everyone", ADMIN)
    assert shown.startswith("who teaches me (`teachers`): everyone")
    assert hall.channels.at(TOWN).teachers == "everyone"
    menu = next(m for m in hall.outbox.messages["m1"].menus if m.label == "who teaches me")
    assert menu.chosen == "set:teachers:everyone"


async def test_only_admins_choose_also_by_a_button_that_somebody_else_was_shown(hall):
    assert (await hall.types("/settings", MODERATOR)).failed
    assert await hall.press("set:teachers:everyone", MEMBER) == "…"
    assert await hall.press("setup:teachers:everyone", MODERATOR) == "…"
    assert hall.channels.at(TOWN).teachers == "moderators"


async def test_values_are_typed_too_and_wrong_ones_told(hall):
    assert (
        "relevance needed (`threshold`): `0.45`"
        in (await hall.types("/settings threshold 45%", ADMIN)).text
    )
    assert (await hall.types("/settings threshold high", ADMIN)).failed
    told = await hall.types("/settings treshold 0.4", ADMIN)
    assert "`threshold`" in told.text
    await hall.types("/settings persona Speak like a pirate, please.", ADMIN)
    assert hall.channels.at(TOWN).persona == "Speak like a pirate, please."
    await hall.types("/settings threshold default", ADMIN)
    assert hall.channels.at(TOWN).threshold is None


async def test_a_setting_alone_shows_its_own_menu(hall):
    said = await hall.types("/settings language", ADMIN)
    assert [menu.label for menu in said.menus] == ["language"]


async def test_settings_speak_chinese(hall):
    said = await hall.types("/settings", ADMIN, locale="zh-CN")
    assert said.text.startswith("这里的设置：")
    said = await hall.types("/settings language zh", ADMIN)
    assert (await hall.types("/settings", ADMIN)).text.startswith("这里的设置：")


async def test_a_server_is_set_by_who_administers_it(hall):
    server = ServerRef(Platform.DISCORD, "9")
    assert (await hall.types("/settings where:server teachers everyone", ADMIN)).failed
    said = await hall.types("/settings where:server teachers everyone", SERVER_ADMIN)
    assert not said.failed
    assert hall.channels.chosen(server) == {"teachers"}
    assert hall.channels.of(spoken("")).teachers == "everyone"


async def test_a_log_channel_is_one_of_the_same_server(hall):
    said = await hall.types("/settings log_channel 12345", ADMIN)
    assert said.failed
    assert hall.channels.at(TOWN).log_channel is None
    assert not (await hall.types("/settings log_channel here", ADMIN)).failed
    assert hall.channels.at(TOWN).log_channel == "town"


async def test_helpers_are_a_place_a_role_or_both(hall):
    await hall.types("/settings helpers here", ADMIN)
    assert hall.channels.at(TOWN).helpers == Helpers("town")
    await hall.types("/settings helpers <@&77>", ADMIN)
    assert hall.channels.at(TOWN).helpers == Helpers(role_id="77")
    said = await hall.types("/settings helpers here <@&77>", ADMIN, locale="zh-CN")
    assert "帮手 (`helpers`): `town @77`" in said.text
    assert hall.channels.at(TOWN).helpers == Helpers("town", role_id="77")
    await hall.types("/settings helpers default", ADMIN)
    assert hall.channels.at(TOWN).helpers is None


async def test_helpers_here_are_those_of_this_very_thread(hall):
    message = spoken("/settings helpers here", ADMIN)
    in_thread = replace(message.conversation, thread_id="7")
    await hall.reply(replace(message, conversation=in_thread))
    assert hall.channels.at(TOWN).helpers == Helpers("town", "7")


async def test_helpers_elsewhere_are_where_the_admin_administers_too(hall):
    message = spoken("hello", ADMIN)
    office = ConversationRef(ChannelRef(Platform.DISCORD, "office"))
    place = replace(message.place, channel_name="staff")
    await hall.sightings.saw(replace(message, conversation=office, place=place))
    for standing in (None, Standing(can_read=True)):
        if standing is not None:
            hall.outbox.standings["ann", "office"] = standing
        assert (await hall.types("/settings helpers staff", ADMIN)).failed
    assert hall.channels.at(TOWN).helpers is None
    hall.outbox.standings["ann", "office"] = Standing(can_read=True, is_channel_admin=True)
    said = await hall.types("/settings helpers staff", ADMIN)
    assert "helpers (`helpers`): `office`" in said.text
    assert hall.channels.at(TOWN).helpers == Helpers("office")


@pytest.mark.parametrize("value", ["nowhere", "12345/6", "here <@&9>", "<@&9>", "town/99"])
async def test_helpers_are_no_unknown_place_nor_everybody(hall, value):
    assert (await hall.types(f"/settings helpers {value}", ADMIN)).failed
    assert hall.channels.at(TOWN).helpers is None


async def test_privacy_tells_of_the_helpers_where_there_are_some(hall):
    assert "Ask the team" not in (await hall.types("/privacy", MEMBER)).text
    await hall.types("/settings helpers here", ADMIN)
    assert "Ask the team" in (await hall.types("/privacy", MEMBER)).text
    assert "问问团队" in (await hall.types("/privacy", MEMBER, locale="zh-CN")).text


async def test_there_are_no_helpers_in_a_private_chat(hall):
    said = await hall.reply(whispered("/settings helpers here", MEMBER))
    assert said.failed


async def test_a_new_channel_is_set_up_in_a_few_menus(hall):
    said = await hall.types("/setup", ADMIN)
    labels = [menu.label for menu in said.menus]
    assert labels == ["language", "where I speak", "who teaches me", "log channel", "helpers"]
    assert all(menu.chosen is not None for menu in said.menus)
    assert "drop a file here" in said.text
    shown = await hall.press("setup:language:zh", ADMIN)
    assert "把文件发到这里" in shown
    assert hall.channels.at(TOWN).language == "zh"
    assert hall.outbox.messages["m1"].menus[0].chosen == "setup:language:zh"


async def test_a_private_chat_is_set_up_by_its_member(hall):
    said = await hall.reply(whispered("/setup", MEMBER))
    assert "Then drop a file here: I learn it at once." in said.text


async def test_the_model_of_a_channel_is_kept(hall):
    said = await hall.types("/model SmolLM2", ADMIN)
    assert "`smollm2`" in said.text
    assert hall.channels.at(TOWN).engine == "smollm2"
    listed = await hall.types("/model", ADMIN)
    assert "`smollm2` answers here. You can choose from: `scripted`, `smollm2`." in listed.text
    assert listed.menus[0].chosen == "set:engine:smollm2"
    told = await hall.types("/model gpt", ADMIN)
    assert told.text == "There is no model `gpt` here. You can choose from: `scripted`, `smollm2`."
    assert (await hall.types("/model smollm2", MEMBER)).failed


async def test_moderators_pause_and_resume(hall):
    said = await hall.types("/pause 30", MODERATOR)
    assert said.text.startswith("I am silent until ")
    assert hall.channels.at(TOWN).paused_until is not None
    assert await hall.press(said.buttons["Answer again"], MODERATOR) == "I answer again."
    assert hall.channels.at(TOWN).paused_until is None
    assert (await hall.types("/pause 0", MODERATOR)).text == "I was not paused."
    said = await hall.types("/pause", MODERATOR)
    assert said.text == "I am silent until somebody says `/pause 0`."
    assert math.isinf(hall.channels.at(TOWN).paused_until or 0)
    assert (await hall.types("/pause", MEMBER)).failed


async def test_more_than_a_channel_is_paused_by_who_may(hall):
    assert (await hall.types("/pause where:server 5", ADMIN)).failed
    assert not (await hall.types("/pause where:server 5", SERVER_ADMIN)).failed
    assert (await hall.types("/pause where:everywhere 5", SERVER_ADMIN)).failed
    assert not (await hall.types("/pause where:everywhere 5", OWNER)).failed


@pytest.mark.parametrize("minutes", ["-5", "x", "1.5"])
async def test_a_pause_takes_whole_minutes(hall, minutes):
    said = await hall.types(f"/pause {minutes}", MODERATOR)
    assert said.failed
    assert hall.channels.at(TOWN).paused_until is None
