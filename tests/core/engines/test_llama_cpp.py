"""The engine in this process, with the small model: stops, failures, leaving while it works."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import textwrap
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio

from core.engines import llama_cpp
from core.engines.base import ChatMessage, EngineDelta, EngineFinished, GenerationOptions
from core.engines.llama_cpp import LlamaCppEngine
from core.engines.llama_cpp_room import BATCH
from core.engines.queue import Asker
from core.engines.queued import QueuedEngine
from core.errors import EngineUnavailableError, ModelNotLoadedError
from core.events import ChannelRef, Platform
from core.settings import EngineSettings
from tests.support.smollm2 import needs_smollm2

pytestmark = pytest.mark.asyncio(loop_scope="module")

SETTINGS = EngineSettings(max_concurrent=2, context_window=2048)
QUESTION = (ChatMessage("user", "Tell me a story about a boat."),)
LONG = (ChatMessage("user", "word " * 1500),)
ANN = Asker(ChannelRef(Platform.TERMINAL, "here"), "ann")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncGenerator[LlamaCppEngine, None]:
    needs_smollm2()
    with pytest.MonkeyPatch.context() as as_if_large:
        as_if_large.setattr("core.engines.llama_cpp_room.SMALL_BYTES", 0)
        opened = await LlamaCppEngine.load(SETTINGS, 1)
    yield opened
    await opened.aclose()


async def until(condition) -> None:
    while not condition():  # noqa: ASYNC110 - what is waited for happens in a native thread
        await asyncio.sleep(0.005)


async def test_the_bundled_model_is_not_trusted_and_writes_english(engine):
    assert (engine.name, engine.trusted, engine.languages) == ("smollm2", False, frozenset({"en"}))
    assert (engine.slots, engine.context_window) == (2, 2048)


async def test_the_same_question_at_no_temperature_has_the_same_answer(engine):
    async def said() -> str:
        options = GenerationOptions(max_tokens=12, temperature=0.0)
        events = [event async for event in engine.stream(QUESTION, options)]
        return "".join(event.text for event in events if isinstance(event, EngineDelta))

    assert await said() == await said() != ""


async def test_a_stop_word_ends_the_answer(engine):
    options = GenerationOptions(max_tokens=40, temperature=0.0)
    *deltas, _ = [event async for event in engine.stream(QUESTION, options)]
    whole = "".join(delta.text for delta in deltas)
    word = whole.split()[3]
    *deltas, end = [
        event
        async for event in engine.stream(
            QUESTION, GenerationOptions(max_tokens=40, temperature=0.0, stop=(word,))
        )
    ]
    assert "".join(delta.text for delta in deltas) == whole[: whole.index(word)]
    assert end.reason == "stop"


def decoded(engine: LlamaCppEngine) -> int:
    """The forward passes of the model so far; asked between two of them, never in one."""
    told = engine._native.server.handle_metrics()
    (line,) = [line for line in told.splitlines() if line.startswith("llamacpp:n_decode_total ")]
    return int(float(line.split()[1]))


async def passes_after_a_stop(engine: LlamaCppEngine, monkeypatch, words: int) -> int:
    """Stop in the very moment in which so many words were said; the passes made after that."""
    made = llama_cpp._receiver
    said = 0

    def stopping(chunks, stop):
        receive = made(chunks, stop)

        def heard(chunk) -> bool:
            nonlocal said
            told = receive(chunk)
            said += any(choice["delta"].get("content") for choice in chunk.get("choices", ()))
            if said == words:
                stop.set()
            return told

        return heard

    monkeypatch.setattr(llama_cpp, "_receiver", stopping)
    before = decoded(engine)
    async with aclosing(engine.stream(QUESTION, GenerationOptions(max_tokens=300))) as events:
        async for _ in events:
            pass
    free = await end_of_work(engine)
    return free - before - words


async def end_of_work(engine: LlamaCppEngine) -> int:
    """The passes made once the model rests."""
    before, now = -1, decoded(engine)
    while now != before:
        await asyncio.sleep(0.05)
        before, now = now, decoded(engine)
    return now


async def test_a_stop_while_words_stream_ends_the_computing_after_the_token_at_work(
    engine, monkeypatch
):
    # The native loop does not wait for who listens, so a busy machine adds passes to one or the
    # other stop, and takes none away: the best of several is what the engine needs.
    after = [await passes_after_a_stop(engine, monkeypatch, words) for words in (1, 2, 3, 5, 8)]
    assert min(after) <= 2  # one at work in that moment, one begun until it is told
    assert max(after) < 100
    assert not engine._running


async def test_a_stop_while_the_prompt_is_read_computes_no_further_than_the_batch_at_work(engine):
    queued = QueuedEngine.of(engine, SETTINGS)
    before = decoded(engine)
    async with aclosing(queued.generate(LONG, GenerationOptions(), ANN)) as events:
        task = asyncio.create_task(anext(events))
        await until(lambda: decoded(engine) > before)
        task.cancel()
        await asyncio.wait([task])
    # Told at once, and the slot counts until the engine reports it free.
    assert queued.queue.load.busy == len(engine._running) == 1
    await queued.settle()
    assert queued.queue.load.busy == len(engine._running) == 0
    batches = await end_of_work(engine) - before
    assert batches < 1500 // BATCH


async def test_a_stop_while_the_prompt_is_read_ends_the_request(engine):
    stream = engine.stream(LONG, GenerationOptions(max_tokens=400))
    task = asyncio.create_task(anext(stream))
    await until(lambda: engine._running)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert not engine._running
    end = [event async for event in engine.stream(QUESTION, GenerationOptions(max_tokens=1))][-1]
    assert isinstance(end, EngineFinished)


async def test_behind_its_queue_the_slot_comes_back_when_the_native_thread_is_done(engine):
    queued = QueuedEngine.of(engine, SETTINGS)
    async with aclosing(queued.generate(LONG, GenerationOptions(), ANN)) as events:
        task = asyncio.create_task(anext(events))
        await until(lambda: engine._running)
        task.cancel()
        await asyncio.wait([task])
    assert queued.queue.load.busy == len(engine._running) == 1
    await queued.settle()
    assert queued.queue.load.busy == len(engine._running) == 0


async def test_nobody_else_on_this_machine_may_use_the_port(engine):
    address = engine._native.server.listening_address
    assert address.startswith("http://127.0.0.1:")
    async with httpx2.AsyncClient(trust_env=False) as client:
        body = {"messages": [{"role": "user", "content": "hi"}]}
        for path in ("/v1/chat/completions", "/tokenize", "/slots", "/props", "/v1/models"):
            reply = await client.post(f"{address}{path}", json=body)
            assert reply.status_code in (401, 404)


async def test_closing_ends_what_runs_and_tells_its_reader():
    needs_smollm2()
    engine = await LlamaCppEngine.load(SETTINGS, 1)
    events = engine.stream(LONG, GenerationOptions())
    task = asyncio.create_task(anext(events))
    await until(lambda: engine._running)
    await engine.aclose()
    with pytest.raises(EngineUnavailableError):
        await task
    with pytest.raises(EngineUnavailableError):
        await anext(engine.stream(QUESTION, GenerationOptions()))
    with pytest.raises(EngineUnavailableError):
        await engine.count_tokens(QUESTION)


@pytest.mark.parametrize("content", [None, b"", b"version https://git-lfs", b"GGUF but no more"])
async def test_a_file_that_is_no_model_is_named(tmp_path, content):
    needs_smollm2()
    path = tmp_path / "model.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelNotLoadedError) as caught:
        await LlamaCppEngine.load(EngineSettings(model=str(path)), 1)
    problem = "missing" if content is None else "broken"
    assert (caught.value.problem, caught.value.detail) == (problem, str(path))


async def test_without_its_package_the_bundled_model_names_it(monkeypatch):
    monkeypatch.setattr(llama_cpp, "_BUNDLED_PACKAGE", "no_such_package")
    with pytest.raises(EngineUnavailableError) as caught:
        await LlamaCppEngine.load(EngineSettings(), 1)
    assert caught.value.target == "no-such-package"


async def test_a_process_that_leaves_while_it_works_ends_in_good_order():
    needs_smollm2()
    program = textwrap.dedent(
        """
        import asyncio
        from core.engines.base import ChatMessage, GenerationOptions
        from core.engines.llama_cpp import LlamaCppEngine
        from core.settings import EngineSettings

        async def main():
            global kept
            engine = await LlamaCppEngine.load(EngineSettings(), 1)
            stream = engine.stream([ChatMessage("user", "word " * 1500)], GenerationOptions())
            kept = engine, stream, asyncio.create_task(anext(stream))
            while not engine._running:
                await asyncio.sleep(0.005)

        asyncio.run(main())
        """
    )
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b""), done.stderr


@pytest.mark.parametrize("kind", ["q8_0", "q4_0"])
async def test_the_context_can_be_kept_in_fewer_bits(kind):
    needs_smollm2()
    engine = await LlamaCppEngine.load(replace(SETTINGS, cache_type=kind), 1)
    options = GenerationOptions(max_tokens=8, temperature=0.0)
    events = [event async for event in engine.stream(QUESTION, options)]
    assert events[-1].usage.completion_tokens == 8
    await engine.aclose()


def read(engine: LlamaCppEngine) -> int:
    """The tokens of prompts that the model has read so far."""
    told = engine._native.server.handle_metrics()
    name = "llamacpp:prompt_tokens_total "
    (line,) = [line for line in told.splitlines() if line.startswith(name)]
    return int(float(line.split()[1]))


async def read_again(prompt_cache_mb: int) -> int:
    """Tokens read for a question whose only slot another one took in between."""
    settings = replace(SETTINGS, max_concurrent=1, prompt_cache_mb=prompt_cache_mb)
    engine = await LlamaCppEngine.load(settings, 1)
    ours, theirs = (ChatMessage("user", "boat " * 300),), (ChatMessage("user", "tree " * 300),)
    before = 0
    for asked in (ours, theirs, ours):
        before = read(engine)
        async for _ in engine.stream(asked, GenerationOptions(max_tokens=2, temperature=0.0)):
            pass
    again = read(engine) - before
    await engine.aclose()
    return again


async def test_what_was_read_is_kept_when_another_takes_the_slot():
    needs_smollm2()
    assert await read_again(0) > 250
    assert await read_again(64) < 50


async def test_layers_for_a_card_that_is_not_there_are_said_to_have_no_effect(caplog):
    needs_smollm2()
    import xllamacpp

    if any(d["type"].name.endswith("TYPE_GPU") for d in xllamacpp.get_device_info()):
        pytest.skip("there is a card")
    caplog.set_level(logging.INFO, "core.engines")
    await (await LlamaCppEngine.load(replace(SETTINGS, gpu_layers=9), 1)).aclose()
    await (await LlamaCppEngine.load(replace(SETTINGS, device="cpu", gpu_layers=9), 1)).aclose()
    assert [record.getMessage() for record in caplog.records] == [
        "the installed xllamacpp finds no card: engine.gpu_layers has no effect",
        "smollm2: 2 slots of 2048 tokens on the CPU",
        "smollm2: 2 slots of 2048 tokens on the CPU",
    ]
