"""Any sentence-transformers model, from a local folder or by its id, on CUDA where there is one."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import numpy as np

from knowledge_base.embedders.base import TokenizerSpec, Vectors
from knowledge_base.embedders.batching import BatchingThread, Budget
from knowledge_base.embedders.cards import aside, device_for, halving, placed
from knowledge_base.embedders.counting import batch_counter
from knowledge_base.embedders.loading import broken_files
from knowledge_base.embedders.pace import Look
from knowledge_base.embedders.prompts import Prompts, prompts_for
from knowledge_base.embedders.text import readable
from knowledge_base.errors import EmbeddingUnavailableError
from knowledge_base.offloop import blocking

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

log = logging.getLogger(__name__)

ON_PROCESSOR = Budget(tokens=2048, texts=64, few=12, padded=True)
ON_CARD = Budget(tokens=32_768, texts=512, few=48, padded=True)
LONGEST = 8192
"""Tokens; for a model that states no maximum of its own."""
SAMPLE_BYTES = 1 << 20


class SentenceTransformersEmbedder:
    """A model in this process. Prompts: those it carries, else its family's."""

    def __init__(
        self, name: str, model: SentenceTransformer, fingerprint: str, threads: int | None
    ) -> None:
        self._name = name
        self._model = model
        self._threads = threads
        self._prompts = _prompts(name, model)
        self._fingerprint = f"{fingerprint}:{self._prompts.query}/{self._prompts.document}"
        self._dimension = int(model.get_embedding_dimension() or 0)
        self._tokenizer = _tokenizer_spec(model, self._prompts)
        self.device: Final = str(model.device.type)
        is_card = self.device == "cuda"
        self._thread = BatchingThread(
            name,
            halving(aside(self._encode)) if is_card else self._encode,
            ON_CARD if is_card else ON_PROCESSOR,
            batch_counter(self._tokenizer),
        )

    @classmethod
    async def open(
        cls, model: str, threads: int | None, device: str = "auto"
    ) -> SentenceTransformersEmbedder:
        """`model` is a folder or an id; without a card, `device` is the processor in any case.

        Raises `EmbeddingUnavailableError`.
        """
        loaded, fingerprint = await asyncio.to_thread(_load, model, device)
        return cls(model, loaded, fingerprint, threads)

    @property
    def name(self) -> str:
        return self._name

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @property
    def query_prompt(self) -> str:
        return self._prompts.query

    @property
    def dimension(self) -> int:
        return self._dimension

    @property
    def tokenizer(self) -> TokenizerSpec:
        return self._tokenizer

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        return await self._thread.embed(texts, is_query=False)

    async def embed_query(self, text: str) -> Vectors:
        vectors = await self._thread.embed([text], is_query=True)
        return cast(Vectors, vectors[0])

    def give_way(self, look: Look) -> None:
        """Documents wait for answers that are written on the same device, as `look` tells."""
        self._thread.pace.look = look

    async def aclose(self) -> None:
        await self._thread.aclose()

    def _encode(self, texts: Sequence[str], is_query: bool) -> Vectors:
        import torch

        if self._threads is not None and torch.get_num_threads() != self._threads:
            torch.set_num_threads(self._threads)
        vectors = self._model.encode(
            [readable(text) for text in texts],
            prompt=self._prompts.query if is_query else self._prompts.document,
            batch_size=len(texts),
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        return np.asarray(vectors, dtype=np.float32)


def _prompts(name: str, model: SentenceTransformer) -> Prompts:
    """What the model carries under the names that its library gives to queries and documents."""
    carried = {key: text for key, text in model.prompts.items() if text}
    if not carried:
        return prompts_for(name)
    documents = (carried[key] for key in ("document", "passage", "corpus") if key in carried)
    return Prompts(query=carried.get("query", ""), document=next(documents, ""))


def _tokenizer_spec(model: SentenceTransformer, prompts: Prompts) -> TokenizerSpec:
    tokenizer = model.tokenizer
    longest = min(model.max_seq_length or LONGEST, LONGEST)
    prefixes = (prompts.query, prompts.document)
    # A text's own tokens are counted without specials; these and the longer prefix are added.
    overhead = max(len(tokenizer(prefix)["input_ids"]) for prefix in prefixes)
    folder = Path(str(getattr(tokenizer, "name_or_path", "")))
    for path in (folder / "tokenizer.json", _cached_tokenizer(model)):
        if path is not None and path.is_file():
            return TokenizerSpec(
                kind="tokenizers", max_tokens=longest, overhead=overhead, path=path
            )
    return TokenizerSpec(kind="estimate", max_tokens=longest, overhead=overhead)


def _cached_tokenizer(model: SentenceTransformer) -> Path | None:
    """The tokenizer's file in the hub's cache, for a model that was named by its id."""
    vocabulary = getattr(model.tokenizer, "vocab_file", None)
    return Path(vocabulary).parent / "tokenizer.json" if vocabulary else None


@blocking
def _load(name: str, wanted: str) -> tuple[SentenceTransformer, str]:
    try:
        import torch
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise EmbeddingUnavailableError(name) from error
    folder = Path(name)
    device = device_for(wanted, torch.cuda.is_available)
    try:
        model = placed(
            lambda where: SentenceTransformer(name, device=where, local_files_only=folder.is_dir()),
            device,
        )
        identity = fingerprint_of(folder) if folder.is_dir() else _revision(name, model)
    except broken_files() as error:
        raise EmbeddingUnavailableError(name) from error
    model.eval()
    return model, f"sentence_transformers:{identity}:{model.max_seq_length}"


def fingerprint_of(folder: Path) -> str:
    """Of the files that make the vectors: small ones whole, large ones by size, head and tail."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix not in {".json", ".txt", ".safetensors", ".bin", ".model"}:
            continue
        if not path.is_file() or path.name == "README.md":
            continue
        size = path.stat().st_size
        digest.update(f"{path.relative_to(folder).as_posix()}\0{size}\0".encode())
        with path.open("rb") as file:
            digest.update(file.read(SAMPLE_BYTES))
            if size > SAMPLE_BYTES:
                file.seek(max(SAMPLE_BYTES, size - SAMPLE_BYTES))
                digest.update(file.read(SAMPLE_BYTES))
    return digest.hexdigest()[:32]


def _revision(name: str, model: SentenceTransformer) -> str:
    """A hub model's commit, as its configuration carries it."""
    first = next(iter(model.children()), None)
    config = getattr(getattr(first, "auto_model", None), "config", None)
    commit = getattr(config, "_commit_hash", None)
    return json.dumps([name, commit])
