"""The thread in front of a local model: who goes first, and what is never lost."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import numpy as np
import pytest

from knowledge_base.embedders.base import Vectors
from knowledge_base.embedders.batching import BatchingThread
from knowledge_base.errors import EmbeddingUnavailableError


class Model:
    """Notes its batches; each waits until it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.free = threading.Semaphore(0)
        self.entered = threading.Semaphore(0)

    def __call__(self, texts: Sequence[str], is_query: bool) -> Vectors:
        if "bad" in texts:
            raise RuntimeError("bad")
        self.batches.append(list(texts))
        self.entered.release()
        self.free.acquire()
        return np.array([[float(text.strip("dqe")), 1.0] for text in texts], dtype=np.float32)

    def go(self) -> None:
        self.free.release(1000)

    async def working(self) -> None:
        await asyncio.to_thread(self.entered.acquire)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_rows_come_back_in_the_order_of_the_texts() -> None:
    model = Model()
    model.go()
    thread = BatchingThread("test", model, batch_texts=4, batch_bytes=100)
    texts = ["1", "2222", "33", "4", "55555", "66", "7"]
    vectors = await thread.embed(texts, is_query=False)
    assert vectors[:, 0].tolist() == [1, 2222, 33, 4, 55555, 66, 7]
    assert max(map(len, model.batches)) <= 4
    await thread.aclose()


async def test_a_question_waits_for_one_batch_at_most() -> None:
    model = Model()
    thread = BatchingThread("test", model, batch_texts=2, batch_bytes=100)
    documents = asyncio.create_task(thread.embed([f"d{n}" for n in range(10)], is_query=False))
    await model.working()
    question = asyncio.create_task(thread.embed(["q1"], is_query=True))
    await settle()
    model.go()
    assert (await question).shape == (1, 2)
    await documents
    assert model.batches[1] == ["q1"]
    await thread.aclose()


async def test_documents_take_turns() -> None:
    model = Model()
    thread = BatchingThread("test", model, batch_texts=4, batch_bytes=100)
    blocked = asyncio.create_task(thread.embed(["0"], is_query=True))
    await model.working()
    long = asyncio.create_task(thread.embed([f"d{n}" for n in range(40)], is_query=False))
    shorter = asyncio.create_task(thread.embed([f"e{n}" for n in range(8)], is_query=False))
    await settle()
    model.go()
    await shorter
    mixed = [batch for batch in model.batches if any("e" in text for text in batch)]
    assert [sum("e" in text for text in batch) for batch in mixed] == [2, 2, 2, 2]
    assert all(len(batch) == 4 for batch in mixed)
    await asyncio.gather(blocked, long)
    await thread.aclose()


async def test_a_handful_of_texts_goes_first_but_not_for_ever() -> None:
    model = Model()
    thread = BatchingThread("test", model, batch_texts=8, batch_bytes=100)
    long = asyncio.create_task(thread.embed([f"d{n}" for n in range(40)], is_query=False))
    await model.working()
    handfuls = [
        asyncio.create_task(thread.embed([f"e{k}{n}" for n in range(6)], is_query=False))
        for k in range(4)
    ]
    await settle()
    model.go()
    await asyncio.gather(*handfuls)
    kinds = ["".join(sorted({text[0] for text in batch})) for batch in model.batches]
    assert kinds[1] == "e"
    assert "d" in kinds[2 : kinds.index("e", 2) + 1]
    await long
    await thread.aclose()


async def test_what_is_cancelled_is_not_embedded() -> None:
    model = Model()
    thread = BatchingThread("test", model, batch_texts=2, batch_bytes=100)
    first = asyncio.create_task(thread.embed(["d1", "d2"], is_query=False))
    await model.working()
    second = asyncio.create_task(thread.embed(["d3"] * 50, is_query=False))
    await settle()
    second.cancel()
    await asyncio.wait({second})
    model.go()
    await first
    await thread.embed(["d4"], is_query=False)
    assert not any("d3" in batch for batch in model.batches)
    await thread.aclose()


async def test_an_error_reaches_its_caller_and_the_thread_lives_on() -> None:
    model = Model()
    model.go()
    thread = BatchingThread("test", model, batch_texts=2, batch_bytes=100)
    with pytest.raises(RuntimeError, match="bad"):
        await thread.embed(["bad"], is_query=False)
    assert (await thread.embed(["d1"], is_query=False)).tolist() == [[1.0, 1.0]]
    await thread.aclose()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_fault_that_ends_the_thread_leaves_nobody_waiting() -> None:
    model = Model()

    def encode(texts: Sequence[str], is_query: bool) -> Vectors:
        model(texts, is_query)
        raise LookupError(texts[0])

    thread = BatchingThread("test", encode, batch_texts=1, batch_bytes=100)
    taken = asyncio.create_task(thread.embed(["d1"], is_query=False))
    await model.working()
    waiting = asyncio.create_task(thread.embed(["d2"], is_query=False))
    await settle()
    model.go()
    for refused in (taken, waiting, thread.embed(["d3"], is_query=True)):
        with pytest.raises(EmbeddingUnavailableError):
            await asyncio.wait_for(refused, 30)
    await thread.aclose()


async def test_once_closed_it_refuses_what_waits_and_what_comes() -> None:
    model = Model()
    thread = BatchingThread("test", model, batch_texts=1, batch_bytes=100)
    running = asyncio.create_task(thread.embed(["d1"], is_query=False))
    await model.working()
    waiting = asyncio.create_task(thread.embed(["d2"], is_query=False))
    await settle()
    closing = asyncio.create_task(thread.aclose())
    await settle()
    model.go()
    await closing
    assert (await running).tolist() == [[1.0, 1.0]]
    for refused in (waiting, thread.embed(["d3"], is_query=True)):
        with pytest.raises(EmbeddingUnavailableError):
            await refused
