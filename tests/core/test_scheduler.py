"""Jobs at their times, over restarts, pauses and failures, with the real scheduler."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest

from core.jobs import Outcome
from core.meters import JobEnded
from core.scheduler import KEEPER, Beat
from tests.support.coming_round import MONDAY, Works, house, until

__all__ = ["house"]


async def state_of(house, name="works"):
    state = await house.rows.find(name)
    assert state is not None
    return state


def is_free(house, name="works"):
    """Whether no run of it is under way, down to the last thing that it does."""
    with ExitStack() as held:
        return house.runs().take(held, name)


async def test_a_job_runs_when_its_time_has_come_and_not_before(house):
    works = Works("0 15 * * *")
    async with house.bot(works):
        await house.looked()
        assert works.begun == 0
        assert (await state_of(house)).due_at == datetime(2027, 6, 7, 15, tzinfo=UTC)
        house.wall.move(hours=3)
        await until(lambda: works.ended == 1)
        house.wall.move(hours=2)
        await house.looked()
        assert works.begun == 1
        state = await state_of(house)
        assert (state.outcome, state.detail, state.runs) == (Outcome.DONE, "It is done.", 1)
        assert state.due_at == datetime(2027, 6, 8, 15, tzinfo=UTC)


async def test_what_was_missed_while_down_is_one_run_at_the_next_start(house):
    works = Works("0 * * * *")
    async with house.bot(works):
        house.wall.move(hours=1)
        await until(lambda: works.ended == 1)
    house.wall.move(days=3)
    async with house.bot(works):
        await until(lambda: works.ended == 2)
        await house.looked()
        assert works.begun == 2
        assert (await state_of(house)).due_at == house.wall.moment.replace(minute=0).replace(
            hour=house.wall.moment.hour + 1
        )
    async with house.bot(works):
        await house.looked()
    assert works.begun == 2


async def test_what_was_missed_by_more_than_the_grace_waits_for_its_next_time(house):
    works = Works("0 9 * * 1", grace_seconds=24 * 3600)
    async with house.bot(works):
        pass
    house.wall.move(days=8)
    async with house.bot(works):
        await house.looked()
        assert works.begun == 0
    house.wall.moment = MONDAY.replace(day=21, hour=8)
    async with house.bot(works):
        pass
    house.wall.move(hours=20)
    async with house.bot(works):
        await until(lambda: works.ended == 1)


async def test_without_any_grace_a_job_runs_at_its_time_all_the_same(house):
    works = Works("0 15 * * *", grace_seconds=0)
    async with house.bot(works):
        await house.looked()
        house.wall.move(hours=3)
        await until(lambda: works.ended == 1)
    house.wall.move(days=1, minutes=2)
    async with house.bot(works):
        await house.looked()
        assert works.begun == 1


async def test_a_clock_that_is_put_right_holds_up_neither_beats_nor_what_is_asked_for(house):
    """A machine that starts with another zone's time, until it has asked what time it is."""
    works, beats = Works("0 15 * * *"), 0

    async def beat():
        nonlocal beats
        beats += 1

    house.wall.move(hours=8)
    async with house.bot(works, beats=[Beat(beat, 0.01)]):
        await until(lambda: beats > 2)
        assert (await state_of(house)).due_at == datetime(2027, 6, 8, 15, tzinfo=UTC)
        house.wall.move(hours=-8)
        await house.looked()
        before = beats
        await until(lambda: beats > before + 2)
        await house.rows.ask("works")
        await until(lambda: works.ended == 1)
        assert (await state_of(house)).due_at == datetime(2027, 6, 7, 15, tzinfo=UTC)
        # A run whose end is still being written down would be the one at three, too.
        await until(lambda: is_free(house))
        house.wall.move(hours=3)
        await until(lambda: works.ended == 2)


async def test_what_is_due_after_a_clock_was_put_back_is_written_down_at_once(house):
    works = Works("0 15 * * *")
    house.wall.move(days=400)
    async with house.bot(works):
        await house.looked()
        house.wall.move(days=-400)
        async with asyncio.timeout(20):
            while (await state_of(house)).due_at != datetime(2027, 6, 7, 15, tzinfo=UTC):  # noqa: ASYNC110 (a row of the database)
                await asyncio.sleep(0.005)
        assert works.begun == 0


