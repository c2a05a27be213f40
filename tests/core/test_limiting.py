"""Limits as members meet them: told to them alone, once before and once when they bite."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.allowances import Allowances
from core.assistant import Assistant
from core.envoy import Envoy
from core.events import InteractionRef, MemberRef, Platform
from core.limiting import Limiting
from core.permissions import Rules
from core.settings import LimitSettings
from tests.support.commanding import (
    MEMBER,
    MODERATOR,
    OTHER,
    OWNER,
    attachment,
    open_hall,
    spoken,
    whispered,
)

MINUTE = 60.0


@pytest.fixture
async def hall(tmp_path):
    async with open_hall(tmp_path) as hall:
        hall.now, hall.jumped = 1_000_000.0, 0.0
        limit(hall, LimitSettings(daily_questions=8, daily_uploads=2))
        yield hall


def limit(hall, limits):
    rules = Rules(owners=frozenset({MemberRef(Platform.DISCORD, OWNER.user_id)}))
    allowances = Allowances(
        hall.database,
        limits,
        hall.folder,
        clock=lambda: hall.now + hall.jumped,
        steady=lambda: hall.now,
    )
    outboxes = {Platform.DISCORD: hall.outbox}
    hall.limiting = Limiting(allowances, Envoy(outboxes), hall.channels, rules)
    hall.resources = replace(hall.resources, limiting=hall.limiting)
    hall.assistant = Assistant(hall.resources, rules)


async def asks(hall, count, author=MEMBER, how=spoken, start=0):
    said = []
    for number in range(start, start + count):
        hall.now += 1
        message = how(f"Question {number}?", author, message_id=f"{author.user_id} {number}")
        said.append(await hall.reply(message))
    return said


def told(hall):
    """What was said in private."""
    return [own.text for own in hall.outbox.messages.values()]


async def test_in_a_group_it_is_told_in_private_once_before_and_once_when_it_bites(hall):
    said = await asks(hall, 20)
    assert [bool(one.text) for one in said] == [True] * 6 + [False] * 14
    assert len(hall.asked) == 6
    nearly, bites = told(hall)
    assert "nearly" in nearly
    assert "6 questions" in bites
    assert "Ask again in 5 minutes" in bites
    assert hall.limiting.is_silenced(spoken("More?", MEMBER))
    assert not hall.limiting.is_silenced(spoken("/help", MEMBER))
    assert not hall.limiting.is_silenced(spoken("More?", OTHER))
    (other,) = await asks(hall, 1, OTHER)
    assert other.text
    hall.now += 5 * MINUTE
    assert not hall.limiting.is_silenced(spoken("More?", MEMBER))
    assert (await asks(hall, 1, start=30))[0].text


async def test_a_clock_that_is_set_forward_and_back_by_hours_shuts_nobody_out(hall):
    hall.jumped = 5 * 60 * MINUTE
    said = await asks(hall, 7)
    assert [bool(one.text) for one in said] == [True] * 6 + [False]
    hall.jumped = 0.0
    assert hall.limiting.is_silenced(spoken("More?", MEMBER))
    hall.now += 5 * MINUTE
    assert not hall.limiting.is_silenced(spoken("More?", MEMBER))
    said = await asks(hall, 7, start=30)
    assert [bool(one.text) for one in said] == [True] * 6 + [False]
    hall.jumped = -5 * 60 * MINUTE
    hall.now += 5 * MINUTE
    assert (await asks(hall, 1, start=60))[0].text


async def test_in_private_it_stands_in_the_chat(hall):
    said = await asks(hall, 8, how=whispered)
    assert told(hall) == []
    assert [len(one.notices) for one in said] == [0, 0, 0, 0, 1, 0, 0, 0]
    assert said[6].failed
    assert "at a stretch" in said[6].text
    assert (said[7].text, said[7].notices) == ("", [])


async def test_moderators_and_owners_are_exempt_where_they_moderate(hall):
    for author in (MODERATOR, OWNER):
        assert all(one.text for one in await asks(hall, 10, author))
    said = await asks(hall, 8, MODERATOR, whispered, start=20)
    assert said[6].failed


async def test_a_restart_gives_nobody_a_new_day_and_counts_no_question_twice(hall):
    await asks(hall, 6)
    hall.now += 6 * MINUTE
    await asks(hall, 2, start=6)
    limit(hall, LimitSettings(daily_questions=8))
    again = await hall.reply(spoken("Question 7?", MEMBER, message_id="ada 7"))
    assert again.text
    (more,) = await asks(hall, 1, start=40)
    assert not more.text
    assert "8 questions a day" in told(hall)[-1]


async def test_where_nobody_can_be_written_to_it_is_said_in_the_channel(hall, monkeypatch):
    async def never(member, text):
        return False

    monkeypatch.setattr(hall.limiting._envoy, "tell", never)
    said = await asks(hall, 9)
    assert [one.failed for one in said] == [False] * 6 + [True, False, False]


async def test_a_slash_command_is_always_answered_to_its_asker(hall):
    await asks(hall, 7)
    ref = InteractionRef(Platform.DISCORD, "slash", False)
    said = await hall.reply(spoken("More?", MEMBER, message_id="s", reply_to=ref))
    assert not said.text
    assert "at a stretch" in str(hall.outbox.revealed)


async def test_files_are_counted_and_the_rest_of_a_batch_is_left(hall):
    await hall.channels.change(spoken("").conversation.channel, "teachers", "everyone")
    fetched = []
    files = tuple(attachment(f"{n}.md", f"Text {n}.", fetched=fetched) for n in range(5))
    said = await hall.reply(spoken("/kb add", MEMBER, attachments=files))
    assert not said.failed
    assert fetched == ["0.md", "1.md"]
    assert await hall.documents() == ["0.md", "1.md"]
    assert "2 files a day" in told(hall)[-1]
    # Questions are another budget.
    assert not hall.limiting.is_silenced(spoken("More?", MEMBER))


async def test_a_full_base_and_a_full_disk_are_told_and_nothing_is_fetched_for_them(hall):
    limit(hall, LimitSettings(base_documents=1))
    one, two = attachment("one.md"), attachment("two.md")
    await hall.reply(spoken("/kb add", MODERATOR, attachments=(one,)))
    said = await hall.reply(spoken("/kb add", MODERATOR, attachments=(two,)))
    assert "as many as there may be" in said.text
    newer = attachment("one.md", "Another text.")
    said = await hall.reply(spoken("/kb add", MODERATOR, attachments=(newer,)))
    assert "version 2" in said.text
    said = await hall.reply(spoken("/kb add", OWNER, attachments=(two,)))
    assert "Added `two.md`" in said.text
    limit(hall, LimitSettings(min_free_disk_percent=100))
    fetched = []
    three = attachment("three.md", fetched=fetched)
    said = await hall.reply(spoken("/kb add", OWNER, attachments=(three,)))
    assert "nearly full" in said.text
    assert fetched == []


async def test_what_counts_no_more_is_let_go_of(hall):
    await asks(hall, 8)
    hall.now += 25 * 3600
    await hall.limiting.allowances.prune()
    async with hall.database.reader() as connection:
        for table in ("uses", "limits_told"):
            assert list(await connection.execute_fetchall(f"SELECT * FROM {table}")) == []
