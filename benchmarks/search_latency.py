"""(b) Searching without the query's embedding: the dense leg against bare FAISS, and both legs.

Vectors are clustered at random; texts follow Zipf's law with stop words. Where EVAL_DIR names the
public sets, their questions are asked over their passages, filled up with made-up ones.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.corpus import GivenVectors, passages, vector_of, write_documents
from benchmarks.pairing import measure, percentile, say, verdict
from knowledge_base.library import Library
from knowledge_base.models import BaseId, Legs, Scope, Upload
from knowledge_base.settings import KnowledgeSettings, ReaderLimits

SIZES = (10_000, 100_000)
QUESTIONS = 60
MORE_THAN_BARE_SECONDS = 0.002
FUSED_SECONDS = {10_000: 0.010, 100_000: 0.030}
SETTINGS = KnowledgeSettings(
    memory_budget_mb=4096,
    limits=ReaderLimits(max_passages_per_document=20_000, parse_seconds=900, max_file_mb=200),
)


async def main() -> bool:
    """Prints medians beside their limits; True where all hold."""
    holds = True
    for size in SIZES:
        with tempfile.TemporaryDirectory() as name:
            holds &= await _at_size(Path(name), size)
    return holds


async def _at_size(folder: Path, size: int) -> bool:
    texts, questions = _texts_and_questions(size)
    files = write_documents(folder / "files", texts, 5_000)
    async with Library.open(folder / "kb", GivenVectors(), SETTINGS) as library:
        base = (await library.ensure_base("bench")).base_id
        for file in files:
            await library.add(base, Upload(file.name, file))
        await library.snapshot()
        stored = (await library.statistics(base)).passages
        say(f"    {stored} passages, {len(questions)} questions")
        return await _dense(library, base, stored, questions) & await _fused(
            library, base, size, questions
        )


async def _dense(library: Library, base: BaseId, stored: int, questions: Sequence[str]) -> bool:
    import faiss
    import numpy as np

    bare = faiss.IndexFlatIP(GivenVectors.dimension)
    random = np.random.default_rng(0)
    for _ in range(0, stored, 10_000):
        block = random.standard_normal((10_000, GivenVectors.dimension), dtype=np.float32)
        bare.add(block / np.linalg.norm(block, axis=1, keepdims=True))

    def search_bare(question: str) -> object:
        faiss.omp_set_num_threads(1)
        return bare.search(vector_of(question)[None], 10)

    async def ours(pair: int) -> None:
        question = questions[pair % len(questions)]
        await library.search(Scope(frozenset({base})), question, limit=10, legs=Legs.DENSE)

    async def theirs(pair: int) -> None:
        await asyncio.to_thread(search_bare, questions[pair % len(questions)])

    await ours(0)
    await theirs(0)
    pairs = await measure(ours, theirs, QUESTIONS)
    more = statistics.median(a - b for a, b in zip(pairs.ours, pairs.theirs, strict=True))
    say(
        f"    dense {statistics.median(pairs.ours) * 1000:.2f} ms,"
        f" bare FAISS {statistics.median(pairs.theirs) * 1000:.2f} ms, ratio {pairs.ratio:.2f}"
        f" ({pairs.spread()})"
    )
    return verdict(
        f"(b) dense leg over bare FAISS at {stored}, seconds more", more, MORE_THAN_BARE_SECONDS
    )


async def _fused(library: Library, base: BaseId, size: int, questions: Sequence[str]) -> bool:
    seconds = []
    for question in questions:
        start = time.perf_counter()
        await library.search(Scope(frozenset({base})), question, limit=10)
        seconds.append(time.perf_counter() - start)
    say(f"    fused: 95th percentile {percentile(seconds, 0.95) * 1000:.1f} ms")
    return verdict(
        f"(b) both legs at {size}, median seconds", statistics.median(seconds), FUSED_SECONDS[size]
    )


def _texts_and_questions(size: int) -> tuple[list[str], list[str]]:
    texts: list[str] = []
    questions = [" ".join(text.split()[:9]) for text in passages(QUESTIONS, seed=7)]
    if (sets := os.environ.get("EVAL_DIR")) is not None:
        real: list[str] = []
        for folder in sorted(path.parent for path in Path(sets).glob("*/documents.jsonl")):
            texts += [row["text"] for row in _rows(folder / "documents.jsonl")]
            asked = _rows(folder / "questions.jsonl")
            real += [row["question"] for row in asked[:: max(1, len(asked) // QUESTIONS)]]
        questions = real
    return texts + passages(size - len(texts), seed=3), questions


def _rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    asyncio.run(main())
