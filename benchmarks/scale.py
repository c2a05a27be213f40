"""(x) One very large base, and ten thousand small ones: without embedding the question.

`python -m benchmarks.scale FOLDER [PASSAGES [DIMENSION]]` makes the base below FOLDER by
`Library.add_made`, where it stops goes on at the next run, and measures it; `tiny FOLDER` makes
and measures 10,000 bases of 50. What the texts and vectors are: `benchmarks.large_corpus`.

Making and measuring are two processes, so that memory once used for making is not in the figures.
What is resident is told as the system counts it: anonymous memory, and pages of mapped files,
which it may take back. What is read from files by place is in neither, but in its cache.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from benchmarks import large_corpus
from benchmarks.add_cost import written
from benchmarks.large_corpus import PER_DOCUMENT
from benchmarks.pairing import percentile, say, verdict
from knowledge_base.embedders.base import TokenizerSpec, Vectors
from knowledge_base.ingest import Made
from knowledge_base.library import Library
from knowledge_base.models import BaseId, Legs, ParsedDocument, Scope, Upload, chunk_id
from knowledge_base.segments import Ids
from knowledge_base.settings import KnowledgeSettings

PASSAGES = 1_300_000
QUESTIONS = 400
DOCUMENTS_AT_ONCE = 40
ADDED = 20
PAIRS = 15
TINY_BASES, TINY_PASSAGES = 10_000, 50
ASKED = "asked.npz"
SETTINGS = KnowledgeSettings(memory_budget_mb=8192)


class Given:
    """An embedder that knows the vectors of the questions, and no others."""

    name = "vectors given"
    fingerprint = "benchmark-given-vectors"
    tokenizer = TokenizerSpec(kind="estimate", max_tokens=2048)

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self.questions: dict[str, Vectors] = {}

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Anything: what is asked for here is not measured."""
        made = np.random.default_rng(len(texts)).standard_normal((len(texts), self.dimension))
        return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), np.float32)

    async def embed_query(self, text: str) -> Vectors:
        """The question's vector."""
        known = self.questions.get(text)
        return (await self.embed_documents([text]))[0] if known is None else known

    async def aclose(self) -> None:
        """Nothing to close."""


async def main(arguments: Sequence[str] = ()) -> bool:
    """Prints figures beside their limits; True where all hold."""
    if arguments and arguments[0] == "tiny":
        return await tiny(Path(arguments[1]))
    if not arguments:
        with tempfile.TemporaryDirectory() as name:
            return await _both(Path(name), PASSAGES, 384)
    if arguments[0] in {"make", "measure"}:
        step = make if arguments[0] == "make" else measure
        return await step(Path(arguments[1]), int(arguments[2]), int(arguments[3]))
    passages = int(arguments[1]) if len(arguments) > 1 else PASSAGES
    dimension = int(arguments[2]) if len(arguments) > 2 else 384
    return await _both(Path(arguments[0]), passages, dimension)


async def _both(folder: Path, passages: int, dimension: int) -> bool:
    for step in ("make", "measure"):
        given = (step, str(folder), str(passages), str(dimension))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.scale", *given
        )
        if await process.wait():
            return False
    return True


