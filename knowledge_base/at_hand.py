"""Searching bases that are in memory. One that has to be read first is read once for all who ask
it, in threads of its own: whoever waits for it holds none, and other bases answer meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from typing import Protocol, TypeVar

from knowledge_base.hint_shelf import HintShelf
from knowledge_base.models import BaseId
from knowledge_base.open_base import OpenBase
from knowledge_base.open_bases import ATTEMPTS, OpenBases
from knowledge_base.rows import Rows
from knowledge_base.threads import run
from knowledge_base.views import View

R = TypeVar("R")


class Bases(Protocol):
    """What a search needs of the bases."""

    @property
    def hints(self) -> HintShelf: ...

    def views(
        self, base_ids: Iterable[BaseId]
    ) -> AbstractContextManager[tuple[Rows, tuple[View, ...]]]:
        """One moment of the store, and the bases' views of that same moment, in order."""
        ...


class _ColdError(Exception):
    """These are to be read first: each with what is in memory of it, which is of no use."""

    def __init__(self, cold: tuple[tuple[OpenBase, View | None], ...]) -> None:
        super().__init__()
        self.cold = cold


class _AtHand:
    """Some of the open bases, kept from being closed for as long as somebody asks them."""

    def __init__(self, bases: OpenBases, base_ids: Iterable[BaseId]) -> None:
        self._bases = bases
        self._own = {base_id: bases.get(base_id) for base_id in base_ids}

    @property
    def hints(self) -> HintShelf:
        return self._bases.hints

    @contextlib.contextmanager
    def views(self, base_ids: Iterable[BaseId]) -> Iterator[tuple[Rows, tuple[View, ...]]]:
        """Raises `_ColdError` where one would have to be read whole."""
        own = [self._own[base_id] for base_id in sorted(base_ids)]
        with self._bases.moment(own, at_any_cost=False) as moment:
            if moment.lost:
                raise _ColdError(moment.lost)
            yield moment.rows, moment.views


async def ask(
    bases: OpenBases,
    pool: ThreadPoolExecutor,
    base_ids: Iterable[BaseId],
    call: Callable[[Bases], R],
) -> R:
    """What the call makes of these bases, in a thread of the pool."""
    near = _AtHand(bases, base_ids)
    for _ in range(ATTEMPTS):
        try:
            return await run(pool, partial(call, near))
        except _ColdError as error:
            reading = [bases.read_once(base, lost) for base, lost in error.cold]
        # Others wait for the same: it goes on though this one is cancelled.
        await asyncio.gather(*(asyncio.shield(asyncio.wrap_future(one)) for one in reading))
    # So much is written that what was read is old at once: nobody writes until this is done.
    return await run(pool, partial(call, bases))
