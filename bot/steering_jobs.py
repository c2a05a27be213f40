"""`jobs` at the shell: what comes round is listed, run, paused, resumed.

Where a bot keeps the schedule, a run is asked of it through the job's row; else it is done here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from bot import output
from bot.folders import FollowedFolders
from bot.jobs import FOLDER, Means, jobs, schedules
from bot.letting_go import steps
from bot.parts import open_database, open_library
from bot.settings import Config
from bot.wording import own_words
from core.alerts import Alerts
from core.channels import Channels
from core.commands.jobs import NEVER_BY_ITSELF, ended
from core.cron import zone_named
from core.database import Database
from core.forgetting import Forgetting
from core.job_runs import JobRuns
from core.jobs import Job, JobRows, JobState, Outcome, Schedule
from core.language import N_, Words
from core.reviews import Reviews
from core.scheduler import KEEPER, cron_of
from core.shielding import to_the_end

_LOOK_SECONDS: Final = 0.5


async def show(config: Config, as_json: bool) -> int:
    """Print every job."""
    _ = own_words(config)
    async with open_database(config) as database:
        rows = JobRows(database)
        states = [await _state(rows, schedule) for schedule in schedules(config)]
    if as_json:
        for state in states:
            output.emit(_told(state))
        return 0
    titles = (_("name"), _("schedule"), _("next"), _("last run"), _("what it did"))
    output.table([_row(state, _) for state in states], titles)
    return 0


async def pause(config: Config, name: str, pausing: bool, as_json: bool) -> int:
    """Write it down; a running bot looks there before it runs anything."""
    _ = own_words(config)
    schedule = _schedule(config, name)
    if schedule is None:
        return _unknown(config, name, _)
    if not schedule.cron:
        output.tell(_(NEVER_BY_ITSELF, job=name))
        return 1
    async with open_database(config) as database:
        rows = JobRows(database)
        await rows.ensure(schedule)
        await (rows.pause(name) if pausing else rows.resume(name))
        state = await _state(rows, schedule)
    if as_json:
        output.emit(_told(state))
    elif pausing:
        output.say(_("{job} does not run by itself until it is resumed.", job=name))
    else:
        output.say(_("{job} runs by itself again.", job=name))
    return 0


async def run(config: Config, name: str, as_json: bool) -> int:
    """Have it run, and wait for the end; 1 where it failed."""
    _ = own_words(config)
    schedule = _schedule(config, name)
    if schedule is None:
        return _unknown(config, name, _)
    async with open_database(config) as database:
        rows = JobRows(database)
        runs = JobRuns(rows, config.data_dir / FOLDER, _)
        if _is_kept(runs):
            state = await _run_there(rows, runs, name)
        else:
            state = await _run_here(config, schedule, database, runs)
    if isinstance(state, str):
        output.tell(_(state, job=name))
        return 1
    if as_json:
        output.emit(_told(state))
    else:
        say = output.say if state.outcome is Outcome.DONE else output.tell
        reference = f" ({state.reference})" if state.reference else ""
        told = _("{name}: {state}. {detail}", name=name, state=ended(state, _),
                 detail=state.told(_) + reference)  # fmt: skip
        say(told.rstrip())
    return 0 if state.outcome is Outcome.DONE else 1


def _is_kept(runs: JobRuns) -> bool:
    """Whether a bot keeps the schedule."""
    with ExitStack() as held:
        return not runs.take(held, KEEPER)


async def _run_there(rows: JobRows, runs: JobRuns, name: str) -> JobState | str:
    """By the bot that keeps the schedule."""
    if not await rows.ask(name):
        return N_("The bot that runs has no job {job}: its configuration is another one.")
    try:
        while True:
            state = await rows.find(name)
            is_due = state is None or state.asked_at is not None
            if state is not None and not is_due and state.outcome is not Outcome.RUNNING:
                return state
            if not _is_kept(runs):
                return N_("The bot ended before the job {job} did.")
            await asyncio.sleep(_LOOK_SECONDS)
    finally:
        await to_the_end(rows.withdraw(name))


async def _run_here(
    config: Config, schedule: Schedule, database: Database, runs: JobRuns
) -> JobState | str:
    """In this process; nobody else can, meanwhile."""
    rows = JobRows(database)
    async with _jobs(config, schedule.name, database) as found:
        job = next((one for one in found if one.name == schedule.name), None)
        if job is None:
            return N_("The job {job} needs what only the bot has: it runs only where the bot does.")
        await rows.ensure(schedule)
        state = await runs.run(job, _due(schedule))
    return state or N_("The job {job} is running already.")


@asynccontextmanager
async def _jobs(
    config: Config, name: str, database: Database
) -> AsyncGenerator[tuple[Job, ...], None]:
    async with open_library(config, embedding=name == "folders") as library:
        _ = own_words(config)
        channels = Channels(database)
        await channels.load()
        reviews = Reviews(database, config.data_dir / "reviews")
        forgetting = Forgetting(database, library, channels, reviews)
        means = Means(
            library,
            FollowedFolders(library, config.folders, _),
            steps(config, library, database, channels, forgetting),
            Alerts(_to_nobody, _),
            _,
        )
        yield jobs(config, means)


async def _to_nobody(_text: str) -> bool:
    """Whoever sits at the shell reads how it ended."""
    return False


def _schedule(config: Config, name: str) -> Schedule | None:
    return next((one for one in schedules(config) if one.name == name), None)


def _unknown(config: Config, name: str, _: Words) -> int:
    names = _(", ").join(one.name for one in schedules(config))
    output.tell(_("There is no job {name}. There are: {names}.", name=name, names=names))
    return 2


async def _state(rows: JobRows, schedule: Schedule) -> JobState:
    """As its row has it; what the configuration says of it now."""
    state = await rows.find(schedule.name) or JobState(schedule.name)
    same = (state.cron, state.time_zone) == (schedule.cron, schedule.time_zone)
    due = state.due_at if same and state.due_at is not None else _due(schedule)
    return replace(state, cron=schedule.cron, time_zone=schedule.time_zone, due_at=due)


def _due(schedule: Schedule) -> datetime | None:
    cron = cron_of(schedule)
    return None if cron is None else cron.next_after(datetime.now(UTC))


def _row(state: JobState, _: Words) -> tuple[str, ...]:
    due = _("only when asked to")
    if state.cron and state.paused:
        due = _("paused")
    elif state.due_at is not None and state.cron:
        due = f"{state.due_at.astimezone(zone_named(state.time_zone)):%Y-%m-%d %H:%M %Z}"
    detail = f"{state.told(_)} ({state.reference})" if state.reference else state.told(_)
    return state.name, state.cron, due, ended(state, _), detail


def _told(state: JobState) -> dict[str, object]:
    def moment(at: datetime | None) -> str | None:
        return None if at is None else at.isoformat()

    return {
        "name": state.name,
        "cron": state.cron,
        "time_zone": state.time_zone,
        "paused": state.paused,
        "due_at": moment(state.due_at) if state.cron and not state.paused else None,
        "started_at": moment(state.started_at),
        "ended_at": moment(state.ended_at),
        "outcome": None if state.outcome is None else state.outcome.value,
        "detail": state.detail,
        "reference": state.reference,
        "runs": state.runs,
        "failures": state.failures,
    }
