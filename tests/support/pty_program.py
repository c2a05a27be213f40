"""The program at a terminal: a process on a pseudo-terminal, typed at and read."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.shell import environment

PATIENCE_SECONDS = 60
_ASKS = "\x1b[?2004h"
"""Whoever asks for a line tells the terminal to mark what is pasted."""
_SEQUENCE = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z=>78])")


class AtTerminal:
    """What it prints is kept; `read` waits for more of it."""

    def __init__(self, process: subprocess.Popen[bytes], end: int) -> None:
        self.process = process
        self._end = end
        self._came = asyncio.Event()
        self._gone = False
        self.raw = ""
        self._read_to = 0
        self._prompts = 0
        asyncio.get_running_loop().add_reader(end, self._take)

    def _take(self) -> None:
        try:
            data = os.read(self._end, 65536)
        except OSError:
            data = b""
        if not data:
            self._gone = True
            asyncio.get_running_loop().remove_reader(self._end)
        self.raw += data.decode("utf-8", "replace")
        self._came.set()

    @property
    def text(self) -> str:
        """All that was printed, without colours and movements."""
        return _SEQUENCE.sub("", self.raw).replace("\r", "")

    def type(self, keys: str) -> None:
        os.write(self._end, keys.encode())

    async def read(self, wanted: str) -> None:
        """Wait until this was printed, after what was read before."""

        def found() -> bool:
            if (at := self.text.find(wanted, self._read_to)) < 0:
                return False
            self._read_to = at + len(wanted)
            return True

        await self._until(found, wanted)

    async def asked(self) -> None:
        """Wait until it asks for a line, once more than it did before."""

        def found() -> bool:
            return self.raw.count(_ASKS) > self._prompts

        await self._until(found, "a prompt")
        self._prompts += 1

    async def _until(self, found: Callable[[], bool], wanted: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not found():
                    assert not self._gone, f"it ended without {wanted!r}:\n{self.text[-2000:]}"
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            raise AssertionError(f"never {wanted!r}:\n{self.raw[-2000:]!r}") from None

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._end, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process.send_signal(signal.SIGWINCH)

    async def ended(self) -> int:
        return await asyncio.to_thread(self.process.wait, PATIENCE_SECONDS)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._end)
        self.process.kill()
        self.process.wait()
        os.close(self._end)


def _take_terminal() -> None:
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@asynccontextmanager
async def at_terminal(
    folder: Path, *arguments: str, columns: int = 80, rows: int = 24, **environ: str
) -> AsyncIterator[AtTerminal]:
    """Run `python -m bot …` on a terminal of that size; whatever happens, it ends."""
    ours, theirs = os.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    plain = {"TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"}
    process = await asyncio.to_thread(
        subprocess.Popen,
        [sys.executable, "-m", "bot", *arguments],
        cwd=folder,
        env=environment(folder) | plain | environ,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        preexec_fn=_take_terminal,
    )
    os.close(theirs)
    program = AtTerminal(process, ours)
    try:
        yield program
    finally:
        program.close()
