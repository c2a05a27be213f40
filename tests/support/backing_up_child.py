"""A process that makes a backup and stands still at a moment of it, or may write little.

Arguments: data directory, folder of backups, and "step N" (at the Nth report), "before NAME" (of a
method of the repository) or "limit BYTES" (of every file that it writes); "restore BYTES" is such a
limit, and the way back.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from pathlib import Path

from bot.backup.repository import Repository
from bot.backup.restoring import restore
from bot.backup.taking import take


def stand_still() -> None:
    sys.stdout.write("here\n")
    sys.stdout.flush()
    sys.stdin.read()


def main(data: str, folder: str, kind: str, value: str) -> None:
    steps = 0

    def watch(_done: int, _total: int) -> None:
        nonlocal steps
        steps += 1
        if kind == "step" and steps == int(value):
            stand_still()

    if kind == "before":
        method = getattr(Repository, value)

        def stopped(*arguments, **named):
            stand_still()
            return method(*arguments, **named)

        setattr(Repository, value, stopped)
    if kind in ("limit", "restore"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(value), int(value)))
    try:
        if kind == "restore":
            asyncio.run(restore(Path(folder), Path(data), agreed=True, watch=watch))
            return
        take(Path(data), Path(folder), keep=2, watch=watch)
    except Exception as error:  # noqa: BLE001 - told by its name
        sys.stdout.write(f"{type(error).__name__}\n")
    else:
        sys.stdout.write("made\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
