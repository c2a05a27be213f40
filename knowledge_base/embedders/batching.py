"""One thread in front of a model that runs in this process: questions first, documents in turn."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from knowledge_base.embedders.base import Vectors
from knowledge_base.errors import EmbeddingUnavailableError

Encode = Callable[[Sequence[str], bool], Vectors]
"""(texts, is_query) -> float32 of shape (len(texts), dimension), rows of unit length."""


@dataclass(slots=True, eq=False)
class _Job:
    """One call's texts; `cursor` counts those that were taken into a batch."""

    texts: Sequence[str]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Vectors]
    order: list[int]
    cursor: int = 0
    vectors: list[Vectors | None] = field(default_factory=list)
    missing: int = 0
    cancelled: bool = False


def _size(text: str) -> int:
    """About how much work a text is: a token is some four bytes of UTF-8 in most scripts."""
    return len(text.encode("utf-8", "replace"))


class BatchingThread:
    """Encodes on one thread of its own, in small batches.

    A question waits for at most the one batch that is being encoded. A handful of texts goes next:
    sentences to quote from are such, and somebody waits for them; but every second batch belongs
    to longer documents while there are any. Those take turns text by text. Which texts share a
    batch never changes their vectors.
    """

    def __init__(self, name: str, encode: Encode, batch_texts: int, batch_bytes: int) -> None:
        self._name = name
        self._encode = encode
        self._batch_texts = batch_texts
        self._batch_bytes = batch_bytes
        self._wake = threading.Condition()
        self._questions: deque[_Job] = deque()
        self._quick: deque[_Job] = deque()
        self._documents: deque[_Job] = deque()
        self._owed = False  # a batch, to documents that let a handful go before them
        self._closing = False
        self._thread: threading.Thread | None = None

    async def embed(self, texts: Sequence[str], is_query: bool) -> Vectors:
        """Shape (len(texts), dimension). Cancelling takes what is not yet encoded out of the queue.

        Raises `EmbeddingUnavailableError` once closed, and whatever the model raised.
        """
        loop = asyncio.get_running_loop()
        # Texts of like length share a batch: the model's threads then finish together.
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]), reverse=True)
        job = _Job(texts, loop, loop.create_future(), order)
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
            few = len(texts) <= self._batch_texts * 3 // 4
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
                    while not (self._questions or self._quick or self._documents or self._closing):
                        self._wake.wait()
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

    def _next_questions(self) -> list[tuple[_Job, int]]:
        return self._take(self._questions, self._batch_texts, self._batch_bytes)

    def _next_documents(self) -> list[tuple[_Job, int]]:
        if self._quick and not (self._owed and self._documents):
            self._owed = True
            return self._take(self._quick, self._batch_texts, self._batch_bytes)
        self._owed = False
        return self._take(self._documents, self._batch_texts, self._batch_bytes)

    @staticmethod
    def _take(queue: deque[_Job], most: int, size: int) -> list[tuple[_Job, int]]:
        """The next texts, one of each waiting call in turn; one at least where there is room."""
        batch: list[tuple[_Job, int]] = []
        while queue and len(batch) < most:
            job = queue[0]
            if job.cancelled or job.cursor == len(job.order):
                queue.popleft()
                continue
            at = job.order[job.cursor]
            size -= _size(job.texts[at])
            if batch and size < 0:
                break
            job.cursor += 1
            batch.append((job, at))
            queue.rotate(-1)
        return batch

    def _encode_batch(self, batch: list[tuple[_Job, int]], is_query: bool) -> None:
        try:
            vectors = self._encode([job.texts[at] for job, at in batch], is_query)
        except (RuntimeError, ValueError, OSError, MemoryError) as error:
            # What native models raise. The caller gets it; the thread lives on for the others.
            for job in {id(job): job for job, _ in batch}.values():
                job.cancelled = True
                self._settle(job, None, error)
            return
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
