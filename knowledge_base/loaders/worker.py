"""Reading files in worker processes that may be slow, greedy or killed without harm to us."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import json
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import assert_never

import knowledge_base
from knowledge_base import errors
from knowledge_base.embedders.base import TokenizerSpec
from knowledge_base.loaders import frames
from knowledge_base.models import ChunkDraft, ParsedDocument, Section, Upload
from knowledge_base.settings import ReaderLimits

log = logging.getLogger(__name__)

Progress = Callable[[int, int | None], None]
_START_SECONDS = 60
_DYING_SECONDS = 2
_STDERR_KEPT = 4000
_BLOCK = 64 * 1024
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "LD_LIBRARY_PATH")


class WorkerStartError(RuntimeError):
    """The worker process does not start: an installation's fault, not a file's."""


@dataclass(slots=True)
class _Result:
    """What one job has come to so far."""

    progress: Progress | None
    media_type: str = ""
    pages: int | None = None
    is_archive: bool = False
    chunks: list[ChunkDraft] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    members: list[frames.Member] = field(default_factory=list)
    rejected: frames.Rejected | None = None
    out_of_memory: bool = False
    timed_out: bool = False
    lost: bool = False
    fit: bool = False

    def take(self, frame: frames.Frame) -> bool:
        """Take in what the worker says; True when that was its last word on the job."""
        match frame:
            case frames.Detected():
                self.media_type = frame.media_type
            case frames.Reading():
                if self.progress is not None:
                    self.progress(frame.done, frame.total)
            case frames.ReadChunk():
                self.chunks.append(_chunk(frame))
            case frames.ReadSection():
                self.sections.append(Section(frame.text, frame.heading, frame.page, frame.records))
            case frames.Member():
                self.members.append(frame)
            case frames.Done():
                self.pages, self.is_archive = frame.pages, frame.archive
                self.fit = not frame.retire
                return True
            case frames.Rejected():
                self.rejected, self.fit = frame, not frame.retire
                return True
            case frames.OutOfMemory():
                self.out_of_memory = True
                return True
            case frames.Settings() | frames.Job() | frames.Ready():
                raise frames.BrokenFrameError
            case _:
                assert_never(frame)
        return False


class _Process:
    """One worker process; started on the first job, of use until it is lost or killed."""

    def __init__(self, settings: frames.Settings) -> None:
        self._settings = settings
        self._process: asyncio.subprocess.Process | None = None
        self._stderr = b""
        self._listening: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start it unless it runs. Raises `WorkerStartError`."""
        if self._process is not None:
            return
        root = str(Path(knowledge_base.__file__).parents[1])
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-X", "faulthandler", "-m", "knowledge_base.loaders.child"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment(root),
        )
        self._listening = asyncio.create_task(self._listen(), name="a worker's standard error")
        try:
            async with asyncio.timeout(_START_SECONDS):
                await self._write(self._settings)
                ready = await self._read()
        except (EOFError, ConnectionError, frames.BrokenFrameError, TimeoutError) as error:
            raise WorkerStartError(await self.remains()) from error
        if not isinstance(ready, frames.Ready):
            raise WorkerStartError(type(ready).__name__)
        if not ready.limited:
            log.warning("no memory limit for reading files on this platform")

    async def do(self, job: frames.Job, result: _Result) -> None:
        """Have one job done. `EOFError` or `ConnectionError` where the process is lost."""
        await self._write(job)
        while not result.take(await self._read()):
            pass

    async def remains(self) -> str:
        """How a lost process ended, and what it said last."""
        if self._process is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_DYING_SECONDS):  # so that its own exit code is told
                    await self._process.wait()
        self.kill()
        await self.wait()
        code = self._process.returncode if self._process is not None else None
        return f"exit code {code}: {self._stderr.decode('utf-8', 'replace')!r}"

    def kill(self) -> None:
        """End it now; does not wait."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def wait(self) -> None:
        """Until it is gone and its pipes are closed: neither a zombie nor an open file is left."""
        if self._process is None:
            return
        if self._process.stdin is not None:
            self._process.stdin.close()
            with contextlib.suppress(ConnectionError):
                await self._process.stdin.wait_closed()
        if self._process.stdout is not None:
            while await self._process.stdout.read(_BLOCK):
                pass
        await self._process.wait()
        if self._listening is not None:
            await asyncio.wait({self._listening})

    async def _listen(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        while said := await self._process.stderr.read(_BLOCK):
            self._stderr = (self._stderr + said)[-_STDERR_KEPT:]

    async def _write(self, frame: frames.Frame) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(frames.encode(frame))
        await self._process.stdin.drain()

    async def _read(self) -> frames.Frame:
        assert self._process is not None
        assert self._process.stdout is not None
        header = await self._process.stdout.readexactly(frames.HEADER.size)
        (length,) = frames.HEADER.unpack(header)
        if length > frames.LONGEST_FRAME:
            raise frames.BrokenFrameError
        return frames.decode(await self._process.stdout.readexactly(length))


class Reader:
    """Reads uploads in spawned, reused processes, `workers` at a time.

    Methods raise `RejectedDocumentError` subclasses. Cancelling one ends its process; the next
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
        self._turns = asyncio.Semaphore(workers)
        self._idle: list[_Process] = []
        self._busy: set[_Process] = set()
        self._endings: set[asyncio.Task[None]] = set()
        self._closed = False

    async def parse(self, upload: Upload, progress: Progress | None = None) -> ParsedDocument:
        """The file's chunks, split by the embedder's tokenizer, and their terms."""
        result = await self._run("parse", upload, progress)
        return ParsedDocument(result.media_type, result.pages, tuple(result.chunks))

    async def sections(self, upload: Upload) -> tuple[Section, ...]:
        """The file's text; a long section comes in several parts."""
        return tuple((await self._run("sections", upload)).sections)

    async def extract(self, upload: Upload, destination: Path) -> tuple[Upload, ...] | None:
        """An archive's members as files in `destination`; None where the file is no archive."""
        result = await self._run("extract", upload, destination=destination)
        if not result.is_archive:
            return None
        return tuple(
            Upload(member.name, Path(member.path), upload.uploader) for member in result.members
        )

    async def aclose(self) -> None:
        """End all processes; calls that still wait raise `InterruptedIngestError`."""
        self._closed = True
        for process in (*self._idle, *self._busy):
            self._end(process)
        self._idle.clear()
        while self._endings:
            await asyncio.wait(set(self._endings))

    async def _run(
        self,
        task: str,
        upload: Upload,
        progress: Progress | None = None,
        destination: Path | None = None,
    ) -> _Result:
        job = frames.Job(
            task=task,
            path=str(upload.path.absolute()),
            name=upload.name,
            destination=str(destination.absolute()) if destination else None,
        )
        async with self._turns:
            result = await self._attempt(job, progress)
            if result.lost and not result.media_type:
                # The process had died between two jobs; this file had no part in that.
                result = await self._attempt(job, progress)
        return self._judged(result, upload.name)

    async def _attempt(self, job: frames.Job, progress: Progress | None) -> _Result:
        if self._closed:
            raise errors.InterruptedIngestError(job.name)
        process = self._idle.pop() if self._idle else _Process(self._settings)
        self._busy.add(process)
        result = _Result(progress)
        fit = False
        try:
            await process.start()
            async with asyncio.timeout(self._limits.parse_seconds):
                await process.do(job, result)
            fit = result.fit
        except TimeoutError:
            result.timed_out = True
        except (EOFError, ConnectionError, frames.BrokenFrameError):
            result.lost = True
            log.warning(
                "the worker process was lost while reading %r: %s",
                job.name,
                await process.remains(),
            )
        finally:
            self._busy.discard(process)
            if fit and not self._closed:
                self._idle.append(process)
            else:
                self._end(process)
        return result

    def _end(self, process: _Process) -> None:
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


def _chunk(frame: frames.ReadChunk) -> ChunkDraft:
    try:
        terms = base64.b64decode(frame.terms, validate=True)
    except binascii.Error as error:
        raise frames.BrokenFrameError from error
    return ChunkDraft(frame.text, frame.heading, frame.page, terms)


def _error(rejected: frames.Rejected, name: str) -> errors.RejectedDocumentError:
    kind = rejected.media_type or ""
    match rejected.error:
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


def _environment(root: str) -> dict[str, str]:
    """What the worker needs to run, and nothing else: our environment holds tokens."""
    passed = {key: os.environ[key] for key in _PASSED_ON if key in os.environ}
    return {
        **passed,
        "PYTHONPATH": os.pathsep.join([root, *filter(None, sys.path)]),
        "PYTHONIOENCODING": "utf-8",
        # One file at a time: teams of threads would only take cores from who embeds and answers.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
