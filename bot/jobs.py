"""Which jobs there are, and what each of them does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from bot.backup.commands import scheduled
from bot.errors import DamagedBasesError
from bot.folders import FollowedFolders
from bot.letting_go import Step
from bot.settings import Config
from core.alerts import Alerts, Subject, Trouble
from core.counts import documents_of
from core.database import Database
from core.digest import Digests
from core.job_runs import JobRuns
from core.jobs import Job, JobRows, Schedule, Work
from core.language import Told, Words, words
from core.meters import Meters
from core.scheduler import Beat, Scheduler
from core.verified import told
from knowledge_base.library import Library

_NAMES: Final = ("snapshots", "retention", "integrity", "folders", "backup", "digest", "golden")
FOLDER: Final = "jobs"
"""Below the data directory: the locks of those that run."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Means:
    """What jobs work with."""

    library: Library
    folders: FollowedFolders
    letting_go: tuple[Step, ...]
    alerts: Alerts
    words: Words
    digests: Digests | None = None
    """None: no platform can be written to from here."""
    golden: Work | None = None
    """Asks golden questions. None: nothing answers here."""


def schedules(config: Config) -> tuple[Schedule, ...]:
    """Every job, also those that never run by themselves."""
    settings = config.jobs
    crons: dict[str, str] = {name: getattr(settings, name) for name in _NAMES}
    if config.backup.folder is None:
        crons["backup"] = ""
    return tuple(
        Schedule(
            name,
            cron,
            settings.time_zone,
            settings.grace_hours * 3600,
            # Some are started anew more often than it comes round.
            at_start=name == "retention" and bool(cron),
        )
        for name, cron in crons.items()
    )


def jobs(config: Config, means: Means) -> tuple[Job, ...]:
    """The jobs that can be done with these means."""
    works: dict[str, Work] = {
        "snapshots": partial(_snapshots, means),
        "retention": partial(_retention, means),
        "integrity": partial(_integrity, means),
        "folders": partial(_folders, means),
        "backup": partial(_backup, config, means),
    }
    if means.digests is not None:
        works["digest"] = partial(_digest, means.digests)
    if means.golden is not None:
        works["golden"] = means.golden
    return tuple(
        Job(
            schedule,
            works[schedule.name],
            _subject(schedule.name),
            # Of a backup that lacks something it tells, too.
            tells=schedule.name != "backup",
        )
        for schedule in schedules(config)
        if schedule.name in works
    )


def _subject(name: str) -> Subject:
    return Subject(Trouble.BACKUP) if name == "backup" else Subject(Trouble.JOB, name)


async def _snapshots(means: Means) -> Told:
    await means.library.snapshot()
    return lambda _: _("The indexes' files are written.")


async def _retention(means: Means) -> Told:
    """All of them, whichever fails. Raises what failed."""
    ended = [await _ended(step) for step in means.letting_go]
    failed = [one for one in ended if isinstance(one, Exception)]
    if failed:
        raise ExceptionGroup("not everything could be let go of", failed)
    count = sum(one for one in ended if isinstance(one, int))
    return lambda _: _.plural(
        "{count} thing was let go of.", "{count} things were let go of.", count
    )


async def _ended(step: Callable[[], Awaitable[object]]) -> object:
    (ended,) = await asyncio.gather(step(), return_exceptions=True)
    if isinstance(ended, BaseException) and not isinstance(ended, Exception):
        raise ended
    return ended


async def _integrity(means: Means) -> Told:
    """Raises `DamagedBasesError`; what is wrong stands in the log."""
    damaged: list[str] = []
    bases = await means.library.bases()
    for base in bases:
        found = await means.library.verify(base.base_id)
        for problem in found.problems:
            _log.error("%s: %s", base.name, told(problem, words("en")))
        if found.problems:
            damaged.append(base.name)
    if damaged:
        raise DamagedBasesError(tuple(damaged))
    return lambda _: _.plural(
        "{count} base was checked; nothing is wrong.",
        "{count} bases were checked; nothing is wrong.",
        len(bases),
    )


async def _folders(means: Means) -> Told:
    behind = await means.folders.look_through()
    if behind:
        return lambda _: _("Not up to date yet: {names}.", names=_(", ").join(behind))
    return lambda _: _("All folders were looked through.")


async def _backup(config: Config, means: Means) -> Told:
    report = await scheduled(config, means.alerts)
    return lambda _: _(
        "Backup {path}: {documents}.",
        path=report.path,
        documents=documents_of(report.documents, _),
    )


async def _digest(digests: Digests) -> Told:
    count = await digests.post()
    return lambda _: _.plural("{count} digest was posted.", "{count} digests were posted.", count)


@asynccontextmanager
async def coming_round(
    config: Config, means: Means, database: Database, meters: Meters, beats: Sequence[Beat]
) -> AsyncGenerator[None, None]:
    """Jobs run by their schedules, until it is left."""
    rows = JobRows(database)
    runs = JobRuns(rows, config.data_dir / FOLDER, means.words, meters=meters, alerts=means.alerts)
    async with Scheduler(jobs(config, means), runs, rows, beats).running():
        yield
