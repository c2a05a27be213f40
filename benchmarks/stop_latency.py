"""From a stop to the free slot, in tokens: while words stream and while a prompt is read.

The ratio is to what a token (the whole prompt) took in the very same request.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from contextlib import aclosing

from benchmarks.corpus import passages
from benchmarks.pairing import say, verdict
from bot.process import cores
from core.engines.base import ChatMessage, EngineDelta, GenerationOptions
from core.engines.llama_cpp import LlamaCppEngine
from core.engines.queue import Asker
from core.engines.queued import QueuedEngine
from core.events import ChannelRef, Platform
from core.settings import EngineSettings

STOPS = 21
WORDS = 24
LIMIT = 2.0
"""The token at work, and one more that the library begins before it is told."""
ASKER = Asker(ChannelRef(Platform.TERMINAL, "bench"), "ann")


async def main() -> bool:
    """Prints both ratios; True where the first holds."""
    settings = EngineSettings(model="bundled", max_concurrent=2, context_window=2048)
    engine = await LlamaCppEngine.load(settings, max(1, cores() // 2))
    queued = QueuedEngine.of(engine, settings)
    try:
        await _stopped(queued, STOPS, 2)
        streaming = [await _stopped(queued, number, WORDS) for number in range(STOPS)]
        reading = [await _stopped_in_the_prompt(queued, number) for number in range(STOPS // 3)]
    finally:
        await queued.aclose()
    say(f"    in the prompt: {statistics.median(reading):.2f} of the time that reading it takes "
        f"({min(reading):.2f} to {max(reading):.2f})")  # fmt: skip
    say(f"    while words stream: {min(streaming):.2f} to {max(streaming):.2f} tokens")
    return verdict("stop to free slot, in tokens, median", statistics.median(streaming), LIMIT)


async def _stopped(queued: QueuedEngine, number: int, words: int) -> float:
    """Stop after so many words; the time until the slot is free over a token's."""
    times: list[float] = []
    prompt = (ChatMessage("user", f"Tell me a long story about boat number {number}."),)
    async with aclosing(queued.generate(prompt, GenerationOptions(), ASKER)) as events:
        async for event in events:
            if isinstance(event, EngineDelta):
                times.append(time.perf_counter())
                if len(times) == words:
                    break
    start = time.perf_counter()
    await queued.settle()
    free = time.perf_counter() - start
    return free * (len(times) - 1) / (times[-1] - times[0])


async def _stopped_in_the_prompt(queued: QueuedEngine, number: int) -> float:
    """Stop a prompt in its midst; the time until the slot is free over that of all its reading."""
    text = " ".join(passages(2, seed=700 + number))
    prompt, other = (
        (ChatMessage("user", text),),
        (ChatMessage("user", " ".join(text.split()[::-1])),),
    )
    whole, _ = await _read(queued, prompt)
    _, free = await _read(queued, other, leave_after=whole / 2)
    return free / whole


async def _read(
    queued: QueuedEngine, prompt: tuple[ChatMessage, ...], leave_after: float | None = None
) -> tuple[float, float]:
    """Seconds to the first word or to leaving before it, and from there to the free slot."""
    start = time.perf_counter()
    async with aclosing(queued.generate(prompt, GenerationOptions(max_tokens=1), ASKER)) as events:
        task = asyncio.ensure_future(anext(events))
        await asyncio.wait({task}, timeout=leave_after)
        left = time.perf_counter()
        task.cancel()
        await asyncio.wait({task})
    await queued.settle()
    return left - start, time.perf_counter() - left


if __name__ == "__main__":
    asyncio.run(main())
