"""What a base is at work on: it goes on when the page that began it is closed or loaded anew.

Files were sent to the server before they come here. What is under way lives in this process: a
page shows it for as long as it cares to look.
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

from bot.adapters.files import local_file
from bot.adapters.web.requests import command
from bot.adapters.web.view import ReplyView
from bot.adapters.web.visitors import Visitor
from core.events import IncomingMessage, Invocation
from core.filenames import file_name
from core.language import words
from core.ports import Inbox
from core.replies import Failed, Finished, Progress, ReplyEvent, TextDelta
from core.shielding import to_the_end
from knowledge_base.models import ENTRY_TYPE

AT_ONCE: Final = 3
"""Files under way at a time: one is read while others are embedded and stored."""
MOST_KEPT: Final = 500
"""Jobs that are over and still shown; those before them are let go of."""

State: TypeAlias = Literal["waiting", "working", "done", "failed", "stopped"]
"""Stopped is what the end of the bot cut off: nothing says that it was done."""
Way: TypeAlias = Literal["kb add", "entry", "kb import", "kb rebuild"]
"""The command that does it; an entry is added whole."""


@dataclass(frozen=True, slots=True)
class Job:
    """One file, or work on the base as a whole, and how far it has come."""

    job_id: str
    base: str
    name: str
    size: int
    path: Path | None
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
        return self.state in ("done", "failed", "stopped")


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
        return self._begun(Job(job_id, base, own.name, size, own, visitor, locale, way))

    def begin(self, base: str, name: str, visitor: Visitor, locale: str, way: Way) -> Job:
        """Work on the base as a whole; where that is under way already, it is shown anew."""
        for job in self.of(base):
            if job.way == way and not job.is_over:
                return job
        return self._begun(Job(uuid.uuid4().hex, base, name, 0, None, visitor, locale, way))

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

    def _begun(self, job: Job) -> Job:
        self._jobs[job.job_id] = job
        self._queue.put_nowait(job.job_id)
        self._let_go()
        return job

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
        view = ReplyView(words(job.locale))
        state: State = "done"
        self._note(job_id, state="working")
        async with aclosing(self.inbox.stream(_message(job))) as events:
            async for event in events:
                view.take(event)
                state = _state_after(event, state)
                if isinstance(event, Progress):
                    stage = event.stage.rpartition(": ")[2]
                    self._note(job_id, stage=stage, done=event.done, total=event.total)
        said = "\n".join(filter(None, (*view.opening, view.text.strip(), *view.notes)))
        self._note(
            job_id,
            state=state,
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


def _state_after(event: ReplyEvent, state: State) -> State:
    """How a job stands when this was said; what came of it first stays."""
    match event:
        case Failed() | TextDelta(failed=True):
            return "failed"
        case Finished("cancelled") if state == "done":
            return "stopped"
        case _:
            return state


def _message(job: Job) -> IncomingMessage:
    is_entry = job.way == "entry"
    files = () if job.path is None else (local_file(job.path, ENTRY_TYPE if is_entry else None),)
    does = Invocation("kb add" if is_entry else job.way)
    return command(job.job_id, does, job.base, job.locale, job.visitor, attachments=files)


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
