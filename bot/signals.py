"""What the system asks of a running bot: to end, or to read its configuration again."""

from __future__ import annotations

import asyncio
import contextlib
import signal


class Signals:
    """SIGINT and SIGTERM: the first asks for an orderly end, the second for one at once."""

    def __init__(self, serving: asyncio.Task[object]) -> None:
        self.stop = asyncio.Event()
        self.reload = asyncio.Event()
        self.ready = False
        self.count = 0
        self._serving = serving

    def listen(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C cancels instead
                loop.add_signal_handler(number, self._take)
        # Else it would end us, whether or not somebody can read a configuration again.
        if hasattr(signal, "SIGHUP"):
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(signal.SIGHUP, self.reload.set)

    def _take(self) -> None:
        self.count += 1
        self.stop.set()
        # Before the start is complete nothing is under way that an orderly end could save.
        if self.count > 1 or not self.ready:
            self._serving.cancel()
