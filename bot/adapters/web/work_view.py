"""What a base is at work on, as HTML in which nothing of others can act."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.adapters.web import markup
from bot.adapters.web.jobs import Job
from bot.adapters.web.markup import plain
from core.commands.ingesting import STAGES
from core.commands.sizes import size_of
from core.counts import passages_of
from core.language import Words
from knowledge_base.models import BaseStatistics

_MOST_JOBS: Final = 60


def vectors(figures: BaseStatistics, configured: str | None, _: Words) -> str:
    """How far a base that another model made has come with the configured one's vectors."""
    told = _(
        "Its vectors are those of {old}; made anew with {new} by now: {done} of {passages}. Until "
        "all are, the old ones serve.",
        old=figures.embedder or "",
        new=configured or "",
        done=figures.reembedded,
        passages=passages_of(figures.passages, _),
    )
    share = f'max="{max(1, figures.passages)}" value="{figures.reembedded}"'
    return (
        f'<p class="note">{plain(told)}</p><progress aria-label="{plain(told)}" {share}></progress>'
    )


def jobs(under_way: Sequence[Job], _: Words, *, are_files: bool = True) -> str:
    """What is on its way, what waits or works first."""
    if not under_way:
        return ""
    ordered = sorted(under_way, key=lambda job: job.is_over)
    left = sum(not job.is_over for job in ordered)
    done = sum(job.state == "done" for job in ordered)
    failed = sum(job.state == "failed" for job in ordered)
    stopped = sum(job.state == "stopped" for job in ordered)
    told = (
        _.plural("{count} file is on its way.", "{count} files are on their way.", left)
        if left
        else _.plural("{count} file is done.", "{count} files are done.", done)
    )
    if failed:
        told += " " + _.plural("{count} failed.", "{count} failed.", failed)
    if stopped:
        told += " " + _.plural("{count} was stopped.", "{count} were stopped.", stopped)
    lines = "".join(_job(job, _) for job in ordered[:_MOST_JOBS])
    more = len(ordered) - _MOST_JOBS
    rest = f'<p class="note">{plain(_("… and {count} more.", count=more))}</p>' if more > 0 else ""
    if not are_files:
        return f'<ul class="jobs" role="status">{lines}</ul>{rest}'
    return f'<p role="status">{plain(told)}</p><ul class="jobs">{lines}</ul>{rest}'


def _job(job: Job, _: Words) -> str:
    size = f" <small>{plain(size_of(job.size))}</small>" if job.path is not None else ""
    name = f"<b>{plain(job.name)}</b>{size}"
    match job.state:
        case "waiting":
            body = f'<span class="note">{plain(_("waits"))}</span>'
        case "working":
            share = f' max="{job.total}" value="{job.done}"' if job.total else ""
            counted = f" {job.done} / {job.total}" if job.total else ""
            first = _(STAGES[next(iter(STAGES))]) if job.path is not None else _("at work")
            stage = job.stage or first
            label = plain(f"{job.name}: {stage}")
            body = (
                f'<span class="note">{plain(stage)}{counted}</span>'
                f'<progress aria-label="{label}"{share}></progress>'
            )
        case "done" | "failed":
            body = f'<div class="outcome">{markup.formatted(job.outcome)}</div>'
        case "stopped":
            told = _("It was stopped before it was done: begin it again.")
            body = f'<div class="outcome">{plain(told)}</div>'
    return f'<li class="{job.state}">{name} {body}</li>'
