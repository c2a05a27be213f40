from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.commands.since import since
from core.errors import WrongTimeError
from core.events import Author, Place, Quoted
from tests.support.commanding import (
    ADMIN,
    MEMBER,
    MODERATOR,
    OTHER,
    attachment,
    open_hall,
    spoken,
    whispered,
)

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
async def hall(tmp_path):
    async with open_hall(tmp_path) as hall:
        await hall.channels.change(spoken("").conversation.channel, "teachers", "everyone")
        for author in (MEMBER, OTHER):
            for number in (1, 2):
                file = attachment(f"{author.user_id}-{number}.md")
                await hall.types("/kb add", author, attachments=(file,))
        yield hall


BACK = "\n`/kb undo` brings it back within 7 days."
ALL = ["ada-1.md", "ada-2.md", "eve-1.md", "eve-2.md"]


async def test_removing_asks_first_and_does_nothing_until_then(hall):
    asked = await hall.types("/kb remove ada-1.md", MODERATOR)
    assert asked.text == f"Remove `ada-1.md` (1 passage)?{BACK}"
    assert await hall.documents() == ALL
    shown = await hall.press(asked.buttons["Remove"], MODERATOR)
    assert shown == f"Removed `ada-1.md` (1 passage).{BACK}"
    assert await hall.documents() == ALL[1:]
    assert hall.outbox.messages["m1"].menus == ()


async def test_cancelling_changes_nothing_and_closes_the_question(hall):
    asked = await hall.types("/kb remove ada-1.md", MODERATOR)
    assert await hall.press(asked.buttons["Cancel"], MODERATOR) == "Nothing was changed."
    await hall.press(asked.buttons["Remove"], MODERATOR)
    assert await hall.documents() == ALL


async def test_somebody_elses_yes_is_refused_to_them_alone(hall):
    asked = await hall.types("/kb remove ada-1.md", MODERATOR)
    assert await hall.press(asked.buttons["Remove"], ADMIN) == "…"
    assert await hall.documents() == ALL
    assert "Removed" in await hall.press(asked.buttons["Remove"], MODERATOR)


async def test_a_yes_counts_only_while_its_asker_still_may(hall):
    asked = await hall.types("/kb purge eve", MODERATOR)
    demoted = Author(MODERATOR.user_id, "Mo")
    await hall.press(asked.buttons["Remove all"], demoted)
    assert await hall.documents() == ALL


async def test_a_member_takes_out_their_own_and_nobody_elses(hall):
    assert "Remove" in (await hall.types("/kb remove ada-1.md", MEMBER)).buttons
    refused = await hall.types("/kb remove eve-1.md", MEMBER)
    assert refused.text == "Only moderators may do that. Ask one of them."


async def test_removing_what_is_not_there_names_the_nearest(hall):
    assert "Did you mean `ada-1.md`" in (await hall.types("/kb remove ada-1.m", MODERATOR)).text


async def test_a_private_base_is_its_members_own(hall):
    await hall.reply(whispered("/kb add", MEMBER, attachments=(attachment("diary.md"),)))
    asked = await hall.reply(whispered("/kb remove diary.md", MEMBER))
    assert "Remove" in asked.buttons
    told = await hall.reply(whispered("/kb remove diary.md", OTHER))
    assert told.text.startswith("There is no document `diary.md`")


@pytest.mark.parametrize("named", ["<@ada>", "ada", "@Ada", "Ada"])
async def test_purging_takes_out_all_that_a_member_added(hall, named):
    if named == "<@ada>":
        asked = await hall.slash("kb purge", MODERATOR, member="ada")
    else:
        asked = await hall.types(f"/kb purge {named}", MODERATOR)
    assert asked.text == f"Remove 2 files of this member?\n- `ada-1.md`\n- `ada-2.md`{BACK}"
    assert await hall.documents() == ALL
    shown = await hall.press(asked.buttons["Remove all"], MODERATOR)
    assert shown == f"Removed 2 documents.{BACK}"
    assert await hall.documents() == ["eve-1.md", "eve-2.md"]


