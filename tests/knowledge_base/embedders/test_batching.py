"""The thread in front of a local model: who goes first, and what is never lost."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import numpy as np
import pytest

from knowledge_base.embedders.base import Vectors
from knowledge_base.embedders.batching import BatchingThread, Budget, batched
from knowledge_base.embedders.pace import PATIENCE_SECONDS, SMALL, Beside, Pace
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
    thread = BatchingThread("test", model, Budget(tokens=100, texts=4, few=3))
    texts = ["1", "2222", "33", "4", "55555", "66", "7"]
    vectors = await thread.embed(texts, is_query=False)
    assert vectors[:, 0].tolist() == [1, 2222, 33, 4, 55555, 66, 7]
    assert max(map(len, model.batches)) <= 4
    await thread.aclose()


async def test_a_question_waits_for_one_batch_at_most() -> None:
    model = Model()
    thread = BatchingThread("test", model, Budget(tokens=100, texts=2, few=1))
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
    thread = BatchingThread("test", model, Budget(tokens=100, texts=4, few=3))
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
    thread = BatchingThread("test", model, Budget(tokens=100, texts=8, few=6))
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
    thread = BatchingThread("test", model, Budget(tokens=100, texts=2, few=1))
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
    thread = BatchingThread("test", model, Budget(tokens=100, texts=2, few=1))
    with pytest.raises(EmbeddingUnavailableError) as raised:
        await thread.embed(["bad"], is_query=False)
    assert isinstance(raised.value.__cause__, RuntimeError)
    assert (await thread.embed(["d1"], is_query=False)).tolist() == [[1.0, 1.0]]
    await thread.aclose()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_fault_that_ends_the_thread_leaves_nobody_waiting() -> None:
    model = Model()

    def encode(texts: Sequence[str], is_query: bool) -> Vectors:
        model(texts, is_query)
        raise LookupError(texts[0])

    thread = BatchingThread("test", encode, Budget(tokens=100, texts=1, few=0))
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
    thread = BatchingThread("test", model, Budget(tokens=100, texts=1, few=0))
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


def lengths(texts: Sequence[str]) -> list[int]:
    return [len(text) for text in texts]


async def test_a_batch_is_so_many_tokens_and_its_texts_are_of_like_length() -> None:
    model = Model()
    model.go()
    thread = BatchingThread("test", model, Budget(tokens=10, texts=50, few=0), lengths)
    texts = ["1", "2222", "137438953472", "4", "55555", "6666", "7"]
    vectors = await thread.embed(texts, is_query=False)
    assert vectors[:, 0].tolist() == [float(text) for text in texts]
    assert model.batches == [["137438953472"], ["55555", "2222"], ["6666", "1", "4", "7"]]
    await thread.aclose()


async def test_where_a_model_pads_every_text_costs_as_much_as_the_longest() -> None:
    model = Model()
    model.go()
    thread = BatchingThread("test", model, Budget(tokens=10, texts=50, few=0, padded=True), lengths)
    await thread.embed(["1", "2222", "4", "55555", "6666", "7", "8"], is_query=False)
    assert model.batches == [["55555", "2222"], ["6666", "1"], ["4", "7", "8"]]
    await thread.aclose()


def test_texts_are_put_into_batches_longest_first() -> None:
    sizes = [3, 90, 5, 40, 4]
    assert batched(sizes, Budget(tokens=100, texts=2, few=0)) == [[1], [3, 2], [4, 0]]
    assert batched(sizes, Budget(tokens=90, texts=9, few=0, padded=True)) == [[1], [3, 2], [4, 0]]
    assert batched([], Budget(tokens=9, texts=9, few=0)) == []


class Answers:
    """What the model that answers does, and a clock."""

    def __init__(self) -> None:
        self.beside = Beside.IDLE
        self.now = 100.0

    def look(self) -> Beside:
        return self.beside

    def clock(self) -> float:
        return self.now


def test_documents_stand_still_while_a_first_word_is_awaited_but_not_for_ever() -> None:
    answers = Answers()
    pace = Pace(answers.look, answers.clock)
    assert pace.hold() == 0
    answers.beside = Beside.READING
    assert pace.hold() > 0
    answers.now += PATIENCE_SECONDS
    assert pace.hold() == 0
    pace.made(0.1)
    assert pace.hold() > 0


def test_while_words_are_written_batches_are_small_and_as_much_time_is_left_free() -> None:
    answers = Answers()
    pace = Pace(answers.look, answers.clock)
    assert pace.tokens(800) == 800
    answers.beside = Beside.WRITING
    assert pace.tokens(800) == 800 // SMALL
    pace.made(0.25)
    assert pace.hold() == 0.25
    answers.now += 0.25
    assert pace.hold() == 0
    answers.beside = Beside.IDLE
    pace.made(0.25)
    assert pace.hold() == 0


async def test_questions_and_handfuls_are_embedded_while_documents_stand_still() -> None:
    answers = Answers()
    answers.beside = Beside.READING
    model = Model()
    model.go()
    thread = BatchingThread("test", model, Budget(tokens=100, texts=8, few=2))
    thread.pace = Pace(answers.look, answers.clock)
    documents = asyncio.create_task(thread.embed([f"d{n}" for n in range(9)], is_query=False))
    await settle()
    assert (await thread.embed(["q1"], is_query=True)).shape == (1, 2)
    assert (await thread.embed(["e1"], is_query=False)).shape == (1, 2)
    assert not any("d" in text for batch in model.batches for text in batch)
    answers.beside = Beside.IDLE
    assert (await documents).shape == (9, 2)
    await thread.aclose()


async def test_who_asks_for_nothing_is_not_left_waiting() -> None:
    thread = BatchingThread("test", Model(), Budget(tokens=100, texts=4, few=3))
    with pytest.raises(ValueError, match="no texts"):
        await thread.embed([], is_query=False)
    await thread.aclose()
