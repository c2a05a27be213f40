"""One bot to a data directory: two would answer the same questions, and clear the same files."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from bot.errors import AlreadyRunningError
from knowledge_base.errors import StorageBusyError
from knowledge_base.leases import locked

_LOCK: Final = "bot.lock"
"""Held by the bot that runs; it ends with its process, however that ends."""


@contextmanager
def sole(folder: Path) -> Generator[None, None, None]:
    """Raises `AlreadyRunningError` where another bot runs on this data directory."""
    with ExitStack() as held:
        # Where nothing can be written, whoever opens what lies there tells it better.
        with suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                held.enter_context(locked(folder / _LOCK, 0.0))
            except StorageBusyError as error:
                raise AlreadyRunningError(str(folder)) from error
        yield
