"""(d) Time to the ready line, first and later starts, and memory at rest, against their limits."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import statistics
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from pathlib import Path

from benchmarks.pairing import say, verdict

LATER_STARTS = 3
READY_SECONDS = 15.0
MEMORY_MB = 1024.0


async def main() -> bool:
    """Prints seconds and megabytes; True where the limits hold."""
    with tempfile.TemporaryDirectory() as name:
        first, memory = await _start(Path(name))
        later = [(await _start(Path(name)))[0] for _ in range(LATER_STARTS)]
    say(f"    later starts: {statistics.median(later):.1f} s (median of {LATER_STARTS})")
    held = verdict("(d) first start to the ready line, samples read, seconds", first, READY_SECONDS)
    if memory is None:
        say("(d) memory at rest: not run, this system does not say")
        return held
    return verdict("(d) resident memory at rest, MB", memory, MEMORY_MB) & held


async def _start(folder: Path) -> tuple[float, float | None]:
    """Seconds to the ready line, and resident megabytes of all its processes a little later."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "LC_ALL": "C.UTF-8",
        "LOREKEEPER__DATA_DIR": str(folder / "data"),
        "LOREKEEPER__WEB__PORT": str(port),
    }
    start = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "run", stdout=PIPE, env=environment
    )
    try:
        await _ready(process)
        seconds = time.perf_counter() - start
        memory = _resident_mb(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()
    return seconds, memory


async def _ready(process: Process) -> None:
    if process.stdout is None:
        raise ValueError(process)
    async for line in process.stdout:
        if line.startswith(b"ready:"):
            return
    raise RuntimeError("it ended before it was ready")


def _resident_mb(pid: int) -> float | None:
    """Proportional share of memory of a process and its children."""
    if not Path("/proc/self/smaps_rollup").exists():
        return None
    total = 0
    for task in (pid, *_children(pid)):
        for line in Path(f"/proc/{task}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in listed]


if __name__ == "__main__":
    asyncio.run(main())
