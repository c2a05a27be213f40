"""Measuring a base with pseudo-questions of its own, once for each time that it doubles.

A base of a few passages has too little to measure: it goes by what the embedder makes of other
short notes (`yardstick`), until it has grown.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from knowledge_base.at_hand import Bases, ask
from knowledge_base.calibration import Calibration
from knowledge_base.embedders.base import Embedder, Vectors
from knowledge_base.errors import KnowledgeError
from knowledge_base.finding import LEAST_MEASURED, unmeasured
from knowledge_base.models import BaseId, ChunkId
from knowledge_base.offloop import blocking
from knowledge_base.open_bases import OpenBases
from knowledge_base.pseudo_questions import PseudoQuestion, calibrate, measure, pseudo_questions
from knowledge_base.store import Store
from knowledge_base.threads import Threads, run
from knowledge_base.yardstick import TEXTS, usual

log = logging.getLogger(__name__)

QUIET_SECONDS = 1.0
"""Without additions, after which a base is measured: not in the middle of a folder."""


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """What a base is to be measured with; without questions, the yardstick's measurements do."""

    questions: list[PseudoQuestion]
    sample: Vectors
    chunks: int


class Measuring:
    """Owns the tasks that measure; one for each base at most."""

    def __init__(
        self,
        store: Store,
        bases: OpenBases,
        embedder: Embedder | None,
        threads: Threads,
        is_near: Callable[[BaseId], Awaitable[bool]],
    ) -> None:
        """`is_near`: whether a base's texts may go to the embedder; else the yardstick serves."""
        self._is_near = is_near
        self._store = store
        self._bases = bases
        self._embedder = embedder
        self._threads = threads
        self._tasks: dict[BaseId, asyncio.Task[None]] = {}
        self._tried: dict[BaseId, int] = {}
        self._usual: Calibration | None = None
        self._making = asyncio.Lock()
        self._grown: set[BaseId] = set()
        self._quiet: asyncio.TimerHandle | None = None

    def start(self, base_id: BaseId) -> asyncio.Task[None] | None:
        """Measure in the background; None where that would be of no use."""
        task = self._tasks.get(base_id)
        if task is not None or self._embedder is None:
            return task
        task = asyncio.create_task(self._measure(base_id, self._embedder), name="measure a base")
        self._tasks[base_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(base_id, None))
        return task

    def added(self, base_id: BaseId) -> None:
        """Note that a base grew; it is measured once nothing was added for a while."""
        if self._embedder is None:
            return
        self._grown.add(base_id)
        if self._quiet is not None:
            self._quiet.cancel()
        self._quiet = asyncio.get_running_loop().call_later(QUIET_SECONDS, self._start_grown)

    def _start_grown(self) -> None:
        for base_id in self._grown:
            self.start(base_id)
        self._grown.clear()

    async def aclose(self) -> None:
        """Cancel what runs."""
        if self._quiet is not None:
            self._quiet.cancel()
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _measure(self, base_id: BaseId, embedder: Embedder) -> None:
        prepared = await ask(
            self._bases,
            self._threads.search,
            [base_id],
            lambda own: self._prepare(own, base_id, embedder.fingerprint),
        )
        if prepared is None:
            return
        try:
            measured = None
            if prepared.questions and await self._is_near(base_id):
                # One after the other: a person's question then waits for one of them at most.
                asked = [await embedder.embed_query(own.text) for own in prepared.questions]
                measured = await run(
                    self._threads.search,
                    partial(
                        measure,
                        embedder.fingerprint,
                        prepared.questions,
                        np.stack(asked),
                        prepared.sample,
                        prepared.chunks,
                    ),
                )
            measured = measured or await self._usually(embedder)
            self._tried[base_id] = prepared.chunks
            if measured is not None:
                measured = replace(measured, chunks=prepared.chunks)
                await run(self._threads.search, partial(self._keep, base_id, measured))
        except KnowledgeError:
            log.warning("base %d is not measured: relevance is a guess", base_id, exc_info=True)

    async def _usually(self, embedder: Embedder) -> Calibration | None:
        """The measurements of the yardstick, made when they are first wanted."""
        if (known := usual(embedder.fingerprint)) is not None:
            return known
        async with self._making:
            if self._usual is None:
                vectors = await embedder.embed_documents(TEXTS)
                self._usual = await calibrate(
                    embedder.fingerprint, TEXTS, vectors, len(TEXTS), embedder.embed_query
                )
            return self._usual

    @blocking
    def _prepare(self, bases: Bases, base_id: BaseId, fingerprint: str) -> _Prepared | None:
        with bases.views([base_id]) as (rows, (view,)):
            chunks = len(view.lexical)
            if view.fingerprint != fingerprint or not unmeasured(view):
                return None
            if self._tried.get(base_id) == chunks:
                return None
            ids, sample = view.samples.of(view.dense)
            if len(ids) < LEAST_MEASURED:
                return _Prepared([], sample, chunks)
            found = rows.chunks.by_id([ChunkId(chunk) for chunk in ids.tolist()])
        texts = [found[ChunkId(chunk)].text for chunk in ids.tolist()]
        return _Prepared(pseudo_questions(texts), sample, chunks)

    @blocking
    def _keep(self, base_id: BaseId, calibration: Calibration) -> None:
        save_calibration(self._store, base_id, calibration.to_json())
        self._bases.get(base_id).measured(calibration)


@blocking
def save_calibration(store: Store, base_id: BaseId, calibration: str) -> None:
    """The newest counts."""
    with store.write() as connection:
        connection.execute(
            "INSERT OR REPLACE INTO calibrations VALUES (?, ?)", (base_id, calibration)
        )
