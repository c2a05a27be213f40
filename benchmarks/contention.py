"""What is left of a streamed answer's speed while a document is being embedded, on two cores.

Engine, embedder and library stand as `python -m bot run` puts them together: the shares of the
cores are the configuration's own. A document far longer than the answer is added meanwhile, and
broken off when the answer is there.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Awaitable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.corpus import passages, write_documents
from benchmarks.pairing import Pairs, measure, say, verdict
from bot.config import load
from bot.parts import open_library
from bot.process import cores, share_threads
from bot.threads import ThreadShares
from core.engines.base import ChatMessage, EngineDelta, EngineFinished, GenerationOptions
from core.engines.llama_cpp import LlamaCppEngine
from core.engines.queue import Asker
from core.engines.queued import QueuedEngine
from core.events import ChannelRef, Platform
from core.settings import EngineSettings
from knowledge_base.library import Library
from knowledge_base.models import IngestProgress, Stage, Upload

CORES = 2
PAIRS = 7
LIMIT = 0.75
FIRST_LIMIT = 1.2
ANSWER_TOKENS = 160
PROMPT_WORDS = 40
DOCUMENT_PASSAGES = 600
"""A minute and more of embedding: no answer takes as long."""
ASKER = Asker(ChannelRef(Platform.TERMINAL, "bench"), "ann")
CONFIGURATION = """
[engine]
model = "bundled"
[embedding]
kind = "bundled"
"""


@dataclass(frozen=True, slots=True)
class Streamed:
    """One answer."""

    tokens: int
    first_seconds: float
    """From the question to its first word."""
    seconds: float
    """From the first word to the last."""

    @property
    def rate(self) -> float:
        """Tokens a second, once it streams."""
        return self.tokens / self.seconds


@dataclass
class Embedding:
    """What the embedder's thread computed while answers streamed."""

    computed: float = 0.0
    seconds: float = 0.0


async def main() -> bool:
    """Prints the share that is left; True where it is enough."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "config.toml"
        path.write_text(f'data_dir = "{folder / "data"}"\n{CONFIGURATION}', encoding="utf-8")
        config = load(path, {})
        share_threads(config)
        shares = ThreadShares(config)
        (document,) = write_documents(
            folder / "files", passages(DOCUMENT_PASSAGES, seed=5), DOCUMENT_PASSAGES
        )
        async with open_library(config, shares=shares) as library:
            threads = shares.for_engine()
            say(f"    {cores()} cores, {threads} of them the engine's")
            settings = EngineSettings(model="bundled")
            engine = QueuedEngine.of(await LlamaCppEngine.load(settings, threads), settings)
            try:
                return await _measured(engine, library, document)
            finally:
                await engine.aclose()


async def _measured(engine: QueuedEngine, library: Library, document: Path) -> bool:
    base = (await library.ensure_base("bench")).base_id
    busy: list[Streamed] = []
    lone: list[Streamed] = []
    embedding = Embedding()

    async def beside_an_upload(pair: int) -> None:
        begun = asyncio.Event()

        def progress(step: IngestProgress) -> None:
            if step.stage is Stage.EMBEDDING:
                begun.set()

        upload = Upload(document.name, document)
        adding = asyncio.create_task(library.add(base, upload, progress))
        try:
            await _first(begun.wait(), adding)
            computed, start = _embedders_seconds(), time.perf_counter()
            busy.append(await _answer(engine, pair))
            embedding.computed += _embedders_seconds() - computed
            embedding.seconds += time.perf_counter() - start
            if adding.done():
                raise RuntimeError("the document was too short")
        finally:
            adding.cancel()
            with suppress(asyncio.CancelledError):
                await adding

    async def alone(pair: int) -> None:
        lone.append(await _answer(engine, PAIRS + pair))

    await _answer(engine, 2 * PAIRS)
    await measure(beside_an_upload, alone, PAIRS)
    return _report(busy, lone, embedding)


def _report(busy: list[Streamed], lone: list[Streamed], embedding: Embedding) -> bool:
    rates = Pairs(tuple(a.rate for a in busy), tuple(a.rate for a in lone))
    firsts = Pairs(tuple(a.first_seconds for a in busy), tuple(a.first_seconds for a in lone))
    say(f"    tokens a second: {statistics.median(rates.ours):.0f} beside an upload, "
        f"{statistics.median(rates.theirs):.0f} alone; pairs {rates.spread()}")  # fmt: skip
    say(f"    to the first word, pair by pair: {firsts.spread()}")
    share = embedding.computed / embedding.seconds
    say(f"    the embedder computed {share:.0%} of that time on one core")
    soon = verdict("to the first word beside an upload over alone", firsts.ratio, FIRST_LIMIT)
    return (
        verdict("tokens a second beside an upload over alone", rates.ratio, LIMIT, at_least=True)
        and soon
    )


async def _answer(engine: QueuedEngine, number: int) -> Streamed:
    """Other words in each, so that none finds its prompt read."""
    words = " ".join(passages(1, seed=900 + number)[0].split()[:PROMPT_WORDS])
    prompt = (
        ChatMessage("system", "Answer from the passages."),
        ChatMessage("user", f"[1] {words}\n\nCount from one to a hundred, in words."),
    )
    options = GenerationOptions(max_tokens=ANSWER_TOKENS, temperature=0.0)
    start, first, tokens = time.perf_counter(), 0.0, 0
    async with aclosing(engine.generate(prompt, options, ASKER)) as events:
        async for event in events:
            if isinstance(event, EngineDelta):
                first = first or time.perf_counter()
            elif isinstance(event, EngineFinished):
                tokens = event.usage.completion_tokens
    return Streamed(tokens - 1, first - start, time.perf_counter() - first)


def _embedders_seconds() -> float:
    """Its thread's own time; with two cores it has no team beside it."""
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("embed ")]
    clocks = [time.pthread_getcpuclockid(int(thread.ident or 0)) for thread in threads]
    return sum(time.clock_gettime(clock) for clock in clocks)


async def _first(wanted: Awaitable[object], work: asyncio.Task[object]) -> None:
    """Until what is waited for is there; raises what the work died of instead."""
    waiting = asyncio.ensure_future(wanted)
    await asyncio.wait({waiting, work}, return_when=asyncio.FIRST_COMPLETED)
    if not waiting.done():
        waiting.cancel()
        await work
        raise RuntimeError("the document was too short")


if __name__ == "__main__":
    asyncio.run(main())
