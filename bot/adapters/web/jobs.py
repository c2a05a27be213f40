"""Files on their way into a base: they go on when the page that sent them is closed or loaded anew.

The files were sent to the server before they come here. What is under way lives in this process:
a page shows it for as long as it cares to look.
"""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal, TypeAlias

from bot.adapters.web.requests import addition, command
from bot.adapters.web.view import ReplyView
from bot.adapters.web.visitors import Visitor
from core.events import IncomingMessage, Invocation
from core.filenames import file_name
from core.language import words
from core.ports import Inbox
from core.replies import Failed, Progress, TextDelta
from core.shielding import to_the_end

AT_ONCE: Final = 3
"""Files under way at a time: one is read while others are embedded and stored."""
MOST_KEPT: Final = 500
"""Jobs that are over and still shown; those before them are let go of."""

State: TypeAlias = Literal["waiting", "working", "done", "failed"]
Way: TypeAlias = Literal["kb add", "kb import"]


@dataclass(frozen=True, slots=True)
class Job:
    """One file, and how far it has come."""

    job_id: str
    base: str
    name: str
    size: int
    path: Path
    visitor: Visitor
    locale: str
    way: Way = "kb add"
    state: State = "waiting"
    stage: str = ""
    done: int = 0
    total: int | None = None
    outcome: str = ""
    """What was said in the end, as Markdown."""

    @property
    def is_over(self) -> bool:
        return self.state in ("done", "failed")


@dataclass(slots=True)
class Jobs:
    """What is under way, in the order in which it came; `working` must be entered."""

    inbox: Inbox
    folder: Path
    """Where files lie that wait; of its own."""
    _jobs: dict[str, Job] = field(default_factory=dict)
    _queue: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    @asynccontextmanager
    async def working(self) -> AsyncGenerator[Jobs, None]:
        """Files are taken in until the context is left; what waits then is let go of."""
        await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)
        tasks = [
            asyncio.create_task(self._work(), name=f"console jobs {n}") for n in range(AT_ONCE)
        ]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)

    async def take(
        self,
        base: str,
        path: Path,
        name: str,
        visitor: Visitor,
        locale: str,
        way: Way = "kb add",
    ) -> Job:
        """Take a file over, by moving it; it is added under `name` when its turn comes."""
        job_id = uuid.uuid4().hex
        own = self.folder / job_id / file_name(name)
        size = await to_the_end(asyncio.to_thread(_moved, path, own))
        job = Job(job_id, base, own.name, size, own, visitor, locale, way)
        self._jobs[job_id] = job
        self._queue.put_nowait(job_id)
        self._let_go()
        return job

    def of(self, base: str) -> tuple[Job, ...]:
        """Those for this base, the last first."""
        return tuple(job for job in reversed(self._jobs.values()) if job.base == base)

    def base_at_work(self, visitor: Visitor) -> str | None:
        """The base that what this visitor sent last is on its way into."""
        for job in reversed(self._jobs.values()):
            if not job.is_over and job.visitor == visitor:
                return job.base
        return None

    def dismiss(self, base: str) -> None:
        """Do not show any more what is over."""
        for job in self.of(base):
            if job.is_over:
                del self._jobs[job.job_id]

    def renamed(self, old: str, new: str) -> None:
        """A base goes on under another name; what waits goes there."""
        for job in self.of(old):
            self._jobs[job.job_id] = replace(job, base=new)

    def _let_go(self) -> None:
        over = [job.job_id for job in self._jobs.values() if job.is_over]
        for job_id in over[: max(0, len(over) - MOST_KEPT)]:
            del self._jobs[job_id]

    async def _work(self) -> None:
        while True:
            job_id = await self._queue.get()
            try:
                await self._run(job_id)
            finally:
                folder = self.folder / job_id
                await to_the_end(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))

    async def _run(self, job_id: str) -> None:
        job = self._jobs.get(job_id)
        if job is None:
            return
        view, failed = ReplyView(words(job.locale)), False
        self._note(job_id, state="working")
        async with aclosing(self.inbox.stream(_message(job))) as events:
            async for event in events:
                view.take(event)
                failed |= isinstance(event, Failed) or (
                    isinstance(event, TextDelta) and event.failed
                )
                if isinstance(event, Progress):
                    stage = event.stage.rpartition(": ")[2]
                    self._note(job_id, stage=stage, done=event.done, total=event.total)
        said = "\n".join(filter(None, (*view.opening, view.text.strip(), *view.notes)))
        self._note(
            job_id,
            state="failed" if failed else "done",
            stage="",
            outcome="\n".join(filter(None, (said, view.failure))),
        )

    def _note(
        self,
        job_id: str,
        *,
        state: State = "working",
        stage: str = "",
        done: int = 0,
        total: int | None = None,
        outcome: str = "",
    ) -> None:
        job = self._jobs.get(job_id)
        if job is not None:
            self._jobs[job_id] = replace(
                job, state=state, stage=stage, done=done, total=total, outcome=outcome
            )


def _message(job: Job) -> IncomingMessage:
    if job.way == "kb add":
        return addition(job.job_id, job.path, job.base, job.locale, job.visitor)
    return command(
        job.job_id, Invocation(job.way), job.base, job.locale, job.visitor, files=(job.path,)
    )


def _moved(path: Path, own: Path) -> int:
    own.parent.mkdir(parents=True)
    shutil.move(path, own)
    return own.stat().st_size


def uploaded(folder: Path, paths: Sequence[object]) -> list[Path]:
    """Those that are files in the folder of uploads, and nothing else that a request may name."""
    root = folder.resolve()
    found = []
    for path in paths:
        if not isinstance(path, str) or "\0" in path:
            continue
        own = Path(path)
        if own.is_file() and not own.is_symlink() and own.resolve().is_relative_to(root):
            found.append(own)
    return found
