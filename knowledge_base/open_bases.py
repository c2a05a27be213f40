"""The bases that are open, within one budget of memory."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from knowledge_base.embedders.base import Vectors
from knowledge_base.hint_shelf import HintShelf
from knowledge_base.models import BaseId
from knowledge_base.open_base import OpenBase
from knowledge_base.rows import Rows
from knowledge_base.store import Store
from knowledge_base.threads import one_faiss_thread
from knowledge_base.versions import Committed
from knowledge_base.views import View

log = logging.getLogger(__name__)

ATTEMPTS = 3
"""How often a base is read without its lock, where so much is written meanwhile that what was read
is of no use; the last time nobody writes."""


READERS = 4
"""Bases that are read whole at once, for those who wait for them without a thread."""
CHECKED_AFTER_SECONDS = 5.0
"""After a base was read from its files, their bytes are looked at."""
RESTS = 2.0
"""Times as long as it reads, the checking rests."""


class _ClosingError(Exception):
    """There is no time any more."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Bases as they were at one moment of the store."""

    rows: Rows
    views: tuple[View, ...]
    lost: tuple[tuple[OpenBase, View | None], ...]
    """Those that have to be read whole, with what was in memory of them."""


class OpenBases:
    """The open bases, the least recently used of which are closed past the budget."""

    def __init__(self, store: Store, folder: Path, budget_mb: int) -> None:
        self._store = store
        self._folder = folder
        self.hints = HintShelf()
        self._budget = budget_mb << 20
        self._open: OrderedDict[BaseId, OpenBase] = OrderedDict()
        self._lock = threading.Lock()
        self._upkeep = ThreadPoolExecutor(1, thread_name_prefix="index upkeep")
        self._reads = ThreadPoolExecutor(
            READERS, thread_name_prefix="read bases", initializer=one_faiss_thread
        )
        self._readings: dict[OpenBase, Future[None]] = {}
        self._checks = ThreadPoolExecutor(1, thread_name_prefix="index check")
        self._closing = threading.Event()
        self._queued: set[BaseId] = set()
        self._sizes: dict[BaseId, int] = {}

    def close(self) -> None:
        """Wait for the upkeep that runs, drop what waits; what was not checked is so next time."""
        self._closing.set()
        self._reads.shutdown(cancel_futures=True)
        self._checks.shutdown(cancel_futures=True)
        self._upkeep.shutdown(cancel_futures=True)

    def get(self, base_id: BaseId) -> OpenBase:
        """Opened if need be; what it holds is read at its first use."""
        with self._lock:
            base = self._open.get(base_id)
            if base is None:
                base = self._open[base_id] = OpenBase(base_id, self._store, self._folder)
            self._open.move_to_end(base_id)
            return base

    def opened(self) -> tuple[OpenBase, ...]:
        with self._lock:
            return tuple(self._open.values())

    def fingerprints(self, base_ids: Iterable[BaseId]) -> dict[BaseId, str | None]:
        """Of those that are in memory, without looking at the store."""
        with self._lock:
            opened = {base_id: self._open.get(base_id) for base_id in base_ids}
        views = {base_id: base.view for base_id, base in opened.items() if base is not None}
        return {base_id: view.fingerprint for base_id, view in views.items() if view is not None}

    @contextlib.contextmanager
    def views(self, base_ids: Iterable[BaseId]) -> Iterator[tuple[Rows, tuple[View, ...]]]:
        """One moment of the store, and the bases' views of that same moment, in order. What has to
        be read whole is read here: the caller's thread waits."""
        bases = [self.get(base_id) for base_id in sorted(base_ids)]
        lost: dict[OpenBase, View | None] = {}
        for left in reversed(range(ATTEMPTS)):
            for base in bases:
                self._read(base, lost.get(base))
            with self.moment(bases, at_any_cost=not left) as moment:
                if not moment.lost:
                    yield moment.rows, moment.views
                    return
            lost = dict(moment.lost)

    @contextlib.contextmanager
    def moment(self, bases: Sequence[OpenBase], *, at_any_cost: bool) -> Iterator[Moment]:
        """One moment of the store. Without `at_any_cost`, what would have to be read whole is not
        among the views."""
        with contextlib.ExitStack() as transaction:
            with contextlib.ExitStack() as locks:
                for base in bases:
                    locks.enter_context(base.lock)
                # The transaction sees its first rows only now, with the locks held.
                rows = transaction.enter_context(self._store.read())
                before = [base.view for base in bases]
                found = [base.current(rows, at_any_cost=at_any_cost) for base in bases]
            for base, old, view in zip(bases, before, found, strict=True):
                if view is not None and view is not old:
                    self._look_after(base)
            yield Moment(
                rows,
                tuple(view for view in found if view is not None),
                tuple(
                    (base, old)
                    for base, old, view in zip(bases, before, found, strict=True)
                    if view is None
                ),
            )

    def read_once(self, base: OpenBase, lost: View | None) -> Future[None]:
        """Read a base whole in another thread, unless that is being done already."""
        with self._lock:
            reading = self._readings.get(base)
            if reading is None:
                reading = self._reads.submit(self._read_for_all, base, lost)
                self._readings[base] = reading
        return reading

    def _read_for_all(self, base: OpenBase, lost: View | None) -> None:
        try:
            self._read(base, lost)
        finally:
            with self._lock:
                del self._readings[base]

    def _read(self, base: OpenBase, lost: View | None) -> None:
        if base.warm(lost):
            self._look_after(base)

    def apply(
        self,
        base_id: BaseId,
        committed: Committed,
        packed: Sequence[bytes] = (),
        vectors: Vectors | None = None,
        fingerprint: str | None = None,
    ) -> None:
        """Bring the base up to a commit of this process, if it is open."""
        with self._lock:
            base = self._open.get(base_id)
        if base is not None:
            base.apply(committed, packed, vectors, fingerprint)
            self._look_after(base)

    def catch_up(self, base_id: BaseId) -> None:
        """Bring the base up to the rows, if it is in memory; where it would have to be read whole,
        the next search does it."""
        with self._lock:
            base = self._open.get(base_id)
        if base is None or base.view is None:
            return
        with base.lock, self._store.read() as rows:
            base.current(rows, at_any_cost=False)
        self._look_after(base)

    def _look_after(self, base: OpenBase) -> None:
        """Queue the upkeep that is due; close what the budget has no room for."""
        size, due = base.nbytes, base.due
        with self._lock:
            if base.base_id in self._open:
                self._sizes[base.base_id] = size
            while sum(self._sizes.values()) > self._budget and len(self._open) > 1:
                oldest, _ = self._open.popitem(last=False)
                self._sizes.pop(oldest, None)
            if not due or base.base_id in self._queued:
                return
            self._queued.add(base.base_id)
        with contextlib.suppress(RuntimeError):  # closing
            if base.is_unchecked:
                task = self._checks.submit(self._check, base)
                task.add_done_callback(lambda done: self._checked(base, done))
            else:
                task = self._upkeep.submit(base.compact)
                task.add_done_callback(lambda done: self._kept_up(base, done))

    def _check(self, base: OpenBase) -> None:
        """Not beside the first answers, which wait for the same disk, and at a low pace."""
        if not self._closing.wait(CHECKED_AFTER_SECONDS):
            with contextlib.suppress(_ClosingError):
                base.check(self._rest)

    def _rest(self, seconds: float) -> None:
        if self._closing.wait(RESTS * seconds):
            raise _ClosingError

    def _checked(self, base: OpenBase, done: Future[None]) -> None:
        self._kept_up(base, done)
        if not self._closing.is_set():
            self._look_after(base)  # Sealing and merging waited for it.

    def _kept_up(self, base: OpenBase, done: Future[None]) -> None:
        with self._lock:
            self._queued.discard(base.base_id)
        if not done.cancelled() and (error := done.exception()) is not None:
            log.error("upkeep of the index of base %d failed", base.base_id, exc_info=error)
