"""One thread in front of a model that runs in this process: questions first, documents in turn."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from knowledge_base.embedders.base import Vectors
from knowledge_base.embedders.pace import Pace
from knowledge_base.errors import EmbeddingUnavailableError

Encode = Callable[[Sequence[str], bool], Vectors]
"""(texts, is_query) -> float32 of shape (len(texts), dimension), rows of unit length."""
Count = Callable[[Sequence[str]], Sequence[int]]
"""Tokens that the model reads for each text; called on any thread."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How much goes into one batch."""

    tokens: int
    texts: int
    few: int
    """Texts of a call that goes before longer documents: somebody waits for a handful."""
    padded: bool = False
    """Every text of a batch costs as much as its longest."""

    def cost(self, count: int, longest: int, total: int) -> int:
        """What so many texts come to, in tokens."""
        return count * longest if self.padded else total


def batched(sizes: Sequence[int], budget: Budget) -> list[list[int]]:
    """Places of texts, batch by batch, longest first."""
    batches: list[list[int]] = []
    longest = total = 0
    for at in longest_first(sizes):
        size = sizes[at]
        if batches and len(batches[-1]) < budget.texts:
            cost = budget.cost(len(batches[-1]) + 1, longest, total + size)
            if cost <= budget.tokens:
                batches[-1].append(at)
                total += size
                continue
        batches.append([at])
        longest = total = size
    return batches


def longest_first(sizes: Sequence[int]) -> list[int]:
    """Places of texts. Those of like length share a batch: nothing is padded much, and the
    model's threads finish together."""
    return sorted(range(len(sizes)), key=lambda at: sizes[at], reverse=True)


@dataclass(slots=True, eq=False)
class _Job:
    """One call's texts; `cursor` counts those that were taken into a batch."""

    texts: Sequence[str]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Vectors]
    sizes: Sequence[int]
    """Tokens of each text."""
    order: list[int]
    cursor: int = 0
    vectors: list[Vectors | None] = field(default_factory=list)
    missing: int = 0
    cancelled: bool = False


