"""One run of a job: alone, recorded, counted, and told to the owners where it failed."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path

from core import tracing
from core.alerts import Alerts
from core.explain import explain
from core.jobs import Job, JobRows, JobState, Outcome
from core.language import Told, Words
from core.meters import UNMEASURED, JobEnded, Meters
from core.shielding import to_the_end
from knowledge_base.errors import StorageBusyError
from knowledge_base.leases import locked

_log = logging.getLogger(__name__)


class JobRuns:
    """Runs jobs, each at most once at a time, whatever process wants it.

    Who runs one holds the lock of a file, which ends with its process.
    """

    def __init__(
        self,
        rows: JobRows,
        folder: Path,
        words: Words,
        *,
        meters: Meters = UNMEASURED,
        alerts: Alerts | None = None,
    ) -> None:
        """`folder` is for the locks. Without `alerts` nobody is told."""
        self._rows = rows
        self._folder = folder
        self._words = words
        self._meters = meters
        self._alerts = alerts

    async def run(self, job: Job, due_at: datetime | None = None) -> JobState | None:
        """How the run ended; `due_at`: when the next is. None: one is under way already.

        A cancellation ends the run, and is recorded.
        """
        with ExitStack() as held:
            if not self.take(held, job.name):
                return None
            await self._rows.begin(job.name, due_at)
            begun = time.monotonic()
            try:
                (ended,) = await asyncio.gather(job.work(), return_exceptions=True)
            except asyncio.CancelledError:
                await to_the_end(self._rows.end(job.name, Outcome.STOPPED))
                raise
            await self._ended(job, ended, time.monotonic() - begun)
            return await self._rows.find(job.name)

    async def settle(self, job: Job, state: JobState) -> None:
        """Say of a run that a process which died left behind that it is over; remember what is
        wrong since before this start."""
        if state.outcome is Outcome.FAILED and not state.paused:
            self._observe(job, well=False, detail=state.told(self._words))
        if state.outcome is not Outcome.RUNNING:
            return
        with ExitStack() as held:
            if self.take(held, state.name):
                _log.warning("the job %s was interrupted", state.name)
                await self._rows.end(state.name, Outcome.INTERRUPTED)

    def take(self, held: ExitStack, name: str) -> bool:
        """The lock of that name until the stack is left; False: somebody else has it."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            held.enter_context(locked(self._folder / f"{name}.lock", 0))
        except StorageBusyError:
            return False
        return True

    async def _ended(self, job: Job, ended: Told | BaseException, seconds: float) -> None:
        name = job.name
        if not isinstance(ended, BaseException):
            await self._rows.end(name, Outcome.DONE, ended, own=self._words)
            _log.info("the job %s ended after %.1f s", name, seconds)
            self._meters.note(JobEnded(name, "done", seconds))
            if job.tells:
                self._observe(job, well=True)
            return
        reference = tracing.reference()
        # With the traceback, without the values that were held there.
        _log.error("the job %s failed, reference %s", name, reference, exc_info=ended)
        await self._rows.end(name, Outcome.FAILED, partial(_why, ended), reference, self._words)
        self._meters.note(JobEnded(name, "failed", seconds))
        detail = _why(ended, self._words).rstrip(".。")
        self._observe(job, well=False, detail=f"{detail} ({reference})")

    def _observe(self, job: Job, *, well: bool, detail: str = "") -> None:
        if self._alerts is not None:
            self._alerts.observe(job.subject, well=well, detail=detail)


def _why(error: BaseException, _: Words) -> str:
    known = explain(error, _) if isinstance(error, Exception) else None
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(dict.fromkeys(_why(one, _) for one in error.exceptions))
    return known or type(error).__name__