async def test_purging_in_a_reply_means_its_author(hall):
    theirs = Quoted("7", OTHER, "Look what I added!")
    asked = await hall.types("/kb purge 7d", MODERATOR, quoted=theirs)
    await hall.press(asked.buttons["Remove all"], MODERATOR)
    assert await hall.documents() == ["ada-1.md", "ada-2.md"]


async def test_purging_spares_what_is_older(hall):
    told = await hall.types("/kb purge ada 2999-01-01", MODERATOR)
    assert told.text == "There is nothing here that this member added."
    told = await hall.types("/kb purge ada whenever", MODERATOR)
    assert told.text.startswith("I do not understand the time `whenever`.")


async def test_two_members_of_one_name_are_not_confused(hall):
    twin = Author("ada2", "ADA")
    await hall.types("/kb add", twin, attachments=(attachment("twin.md"),))
    told = await hall.types("/kb purge @Ada", MODERATOR)
    assert told.failed
    assert "`ADA (discord:ada2)`, `Ada (discord:ada)`" in told.text
    assert "twin.md" in (await hall.types("/kb purge ada2", MODERATOR)).text


async def test_purging_drops_what_waits_for_review(hall):
    await hall.channels.change(spoken("").conversation.channel, "teachers", "review")
    card = await hall.types("/kb add", MEMBER, attachments=(attachment("waiting.md"),))
    asked = await hall.types("/kb purge ada", MODERATOR)
    assert "- `waiting.md`, waiting for review" in asked.text
    shown = await hall.press(asked.buttons["Remove all"], MODERATOR)
    assert shown == f"Removed 2 documents. Dropped 1 upload that waited for review.{BACK}"
    await hall.press(card.buttons["Accept"], MODERATOR)
    assert await hall.documents() == ["eve-1.md", "eve-2.md"]


async def test_purging_reaches_what_was_added_before_the_channel_was_made_public(hall):
    closed = Place(is_restricted=True)
    await hall.types("/kb add", OTHER, attachments=(attachment("secret.md"),), place=closed)
    assert await hall.documents("discord:restricted:town") == ["secret.md"]
    asked = await hall.types("/kb purge eve", MODERATOR)
    # Everybody reads this now, and could not read that then: it is counted, not named.
    assert asked.text == (
        f"Remove 3 files of this member?\n- `eve-1.md`\n- `eve-2.md`\n… and 1 more.{BACK}"
    )
    shown = await hall.press(asked.buttons["Remove all"], MODERATOR)
    assert shown == f"Removed 3 documents.{BACK}"
    assert await hall.documents("discord:restricted:town") == []
    assert await hall.documents() == ["ada-1.md", "ada-2.md"]


async def test_purging_drops_what_waits_since_the_channel_was_closed(hall):
    closed = Place(is_restricted=True)
    await hall.channels.change(spoken("").conversation.channel, "teachers", "review")
    await hall.types("/kb add", OTHER, attachments=(attachment("secret.md"),), place=closed)
    asked = await hall.types("/kb purge eve", MODERATOR)
    assert asked.text.startswith("Remove 3 files")
    assert "secret" not in asked.text
    await hall.press(asked.buttons["Remove all"], MODERATOR)
    assert await hall.resources.reviews.waiting("discord:restricted:town") == ()


async def test_purging_is_for_moderators_and_needs_somebody(hall):
    assert (await hall.types("/kb purge eve", MEMBER)).failed
    assert "`/kb purge [MEMBER] [SINCE]`" in (await hall.types("/kb purge", MODERATOR)).text
    told = await hall.types("/kb purge 没有人", MODERATOR, locale="zh-CN")
    assert told.text == "`没有人` 在这里没有教过我任何内容。"


@pytest.mark.parametrize(
    ("text", "hours"),
    [("24h", 24), ("7d", 168), ("2 weeks", 336), ("3天", 72), ("12 小时", 12), ("1个星期", 168)],
)
def test_spans_are_read_in_both_languages(text, hours):
    assert (NOON - since(text, NOON)).total_seconds() == hours * 3600


def test_dates_begin_at_midnight_utc():
    assert since("2026-05-01", NOON) == datetime(2026, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "7", "99999d", "2026-13-01"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(WrongTimeError):
        since(text, NOON)
