"""A loop whose clock jumps to the next timer when nothing is left to do: exact, and at once.

For code that waits for timers alone; work in threads would see time run away.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if not ready and timeout is not None:
            self.now += max(timeout, 0)
        assert ready or timeout is not None, "everybody waits and no timer is set: a deadlock"
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its `time` starts at 0 and passes without waiting."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run it on a loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)
