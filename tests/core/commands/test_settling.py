from __future__ import annotations

import math
from dataclasses import replace

import pytest

from core.channel_settings import SETTINGS
from core.engines.queue import Asker
from core.errors import ForbiddenError
from core.events import (
    Author,
    ChannelRef,
    ConversationRef,
    Invocation,
    Place,
    Platform,
    ServerRef,
)
from core.helpers import Helpers
from core.ports import Lacking, Right, Standing
from core.replies import Usage
from core.settings import EngineSettings
from tests.support.commanding import (
    ADMIN,
    MEMBER,
    MODERATOR,
    OTHER,
    OWNER,
    open_hall,
    spoken,
    whispered,
)

TOWN = spoken("").conversation.channel
SERVER = ServerRef(Platform.DISCORD, "9")
PRICED = EngineSettings(input_price=1.0, output_price=10.0, daily_cap=5.0)
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
    assert "helpers (`helpers`): `staff`" in said.text
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
    *menus, turn = said.menus
    assert [menu.label for menu in menus] == [
        "language",
        "where I speak",
        "who teaches me",
        "log channel",
    ]
    assert all(menu.chosen is not None for menu in menus)
    assert [button.action for button in turn.buttons] == ["setup:page:1"]
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


async def test_the_second_page_of_set_up_has_the_helpers(hall):
    await hall.press("setup:page:1", ADMIN)
    menus = hall.outbox.messages["m1"].menus
    assert [menu.label for menu in menus] == ["helpers", None]


async def test_who_administers_the_server_chooses_for_all_of_it_in_menus(hall):
    said = await hall.types("/setup", SERVER_ADMIN)
    assert said.buttons["For the whole server"] == "setups:page:0"
    shown = await hall.press("setups:page:0", SERVER_ADMIN)
    assert shown.startswith("How shall I be in this server?")
    teachers = next(m for m in hall.outbox.messages["m1"].menus if m.label == "who teaches me")
    assert "setups:teachers:everyone" in [button.action for button in teachers.buttons]
    shown = await hall.press("setups:teachers:everyone", SERVER_ADMIN)
    assert shown.startswith("who teaches me (`teachers`): everyone")
    assert hall.channels.chosen(SERVER) == {"teachers"}
    assert hall.channels.chosen(TOWN) == frozenset()
    said = await hall.types("/settings", ADMIN)
    assert "- who teaches me (`teachers`): everyone (from the server)" in said.text


async def test_what_a_channel_chose_is_taken_back_to_what_the_server_has(hall):
    await hall.press("sets:teachers:everyone", SERVER_ADMIN)
    await hall.press("set:teachers:review", ADMIN)
    said = await hall.types("/settings teachers", ADMIN)
    assert said.buttons["as in the server"] == "set:teachers:default"
    shown = await hall.press("set:teachers:default", ADMIN)
    assert shown.startswith("who teaches me (`teachers`): everyone (from the server)")


@pytest.mark.parametrize("action", ["sets:teachers:everyone", "setups:speaks:off", "sets:page:0"])
async def test_a_channels_admin_chooses_nothing_for_the_server(hall, action):
    assert "For the whole server" not in (await hall.types("/settings", ADMIN)).buttons
    assert await hall.press(action, ADMIN) == "…"
    assert hall.channels.chosen(SERVER) == frozenset()


async def test_every_action_of_every_page_fits_for_channel_and_server(hall):
    for prefix, pages in (("set", 4), ("sets", 4), ("setup", 2), ("setups", 2)):
        for page in range(pages):
            await hall.press(f"{prefix}:page:{page}", SERVER_ADMIN)
            shown = list(hall.outbox.messages.values())[-1]
            assert len(shown.menus) <= 5
            assert all(
                action.startswith((f"{prefix}:", f"{prefix.removesuffix('s')}:", f"{prefix}s:"))
                for action in shown.actions
            )


@pytest.mark.parametrize("value", ["local", "own", "outside"])
async def test_how_far_out_a_model_may_be_is_picked(hall, value):
    said = await hall.types("/settings place", ADMIN)
    assert f"set:place:{value}" in said.buttons.values()
    await hall.press(f"set:place:{value}", ADMIN)
    assert hall.channels.at(TOWN).place == value
    assert (await hall.types("/settings place moon", ADMIN)).failed


