from __future__ import annotations

from dataclasses import replace

import pytest

from core.events import ChannelRef, ConversationRef, Place, Platform
from core.ports import Standing
from tests.support.commanding import (
    ADMIN,
    MEMBER,
    MODERATOR,
    OTHER,
    OWNER,
    attachment,
    open_hall,
    spoken,
    whispered,
)

ELSEWHERE = {
    "conversation": ConversationRef(ChannelRef(Platform.DISCORD, "field")),
    "place": Place("field", "Fair"),
}
READS = Standing(can_read=True)
RULES = Standing(can_read=True, is_channel_admin=True)


@pytest.fixture
async def hall(tmp_path):
    async with open_hall(tmp_path) as hall:
        await hall.types("/kb add", MODERATOR, attachments=(attachment("town.md", "Gates open."),))
        await hall.types(
            "/kb add", ADMIN, attachments=(attachment("field.md", "Cows graze."),), **ELSEWHERE
        )
        yield hall


async def found(hall, message) -> str:
    return (await hall.reply(replace(message, text="/kb search gates cows"))).text


async def test_a_private_chat_uses_a_channel_that_its_member_can_read(hall):
    await hall.types("hello", MEMBER)
    hall.outbox.standings["ada", "town"] = READS
    listed = await hall.reply(whispered("/kb use", MEMBER))
    assert listed.text == "Where I have met you:\n- `Fair / town`"
    assert listed.menus[0].chosen == "use:none"
    assert "town.md" not in await found(hall, whispered("", MEMBER))
    shown = await hall.press(listed.buttons["Fair / town"], MEMBER, channel="dm-ada")
    assert shown.startswith("From now on I answer here from `Fair / town` too")
    assert "town.md" in await found(hall, whispered("", MEMBER))
    told = await hall.reply(whispered("/kb use none", MEMBER))
    assert told.text == "From now on I answer here from your own documents alone."
    assert "town.md" not in await found(hall, whispered("", MEMBER))


async def test_whoever_asks_a_channel_in_private_does_not_look_through_it_for_that(hall):
    await hall.types("hello", MEMBER)
    hall.outbox.standings["ada", "town"] = READS
    await hall.reply(whispered("/kb use town", MEMBER))
    assert "town.md" not in (await hall.reply(whispered("/kb list", MEMBER))).text
    assert (await hall.reply(whispered("/kb show town.md", MEMBER))).failed
    assert "town.md" in await found(hall, whispered("", MEMBER))


@pytest.mark.parametrize("standing", [None, Standing(can_read=False)])
async def test_what_the_platform_does_not_confirm_is_refused_with_the_reason(hall, standing):
    await hall.types("hello", MEMBER)
    if standing is not None:
        hall.outbox.standings["ada", "town"] = standing
    assert (await hall.reply(whispered("/kb use town", MEMBER))).failed
    assert "town.md" not in await found(hall, whispered("", MEMBER))


async def test_a_channel_where_somebody_was_never_met_is_unknown_to_them(hall):
    hall.outbox.standings["eve", "town"] = READS
    assert (await hall.reply(whispered("/kb use town", OTHER))).failed
    told = await hall.reply(whispered("/kb use", OTHER))
    assert told.text == "I have not met you in any channel yet. Address me there once."
    assert await hall.press("use:town", OTHER, channel="dm-eve") == "…"


async def test_using_is_for_private_chats(hall):
    assert (await hall.types("/kb use town", MEMBER)).failed


async def test_a_base_is_attached_by_who_administers_both_ends(hall):
    await hall.types("hello", ADMIN)
    refused = await hall.types("/kb attach field", ADMIN)
    assert refused.failed
    hall.outbox.standings["ann", "field"] = RULES
    told = await hall.types("/kb attach field", ADMIN)
    assert told.text == "From now on I answer here from `Fair / field` too."
    assert "Cows" in await found(hall, spoken("", MEMBER))
    assert "Gates" not in await found(hall, spoken("", MEMBER, **ELSEWHERE))
    listed = await hall.types("/kb attach", ADMIN)
    assert listed.text.startswith("Attached here:\n- `Fair / field` (")
    told = await hall.types("/kb detach field", ADMIN)
    assert told.text == "`Fair / field` is not attached any more."
    assert "Cows" not in await found(hall, spoken("", MEMBER))
    assert (await hall.types("/kb attach", ADMIN)).text == "Nothing is attached here."
    assert (await hall.types("/kb attach field", MODERATOR)).failed


async def test_a_document_is_shared_by_name_after_a_question(hall):
    hall.outbox.standings["ann", "field"] = RULES
    asked = await hall.types("/kb share to:field town.md", ADMIN)
    assert asked.text == "Everybody in `field` will be able to ask `town.md`. Share it?"
    assert "Gates" not in await found(hall, spoken("", MEMBER, **ELSEWHERE))
    shown = await hall.press(asked.buttons["Share"], ADMIN)
    assert shown == "`town.md` can now be asked in `Fair / field`."
    assert "Gates" in await found(hall, spoken("", MEMBER, **ELSEWHERE))
    assert (await hall.types("/kb share town.md", MODERATOR)).failed


async def test_sharing_needs_an_admin_at_both_ends_when_it_is_done(hall):
    hall.outbox.standings["ann", "field"] = READS
    asked = await hall.types("/kb share to:field town.md", ADMIN)
    assert await hall.press(asked.buttons["Share"], ADMIN) == "…"
    assert "Gates" not in await found(hall, spoken("", MEMBER, **ELSEWHERE))


async def test_sharing_a_document_that_is_not_there_is_told_before_the_question(hall):
    told = await hall.types("/kb share towm.md", ADMIN)
    assert told.failed
    assert "Did you mean `town.md`?" in told.text


async def test_owners_make_and_rename_bases_that_channels_attach(hall):
    assert "handbook" in (await hall.types("/kb create handbook", OWNER)).text
    assert "already" in (await hall.types("/kb create handbook", OWNER)).text
    told = await hall.types("/kb rename handbook rules-2026", OWNER)
    assert told.text == "`handbook` is now called `rules-2026`."
    names = {base.name for base in await hall.library.bases()}
    assert "rules-2026" in names
    assert "handbook" not in names
    assert (await hall.types("/kb create x", ADMIN)).failed


@pytest.mark.parametrize("name", ["discord:town", "telegram:@ada", "../x", "a b", "x" * 41, "-x"])
async def test_a_name_that_could_be_a_places_is_refused(hall, name):
    before = await hall.library.bases()
    assert (await hall.slash("kb create", OWNER, name=name)).failed
    assert (await hall.slash("kb rename", OWNER, name="discord:town", new="mine")).failed
    assert (await hall.slash("kb rename", OWNER, name="shared", new="mine")).failed
    assert await hall.library.bases() == before
