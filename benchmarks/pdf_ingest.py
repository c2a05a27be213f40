"""A PDF of 300 pages: reading it against embedding it, and both at once.

    python -m benchmarks pdf_ingest

Reading is what the worker process does: text, lines, headings, passages, their words and counts.
Embedding is timed on every so many of the passages, in each round on others, and extrapolated by
their tokens. The pages are made with reportlab: headings, paragraphs of running text, and a table
on every tenth page.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.corpus import passages
from benchmarks.pairing import Pairs, measure, say, verdict
from knowledge_base.embedders import open_embedder
from knowledge_base.embedders.base import Embedder
from knowledge_base.library import Library
from knowledge_base.loaders.worker import Reader
from knowledge_base.models import IngestProgress, ParsedDocument, Stage, Upload
from knowledge_base.settings import EmbeddingSettings, KnowledgeSettings, ReaderLimits
from knowledge_base.splitter import embedded
from knowledge_base.tokens import counter

PAGES = 300
PAIRS = 7
SAMPLE = 40
"""Passages that are embedded in a round."""
SHORT_PAGES = 12
"""Of the two files that are added at once."""
LIMIT = 0.1


def write_pdf(path: Path, pages: int, seed: int) -> None:
    """Pages of about 450 words under a heading each; every tenth has a table."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Table

    styles = getSampleStyleSheet()
    texts = iter(passages(3 * pages, seed=seed))
    story: list[object] = []
    for page in range(1, pages + 1):
        story.append(Paragraph(f"{page} Chapter {page}", styles["Heading1"]))
        story.append(Paragraph(next(texts), styles["BodyText"]))
        story.append(Paragraph(next(texts), styles["BodyText"]))
        if page % 10 == 0:
            words = next(texts).split()
            rows = [words[at : at + 3] for at in range(0, 30, 3)]
            story.append(Table([["Part", "Size", "Place"], *rows]))
        story.append(PageBreak())
    SimpleDocTemplate(str(path), pagesize=A4).build(story)


async def main() -> bool:
    """Prints the shares; True where reading costs little enough and runs beside embedding."""
    embedder = await open_embedder(EmbeddingSettings(kind="bundled"))
    if embedder is None:
        say("not run: the bundled embedder does not run on this machine")
        return True
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            path = folder / "book.pdf"
            await asyncio.to_thread(write_pdf, path, PAGES, 31)
            reader = Reader(ReaderLimits(parse_seconds=900), embedder.tokenizer, workers=1)
            try:
                holds = await _alone_and_at_once(reader, embedder, Upload(path.name, path))
            finally:
                await reader.aclose()
            return await _two_files(folder, embedder) and holds
    finally:
        await embedder.aclose()


async def _alone_and_at_once(reader: Reader, embedder: Embedder, upload: Upload) -> bool:
    parsed = await reader.parse(upload)
    count = await asyncio.to_thread(counter, embedder.tokenizer)
    texts = _texts(parsed)
    tokens = [count(text) for text in texts]
    say(f"    {parsed.pages} pages, {len(texts)} passages, {sum(tokens)} tokens")
    rounds = [
        [(index + number) % len(texts) for index in range(0, len(texts), len(texts) // SAMPLE)]
        for number in range(PAIRS + 2)
    ]

    async def read(_pair: int) -> None:
        await reader.parse(upload)

    async def embed(pair: int) -> None:
        await embedder.embed_documents([texts[at] for at in rounds[pair]])

    await embed(PAIRS)
    pairs = await measure(read, embed, PAIRS)
    whole = [
        seconds * sum(tokens) / sum(tokens[at] for at in rounds[pair])
        for pair, seconds in enumerate(pairs.theirs)
    ]
    shares = Pairs(pairs.ours, tuple(whole))
    ours, theirs = statistics.median(pairs.ours), statistics.median(whole)
    say(f"    reading {ours:.1f} s, embedding all of it {theirs:.0f} s; pairs {shares.spread()}")
    holds = verdict("reading a PDF of 300 pages over embedding it", shares.ratio, LIMIT)

    async def both(pair: int) -> None:
        await asyncio.gather(read(pair), embed(pair))

    async def one_after_the_other(pair: int) -> None:
        await read(pair)
        await embed(pair)

    beside = await measure(both, one_after_the_other, PAIRS)
    say(
        f"    reading and embedding at once over one after the other: {beside.ratio:.3f}"
        f" ({beside.spread()})"
    )
    return holds


async def _two_files(folder: Path, embedder: Embedder) -> bool:
    """Whether the second file is read while the first is embedded."""
    ends: dict[tuple[str, Stage], float] = {}
    async with Library.open(folder / "data", embedder, KnowledgeSettings()) as library:
        base = (await library.ensure_base("bench")).base_id

        async def add(name: str, seed: int) -> None:
            path = folder / name
            await asyncio.to_thread(write_pdf, path, SHORT_PAGES, seed)

            def progress(step: IngestProgress) -> None:
                ends[name, step.stage] = time.perf_counter()

            await library.add(base, Upload(name, path), progress)

        await asyncio.gather(add("first.pdf", 41), add("second.pdf", 42))
    read = max(ends["first.pdf", Stage.READING], ends["second.pdf", Stage.READING])
    made = min(ends["first.pdf", Stage.EMBEDDING], ends["second.pdf", Stage.EMBEDDING])
    holds = read < made
    say(f"    two files at once: both are read before either is embedded: {holds}")
    return holds


def _texts(parsed: ParsedDocument) -> Sequence[str]:
    return [embedded(chunk.text, chunk.heading) for chunk in parsed.chunks]


if __name__ == "__main__":
    asyncio.run(main())
