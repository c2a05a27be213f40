"""Jobs under a clock that a test sets: apscheduler's own, and that of the rows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import apscheduler.schedulers.base
import pytest

from core import scheduler as scheduling
from core.alerts import Alerts, Subject, Trouble
from core.database import Database
from core.job_runs import JobRuns
from core.jobs import Job, JobRows, Schedule
from core.language import words
from core.scheduler import Beat, Scheduler

LOOK_SECONDS = 0.02
MONDAY = datetime(2027, 6, 7, 12, tzinfo=UTC)


class Wall:
    """A clock that is put forward; in between it goes on as any does."""

    def __init__(self, moment: datetime = MONDAY) -> None:
        self.moment = moment
        """As it was put."""
        self._begun = time.monotonic()

    def now(self) -> datetime:
        return self.moment + timedelta(seconds=time.monotonic() - self._begun)

    def __call__(self) -> float:
        return self.now().timestamp()

    def move(self, **by: float) -> None:
        self.moment += timedelta(**by)


class Told:
    """What was measured, and what the owners would read."""

    def __init__(self, wall: Wall) -> None:
        self.measured: list[object] = []
        self.said: list[str] = []
        self.alerts = Alerts(self._say, words("en"), wall)

    async def _say(self, text: str) -> bool:
        self.said.append(text)
        return True

    def note(self, measured: object) -> None:
        self.measured.append(measured)


class Works:
    """A job whose runs a test sees, and can hold up or let fail."""

    def __init__(self, cron: str = "0 3 * * *", name: str = "works", **schedule: object) -> None:
        self.schedule = Schedule(name, cron, **schedule)  # type: ignore[arg-type]
        self.job = Job(self.schedule, self._run, Subject(Trouble.JOB, name))
        self.begun = 0
        self.ended = 0
        self.at_once = 0
        self.most_at_once = 0
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.error: Exception | None = None

    async def _run(self) -> str:
        self.begun += 1
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            await self.may_end.wait()
            if self.error is not None:
                raise self.error
        finally:
            self.at_once -= 1
        self.ended += 1
        return "It is done."


class House:
    """A data directory in which bots begin and end."""

    def __init__(self, folder, database: Database, wall: Wall) -> None:
        self.folder = folder
        self.wall = wall
        self.rows = JobRows(database, clock=wall)
        self.told = Told(wall)

    def runs(self) -> JobRuns:
        told = self.told
        return JobRuns(
            self.rows, self.folder / "jobs", words("en"), meters=told, alerts=told.alerts
        )

    @asynccontextmanager
    async def bot(self, *works: Works, beats: Sequence[Beat] = ()):
        """A bot that keeps the schedule, if no other does."""
        jobs = [own.job for own in works]
        async with Scheduler(jobs, self.runs(), self.rows, beats).running():
            yield

    async def looked(self, times: int = 4) -> None:
        """Whatever was due or asked for by now has begun."""
        await asyncio.sleep(LOOK_SECONDS * times)


@pytest.fixture
async def house(tmp_path, monkeypatch):
    wall = Wall()

    class _Datetime(datetime):
        @classmethod
        def now(cls, tz=None):
            return wall.now().astimezone(tz)

    monkeypatch.setattr(apscheduler.schedulers.base, "datetime", _Datetime)
    monkeypatch.setattr(scheduling, "LOOK_SECONDS", LOOK_SECONDS)
    async with Database.open(tmp_path / "lorekeeper.db") as database:
        yield House(tmp_path, database, wall)


async def until(condition, seconds: float = 20) -> None:
    """Raises `TimeoutError` where it never becomes true."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (it is of rows and counts, not ours to set)
            await asyncio.sleep(0.005)
