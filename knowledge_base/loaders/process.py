"""One worker process, seen from the program: started, spoken to, ended without leaving anything."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path

import knowledge_base
from knowledge_base.loaders import frames

log = logging.getLogger(__name__)

_START_SECONDS = 60
_DYING_SECONDS = 2
_STDERR_KEPT = 4000
_BLOCK = 64 * 1024
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "LD_LIBRARY_PATH")


class WorkerStartError(RuntimeError):
    """The worker process does not start: an installation's fault, not a file's."""


class WorkerProcess:
    """One worker process, of use until it is lost or killed."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        commands: asyncio.StreamWriter,
        answers: asyncio.StreamReader,
        remarks: asyncio.StreamReader,
        scratch: Path,
    ) -> None:
        self._process = process
        self._commands = commands
        self._answers = answers
        self._remarks = remarks
        self._scratch = scratch
        self._last_words = b""
        self._listening = asyncio.create_task(self._listen(), name="a worker's standard error")

    @classmethod
    async def spawn(cls) -> WorkerProcess:
        """A process that is about to start; `greet` it next."""
        root = str(Path(knowledge_base.__file__).parents[1])
        # What it puts there, as files that came with a mail, goes with it, however it ends.
        scratch = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="lorekeeper-reader-"))
        with contextlib.ExitStack() as unless_it_starts:
            unless_it_starts.callback(shutil.rmtree, scratch, ignore_errors=True)
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-X", "faulthandler", "-m", "knowledge_base.loaders.child"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=_environment(root, scratch),
            )
            if process.stdin is None or process.stdout is None or process.stderr is None:
                raise WorkerStartError("no pipes")
            unless_it_starts.pop_all()
            return cls(process, process.stdin, process.stdout, process.stderr, scratch)

    async def greet(self, settings: frames.Settings) -> None:
        """Wait until it is ready for jobs. Raises `WorkerStartError`."""
        try:
            async with asyncio.timeout(_START_SECONDS):
                await self.send(settings)
                ready = await self.receive()
        except (EOFError, ConnectionError, frames.BrokenFrameError, TimeoutError) as error:
            raise WorkerStartError(await self.remains()) from error
        if not isinstance(ready, frames.Ready):
            raise WorkerStartError(type(ready).__name__)
        if not ready.limited:
            log.warning("no memory limit for reading files on this platform")

    async def send(self, frame: frames.Frame) -> None:
        """Say something to it. `ConnectionError` where it is lost."""
        self._commands.write(frames.encode(frame))
        await self._commands.drain()

    async def receive(self) -> frames.Frame:
        """What it says next. `EOFError` where it is lost."""
        header = await self._answers.readexactly(frames.HEADER.size)
        (length,) = frames.HEADER.unpack(header)
        if length > frames.LONGEST_FRAME:
            raise frames.BrokenFrameError
        return frames.decode(await self._answers.readexactly(length))

    async def remains(self) -> str:
        """How a lost process ended, and what it said last; for the log."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DYING_SECONDS):  # so that its own exit code is told
                await self._process.wait()
        self.kill()
        await self.wait()
        said = self._last_words.decode("utf-8", "replace")
        return f"exit code {self._process.returncode}: {said!r}"

    def kill(self) -> None:
        """End it now; does not wait."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def wait(self) -> None:
        """Until it is gone and its pipes are closed: neither a zombie nor a file is left."""
        self._commands.close()
        with contextlib.suppress(ConnectionError):
            await self._commands.wait_closed()
        while await self._answers.read(_BLOCK):
            pass
        await self._process.wait()
        await asyncio.wait({self._listening})
        await asyncio.to_thread(shutil.rmtree, self._scratch, ignore_errors=True)

    async def _listen(self) -> None:
        while said := await self._remarks.read(_BLOCK):
            self._last_words = (self._last_words + said)[-_STDERR_KEPT:]


def _environment(root: str, scratch: Path) -> dict[str, str]:
    """What the worker needs to run, and nothing else: our environment holds tokens."""
    passed = {key: os.environ[key] for key in _PASSED_ON if key in os.environ}
    return {
        **passed,
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch)),
        "PYTHONPATH": os.pathsep.join([root, *filter(None, sys.path)]),
        "PYTHONIOENCODING": "utf-8",
        # One file at a time: teams of threads would only take cores from who embeds and answers.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        # An arena for each thread would take of the memory limit what nobody uses.
        "MALLOC_ARENA_MAX": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
