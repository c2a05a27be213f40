"""Whether to ask somebody who failed: after a few failures not, then one question to find out."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

_FAILURES: Final = 3
_FIRST_WAIT_SECONDS: Final = 5.0
_LONGEST_WAIT_SECONDS: Final = 120.0


class Breaker:
    """Closed: everybody may ask. Open: nobody. Half open: one may, and its outcome decides.

    It opens after so many failures in a row, each time for twice as long as before.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, failures: int = _FAILURES
    ) -> None:
        self._clock = clock
        self._most = failures
        self._failures = 0
        self._wait = 0.0
        self._opened_at: float | None = None
        self._trying = False

    @property
    def is_closed(self) -> bool:
        return self._opened_at is None

    @property
    def admits(self) -> bool:
        """Whether one more may ask now."""
        if self._opened_at is None:
            return True
        return not self._trying and self._clock() >= self._opened_at + self._wait

    def enter(self) -> None:
        """Somebody asks; `succeeded`, `failed` or `left` is to follow."""
        self._trying = self._opened_at is not None

    def left(self) -> None:
        """Who asked went away before there was an outcome: the next one may try."""
        self._trying = False

    def succeeded(self) -> bool:
        """Whether it was open until now."""
        was_open = self._opened_at is not None
        self._opened_at, self._trying = None, False
        self._failures, self._wait = 0, 0.0
        return was_open

    def failed(self, *, surely: bool = False) -> bool:
        """`surely`: once is enough. Whether it was closed and opens by this."""
        self._failures += 1
        was_closed = self._opened_at is None
        if was_closed and not surely and self._failures < self._most:
            return False
        self._trying = False
        self._wait = min(max(self._wait * 2, _FIRST_WAIT_SECONDS), _LONGEST_WAIT_SECONDS)
        self._opened_at = self._clock()
        return was_closed
