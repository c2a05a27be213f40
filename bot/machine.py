"""What this machine has to compute with: cards, memory, and how fast memory is read."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from core.engines.memory import Device

_MIB: Final = 1024**2
_SAMPLE_BYTES: Final = 64 * _MIB
_BANDWIDTHS: Final = (
    ("h200", 4800), ("h100 pcie", 2000), ("h100 nvl", 3900), ("h100", 3350), ("b200", 8000),
    ("a100-sxm4-80gb", 2039), ("a100 80gb", 1935), ("a100", 1555), ("l40s", 864), ("l40", 864),
    ("l4", 300), ("a10g", 600), ("a10", 600), ("a40", 696), ("a6000", 768), ("a5000", 768),
    ("a4000", 448), ("v100", 900), ("tesla t4", 320), ("5090", 1792), ("5080", 960),
    ("5070 ti", 896), ("5070", 672), ("5060", 448), ("4090", 1008), ("4080", 717),
    ("4070 ti super", 672), ("4070", 504), ("4060 ti", 288), ("4060", 272), ("3090", 936),
    ("3080", 760), ("3070", 448), ("3060", 360), ("2080 ti", 616), ("1080 ti", 484),
)  # fmt: skip
"""Part of a card's name, and the gigabytes a second that its maker states for its memory."""


@dataclass(frozen=True, slots=True)
class Card:
    """A CUDA card and who of us can compute on it."""

    device: Device
    by_torch: bool
    by_llama: bool
    bandwidth: float | None
    """Gigabytes a second; None where its name is not known to us."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The whole of it."""

    ram: Device
    cores: int
    card: Card | None
    """The first one: an engine in this process computes on one."""


def look(*, ask_torch: bool = True) -> Machine:
    """See what there is. Asking torch takes a second and is what settles whether it has a card."""
    return Machine(_ram(), _cores(), _card(ask_torch))


def ram_bandwidth() -> float:
    """Gigabytes a second that one thread reads here, measured in a tenth of a second."""
    import numpy as np

    sample = np.ones(_SAMPLE_BYTES // 8)
    sample.sum()
    best = 0.0
    for _ in range(3):
        began = time.perf_counter()
        sample.sum()
        best = max(best, _SAMPLE_BYTES / (time.perf_counter() - began))
    return best / 1e9


def bandwidth_of(name: str) -> float | None:
    """What is known of a card's memory."""
    lowered = name.casefold()
    return next((float(speed) for part, speed in _BANDWIDTHS if part in lowered), None)


def computes_in_bf16() -> bool:
    """Whether the processor has what 16-bit numbers need to be no slower than 32-bit ones."""
    flags = set(_read("/proc/cpuinfo").partition("flags")[2].partition("\n")[0].split())
    return {"avx512bw", "avx512vl", "avx512dq"} <= flags


def _card(ask_torch: bool) -> Card | None:
    seen = _by_nvidia_smi()
    torch = _by_torch() if ask_torch and seen is not None else None
    llama = _by_llama() if seen is not None else None
    device = torch or llama or seen
    if device is None:
        return None
    return Card(device, torch is not None, llama is not None, bandwidth_of(device.name))


def _by_nvidia_smi() -> Device | None:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    query = "--query-gpu=name,memory.total,memory.free"
    try:
        said = subprocess.run(  # noqa: S603
            [tool, query, "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None  # a driver without a card says so with an error
    return card_line(said)


def card_line(said: str) -> Device | None:
    """The first card of what `nvidia-smi` prints."""
    cells = [cell.strip() for cell in said.partition("\n")[0].split(",")]
    if len(cells) != 3 or not (cells[1].isdigit() and cells[2].isdigit()):
        return None
    return Device(cells[0], True, int(cells[1]) * _MIB, int(cells[2]) * _MIB)


def _by_torch() -> Device | None:
    if importlib.util.find_spec("torch") is None:
        return None
    import torch

    if not torch.cuda.is_available():
        return None
    free, total = torch.cuda.mem_get_info(0)
    return Device(torch.cuda.get_device_name(0), True, int(total), int(free))


def _by_llama() -> Device | None:
    if importlib.util.find_spec("xllamacpp") is None:
        return None
    import xllamacpp

    for found in cast("list[dict[str, Any]]", xllamacpp.get_device_info()):
        if not str(found["name"]).upper().startswith("CPU"):
            total, free = int(found["memory_total"]), int(found["memory_free"])
            return Device(str(found["description"]), True, total, free)
    return None


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _ram() -> Device:
    total, free = _of_the_machine()
    limit, used = _of_the_container()
    if limit is not None and limit < total:
        total, free = limit, min(free, max(0, limit - used))
    return Device("CPU", False, total, free)


def _of_the_machine() -> tuple[int, int]:
    lines = {
        key: value.split()[0]
        for key, _, value in (line.partition(":") for line in _read("/proc/meminfo").splitlines())
        if value.split()
    }
    if "MemAvailable" in lines:
        return int(lines["MemTotal"]) * 1024, int(lines["MemAvailable"]) * 1024
    if sys.platform == "win32":
        return _of_windows()
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return total, total // 2  # what is free is not told in a portable way


def _of_windows() -> tuple[int, int]:
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            ("total", ctypes.c_ulonglong),
            ("free", ctypes.c_ulonglong),
            ("rest", ctypes.c_ulonglong * 5),
        )

    status = Status(length=ctypes.sizeof(Status))
    kernel: Any = ctypes.windll.kernel32  # type: ignore[attr-defined]
    kernel.GlobalMemoryStatusEx(ctypes.byref(status))
    return int(status.total), int(status.free)


def _of_the_container() -> tuple[int | None, int]:
    """The limit of the control group that we are in, and what is used of it."""
    limit = _read("/sys/fs/cgroup/memory.max").strip()
    used = _read("/sys/fs/cgroup/memory.current").strip()
    if not limit.isdigit():
        return None, 0
    return int(limit), int(used) if used.isdigit() else 0


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
