"""Keeps the schedule: jobs at their times, what was missed, and what somebody asks for.

Times come from the rows and go back there; apscheduler holds them in memory only, and wakes us. Of
the processes that share a data directory one keeps the schedule; when it ends, another goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from core.cron import Cron, zone_named
from core.job_runs import JobRuns
from core.jobs import Job, JobRows, Schedule

if TYPE_CHECKING:
    from apscheduler.schedulers.asyncio import AsyncIOScheduler

LOOK_SECONDS: Final = 2.0
"""How soon is done what was asked for in another process."""
KEEPER: Final = "schedule"
"""The name of the lock that whoever keeps the schedule holds."""
_ON_TIME: Final = timedelta(minutes=1)
"""Nothing is as late as that: a run is begun a moment after its time, whatever the grace."""
_PUT_BACK: Final = timedelta(minutes=1)
"""By how much a clock is put back that was wrong, and not only corrected."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Beat:
    """Something that every process does every few seconds, and that is nobody's job to watch."""

    work: Callable[[], Awaitable[object]] | Callable[[], object]
    """What is no coroutine function is run in a thread."""
    seconds: float


class _Every:
    """A trigger like apscheduler's own, which walks through every time that a machine slept
    through: two days of them stop everything for seconds."""

    def __init__(self, seconds: float) -> None:
        self._step = timedelta(seconds=seconds)

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime:
        return now + self._step


