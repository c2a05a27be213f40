"""The bot, with a watch on its loop: `python -m tests.support.watched_bot REPORT run`.

SIGUSR1 starts the watch anew. At the end REPORT says how much CPU time of its own the loop's thread
took between two waits, and in what it was spent.
"""

from __future__ import annotations

import asyncio
import gc
import json
import signal
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass
class Watch:
    """Seconds are CPU time of the loop's thread."""

    turns: int = 0
    longest_turn: float = 0.0
    steps_of_it: int = 0
    """How many callbacks ran in the longest turn."""
    longest_step: float = 0.0
    step: str = ""
    """Which callback took the longest."""
    collecting: float = 0.0
    """The longest collection of garbage, on whatever thread."""
    busy: float = 0.0

    def install(self) -> None:
        """Time every turn and every callback of every loop of this process."""
        run_once, run = asyncio.BaseEventLoop._run_once, asyncio.Handle._run
        steps = 0

        def timed_turn(loop: asyncio.BaseEventLoop) -> None:
            nonlocal steps
            steps, start = 0, time.thread_time()
            run_once(loop)
            spent = time.thread_time() - start
            self.turns += 1
            self.busy += spent
            if spent > self.longest_turn:
                self.longest_turn, self.steps_of_it = spent, steps

        def timed_step(handle: asyncio.Handle) -> None:
            nonlocal steps
            start = time.thread_time()
            run(handle)
            spent = time.thread_time() - start
            steps += 1
            if spent > self.longest_step:
                self.longest_step, self.step = spent, _named(handle)

        asyncio.BaseEventLoop._run_once = timed_turn
        asyncio.Handle._run = timed_step
        gc.callbacks.append(self._collecting())

    def anew(self) -> None:
        """Forget what was seen so far."""
        self.__init__()

    def _collecting(self):
        began = 0.0

        def note(phase: str, _info: dict) -> None:
            nonlocal began
            if phase == "start":
                began = time.thread_time()
            else:
                self.collecting = max(self.collecting, time.thread_time() - began)

        return note


def _named(handle: asyncio.Handle) -> str:
    if handle._callback is None:
        return "cancelled"
    owner = getattr(handle._callback, "__self__", None)
    if isinstance(owner, asyncio.Task):
        return f"{owner.get_name()}: {owner.get_coro().__qualname__}"
    return repr(handle._callback)


def main() -> None:
    """Run the command line under a watch."""
    report, *arguments = sys.argv[1:]
    watch = Watch()
    watch.install()
    signal.signal(signal.SIGUSR1, lambda *_: watch.anew())
    sys.argv[1:] = arguments
    from bot.cli import main as run

    try:
        run()
    finally:
        Path(report).write_text(json.dumps(asdict(watch)), encoding="utf-8")


if __name__ == "__main__":
    main()
