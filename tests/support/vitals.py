"""What a process takes of its machine, from /proc, and whether that grows."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

_RESIDENT = re.compile(r"VmRSS:\s+(\d+) kB")
_THREADS = re.compile(r"Threads:\s+(\d+)")


@dataclass(frozen=True, slots=True)
class Vitals:
    """At one moment; `at` in seconds since the beginning, `done` is the work until then."""

    at: float
    done: int
    resident_mb: float
    """Of the process and its children."""
    files: int
    threads: int
    tasks: int
    disk_kb: float


def vitals(pid: int, folder: Path, *, at: float, done: int, tasks: int) -> Vitals:
    """Of a process and what it keeps below `folder`, the logs of its databases left out."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    (threads,) = _THREADS.findall(status)
    resident = sum(map(_resident_kb, (pid, *_children(pid))))
    files = sum(1 for _file in Path(f"/proc/{pid}/fd").iterdir())
    return Vitals(at, done, resident / 1024, files, int(threads), tasks, _disk_kb(folder))


def growth(samples: Sequence[Vitals], of: Callable[[Vitals], float]) -> float:
    """From the first quarter of the samples to the last; medians, so that no spike counts."""
    part = max(1, len(samples) // 4)
    return median(map(of, samples[-part:])) - median(map(of, samples[:part]))


def _resident_kb(pid: int) -> int:
    try:
        found = _RESIDENT.findall(Path(f"/proc/{pid}/status").read_text(encoding="utf-8"))
    except OSError:  # It has ended meanwhile.
        return 0
    return int(found[0]) if found else 0


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            children = (task / "children").read_text(encoding="utf-8").split()
        except OSError:
            continue
        for child in map(int, children):
            found += [child, *_children(child)] if Path(f"/proc/{child}/task").exists() else []
    return found


def _disk_kb(folder: Path) -> float:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += 0 if path.name.endswith(("-wal", "-shm")) else path.stat().st_blocks * 512
        except OSError:  # It is gone meanwhile.
            continue
    return total / 1024