class Scheduler:
    """Runs jobs by their schedules while `running` is open."""

    def __init__(
        self, jobs: Sequence[Job], runs: JobRuns, rows: JobRows, beats: Sequence[Beat] = ()
    ) -> None:
        self._jobs: Mapping[str, Job] = {job.name: job for job in jobs}
        self._crons = {job.name: cron_of(job.schedule) for job in jobs}
        self._runs = runs
        self._rows = rows
        self._beats = beats
        self._held = ExitStack()
        self._holds = False
        """The lock of whoever keeps the schedule."""
        self._keeps = False
        """The schedule, too: every job is registered."""
        self._wanted: set[str] = set()
        """Jobs that were asked for and have begun, or will at once."""
        self._tasks: set[asyncio.Task[object]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None, None]:
        """Leaving cancels what is under way, and waits for it."""
        from apscheduler.schedulers.asyncio import AsyncIOScheduler
        from apscheduler.triggers.base import BaseTrigger

        BaseTrigger.register(Cron)
        BaseTrigger.register(_Every)
        logging.getLogger("apscheduler.executors.default").addFilter(_is_worth_a_line)
        scheduler = AsyncIOScheduler(
            timezone=UTC,
            # How late is too late is decided here, by the row.
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        for beat in self._beats:
            scheduler.add_job(beat.work, _Every(beat.seconds))
        with self._held:
            await self._look(scheduler)
            # Not before the first look has ended: there is one at a time.
            scheduler.add_job(self._owned, _Every(LOOK_SECONDS), (self._look, scheduler))
            scheduler.start()
            watching = asyncio.create_task(self._watch_clock(scheduler), name="watch the clock")
            try:
                yield
            finally:
                watching.cancel()
                await asyncio.wait({watching})
                # It cancels, once; what is under way has something to put in order.
                scheduler.shutdown(wait=False)
                await asyncio.sleep(0)
                await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _look(self, scheduler: AsyncIOScheduler) -> None:
        if not self._keeps:
            self._holds = self._holds or self._runs.take(self._held, KEEPER)
            if not self._holds:
                return
            # Where the rows cannot be read or written now, the next look tries again.
            for add in await self._taken_over(scheduler):
                add()
            self._keeps = True
        for name in await self._rows.asked():
            if name in self._jobs and name not in self._wanted:
                self._wanted.add(name)
                scheduler.add_job(self._owned, args=(self._run_asked, name))

    async def _watch_clock(self, scheduler: AsyncIOScheduler) -> None:
        """What comes round waits for a time of the day: of a clock that was ahead and is put right
        by hours, it would stand still for as many, beats and all."""
        latest = self._rows.now()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now = self._rows.now()
            if now < latest - _PUT_BACK:
                _log.warning("the clock was put back by %s: jobs follow it", latest - now)
                self._follow_clock(scheduler, now)
            latest = now

    def _follow_clock(self, scheduler: AsyncIOScheduler, now: datetime) -> None:
        for job in scheduler.get_jobs():
            due = job.trigger.get_next_fire_time(None, now)
            if due is None or due >= job.next_run_time:
                continue
            job.modify(next_run_time=due)
            if job.id in self._jobs:
                scheduler.add_job(self._owned, args=(self._rows.due, job.id, due))

    async def _taken_over(self, scheduler: AsyncIOScheduler) -> list[Callable[[], object]]:
        """Every job, with what was missed while nobody kept the schedule; what remains is to give
        them to the scheduler, which cannot fail."""
        adding: list[Callable[[], object]] = []
        await self._rows.register([job.schedule for job in self._jobs.values()])
        now = self._rows.now()
        for state in await self._rows.all():
            job, cron = self._jobs.get(state.name), self._crons.get(state.name)
            if job is None:
                continue
            await self._runs.settle(job, state)
            at_start = job.schedule.at_start and not state.paused
            if at_start:
                run = (self._run, state.name)
                adding.append(partial(scheduler.add_job, self._owned, args=run))
            if cron is None:
                continue
            coming = cron.next_after(now)
            # One that is further off was written down by a clock that was ahead.
            due = coming if state.due_at is None else min(state.due_at, coming or state.due_at)
            if due is not None and due <= now:
                missed = not at_start and not state.paused and self._is_in_time(job, cron, now)
                due = now if missed else coming
            await self._rows.due(state.name, due)
            if due is not None:
                fire = (self._fire, state.name)
                adding.append(
                    partial(
                        scheduler.add_job, self._owned, cron, fire, id=state.name, next_run_time=due
                    )
                )
        return adding

    def _is_in_time(self, job: Job, cron: Cron, now: datetime) -> bool:
        """Whether the last of what was missed is to be made up for; all before it goes with it."""
        grace = job.schedule.grace_seconds
        if grace is None:
            return True
        latest = cron.next_after(now - max(timedelta(seconds=grace), _ON_TIME))
        return latest is not None and latest <= now

    async def _fire(self, name: str) -> None:
        """A job's time has come, now or (where this process slept) some time ago."""
        state, now, cron = await self._rows.find(name), self._rows.now(), self._crons[name]
        if state is None or cron is None:
            return
        if state.paused:
            await self._rows.due(name, cron.next_after(now))
        elif not self._is_in_time(self._jobs[name], cron, now):
            _log.warning("the job %s is too late and waits for its next time", name)
            await self._rows.due(name, cron.next_after(now))
        else:
            await self._run(name)

    async def _run_asked(self, name: str) -> None:
        try:
            await self._run(name)
        finally:
            self._wanted.discard(name)

    async def _run(self, name: str) -> None:
        cron = self._crons[name]
        due = None if cron is None else cron.next_after(self._rows.now())
        await self._runs.run(self._jobs[name], due)

    async def _owned(self, work: Callable[..., Awaitable[None]], *about: object) -> None:
        """Do it in a task that the end waits for."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 (a coroutine runs in a task)
        self._tasks.add(task)
        try:
            await work(*about)
        finally:
            self._tasks.discard(task)


def cron_of(schedule: Schedule) -> Cron | None:
    """None: it never runs by itself. Raises `ValueError`."""
    if not schedule.cron:
        return None
    return Cron.parse(schedule.cron, zone_named(schedule.time_zone))


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    """The end cancels what is under way, and apscheduler would log that as a failure."""
    return not (record.exc_info and record.exc_info[0] is asyncio.CancelledError)
