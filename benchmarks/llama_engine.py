"""Sixteen members at once: the `llama_cpp` engine behind its queue against the bare library.

Both sides have the same model, slots, threads, context and prompts; the bare library keeps its own
defaults in everything else and is called from a thread for each member, as its documentation does.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from benchmarks.corpus import passages
from benchmarks.pairing import Pairs, measure, say, verdict
from core.engines.base import ChatMessage, EngineDelta, EngineFinished, GenerationOptions
from core.engines.llama_cpp import LlamaCppEngine, bundled_model
from core.engines.queue import Asker
from core.engines.queued import QueuedEngine
from core.events import ChannelRef, Platform
from core.settings import EngineSettings

MEMBERS = 16
SLOTS = 8
CONTEXT = 1024
ANSWER_TOKENS = 64
WORDS = 25
"""Of the passage in a prompt: made-up words are several tokens each."""
PAIRS = 21
"""A round's first tokens differ by 0.2 s from pair to pair on either side."""
SYSTEM = "Answer from the passages, with the number of the passage in brackets."


@dataclass(frozen=True, slots=True)
class Round:
    """What one side did in one round."""

    tokens: int
    seconds: float
    first: tuple[float, ...]
    """Seconds from the start to each member's first token, sorted."""


async def main() -> bool:
    """Prints both ratios and their spread; True where the limits hold."""
    threads = int(os.environ.get("BENCH_THREADS", "0")) or max(1, (os.cpu_count() or 2))
    engine = await LlamaCppEngine.load(
        EngineSettings(model="bundled", max_concurrent=SLOTS, context_window=CONTEXT), threads
    )
    bare = await asyncio.to_thread(_bare_server, threads)
    queued = QueuedEngine.of(engine, EngineSettings())
    ours: list[Round] = []
    theirs: list[Round] = []

    async def through_the_queue(pair: int) -> None:
        ours.append(await _ours(queued, _prompts(pair)))

    async def bare_library(pair: int) -> None:
        theirs.append(await _theirs(bare, _prompts(pair)))

    try:
        await _ours(queued, _prompts(PAIRS)[:2])
        await _theirs(bare, _prompts(PAIRS)[:2])
        await measure(through_the_queue, bare_library, PAIRS)
        alone = await _ours(queued, _prompts(PAIRS + 1)[:1])
    finally:
        await queued.aclose()
    return _report(ours, theirs, alone)


def _report(ours: list[Round], theirs: list[Round], alone: Round) -> bool:
    rates = Pairs(
        tuple(done.tokens / done.seconds for done in ours),
        tuple(done.tokens / done.seconds for done in theirs),
    )
    say(f"    {MEMBERS} members, {SLOTS} slots, tokens a second: "
        f"{statistics.median(rates.ours):.0f} against {statistics.median(rates.theirs):.0f}; "
        f"spread {rates.spread()}")  # fmt: skip
    say(f"    one member alone: {alone.tokens / alone.seconds:.0f} tokens a second; "
        f"{MEMBERS} together {statistics.median(rates.ours) * alone.seconds / alone.tokens:.2f} "
        "times that (not judged)")  # fmt: skip
    # The first of ours against the first of theirs, the second against the second, and so on.
    late = [
        statistics.median(a.first[rank] - b.first[rank] for a, b in zip(ours, theirs, strict=True))
        for rank in range(MEMBERS)
    ]
    say(f"    first tokens later than the bare library's: median {statistics.median(late):+.3f} s, "
        f"worst rank {max(late):+.3f} s")  # fmt: skip
    return verdict("tokens a second over the bare library", rates.ratio, 0.95, at_least=True) & (
        verdict("latest first token over the bare library's, seconds", max(late), 0.1)
    )


def _prompts(pair: int) -> list[list[ChatMessage]]:
    """Others in each pair, so that neither side finds them in its cache; of equal length."""
    texts = [" ".join(text.split()[:WORDS]) for text in passages(MEMBERS, seed=100 + pair)]
    return [
        [
            ChatMessage("system", SYSTEM),
            ChatMessage("user", f"[1] {text}\n\nTell what passage [1] says, at length."),
        ]
        for text in texts
    ]


async def _ours(queued: QueuedEngine, prompts: list[list[ChatMessage]]) -> Round:
    start = time.perf_counter()

    async def ask(number: int, prompt: list[ChatMessage]) -> tuple[int, float]:
        first, tokens = 0.0, 0
        asker = Asker(ChannelRef(Platform.TERMINAL, str(number)), str(number))
        options = GenerationOptions(max_tokens=ANSWER_TOKENS, temperature=0.0)
        async with aclosing(queued.generate(prompt, options, asker)) as events:
            async for event in events:
                if isinstance(event, EngineDelta):
                    first = first or time.perf_counter() - start
                elif isinstance(event, EngineFinished):
                    tokens = event.usage.completion_tokens
        return tokens, first

    told = await asyncio.gather(*(ask(number, prompt) for number, prompt in enumerate(prompts)))
    return _round(told, time.perf_counter() - start)


async def _theirs(server: Any, prompts: list[list[ChatMessage]]) -> Round:
    start = time.perf_counter()

    def ask(prompt: list[ChatMessage]) -> tuple[int, float]:
        first, tokens = 0.0, 0

        def receive(chunk: dict[str, Any]) -> bool:
            nonlocal first, tokens
            if any(choice["delta"].get("content") for choice in chunk.get("choices", ())):
                first = first or time.perf_counter() - start
            if usage := chunk.get("usage"):
                tokens = int(usage["completion_tokens"])
            return False

        request = {
            "messages": [{"role": message.role, "content": message.text} for message in prompt],
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": 0.0,
            "max_tokens": ANSWER_TOKENS,
        }
        server.handle_chat_completions(request, receive)
        return tokens, first

    with ThreadPoolExecutor(len(prompts)) as pool:
        told = await asyncio.gather(*_in(pool, ask, prompts))
    return _round(told, time.perf_counter() - start)


def _in(
    pool: ThreadPoolExecutor,
    ask: Callable[[list[ChatMessage]], tuple[int, float]],
    prompts: list[list[ChatMessage]],
) -> list[asyncio.Future[tuple[int, float]]]:
    loop = asyncio.get_running_loop()
    return [loop.run_in_executor(pool, ask, prompt) for prompt in prompts]


def _round(told: list[tuple[int, float]], seconds: float) -> Round:
    return Round(sum(tokens for tokens, _ in told), seconds, tuple(sorted(f for _, f in told)))


def _bare_server(threads: int) -> Any:
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(bundled_model())
    parameters.n_parallel = SLOTS
    parameters.n_ctx = SLOTS * CONTEXT
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads
    parameters.verbosity = 0
    parameters.warmup = False
    parameters.port = 0
    parameters.hostnames = ["127.0.0.1"]
    return xllamacpp.Server(parameters)


if __name__ == "__main__":
    asyncio.run(main())