async def make(folder: Path, passages: int, dimension: int) -> bool:
    """One base, its index files, and what the ten nearest of each question are."""
    embedder = Given(dimension)
    await _fill(folder, embedder, passages // PER_DOCUMENT)
    async with Library.open(folder, embedder, SETTINGS) as library:
        base = (await library.base("large")).base_id
        asked = await asyncio.to_thread(_questions, library, base, dimension)
        embedder.questions.update(asked)
        begun = time.perf_counter()
        await library.search(Scope(frozenset({base})), asked[0][0])
        say(f"    first answer of the making process after {time.perf_counter() - begun:.1f} s")
        await _kept_up(library)
        await library.snapshot()
        vectors = np.stack([own for _, own in asked])
        exact = await asyncio.to_thread(_exact, library, base, vectors)
        texts = np.array([text for text, _ in asked])
        np.savez(folder / ASKED, texts=texts, vectors=vectors, exact=exact)
    say(f"    {_told()['VmHWM'] / 1e9:.1f} GB at the peak of making")
    return True


async def measure(folder: Path, passages: int, dimension: int) -> bool:
    """The base that was made, in a process that did not make it."""
    embedder = Given(dimension)
    asked, exact = _asked(folder)
    embedder.questions.update(asked)
    await _warmed_up(embedder)
    before = _resident()
    begun = time.perf_counter()
    async with Library.open(folder, embedder, SETTINGS) as library:
        base = (await library.base("large")).base_id
        await library.search(Scope(frozenset({base})), asked[0][0])
        opened = time.perf_counter() - begun
        await _kept_up(library)
        statistics_of = await library.statistics(base)
        say(f"    {statistics_of.passages} passages, {dimension} dimensions, {statistics_of.index}")
        holds = statistics_of.passages >= passages // PER_DOCUMENT * PER_DOCUMENT
        holds &= verdict("(x) open to first answer, seconds", opened, 10)
        holds &= await _dense(library, base, asked, exact)
        holds &= await _fused(library, base, asked)
        more = [(now - then) / 1e9 for now, then in zip(_resident(), before, strict=True)]
        holds &= verdict("(x) resident, more than before opening, GB", sum(more), 1.2)
        say(f"    anonymous {more[0]:.2f} GB, pages of mapped files {more[1]:.2f} GB")
        say(f"    index files {_size(folder / 'indexes'):.2f} GB")
        return holds & await _added(library, folder, base, embedder)


def _asked(folder: Path) -> tuple[list[tuple[str, Vectors]], Ids]:
    with np.load(folder / ASKED) as kept:
        texts = [str(text) for text in kept["texts"]]
        return list(zip(texts, kept["vectors"], strict=True)), kept["exact"]


async def _warmed_up(embedder: Given) -> None:
    """A question to a base of one document: the program and its libraries are in memory."""
    with tempfile.TemporaryDirectory() as name:
        async with Library.open(Path(name), embedder, SETTINGS) as library:
            base = (await library.ensure_base("small")).base_id
            await _add(library, base, Path(name), 0, embedder.dimension, ADDED)
            await library.search(Scope(frozenset({base})), "anything")


async def _fill(folder: Path, embedder: Given, documents: int) -> None:
    async with Library.open(folder, embedder, SETTINGS) as library:
        base = (await library.ensure_base("large")).base_id
        there = {document.name for document in await library.documents(base)}
        missing = [n for n in range(documents) if _name(n) not in there]
        begun = time.monotonic()
        for done, number in enumerate(missing, start=1):
            await _add(library, base, folder, number, embedder.dimension)
            if done % 50 == 0 or done == len(missing):
                rate = done * PER_DOCUMENT / (time.monotonic() - begun)
                left = (len(missing) - done) * PER_DOCUMENT / rate
                say(f"    {rate:.0f} passages a second, {left:.0f} s left")


def _name(number: int) -> str:
    return f"{number:06}.txt"


async def _add(
    library: Library,
    base: BaseId,
    folder: Path,
    number: int,
    dimension: int,
    passages: int = PER_DOCUMENT,
) -> None:
    made = await asyncio.to_thread(large_corpus.document, number, dimension, passages)
    path = folder / "given.txt"
    path.write_text("\n\n".join(chunk.text for chunk in made.chunks), encoding="utf-8")
    parsed = ParsedDocument("text/plain", None, made.chunks)
    await library.add_made(base, Upload(_name(number), path), Made(parsed, made.vectors))


async def _kept_up(library: Library) -> None:
    """Until merging and checking in the background have come to rest."""
    bases = library._at.bases
    while any(base.due for base in bases.opened()):  # noqa: ASYNC110 - it is not told
        await asyncio.sleep(0.2)


async def _dense(
    library: Library, base: BaseId, asked: Sequence[tuple[str, Vectors]], exact: Ids
) -> bool:
    threads = library._at.threads.search
    loop = asyncio.get_running_loop()
    seconds: list[float] = []
    found = 0
    for turn in range(2):  # once to bring pages in
        seconds, found = [], 0
        for (_text, vector), best in zip(asked[: QUESTIONS if turn else 100], exact, strict=False):
            took, ids = await loop.run_in_executor(threads, _nearest, library, base, vector)
            seconds.append(took)
            found += len(np.intersect1d(ids, best))
    holds = verdict("(x) dense leg, median ms", 1000 * statistics.median(seconds), 10)
    holds &= verdict("(x) dense leg, 99th percentile ms", 1000 * percentile(seconds, 0.99), 40)
    recall = found / (10 * len(asked))
    return holds & verdict("(x) recall@10 against exact", recall, 0.95, at_least=True)


def _questions(library: Library, base: BaseId, dimension: int) -> list[tuple[str, Vectors]]:
    asked = []
    with library._at.store.read() as rows:
        spans = rows.documents.live_spans(base)
        for number in range(QUESTIONS):
            span = spans[number * len(spans) // QUESTIONS]
            vectors = rows.vectors.of(span.document_id, dimension)
            if vectors is not None:
                asked.append(large_corpus.question(number, vectors[number % len(vectors)]))
    return asked


def _nearest(library: Library, base: BaseId, vector: Vectors) -> tuple[float, Ids]:
    with library._at.bases.views([base]) as (_, (view,)):
        begun = time.perf_counter()
        ids, _scores = view.dense.nearest(vector, 10)
        return time.perf_counter() - begun, ids


def _exact(library: Library, base: BaseId, asked: Vectors) -> Ids:
    """The ten nearest of each by the vectors in the rows."""
    scores = np.full((len(asked), 10), -2.0, np.float32)
    ids = np.zeros((len(asked), 10), np.int64)
    with library._at.store.read() as rows:
        documents = rows.vectors.between(base, asked.shape[1])
        while part := list(islice(documents, DOCUMENTS_AT_ONCE)):
            numbers = np.concatenate([first + np.arange(len(own)) for first, own in part])
            numbers += chunk_id(base, 0)
            vectors = np.concatenate([own for _, own in part])
            all_scores = np.hstack([scores, asked @ vectors.T])
            all_ids = np.hstack([ids, np.broadcast_to(numbers, (len(asked), len(numbers)))])
            best = np.argpartition(-all_scores, 10, axis=1)[:, :10]
            scores = np.take_along_axis(all_scores, best, 1)
            ids = np.take_along_axis(all_ids, best, 1)
    return ids


async def _fused(library: Library, base: BaseId, asked: Sequence[tuple[str, Vectors]]) -> bool:
    seconds: list[float] = []
    for turn in range(2):
        seconds = []
        for text, _vector in asked[: QUESTIONS if turn else 100]:
            begun = time.perf_counter()
            await library.search(Scope(frozenset({base})), text, limit=10)
            seconds.append(time.perf_counter() - begun)
    holds = verdict("(x) both legs, median ms", 1000 * statistics.median(seconds), 40)
    return holds & verdict(
        "(x) both legs, 99th percentile ms", 1000 * percentile(seconds, 0.99), 120
    )


async def _added(library: Library, folder: Path, base: BaseId, embedder: Given) -> bool:
    """Adding the same document to the large base and to an empty one, alternately."""
    times: tuple[list[float], list[float]] = ([], [])
    sizes: tuple[list[int], list[int]] = ([], [])
    for pair in range(PAIRS + 1):
        number = 90_000_000 + int(time.time()) % 1_000_000 + pair
        empty = (await library.ensure_base(f"empty {number}")).base_id
        for side, own in ((0, base), (1, empty)):
            before, begun = written(), time.perf_counter()
            await _add(library, own, folder, number, embedder.dimension, ADDED)
            if pair:
                times[side].append(time.perf_counter() - begun)
                sizes[side].append(written() - before)
        await library.remove(base, _name(number))
    ratio = statistics.median(a / b for a, b in zip(*times, strict=True))
    holds = verdict("(x) adding 20 passages over an empty base, time", ratio, 1.5)
    if not all(sizes[1]):
        return holds
    ratio = statistics.median(a / b for a, b in zip(*sizes, strict=True))
    return verdict("(x) the same, bytes written", ratio, 1.5) & holds


async def tiny(folder: Path) -> bool:
    """Ten thousand bases of fifty passages."""
    embedder = Given(384)
    made = [large_corpus.document(n, 384, TINY_PASSAGES) for n in range(20)]
    asked = [large_corpus.question(n, made[n % 20].vectors[n % 50]) for n in range(200)]
    embedder.questions.update(asked)
    async with Library.open(folder, embedder, SETTINGS) as library:
        there = {base.name for base in await library.bases()}
        for number in range(TINY_BASES):
            if f"tiny {number}" in there:
                continue
            base = (await library.ensure_base(f"tiny {number}")).base_id
            own = made[number % len(made)]
            path = folder / "given.txt"
            path.write_text(f"{number}\n\n" + own.chunks[0].text, encoding="utf-8")
            parsed = ParsedDocument("text/plain", None, own.chunks)
            await library.add_made(base, Upload("given.txt", path), Made(parsed, own.vectors))
        # At its very first question a base is measured, once for all processes and times.
        every = TINY_BASES // len(asked)
        seconds_first = []
        for (text, _), own_base in zip(asked, (await library.bases())[::every], strict=True):
            begun = time.perf_counter()
            await library.search(Scope(frozenset({own_base.base_id})), text, legs=Legs.DENSE)
            seconds_first.append(time.perf_counter() - begun)
        say(f"    first question of all: median {1000 * statistics.median(seconds_first):.1f} ms")
    before, begun = _resident(), time.perf_counter()
    async with Library.open(folder, embedder, KnowledgeSettings()) as library:
        holds = verdict("(y) open with 10,000 bases, seconds", time.perf_counter() - begun, 5)
        bases = [base.base_id for base in await library.bases()]
        seconds: tuple[list[float], list[float]] = ([], [])
        for (text, _), base in zip(asked, bases[:: TINY_BASES // len(asked)], strict=True):
            for side in (0, 1):
                begun = time.perf_counter()
                await library.search(Scope(frozenset({base})), text, legs=Legs.DENSE)
                seconds[side].append(time.perf_counter() - begun)
        for side, name, limit in ((0, "cold", 50), (1, "hot", 3)):
            took = 1000 * statistics.median(seconds[side])
            holds &= verdict(f"(y) {name} search, median ms", took, limit)
        more = (sum(_resident()) - sum(before)) / 1e6
        return holds & verdict("(y) memory added by the library, MB", more, 200)


def _resident() -> tuple[int, int]:
    """Bytes in memory: anonymous ones, and pages of files; zeros where the system does not say."""
    told = _told()
    return told["RssAnon"], told["RssFile"]


def _told() -> dict[str, int]:
    told = dict.fromkeys(("VmHWM", "RssAnon", "RssFile"), 0)
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        told |= {name: 1024 * int(lines[name].split()[0]) for name in told}
    return told


def _size(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.iterdir()) / 1e9


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(main(sys.argv[1:])) else 1)
