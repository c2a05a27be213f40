"""`python -m bot run` as a process, from its start to its ready line to its end."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.shell import environment

READY_SECONDS = 180


@dataclass(frozen=True)
class Running:
    """A bot that serves."""

    process: subprocess.Popen[str]
    ready: str
    log: Path

    @property
    def address(self) -> str:
        found = re.search(r"web (http://[\w.:]+)", self.ready)
        assert found, self.ready
        return found[1]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to end; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(60)


@contextmanager
def running(folder: Path, *arguments: str, **environ: str) -> Iterator[Running]:
    """Start it in a folder of its own on a port of its own; whatever happens, it ends."""
    log = folder / "bot.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "bot", "run", *arguments],
            cwd=folder,
            env=environment(folder) | {"LOREKEEPER__WEB__PORT": "0"} | environ,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
        )
    try:
        yield Running(process, _ready_line(process, log), log)
    finally:
        process.kill()
        process.wait(60)
        assert process.stdout is not None
        process.stdout.close()


def _ready_line(process: subprocess.Popen[str], log: Path) -> str:
    assert process.stdout is not None
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        line = process.stdout.readline()
        if line.startswith(("ready:", "就绪：")):
            return line.strip()
        if not line:
            break
    raise AssertionError(f"never ready; its log:\n{log.read_text(encoding='utf-8')[-3000:]}")