async def test_a_time_that_a_clock_wrote_down_which_was_ahead_holds_nothing_up(house):
    works = Works("0 15 * * *")
    house.wall.move(days=4000)
    async with house.bot(works):
        pass
    house.wall.move(days=-4000)
    async with house.bot(works):
        await house.looked()
        assert (await state_of(house)).due_at == datetime(2027, 6, 7, 15, tzinfo=UTC)
        house.wall.move(hours=3)
        await until(lambda: works.ended == 1)


async def test_what_was_slept_through_is_made_up_for_once(house):
    works = Works("*/5 * * * *")
    async with house.bot(works):
        house.wall.move(days=2)
        await until(lambda: works.ended == 1)
        await house.looked()
        assert works.begun == 1


async def test_a_job_that_is_new_or_scheduled_anew_was_never_missed(house):
    async with house.bot(Works("0 15 * * *")):
        pass
    house.wall.move(days=2)
    works = Works("0 16 * * *")
    async with house.bot(works):
        await house.looked()
        assert works.begun == 0
    works = Works("0 16 * * *", time_zone="Asia/Shanghai")
    house.wall.move(days=2)
    async with house.bot(works):
        await house.looked()
        assert works.begun == 0
        assert (await state_of(house)).due_at.hour == 8


async def test_a_pause_survives_a_restart_and_nothing_of_it_is_made_up_for(house):
    works = Works("0 * * * *")
    async with house.bot(works):
        assert await house.rows.pause("works")
        house.wall.move(hours=5)
        await house.looked()
        assert works.begun == 0
    house.wall.move(days=1)
    async with house.bot(works):
        await house.looked()
        assert (works.begun, (await state_of(house)).paused) == (0, True)
        assert await house.rows.resume("works")
        await house.looked()
        assert works.begun == 0
        house.wall.move(hours=1)
        await until(lambda: works.ended == 1)
    assert not await house.rows.pause("unheard of")


async def test_a_job_that_was_asked_for_runs_also_paused_and_without_a_schedule(house):
    works, never = Works(name="works"), Works("", name="never")
    async with house.bot(works, never):
        await house.rows.pause("works")
        assert await house.rows.ask("works")
        assert await house.rows.ask("never")
        await until(lambda: works.ended == never.ended == 1)
        await house.looked()
        assert (works.begun, never.begun) == (1, 1)
    assert (await state_of(house, "never")).due_at is None
    assert await house.rows.asked() == ()
    assert not await house.rows.ask("unheard of")


async def test_one_run_of_a_job_at_a_time_whoever_wants_it(house):
    works = Works("0 * * * *")
    works.may_end.clear()
    async with house.bot(works):
        house.wall.move(hours=1)
        await until(lambda: works.begun == 1)
        house.wall.move(hours=3)
        await house.rows.ask("works")
        await house.looked()
        # As another process would.
        assert await house.runs().run(works.job) is None
        assert (works.begun, works.most_at_once) == (1, 1)
        works.may_end.set()
        # What was asked for meanwhile is done when that is over.
        await until(lambda: works.ended == 2)
    assert works.most_at_once == 1


async def test_a_second_bot_takes_the_schedule_over_when_the_first_has_ended(house):
    first, second = Works("0 * * * *"), Works("0 * * * *")
    async with house.bot(first), asyncio.TaskGroup() as bots:
        up, down = asyncio.Event(), asyncio.Event()

        async def beside() -> None:
            async with house.bot(second):
                up.set()
                await down.wait()

        bots.create_task(beside())
        await up.wait()
        house.wall.move(hours=1)
        await until(lambda: first.ended == 1)
        await house.looked()
        assert second.begun == 0
        down.set()
    async with house.bot(second):
        house.wall.move(hours=1)
        await until(lambda: second.ended == 1)
    assert first.begun == 1


@pytest.mark.parametrize("stumbles_at", ["register", "due"])
async def test_a_schedule_that_could_not_be_taken_over_at_once_is_taken_over_soon(
    house, stumbles_at, monkeypatch
):
    """The database is busy in just that moment."""
    works, tried = Works("0 * * * *"), 0
    whole = getattr(house.rows, stumbles_at)

    async def stumbling(*values):
        nonlocal tried
        tried += 1
        if tried == 1:
            raise sqlite3.OperationalError("database is locked")
        return await whole(*values)

    with ExitStack() as another:
        assert house.runs().take(another, KEEPER)
        running = house.bot(works)
        await running.__aenter__()
        monkeypatch.setattr(house.rows, stumbles_at, stumbling)
    try:
        await until(lambda: tried > 1)
        await house.looked()
        house.wall.move(hours=1)
        await until(lambda: works.ended == 1)
        await house.looked()
        assert works.begun == 1
    finally:
        await running.__aexit__(None, None, None)


