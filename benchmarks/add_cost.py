"""(c) Adding a document of 20 passages to a large base against adding it to an empty one."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
from pathlib import Path

from benchmarks.corpus import GivenVectors, passages, write_documents
from benchmarks.pairing import measure, say, verdict
from knowledge_base.library import Library
from knowledge_base.models import Upload
from knowledge_base.settings import KnowledgeSettings, ReaderLimits

LARGE = 200_000
PASSAGES = 20
PAIRS = 15
SETTINGS = KnowledgeSettings(
    memory_budget_mb=4096,
    limits=ReaderLimits(max_passages_per_document=20_000, parse_seconds=900, max_file_mb=200),
)


async def main() -> bool:
    """Prints time and bytes written as ratios; True where both hold."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bulk = write_documents(folder / "bulk", passages(LARGE, seed=5), 5_000)
        small = write_documents(
            folder / "small", passages(PASSAGES * (PAIRS + 1), seed=6), PASSAGES
        )
        async with (
            Library.open(folder / "large", GivenVectors(), SETTINGS) as large,
            Library.open(folder / "empty", GivenVectors(), SETTINGS) as empty,
        ):
            base = (await large.ensure_base("bench")).base_id
            for file in bulk:
                await large.add(base, Upload(file.name, file))
            await large.snapshot()
            written: tuple[list[int], list[int]] = ([], [])

            async def ours(pair: int) -> None:
                before = written()
                await large.add(base, Upload(small[pair].name, small[pair]))
                written[0].append(written() - before)

            async def theirs(pair: int) -> None:
                fresh = (await empty.ensure_base(f"empty {pair}")).base_id
                before = written()
                await empty.add(fresh, Upload(small[pair].name, small[pair]))
                written[1].append(written() - before)

            await large.add(base, Upload(small[-1].name, small[-1]))
            warm = (await empty.ensure_base("warm-up")).base_id
            await empty.add(warm, Upload(small[-1].name, small[-1]))
            pairs = await measure(ours, theirs, PAIRS)
    say(f"    times, pair by pair: {pairs.spread()}")
    held = verdict(f"(c) time of an add at {LARGE} over an add to an empty base", pairs.ratio, 1.5)
    if not all(written[1]):
        say("(c) bytes written: not run, this system does not count them")
        return held
    ratio = statistics.median(a / b for a, b in zip(*written, strict=True))
    return verdict(f"(c) bytes written by an add at {LARGE} over an empty base", ratio, 1.5) & held


def written() -> int:
    """Bytes that this process has handed to write calls so far; 0 where the system does not say."""
    counters = Path("/proc/self/io")
    if not counters.exists():
        return 0
    lines = dict(line.split(": ") for line in counters.read_text().splitlines())
    return int(lines["wchar"])


if __name__ == "__main__":
    asyncio.run(main())
