"""`/jobs`: the owner sees and steers what comes round; nobody else does."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from core.jobs import JobRows, Outcome, Schedule
from core.language import words
from tests.support.commanding import ADMIN, OWNER, open_hall, spoken


@pytest.fixture
async def hall(tmp_path):
    async with open_hall(tmp_path) as hall:
        yield hall


@pytest.fixture
async def rows(hall):
    rows = JobRows(hall.database)
    for schedule in (Schedule("backup", ""), Schedule("integrity", "30 4 * * 0")):
        await rows.ensure(schedule)
    return rows


async def test_all_are_listed_with_how_they_stand(hall, rows):
    await rows.due("integrity", datetime(2027, 6, 6, 4, 30, tzinfo=UTC))
    await rows.begin("backup", None)
    await rows.end("backup", Outcome.FAILED, "The disk is full.", "A1B2C3")
    said = await hall.types("/jobs", OWNER)
    assert not said.failed
    first, second = said.text.splitlines()
    assert first.startswith("- **backup**: runs only when asked to; failed 20")
    assert first.endswith("1 of 1 run failed; `The disk is full.` (A1B2C3)")
    assert second == "- **integrity**: next 2027-06-06 04:30 UTC; never ran"


async def test_how_a_run_ended_is_told_in_the_language_of_who_asks(hall, rows):
    def done(_):
        return _("All folders were looked through.")

    await rows.begin("integrity", None)
    await rows.end("integrity", Outcome.DONE, done, own=words("zh"))
    # One that an earlier version, or a program that is no part of this one, has told.
    await rows.begin("backup", None)
    await rows.end("backup", Outcome.DONE, "Already there.")
    english = await hall.reply(spoken("/jobs", OWNER, locale="en-GB"))
    chinese = await hall.reply(spoken("/jobs", OWNER, locale="zh-CN"))
    assert english.text.splitlines()[1].endswith("; `All folders were looked through.`")
    assert chinese.text.splitlines()[1].endswith(f"；`{done(words('zh'))}`")
    assert done(words("zh")) != done(words("en")) == "All folders were looked through."
    for said in (english, chinese):
        assert "Already there." in said.text.splitlines()[0]
    await rows.begin("integrity", None)
    assert "folders" not in (await hall.reply(spoken("/jobs", OWNER, locale="en"))).text


async def test_one_is_paused_resumed_and_asked_for(hall, rows):
    said = await hall.types("/jobs pause integrity", OWNER)
    assert said.text.startswith("integrity does not run by itself until it is resumed.")
    assert "**integrity**: paused" in said.text
    assert (await rows.find("integrity")).paused
    said = await hall.types("/jobs resume integrity", OWNER)
    assert "runs by itself again" in said.text
    # When it runs next is written down by who runs it; it is told before.
    assert re.search(r"\*\*integrity\*\*: next 20\d\d-\d\d-\d\d 04:30 UTC", said.text)
    assert not (await rows.find("integrity")).paused
    said = await hall.types("/jobs run BACKUP", OWNER)
    assert "**backup**: begins at once" in said.text
    assert await rows.asked() == ("backup",)


async def test_what_never_runs_by_itself_is_not_paused(hall, rows):
    said = await hall.types("/jobs pause backup", OWNER)
    assert said.text.startswith("backup runs only when asked to: there is nothing to pause.")
    assert not (await rows.find("backup")).paused


async def test_what_is_no_job_is_told_with_those_that_are_like_it(hall, rows):
    said = await hall.types("/jobs run backups", OWNER)
    assert "There is no job `backups`. There are: backup." in said.text
    assert await rows.asked() == ()
    said = await hall.types("/jobs pause", OWNER)
    assert said.failed
    assert "`/jobs [run|pause|resume] [NAME]`" in said.text


async def test_nobody_but_the_owner_learns_of_them(hall, rows):
    said = await hall.types("/jobs run backup", ADMIN)
    assert said.failed
    assert "Only owners" in said.text
    assert await rows.asked() == ()


async def test_where_nothing_comes_round_it_is_said(hall):
    assert "Nothing comes round here." in (await hall.types("/jobs", OWNER)).text


async def test_it_speaks_chinese(hall, rows):
    await hall.types("/settings language zh", ADMIN)
    assert "从未运行" in (await hall.types("/jobs", OWNER)).text
