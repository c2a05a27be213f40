"""`/jobs`: work that comes round, for the owner: how each stands; paused, resumed, run now."""

from __future__ import annotations

import difflib
from datetime import UTC, datetime
from typing import Final

from core.commands.base import CommandContext, Replies
from core.cron import Cron, zone_named
from core.errors import BadArgumentsError
from core.inert import inert
from core.jobs import JobRows, JobState, Outcome
from core.language import N_, Words
from core.replies import TextDelta

PAUSE: Final = "pause"
RESUME: Final = "resume"
RUN: Final = "run"
NEVER_BY_ITSELF: Final = N_(
    "{job} runs only when asked to: there is nothing to pause. When it is to run by itself stands "
    "in the configuration, under `[jobs]`."
)
_ENDED: Final = {
    None: N_("never ran"),
    Outcome.RUNNING: N_("running since {time:%Y-%m-%d %H:%M} UTC"),
    Outcome.DONE: N_("done {time:%Y-%m-%d %H:%M} UTC"),
    Outcome.FAILED: N_("failed {time:%Y-%m-%d %H:%M} UTC"),
    Outcome.STOPPED: N_("cut off by my own end {time:%Y-%m-%d %H:%M} UTC, to be made up for"),
    Outcome.INTERRUPTED: N_("interrupted"),
}


async def jobs(context: CommandContext) -> Replies:
    """List them, or steer one. What runs them looks at the rows every few seconds."""
    _ = context.words
    rows, action, name = context.resources.jobs, context.text("action"), context.text("name")
    states = () if rows is None else await rows.all()
    if rows is None or not states:
        yield TextDelta(_("Nothing comes round here."))
        return
    if action:
        if not name:
            raise BadArgumentsError(context.command.name, context.command.usage)
        yield TextDelta(await _steered(rows, states, action, name.lower(), _) + "\n\n")
        states = await rows.all()
    now = rows.now()
    yield TextDelta("\n".join(f"- {line(state, now, _)}" for state in states))


async def _steered(
    rows: JobRows, states: tuple[JobState, ...], action: str, name: str, _: Words
) -> str:
    names = [state.name for state in states]
    if name not in names:
        near = difflib.get_close_matches(name, names, 1) or names
        return _("There is no job {name}. There are: {names}.", name=inert(name),
                 names=_(", ").join(near))  # fmt: skip
    if action != RUN and not states[names.index(name)].cron:
        return _(NEVER_BY_ITSELF, job=name)
    match action:
        case "pause":
            await rows.pause(name)
            return _("{job} does not run by itself until it is resumed.", job=name)
        case "resume":
            await rows.resume(name)
            return _("{job} runs by itself again.", job=name)
        case _:
            await rows.ask(name)
            return _("{job} begins within a few seconds; `/jobs` says how it ended.", job=name)


def line(state: JobState, now: datetime, _: Words) -> str:
    """How a job stands, in a line."""
    parts = [f"**{state.name}**: {_due(state, now, _)}", ended(state, _)]
    if state.failures:
        parts.append(
            _.plural(
                "{failures} of {count} run failed",
                "{failures} of {count} runs failed",
                state.runs,
                failures=state.failures,
            )
        )
    if detail := state.told(_):
        told = inert(detail)
        parts.append(f"{told} ({state.reference})" if state.reference else told)
    return _("; ").join(parts)


def ended(state: JobState, _: Words) -> str:
    """How the last run ended."""
    moment = state.started_at if state.outcome is Outcome.RUNNING else state.ended_at
    return _(_ENDED[state.outcome], time=moment or datetime.now(UTC))


def _due(state: JobState, now: datetime, _: Words) -> str:
    if state.asked_at is not None and state.outcome is not Outcome.RUNNING:
        return _("begins at once")
    if not state.cron:
        return _("runs only when asked to")
    if state.paused:
        return _("paused")
    due = state.due_at
    if due is None:
        # It was resumed: whoever keeps the schedule writes down when it runs once it has run.
        due = Cron.parse(state.cron, zone_named(state.time_zone)).next_after(now)
    if due is None:
        return f"`{state.cron}`"
    return _("next {time:%Y-%m-%d %H:%M} UTC", time=due.astimezone(UTC))
