"""The bot, which tells how many tasks it has: `python -m tests.support.soaked_bot COUNT run`.

At SIGUSR1 it writes the number of tasks of its loop to the file COUNT; at SIGUSR2 it tells in its
log what its threads and tasks wait for.
"""

from __future__ import annotations

import asyncio
import faulthandler
import signal
import sys
from pathlib import Path
from types import FrameType


def main() -> None:
    """Run the command line."""
    count, *arguments = sys.argv[1:]
    loops: list[asyncio.AbstractEventLoop] = []
    run_forever = asyncio.BaseEventLoop.run_forever

    def remembering(loop: asyncio.BaseEventLoop) -> None:
        loops.append(loop)
        run_forever(loop)

    def tell(_number: int, _frame: FrameType | None) -> None:
        tasks = len(asyncio.all_tasks(loops[0])) if loops else 0
        new = Path(f"{count}.new")
        new.write_text(str(tasks), encoding="utf-8")
        new.replace(count)

    def tell_stacks(_number: int, _frame: FrameType | None) -> None:
        faulthandler.dump_traceback(file=sys.stderr)
        for task in asyncio.all_tasks(loops[0]) if loops else ():
            task.print_stack(file=sys.stderr)

    asyncio.BaseEventLoop.run_forever = remembering
    signal.signal(signal.SIGUSR1, tell)
    signal.signal(signal.SIGUSR2, tell_stacks)
    sys.argv[1:] = arguments
    from bot.cli import main as run

    run()


if __name__ == "__main__":
    main()
