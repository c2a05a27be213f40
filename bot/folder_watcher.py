"""When folders that bases follow are looked through: as the system tells of changes in them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Final

from bot.folder_files import Place, places_of, root_of

log = logging.getLogger(__name__)

_LOOK_MS: Final = 2000
"""How often it looks whether a folder came or went, and at files that were still being written."""
_POLL_MS: Final = 5000


class FolderWatcher:
    """Has folders followed when something changed in them, until it is cancelled."""

    def __init__(
        self,
        folders: Mapping[str, Path],
        follow: Callable[[Iterable[str]], Awaitable[set[str]]],
        missed: Callable[[], set[str]],
    ) -> None:
        """`follow` takes names of bases, and says which of them are to be looked at again soon.
        `missed`: those that are to be looked at though no event tells of them."""
        self._folders = folders
        self._follow = follow
        self._missed = missed
        self._places: dict[str, Place] = {}

    async def run(self) -> None:
        """Events say that something changed; what it was is looked up, so none can be missed.

        Events of the time before it began are not told: everything is looked through first.
        """
        due = set(self._folders)
        polling = False
        while True:
            present = await asyncio.to_thread(places_of, self._folders)
            due |= {name for name in self._folders if present.get(name) != self._places.get(name)}
            self._places = present
            try:
                async with aclosing(self._events(present, polling=polling)) as events:
                    async for touched in events:
                        due = await self._follow(due | touched) | self._missed()
                        now = await asyncio.to_thread(places_of, self._folders)
                        if now != present:
                            # It may be back before the next watcher looks, with files that came
                            # while there was none.
                            self._places = now
                            break
            except OSError as error:
                # Too many folders for the system's watcher, or a file system without one.
                log.warning("folders are looked through by turns from now on: %s", error)
                polling = True
                await asyncio.sleep(_LOOK_MS / 1000)

    async def _events(
        self, present: Mapping[str, Place], *, polling: bool
    ) -> AsyncGenerator[set[str], None]:
        """Bases whose folders were touched; every now and then none. Raises `OSError`."""
        from watchfiles import awatch
        from watchfiles._rust_notify import WatchfilesRustInternalError

        yield set()
        if not present:
            while True:
                await asyncio.sleep(_LOOK_MS / 1000)
                yield set()
        roots = await asyncio.to_thread(self._roots, tuple(present))
        watched = awatch(
            *roots.values(),
            watch_filter=None,
            rust_timeout=_LOOK_MS,
            yield_on_timeout=True,
            force_polling=polling or None,
            poll_delay_ms=_POLL_MS,
            ignore_permission_denied=True,
        )
        unseen = set(roots)
        try:
            async for changes in watched:
                paths = [Path(path) for _change, path in changes]
                touched = {
                    name
                    for name, root in roots.items()
                    if any(path.is_relative_to(root) for path in paths)
                }
                # At first all of them: what came after the last look and before the watcher began
                # was told to nobody.
                yield touched | unseen
                unseen.clear()
        except WatchfilesRustInternalError as error:
            raise OSError(str(error)) from error
        finally:
            await watched.aclose()

    def _roots(self, names: Iterable[str]) -> dict[str, Path]:
        return {name: root_of(self._folders[name]).resolve() for name in names}
