"""What pages have sent and nobody took, and what was exported: it lies about for minutes only."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from core.shielding import to_the_end

KEPT_MINUTES: Final = 15
"""Since something in it was written last."""
_LOOK_SECONDS: Final = 60.0
_log = logging.getLogger(__name__)


@asynccontextmanager
async def cleared(
    folder: Path, spared: Collection[str] = (), look_seconds: float = _LOOK_SECONDS
) -> AsyncGenerator[None, None]:
    """What grows old in the folder goes, until the context is left. `spared`: names in it that
    somebody else looks after."""

    async def looking() -> None:
        while True:
            await asyncio.sleep(look_seconds)
            try:
                await to_the_end(asyncio.to_thread(clear, folder, time.time(), spared))
            except OSError:  # such as a folder that somebody takes out meanwhile
                _log.warning("uploads are looked through again later", exc_info=True)

    task = asyncio.create_task(looking(), name="clear uploads")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


def clear(folder: Path, now: float, spared: Collection[str] = ()) -> None:
    """Take out what nothing was written to for `KEPT_MINUTES`."""
    for path in folder.iterdir():
        if path.name not in spared and now - _written(path) > KEPT_MINUTES * 60:
            discard(path)


def discard(path: Path) -> None:
    """A file, or a folder with all in it; what cannot go now is met again."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _written(path: Path) -> float:
    """When something of it was written last."""
    times = []
    for one in (path, *(path.rglob("*") if path.is_dir() and not path.is_symlink() else ())):
        try:
            times.append(one.lstat().st_mtime)
        except FileNotFoundError:  # taken meanwhile
            continue
    return max(times, default=0.0)
