"""The time of day as it passes: somebody who sets the machine's clock does not move it."""

from __future__ import annotations

import time
from collections.abc import Callable


def _passed() -> float:
    """Seconds that passed, those in which the machine slept included where that can be known."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


class SteadyClock:
    """Seconds since 1970 as the machine's clock had them when this was made, and what has passed
    since; never later than that clock says now.

    By it the age of a message is right though the clock is put forward by hours meanwhile. A clock
    that was ahead when this was made, and was put right since, is believed: else every message
    would be old until the next start.
    """

    def __init__(
        self,
        now: Callable[[], float] = time.time,
        passed: Callable[[], float] = _passed,
    ) -> None:
        self._now = now
        self._passed = passed
        self._base = now() - passed()

    def __call__(self) -> float:
        return min(self._base + self._passed(), self._now())