@pytest.mark.parametrize(
    ("key", "written", "held"),
    [("threshold", "35%", 0.35), ("passages", "7", 7), ("persona", "Kind.", "Kind.")],
)
async def test_numbers_and_the_persona_are_written_in_a_form(hall, key, written, held):
    asked = spoken("", ADMIN, command=Invocation("settings", {"name": key, "value": "?"}))
    form = await hall.assistant.form_of(asked)
    (field,) = form.fields
    sent = {"token": form.token, field.name: written}
    said = await hall.slash("form", ADMIN, **sent)
    assert not said.failed
    assert getattr(hall.channels.at(TOWN), key) == held
    again = await hall.assistant.form_of(asked)
    assert again.fields[0].value in (written, str(held))
    await hall.slash("form", ADMIN, token=again.token, value="")
    assert hall.channels.chosen(TOWN) == frozenset()


async def test_a_form_for_the_server_is_for_who_administers_it(hall):
    options = {"name": "persona", "value": "?", "where": "server"}
    for who in (ADMIN, SERVER_ADMIN):
        asked = spoken("", who, command=Invocation("settings", options))
        form = await hall.assistant.form_of(asked)
        assert (form is None) == (who is ADMIN)
    await hall.reply(
        spoken("", SERVER_ADMIN, command=Invocation("form", {"token": form.token, "value": "Hi."}))
    )
    assert hall.channels.of_server(SERVER).persona == "Hi."
    assert hall.channels.chosen(TOWN) == frozenset()


async def test_what_a_number_may_be_is_told_after_the_form_too(hall):
    asked = spoken("", ADMIN, command=Invocation("settings", {"name": "passages", "value": "?"}))
    form = await hall.assistant.form_of(asked)
    said = await hall.slash("form", ADMIN, token=form.token, value="many")
    assert said.failed
    assert "1 … 20" in said.text


async def test_what_was_chosen_is_told_in_the_log_channel_and_kept(hall):
    await beside(hall, "office", "staff")
    hall.outbox.within["office", "town"] = True
    await hall.types("/settings log_channel office", ADMIN)
    await hall.types("/settings persona Speak of secret things.", ADMIN)
    await hall.types("/pause 5", MODERATOR)
    told = [m.text for m in hall.outbox.messages.values() if m.channel == "office"]
    assert told == [
        "`town`: `Ann` changed a setting: `log_channel = office`.",
        "`town`: `Ann` changed a setting: `persona`.",
        "`town`: `Mo` paused me: `channel, 5 min`.",
    ]
    kept = await hall.resources.moderation.audit.of_channel(TOWN)
    assert [(e.act, e.author_id, e.about) for e in kept] == [
        ("paused", "mo", "channel, 5 min"),
        ("setting", "ann", "persona"),
        ("setting", "ann", "log_channel = office"),
    ]
    said = await hall.types("/stats", ADMIN)
    assert "`Mo` paused me" in said.text
    assert "secret" not in said.text


async def test_a_log_channel_that_others_read_is_refused(hall):
    await beside(hall, "plaza", "plaza")
    hall.outbox.within["plaza", "town"] = False
    said = await hall.types("/settings log_channel plaza", ADMIN)
    assert said.text.startswith("People can read `Fair / plaza` who cannot read this channel.")
    assert hall.channels.at(TOWN).log_channel is None


async def test_a_log_channel_that_was_opened_to_others_is_told_nothing_more(hall):
    await beside(hall, "office", "staff")
    hall.outbox.within["office", "town"] = True
    await hall.types("/settings log_channel office", ADMIN)
    hall.outbox.within["office", "town"] = False
    await hall.types("/settings teachers everyone", ADMIN)
    told = [m.text for m in hall.outbox.messages.values() if m.channel == "office"]
    assert len(told) == 1


async def test_a_log_channel_that_takes_nothing_is_told_at_once(hall):
    hall.outbox.refuse("send", ForbiddenError(spoken("").conversation))
    said = await hall.types("/settings log_channel here", ADMIN)
    assert "I cannot write there" in said.text