async def test_a_failure_is_in_the_log_counted_and_told_once_and_its_end_once(house, caplog):
    works = Works("0 * * * *")
    works.error = RuntimeError("marmalade")
    alerts = house.told.alerts
    async with house.bot(works):
        for count in (1, 2):
            house.wall.move(hours=1)
            await until(lambda count=count: len(house.told.measured) == count)
            await alerts.look()
        state = await state_of(house)
        assert (state.outcome, state.failures, state.runs) == (Outcome.FAILED, 2, 2)
        (said,) = house.told.said
        assert "The job works failed: RuntimeError (" in said
        assert "marmalade" not in said + state.detail
        lines = [r for r in caplog.records if state.reference in r.getMessage()]
        assert [(line.levelno, line.name) for line in lines] == [(logging.ERROR, "core.job_runs")]
        assert lines[0].exc_info is not None
        works.error = None
        house.wall.move(hours=1)
        await until(lambda: works.ended == 1)
        await until(lambda: len(house.told.measured) == 3)
        house.wall.move(minutes=2)
        await alerts.look()
        assert house.told.said[1:] == ["✅ The job works succeeded again."]
    outcomes = [one.outcome for one in house.told.measured if isinstance(one, JobEnded)]
    assert outcomes == ["failed", "failed", "done"]


async def test_what_failed_before_a_restart_is_still_wrong_after_it(house):
    works = Works("0 * * * *")
    works.error = RuntimeError()
    async with house.bot(works):
        house.wall.move(hours=1)
        await until(lambda: house.told.measured)
    house.told.__init__(house.wall)
    async with house.bot(works):
        await house.told.alerts.look()
        assert len(house.told.said) == 1


async def test_a_run_that_our_end_cuts_off_is_waited_for_and_made_up_for(house):
    works = Works("0 * * * *")
    works.may_end.clear()
    async with house.bot(works):
        house.wall.move(hours=1)
        await until(lambda: works.begun == 1)
    assert works.at_once == 0
    assert (await state_of(house)).outcome is Outcome.STOPPED
    assert house.told.measured == []
    works.may_end.set()
    async with house.bot(works):
        await until(lambda: works.ended == 1)


async def test_a_run_that_its_process_died_of_is_not_made_up_for(house):
    works = Works("0 * * * *")
    async with house.bot(works):
        pass
    await house.rows.begin("works", house.wall.moment.replace(hour=23))
    async with house.bot(works):
        await house.looked()
        assert works.begun == 0
        state = await state_of(house)
        assert (state.outcome, state.failures) == (Outcome.INTERRUPTED, 1)


async def test_a_run_under_way_in_another_process_is_not_taken_for_a_dead_ones(house):
    works = Works("0 * * * *")
    async with house.bot(works):
        pass
    works.may_end.clear()
    elsewhere = asyncio.create_task(house.runs().run(works.job))
    await until(lambda: works.begun == 1)
    async with house.bot(works):
        assert (await state_of(house)).outcome is Outcome.RUNNING
        works.may_end.set()
        state = await elsewhere
        assert state is not None
        assert state.outcome is Outcome.DONE


async def test_a_job_may_run_at_every_start_too(house):
    works = Works("0 3 * * *", at_start=True)
    for count in (1, 2):
        async with house.bot(works):
            await until(lambda count=count: works.ended == count)
    await house.rows.pause("works")
    async with house.bot(works):
        await house.looked()
    assert works.begun == 2


async def test_jobs_that_are_no_more_have_no_row(house):
    async with house.bot(Works(), Works(name="other")):
        pass
    async with house.bot(Works()):
        assert [state.name for state in await house.rows.all()] == ["works"]


async def test_several_failures_are_told_in_one_line(house):
    works = Works()
    works.error = ExceptionGroup("both", [RuntimeError(), ValueError(), RuntimeError()])
    await house.rows.ensure(works.schedule)
    state = await house.runs().run(works.job)
    assert state is not None
    assert state.detail == "RuntimeError; ValueError"


async def test_what_a_process_may_not_do_it_says(house, tmp_path):
    with pytest.raises(ValueError, match="minute, hour"):
        async with house.bot(Works("never")):
            pass
