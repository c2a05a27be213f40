"""Work that comes round: which jobs there are, when each is due, how its last run ended.

The rows are the truth: what is paused, when a job is due next, and which was asked for are written
there by whoever decides it, in whatever process, and obeyed by the one that keeps the schedule.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, TypeAlias

import aiosqlite

from core.alerts import Subject
from core.database import Database
from core.language import Told, Words, every_words, told, words
from core.text import clip, storable

Work: TypeAlias = Callable[[], Awaitable[Told]]
"""One run; returns what it did."""

_LONGEST_DETAIL: Final = 500
_COLUMNS: Final = (
    "name, cron, time_zone, paused, due_at, asked_at, started_at, ended_at, outcome, detail,"
    " reference, runs, failures, said"
)


class Outcome(StrEnum):
    """How a run ended; the values stand in the database."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"
    """By our own end; it is made up for at the next start."""
    INTERRUPTED = "interrupted"
    """The process died meanwhile. Not made up for: it may be what it died of."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A job and when it runs."""

    name: str
    cron: str
    """As `core.cron` takes it; empty: only when somebody asks for it."""
    time_zone: str = "UTC"
    grace_seconds: float | None = None
    """How late a missed run is still made up for; None: however late."""
    at_start: bool = False
    """Whether it runs at every start, too."""


@dataclass(frozen=True, slots=True)
class Job:
    """A schedule and what is to be done."""

    schedule: Schedule
    work: Work
    subject: Subject
    """What the owners are told of where it fails."""
    tells: bool = True
    """Whether they are told here, and not by the work itself, which knows more of it."""

    @property
    def name(self) -> str:
        return self.schedule.name


@dataclass(frozen=True, slots=True)
class JobState:
    """How a job stands."""

    name: str
    cron: str = ""
    time_zone: str = ""
    paused: bool = False
    due_at: datetime | None = None
    asked_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: Outcome | None = None
    """Of the last run; None: there was none."""
    detail: str = ""
    """What it did, or why it failed, in the operator's language."""
    reference: str = ""
    """Under which a failure is found in the log."""
    runs: int = 0
    failures: int = 0
    said: Mapping[str, str] = field(default_factory=dict)
    """The detail by language, where it is known in others."""

    def told(self, _: Words) -> str:
        """The detail, for a reader of this language."""
        return self.said.get(_.language, self.detail)


class JobRows:
    """The rows of all jobs."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self.clock: Final = clock

    def now(self) -> datetime:
        """By this clock."""
        return datetime.fromtimestamp(self.clock(), UTC)

    async def all(self) -> tuple[JobState, ...]:
        """By name."""
        return await self._read("1 ORDER BY name")

    async def find(self, name: str) -> JobState | None:
        return next(iter(await self._read("name = ?", name)), None)

    async def asked(self) -> tuple[str, ...]:
        """The jobs that somebody wants to run now."""
        return tuple(state.name for state in await self._read("asked_at IS NOT NULL"))

    async def register(self, schedules: Sequence[Schedule]) -> None:
        """Let there be these jobs and no others. What is paused stays so; a job whose schedule
        has changed was never due."""
        async with self._database.transaction() as connection:
            held = {state.name for state in await _states(connection, "1")}
            for name in held - {schedule.name for schedule in schedules}:
                await connection.execute("DELETE FROM jobs WHERE name = ?", (name,))
            for own in schedules:
                await _ensure(connection, own)
                await connection.execute(
                    "UPDATE jobs SET cron = ?, time_zone = ?, due_at = NULL"
                    " WHERE name = ? AND (cron <> ? OR time_zone <> ?)",
                    (own.cron, own.time_zone, own.name, own.cron, own.time_zone),
                )

    async def ensure(self, schedule: Schedule) -> None:
        """Let there be a row of this job, too."""
        async with self._database.transaction() as connection:
            await _ensure(connection, schedule)

    async def due(self, name: str, at: datetime | None) -> None:
        """When it runs next."""
        await self._update("due_at = ?", name, _stamp(at))

    async def pause(self, name: str) -> bool:
        """Not to run by itself until resumed; False: there is no such job."""
        return await self._update("paused = 1", name)

    async def resume(self, name: str) -> bool:
        """What was missed meanwhile is not made up for; False: there is no such job."""
        return await self._update("paused = 0, due_at = NULL", name)

    async def ask(self, name: str) -> bool:
        """Have it run soon by whoever keeps the schedule; False: there is no such job."""
        return await self._update("asked_at = ?", name, self.clock())

    async def withdraw(self, name: str) -> None:
        """Nobody wants it run any more."""
        await self._update("asked_at = NULL", name)

    async def begin(self, name: str, due_at: datetime | None) -> None:
        """A run begins, by which all wishes for one are fulfilled; `due_at`: the next."""
        await self._update(
            "asked_at = NULL, started_at = ?, ended_at = NULL, outcome = 'running', detail = '',"
            " said = '{}', reference = '', due_at = ?",
            name,
            self.clock(),
            _stamp(due_at),
        )

    async def end(
        self,
        name: str,
        outcome: Outcome,
        detail: Told = "",
        reference: str = "",
        own: Words | None = None,
    ) -> None:
        """The run is over. `own`: the operator's language, else English."""
        failed = outcome in (Outcome.FAILED, Outcome.INTERRUPTED)
        again = ", due_at = started_at" if outcome is Outcome.STOPPED else ""
        await self._update(
            "ended_at = ?, outcome = ?, detail = ?, said = ?, reference = ?, runs = runs + 1,"
            f" failures = failures + ?{again}",
            name,
            self.clock(),
            outcome.value,
            _kept(told(detail, own or words("en"))),
            json.dumps(
                {}
                if isinstance(detail, str)
                else {_.language: _kept(detail(_)) for _ in every_words()},
                ensure_ascii=False,
            ),
            reference,
            int(failed),
        )

    async def _update(self, change: str, name: str, *values: str | float | None) -> bool:
        async with self._database.transaction() as connection:
            cursor = await connection.execute(
                f"UPDATE jobs SET {change} WHERE name = ?",  # noqa: S608 - our own words
                (*values, storable(name)),
            )
            return cursor.rowcount > 0

    async def _read(self, where: str, *values: str) -> tuple[JobState, ...]:
        async with self._database.reader() as connection:
            return await _states(connection, where, *values)


async def _ensure(connection: aiosqlite.Connection, schedule: Schedule) -> None:
    await connection.execute(
        "INSERT OR IGNORE INTO jobs (name, cron, time_zone) VALUES (?, ?, ?)",
        (schedule.name, schedule.cron, schedule.time_zone),
    )


async def _states(
    connection: aiosqlite.Connection, where: str, *values: str
) -> tuple[JobState, ...]:
    rows = await connection.execute_fetchall(
        f"SELECT {_COLUMNS} FROM jobs WHERE {where}",  # noqa: S608 - our own words
        tuple(map(storable, values)),
    )
    return tuple(
        JobState(
            name, cron, zone, bool(paused), _moment(due), _moment(asked), _moment(started),
            _moment(ended), None if outcome is None else Outcome(outcome), detail, reference,
            runs, failures, json.loads(said),
        )
        for name, cron, zone, paused, due, asked, started, ended, outcome, detail, reference, runs,
        failures, said in rows
    )  # fmt: skip


def _kept(detail: str) -> str:
    return storable(clip(detail, _LONGEST_DETAIL))


def _stamp(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _moment(stamp: float | None) -> datetime | None:
    return None if stamp is None else datetime.fromtimestamp(stamp, UTC)
