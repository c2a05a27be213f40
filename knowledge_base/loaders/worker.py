"""Reading files in worker processes that may be slow, greedy or killed without harm to us."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import logging
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from knowledge_base import bundle, errors
from knowledge_base.embedders.base import TokenizerSpec
from knowledge_base.loaders import frames, picture
from knowledge_base.loaders.process import WorkerProcess, WorkerStartError
from knowledge_base.models import ChunkDraft, FileText, ParsedDocument, Picture, Section, Upload
from knowledge_base.reading import BundleEntry
from knowledge_base.settings import ReaderLimits

log = logging.getLogger(__name__)

Progress = Callable[[int, int | None], None]
_FOR_THE_BASE: Final = ("parse", "extract", "unbundle", "langchain")
"""Tasks of uploads; all others are of questions."""


_MOST_NAMED: Final = 1000


def _nobody(done: int, total: int | None) -> None:
    """Progress that nobody waits for."""


@dataclass(slots=True)
class _Result:
    """What one job has come to so far."""

    progress: Progress
    media_type: str = ""
    pages: int | None = None
    recognised: int = 0
    unread: tuple[int, ...] = ()
    is_archive: bool = False
    chunks: list[ChunkDraft] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    members: list[frames.Member] = field(default_factory=list)
    redrawn: frames.Redrawn | None = None
    rejected: frames.Rejected | None = None
    out_of_memory: bool = False
    timed_out: bool = False
    lost: bool = False
    fit: bool = False

    def take(self, frame: frames.Frame) -> bool:
        """Take in what the worker says; True when that was its last word on the job."""
        match frame:
            case frames.Done():
                self.pages, self.is_archive = frame.pages, frame.archive
                self.unread = _numbers(frame.unread)
                self.fit = not frame.retire
                return True
            case frames.Rejected():
                self.rejected, self.fit = frame, not frame.retire
                return True
            case frames.OutOfMemory():
                self.out_of_memory = True
                return True
            case _:
                self._keep(frame)
        return False

    def _keep(self, frame: frames.Frame) -> None:
        match frame:
            case frames.Detected():
                self.media_type = frame.media_type
            case frames.Reading():
                self.progress(frame.done, frame.total)
            case frames.Recognised():
                self.recognised += 1
            case frames.ReadChunk():
                self.chunks.append(_chunk(frame))
            case frames.ReadSection():
                self.sections.append(Section(frame.text, frame.heading, frame.page, frame.records))
            case frames.Member():
                self.members.append(frame)
            case frames.Redrawn():
                self.redrawn = frame
            case _:
                raise frames.BrokenFrameError  # what only we say


class Reader:
    """Reads uploads in spawned, reused processes, `workers` at a time, and beside them one file
    that comes with a question: whoever asks does not wait for the documents of others.

    Methods raise `RejectedDocumentError` subclasses, and `StorageFullError` where what a file holds
    has no room to be unpacked. Cancelling one ends its process; the next
    call gets another. Safe for several tasks of one event loop.
    """

    def __init__(self, limits: ReaderLimits, tokenizer: TokenizerSpec, workers: int = 2) -> None:
        self._limits = limits
        self._settings = frames.Settings(
            limits=json.dumps(asdict(limits)),
            tokenizer=tokenizer.kind,
            max_tokens=tokenizer.max_tokens,
            overhead=tokenizer.overhead,
            tokenizer_path=str(tokenizer.path) if tokenizer.path else None,
        )
        self._workers = workers
        self._turns = asyncio.Semaphore(workers)
        self._asked = asyncio.Semaphore(1)
        self._idle: list[WorkerProcess] = []
        self._busy: set[WorkerProcess] = set()
        self._endings: set[asyncio.Task[None]] = set()
        self._coming: asyncio.Task[None] | None = None
        self._closed = False

    def expect(self) -> None:
        """A file comes soon: start what reads it, unless something is there that does."""
        if not (self._closed or self._idle or self._busy or self._coming):
            self._coming = asyncio.create_task(self._come(), name="start of a worker process")

    async def _come(self) -> None:
        try:
            process = await WorkerProcess.spawn()
            try:
                await process.greet(self._settings)
                self._idle.append(process)
            finally:
                if process not in self._idle:
                    self._end(process)
        except (WorkerStartError, OSError) as error:
            log.warning("no worker is there yet: %s", error)  # Whoever needs one is told.
        finally:
            self._coming = None

    async def parse(self, upload: Upload, progress: Progress | None = None) -> ParsedDocument:
        """The file's chunks, split by the embedder's tokenizer, and their terms."""
        result = await self._run("parse", upload, progress)
        return ParsedDocument(result.media_type, result.pages, tuple(result.chunks), result.unread)

    async def text(self, upload: Upload) -> FileText:
        """The file's text; a long section comes in several parts."""
        result = await self._run("sections", upload)
        return FileText(tuple(result.sections), result.unread)

    async def extract(self, upload: Upload, destination: Path) -> tuple[Upload, ...] | None:
        """An archive's members as files in `destination`; None where the file is no archive."""
        result = await self._run("extract", upload, destination=destination)
        if not result.is_archive:
            return None
        return tuple(
            Upload(member.name, Path(member.path), upload.uploader, upload.uploader_id)
            for member in result.members
        )

    async def unbundle(self, upload: Upload, destination: Path) -> tuple[BundleEntry, ...]:
        """The documents of an exported base as files in `destination`, checked."""
        result = await self._run("unbundle", upload, destination=destination)
        found = []
        for member in result.members:
            entry = bundle.entry_of(json.loads(member.name))
            if entry is None:
                raise errors.UnreadableDocumentError(upload.name, result.media_type)
            found.append((entry, Path(member.path)))
        return tuple(found)

    async def langchain(self, upload: Upload, destination: Path) -> tuple[Upload, ...]:
        """The documents of LangChain's `index.pkl`, as `loaders.langchain` lays them out."""
        result = await self._run("langchain", upload, destination=destination)
        return tuple(Upload(member.name, Path(member.path)) for member in result.members)

    async def redraw(self, upload: Upload, destination: Path, side: int) -> Picture:
        """A picture written anew to `destination`, at most `side` pixels wide and high, without
        whatever else the file holds."""
        result = await self._run("redraw", upload, destination=destination, side=side)
        drawn = result.redrawn
        if (
            drawn is None
            or not 0 < drawn.width <= side
            or not 0 < drawn.height <= side
            or not await asyncio.to_thread(picture.is_redrawn, destination)
        ):
            raise errors.UnreadableDocumentError(upload.name, result.media_type)
        return Picture(destination, picture.MEDIA_TYPE, drawn.width, drawn.height)

    async def aclose(self) -> None:
        """End all processes; calls that still wait raise `InterruptedIngestError`."""
        self._closed = True
        if self._coming is not None:
            self._coming.cancel()
            await asyncio.wait({self._coming})
        for process in self._idle:
            self._end(process)
        self._idle.clear()
        for process in self._busy:
            process.kill()  # whoever waits for its answer ends it
        for _ in range(self._workers):  # whoever had a turn has noticed by then
            await self._turns.acquire()
        await self._asked.acquire()
        while self._endings:
            await asyncio.wait(set(self._endings))

    async def _run(
        self,
        task: str,
        upload: Upload,
        progress: Progress | None = None,
        destination: Path | None = None,
        side: int = 0,
    ) -> _Result:
        job = frames.Job(
            task=task,
            path=str(upload.path),
            name=upload.name,
            destination=None if destination is None else str(destination),
            side=side,
            media_type=upload.media_type,
        )
        async with self._turns if task in _FOR_THE_BASE else self._asked:
            result = await self._attempt(job, _Result(progress or _nobody))
            if result.lost and not result.media_type:
                # The process had died between two jobs; this file had no part in that.
                result = await self._attempt(job, _Result(progress or _nobody))
        return self._judged(result, upload.name)

    async def _attempt(self, job: frames.Job, result: _Result) -> _Result:
        if not self._idle and self._coming is not None:
            await asyncio.wait({self._coming})
        self._require_open(job)
        fresh = not self._idle
        process = await WorkerProcess.spawn() if fresh else self._idle.pop()
        try:
            self._require_open(job)  # Who closes knows of no process that is being made.
        except errors.InterruptedIngestError:
            self._end(process)
            raise
        self._busy.add(process)
        fit = False
        try:
            if fresh:
                await process.greet(self._settings)
            await self._take_all(process, job, result)
            fit = result.fit
        except TimeoutError:
            result.timed_out = True
        except (EOFError, ConnectionError, frames.BrokenFrameError):
            result.lost = True
            if not self._closed:
                log.warning("worker lost while reading a file: %s", await process.remains())
        except WorkerStartError:
            result.lost = self._closed
            if not self._closed:
                raise
        finally:
            self._busy.discard(process)
            if fit and not self._closed:
                self._idle.append(process)
            else:
                self._end(process)
        return result

    def _require_open(self, job: frames.Job) -> None:
        if self._closed:
            raise errors.InterruptedIngestError(job.name)

    async def _take_all(self, process: WorkerProcess, job: frames.Job, result: _Result) -> None:
        """What the worker says of one job. `TimeoutError` where that takes too long.

        Each page that is read by OCR may take as long as a file; for a question all of them may.
        """
        loop, seconds = asyncio.get_running_loop(), self._limits.parse_seconds
        most = self._limits.max_ocr_pages if job.task in _FOR_THE_BASE else 0
        async with asyncio.timeout(seconds) as deadline:
            await process.send(job)
            while not result.take(frame := await process.receive()):
                if isinstance(frame, frames.Recognised) and result.recognised <= most:
                    deadline.reschedule(loop.time() + seconds)

    def _end(self, process: WorkerProcess) -> None:
        process.kill()
        ending = asyncio.create_task(process.wait(), name="end of a worker process")
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)

    def _judged(self, result: _Result, name: str) -> _Result:
        if self._closed and (result.lost or result.timed_out):
            raise errors.InterruptedIngestError(name)
        if result.timed_out:
            raise errors.LimitExceededError(
                name, "knowledge.parse_seconds", self._limits.parse_seconds
            )
        if result.out_of_memory:
            raise errors.LimitExceededError(
                name, "knowledge.parse_memory_mb", self._limits.parse_memory_mb
            )
        if result.lost:
            raise errors.UnreadableDocumentError(name, result.media_type)
        if result.rejected is not None:
            raise _error(result.rejected, name)
        return result