async def test_another_group_is_a_log_channel_for_who_administers_both(hall):
    group = {"server_id": "town", "place": Place("town")}
    other = ConversationRef(ChannelRef(Platform.DISCORD, "crew"))
    seen = spoken("hi", ADMIN, conversation=other, server_id="crew", place=Place("crew"))
    await hall.sightings.saw(seen)
    assert (await hall.types("/settings log_channel crew", ADMIN, **group)).failed
    hall.outbox.standings["ann", "crew"] = Standing(can_read=True, is_channel_admin=True)
    assert not (await hall.types("/settings log_channel crew", ADMIN, **group)).failed
    assert hall.channels.at(TOWN).log_channel == "crew"


async def test_missing_permissions_are_named_by_channel_in_words(hall):
    rights = (Right.WRITE, Right.SEND_FILES)
    hall.outbox.lacks = [Lacking(TOWN, "town", rights), Lacking(TOWN, "@everyone", (Right.READ,))]
    said = await hall.types("/setup", ADMIN)
    assert "- `town`: send messages, attach files\n- `@everyone`: see the channel\n" in said.text
    zh = await hall.types("/setup", ADMIN, locale="zh-CN")
    assert "- `town`: 发送消息、发送文件\n- `@everyone`: 查看频道\n" in zh.text


async def test_the_week_counts_questions_verdicts_and_gaps(hall):
    said = await hall.types("/stats", ADMIN)
    assert said.text == (
        "The last 7 days here:\n- 0 questions\n- answered: 0, refused: 0\n- 👍 0, 👎 0\n"
        "- gaps (refused, or 👎): 0"
    )
    assert (await hall.types("/stats", MODERATOR)).failed


async def test_costs_are_told_by_server_and_all_of_them_to_the_owner(hall):
    meter = hall.spending.meter("cloud", PRICED)
    for server, member in (("9", MEMBER), ("10", OTHER)):
        asker = Asker(TOWN, member.user_id, server_id=server)
        meter.hold(asker, Usage(0, 0)).settle(Usage(100_000, 10_000))
    server = spoken("", ADMIN).server_id
    assert server == "9"
    said = await hall.types("/stats", ADMIN)
    assert "What was asked in this server cost 0.2000 today and 0.2000 this month." in said.text
    assert "cloud" not in said.text
    owner = await hall.types("/stats", OWNER)
    assert "- `cloud`: 0.4000 of 5.00 today, 0.4000 this month" in owner.text
    assert "今天 0.4000（上限 5.00）" in (await hall.types("/stats", OWNER, locale="zh-CN")).text
    own = (await hall.types("/privacy", MEMBER)).text
    assert "yours this month, 0.2000." in own
    assert "yours this month, 0.0000." in (await hall.types("/privacy", ADMIN)).text


async def test_where_no_model_has_a_price_nothing_is_said_of_costs(hall):
    assert "cost" not in (await hall.types("/stats", OWNER)).text
    assert "cost" not in (await hall.types("/privacy", MEMBER)).text


async def beside(hall, channel_id, name):
    """Another channel of the same server in which somebody was seen."""
    message = spoken("hello", ADMIN)
    where = ConversationRef(ChannelRef(Platform.DISCORD, channel_id))
    place = replace(message.place, channel_name=name)
    await hall.sightings.saw(replace(message, conversation=where, place=place))


@pytest.mark.parametrize("key", ["helpers", "log_channel"])
async def test_channels_are_shown_by_their_names(hall, key):
    message = spoken("hello", ADMIN)
    office = ConversationRef(ChannelRef(Platform.DISCORD, "4711"))
    place = replace(message.place, channel_name="员工 staff")
    await hall.sightings.saw(replace(message, conversation=office, place=place))
    hall.outbox.standings["ann", "4711"] = Standing(can_read=True, is_channel_admin=True)
    said = await hall.types(f"/settings {key} 4711", ADMIN)
    assert f"(`{key}`): `员工 staff`" in said.text
    assert f"(`{key}`): `员工 staff`" in (await hall.types("/settings", ADMIN)).text