def estimate(texts: Sequence[str]) -> list[int]:
    """About how many tokens each text is: some four bytes of UTF-8 in most scripts."""
    return [len(text.encode("utf-8", "replace")) // 4 + 1 for text in texts]


class BatchingThread:
    """Encodes on one thread of its own, in batches of so many tokens.

    A question waits for at most the one batch that is being encoded. A handful of texts goes next:
    sentences to quote from are such, and somebody waits for them; but every second batch belongs
    to longer documents while there are any. Those take turns text by text. Which texts share a
    batch never changes their vectors. `pace` says when longer documents have to wait for answers.
    """

    def __init__(
        self,
        name: str,
        encode: Encode,
        budget: Budget,
        count: Count | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._name = name
        self._encode = encode
        self._budget = budget
        self._count = count
        self.pace = pace or Pace()
        self._wake = threading.Condition()
        self._questions: deque[_Job] = deque()
        self._quick: deque[_Job] = deque()
        self._documents: deque[_Job] = deque()
        self._owed = False  # a batch, to documents that let a handful go before them
        self._closing = False
        self._thread: threading.Thread | None = None

    async def embed(self, texts: Sequence[str], is_query: bool) -> Vectors:
        """Shape (len(texts), dimension). Cancelling takes what is not yet encoded out of the queue.

        Raises `EmbeddingUnavailableError` once closed, and where the model fails.
        """
        if not texts:
            raise ValueError("no texts to embed")
        loop = asyncio.get_running_loop()
        # A question is one short text: counting it in another thread would cost more than it tells.
        count = None if is_query else self._count
        sizes = await asyncio.to_thread(count, texts) if count else estimate(texts)
        job = _Job(texts, loop, loop.create_future(), sizes, longest_first(sizes))
        job.vectors = [None] * len(texts)
        job.missing = len(texts)
        with self._wake:
            if self._closing:
                raise EmbeddingUnavailableError(self._name)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name=f"embed {self._name}", daemon=True
                )
                self._thread.start()
            few = len(texts) <= self._budget.few
            queue = self._quick if few else self._documents
            (self._questions if is_query else queue).append(job)
            self._wake.notify()
        try:
            return await job.done
        finally:
            job.cancelled = True

    async def aclose(self) -> None:
        """Finish the batch being encoded, refuse the rest, end the thread."""
        with self._wake:
            self._closing = True
            thread = self._thread
            self._wake.notify()
        if thread is not None:
            await asyncio.to_thread(thread.join)

    def _run(self) -> None:
        batch: list[tuple[_Job, int]] = []
        try:
            while True:
                with self._wake:
                    while (seconds := self._held()) != 0:
                        self._wake.wait(seconds)
                    if self._closing:
                        return
                    is_query = bool(self._questions)
                    batch = self._next_questions() if is_query else self._next_documents()
                if batch:
                    self._encode_batch(batch, is_query)
        finally:
            # Also where a fault that nobody expected ends the thread: whoever waits must learn it.
            with self._wake:
                self._closing = True
                self._refuse_waiting(job for job, _ in batch)

    def _held(self) -> float | None:
        """Seconds until there may be something to do; 0: there is now; None: nobody knows."""
        if self._closing or self._questions or self._quick:
            return 0.0
        return self.pace.hold() if self._documents else None

    def _next_questions(self) -> list[tuple[_Job, int]]:
        return self._take(self._questions, self._budget.tokens)

    def _next_documents(self) -> list[tuple[_Job, int]]:
        may_go = self._documents and self.pace.hold() == 0
        if self._quick and not (self._owed and may_go):
            self._owed = True
            return self._take(self._quick, self._budget.tokens)
        self._owed = False
        return self._take(self._documents, self.pace.tokens(self._budget.tokens))

    def _take(self, queue: deque[_Job], tokens: int) -> list[tuple[_Job, int]]:
        """The next texts, one of each waiting call in turn; one at least."""
        batch: list[tuple[_Job, int]] = []
        longest = total = 0
        while queue and len(batch) < self._budget.texts:
            job = queue[0]
            if job.cancelled or job.cursor == len(job.order):
                queue.popleft()
                continue
            at = job.order[job.cursor]
            longest, total = max(longest, job.sizes[at]), total + job.sizes[at]
            if batch and self._budget.cost(len(batch) + 1, longest, total) > tokens:
                break
            job.cursor += 1
            batch.append((job, at))
            queue.rotate(-1)
        return batch

    def _encode_batch(self, batch: list[tuple[_Job, int]], is_query: bool) -> None:
        begun = time.perf_counter()
        try:
            vectors = self._encode([job.texts[at] for job, at in batch], is_query)
        except (RuntimeError, ValueError, OSError, MemoryError) as error:
            # What native models raise, as where a card is full. Its callers do without vectors; the
            # thread lives on for the others.
            for job in {id(job): job for job, _ in batch}.values():
                job.cancelled = True
                failure = EmbeddingUnavailableError(self._name)
                failure.__cause__ = error
                self._settle(job, None, failure)
            return
        if not is_query:
            self.pace.made(time.perf_counter() - begun)
        for (job, at), vector in zip(batch, vectors, strict=True):
            job.vectors[at] = vector
            job.missing -= 1
            if job.missing == 0:
                made = [row for row in job.vectors if row is not None]
                self._settle(job, np.stack(made), None)

    def _refuse_waiting(self, taken: Iterable[_Job]) -> None:
        for job in (*taken, *self._questions, *self._quick, *self._documents):
            self._settle(job, None, EmbeddingUnavailableError(self._name))
        self._questions.clear()
        self._quick.clear()
        self._documents.clear()

    @staticmethod
    def _settle(job: _Job, vectors: Vectors | None, error: Exception | None) -> None:
        def settle() -> None:
            if job.done.done():
                return
            if vectors is not None:
                job.done.set_result(vectors)
            elif error is not None:
                job.done.set_exception(error)

        if not job.loop.is_closed():
            job.loop.call_soon_threadsafe(settle)