def _numbers(text: str) -> tuple[int, ...]:
    found = text.split()[:_MOST_NAMED]
    return tuple(int(number) for number in found if re.fullmatch(r"[0-9]{1,9}", number))


def _chunk(frame: frames.ReadChunk) -> ChunkDraft:
    try:
        terms = base64.b64decode(frame.terms, validate=True)
    except binascii.Error as error:
        raise frames.BrokenFrameError from error
    return ChunkDraft(frame.text, frame.heading, frame.page, terms)


def _error(rejected: frames.Rejected, name: str) -> errors.KnowledgeError:
    kind = rejected.media_type or ""
    match rejected.error:
        case "StorageFullError":
            return errors.StorageFullError()
        case "UnsupportedFormatError":
            return errors.UnsupportedFormatError(name, kind)
        case "EncryptedDocumentError":
            return errors.EncryptedDocumentError(name)
        case "EmptyDocumentError":
            return errors.EmptyDocumentError(name)
        case "ScannedDocumentError":
            return errors.ScannedDocumentError(name)
        case "UnsafeArchiveError":
            return errors.UnsafeArchiveError(name, rejected.member or "")
        case "LimitExceededError":
            return errors.LimitExceededError(name, rejected.key or "", rejected.limit or 0)
        case _:
            return errors.UnreadableDocumentError(name, kind)
