"""Asking the team: from the refusal to what the helpers read, and who hears of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.errors import ForbiddenError
from core.events import ActionPressed, ChannelMigrated, ChannelRef, Platform
from tests.support.messages import author, conversation, group, private
from tests.support.office import INTERACTION, TOWN, UNKNOWN, Office

KNOWN = "When does the gate of the garden open?"


@pytest.fixture
async def office(tmp_path):
    async with Office(tmp_path).running() as made:
        yield made


async def test_a_refusal_offers_the_team_where_there_is_one(office):
    refusal = await office.ask()
    assert "team" not in refusal.actions
    await office.helped_by()
    refusal = await office.ask(message_id="q2")
    assert refusal.text.startswith("I found nothing about this")
    assert refusal.actions[-2:] == ["more", "team"]
    assert "team" not in (await office.ask(KNOWN, "q3")).actions


async def test_the_helpers_read_the_question_where_it_stands_and_what_was_found(office):
    await office.helped_by()
    refusal = await office.ask("Who repairs bicycles near the gate of the garden?")
    assert await office.press("team", refusal.message_id) == "I asked the team."
    (post,) = office.posts
    first, question, link, found = post.text.splitlines()
    assert first == "`Ada` asks the team:"
    assert question == "> Who repairs bicycles near the gate of the garden?"
    assert link == "https://chat.example/town/q1"
    assert "`garden.md` (" in found
    assert post.mention == "77"


async def test_it_is_chinese_where_the_channel_speaks_chinese(office):
    await office.helped_by()
    refusal = await office.ask("谁会修自行车？")
    told = await office.press("team", refusal.message_id, locale="zh-CN")
    assert told == "我已经问了团队。"
    assert office.posts[0].text.splitlines()[:2] == ["`Ada` 想问团队：", "> 谁会修自行车？"]
    again = await office.press("team", refusal.message_id, locale="zh-CN")
    assert again == "这个问题已经问过团队了。"
    labels = [button.label for menu in refusal.menus for button in menu.buttons]
    assert labels[-1] == "问问团队"


async def test_what_the_asker_writes_neither_pings_nor_formats_nor_leads_anywhere(office):
    await office.helped_by()
    refusal = await office.ask("@everyone <@5> <@&6>\n# Big\nhttps://evil.example `x`")
    await office.press("team", refusal.message_id)
    (post,) = office.posts
    quoted = post.text.splitlines()[1]
    assert quoted.startswith("> ")
    for bad in ("@everyone", "<@5>", "<@&6>", "https://evil.example"):
        assert bad not in post.text
    assert post.mention == "77"


async def test_a_long_question_fits_into_one_message_with_its_link(office):
    await office.helped_by()
    refusal = await office.ask("*_~`|<>[]" * 150 + "?")
    await office.press("team", refusal.message_id)
    (post,) = office.posts
    assert len(post.text) <= 2000 - 32
    assert "https://chat.example/town/q1" in post.text


async def test_a_question_goes_to_the_team_once(office):
    await office.helped_by()
    refusal = await office.ask()
    for _attempt in range(2):
        office.dispatcher.submit(
            ActionPressed(
                conversation(), refusal.message_id, "team", author(), interaction=INTERACTION
            )
        )
    await office.idle()
    assert len(office.posts) == 1
    told = {shown.text for shown in office.outbox.revealed}
    assert told == {"I asked the team.", "The team was asked this already."}


async def test_only_the_asker_and_moderators_ask_the_team(office):
    await office.helped_by()
    refusal = await office.ask()
    told = await office.press("team", refusal.message_id, user="bob")
    assert told == "Only who asked and moderators can do that."
    assert office.posts == []
    mia = replace(author("mia"), is_moderator=True)
    assert await office.press("team", refusal.message_id, who=mia) == "I asked the team."
    assert office.posts[0].text.startswith("`Ada` asks")


async def test_one_person_asks_three_times_an_hour(office):
    await office.helped_by()
    for number in range(4):
        refusal = await office.ask(message_id=f"q{number}")
        told = await office.press("team", refusal.message_id)
    assert told == "You asked the team 3 times within an hour. Please try later."
    assert len(office.posts) == 3
    office.now += 3601
    assert await office.press("team", refusal.message_id) == "I asked the team."


async def test_a_channel_asks_twenty_times_a_day(office):
    await office.helped_by()
    for number in range(21):
        refusal = await office.ask(message_id=f"q{number}", user=f"user{number}")
        told = await office.press("team", refusal.message_id, user=f"user{number}")
    assert told == "The team was asked 20 questions from here today. Please try tomorrow."
    assert len(office.posts) == 20
    office.now += 86_401
    assert await office.press("team", refusal.message_id, user="user20") == "I asked the team."


async def test_after_a_thumb_down_who_asked_is_offered_the_team(office):
    ours = (await office.ask(KNOWN)).message_id
    await office.press("down", ours)
    assert office.outbox.revealed[-1].actions == []
    await office.helped_by()
    told = await office.press("down", ours)
    assert told.endswith("The team may know it: ask them.")
    assert office.outbox.revealed[-1].actions == [f"team:{ours}"]
    await office.press("down", ours, user="bob")
    assert office.outbox.revealed[-1].actions == []
    assert await office.press(f"team:{ours}", "ephemeral") == "I asked the team."
    assert "I answered from: `garden.md` (86 %)." in office.posts[0].text
    await office.press("down", ours)
    assert office.outbox.revealed[-1].actions == []


async def test_the_menu_behind_the_dots_has_it_too(office):
    ours = (await office.ask(KNOWN)).message_id
    await office.helped_by()
    await office.press("more", ours)
    assert office.outbox.revealed[-1].actions == [
        f"regenerate:{ours}",
        f"team:{ours}",
        f"delete:{ours}",
    ]


async def test_without_helpers_an_old_button_says_so(office):
    ours = (await office.ask()).message_id
    assert "`/settings helpers`" in await office.press("team", ours)
    assert len(office.outbox.messages) == 1


async def test_a_role_alone_is_told_where_the_question_was_asked(office):
    await office.helped_by("@77")
    ours = (await office.ask(thread="7")).message_id
    await office.press("team", ours, conversation=conversation(thread="7"))
    post = [*office.outbox.messages.values()][-1]
    assert (post.channel, post.thread, post.answers) == ("town", "7", "q1")
    assert post.mention == "77"


async def test_helpers_in_a_thread_read_it_there_and_without_a_role_nobody_is_mentioned(office):
    await office.helped_by("office/9")
    ours = (await office.ask()).message_id
    await office.press("team", ours)
    (post,) = office.posts
    assert (post.thread, post.mention) == ("9", None)


async def test_what_only_few_can_see_is_not_named_elsewhere(office):
    await office.helped_by()
    hidden = replace(group("").place, is_restricted=True)
    office.shelf.put("discord:restricted:town", "secret.md", "The gate of the garden opens at six.")
    ours = (await office.ask(KNOWN, place=hidden)).message_id
    await office.press("team", ours, place=hidden)
    (post,) = office.posts
    assert ".md" not in post.text
    assert "is not named here" in post.text


async def test_where_the_helpers_cannot_be_reached_it_can_be_tried_again(office):
    await office.helped_by()
    ours = (await office.ask()).message_id
    office.outbox.refuse("send", ForbiddenError(conversation("office")))
    told = await office.press("team", ours)
    assert told.startswith("I cannot write where the helpers are")
    assert await office.press("team", ours) == "I asked the team."


async def test_a_forgotten_question_is_not_told(office):
    await office.helped_by()
    ours = (await office.ask()).message_id
    await office.history.clear(conversation(), author("ada"))
    assert "no longer have this question" in await office.press("team", ours)
    assert office.posts == []


async def test_a_copied_button_leads_nowhere(office):
    await office.helped_by()
    ours = (await office.ask()).message_id
    for action in (f"team:{ours}", "team", "team:q1"):
        told = await office.press(action, ours, conversation=conversation("elsewhere"))
        assert told == "This answer is not here any more."
    assert office.posts == []


async def test_a_private_chat_has_no_team(office):
    dm = private(UNKNOWN)
    await office.channels.change(dm.conversation.channel, "helpers", "office")
    office.dispatcher.submit(dm)
    await office.idle()
    assert "team" not in office.outbox.messages["m1"].actions


async def test_helpers_and_what_they_were_asked_follow_a_channel_that_moves(office):
    await office.helped_by("town/7 @77")
    await office.channels.change(ChannelRef(Platform.DISCORD, "other"), "helpers", "town2 @77")
    ours = (await office.ask()).message_id
    assert await office.press("team", ours) == "I asked the team."
    city = conversation("city").channel
    office.dispatcher.submit(ChannelMigrated(TOWN, city))
    await office.idle()
    assert str(office.channels.at(city).helpers) == "city/7 @77"
    assert str(office.channels.at(conversation("other").channel).helpers) == "town2 @77"
    told = await office.press(f"team:town:{ours}", "x", conversation=conversation("city"))
    assert told == "The team was asked this already."
