"""A cross-encoder of sentence-transformers, from a local folder or by its id, as a reranker."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from knowledge_base.embedders.cards import device_for
from knowledge_base.embedders.loading import broken_files
from knowledge_base.embedders.text import readable
from knowledge_base.errors import RerankerUnavailableError
from knowledge_base.offloop import blocking
from knowledge_base.reranking import Floats

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

PORTION = {"cpu": 2, "cuda": 16}
"""Pairs that are scored together: whoever gives up waits for no more than these."""
_LONGEST = 512


class CrossEncoderReranker:
    """A model in this process, on a thread of its own."""

    def __init__(self, name: str, model: CrossEncoder, threads: int | None) -> None:
        self._name = name
        self._model = model
        self._threads = threads
        self._portion = PORTION["cuda" if model.device.type == "cuda" else "cpu"]
        self._thread = ThreadPoolExecutor(1, "rerank")

    @classmethod
    async def open(
        cls, model: str, threads: int | None = None, device: str = "auto"
    ) -> CrossEncoderReranker:
        """`model` is a folder or an id. Raises `RerankerUnavailableError`."""
        return cls(model, await asyncio.to_thread(_load, model, device), threads)

    @property
    def name(self) -> str:
        return self._name

    async def scores(self, question: str, texts: Sequence[str]) -> Floats:
        """Portion by portion, so that questions take turns."""
        loop = asyncio.get_running_loop()
        scored = [np.zeros(0)]
        for start in range(0, len(texts), self._portion):
            portion = partial(self._scored, question, texts[start : start + self._portion])
            try:
                scored.append(await loop.run_in_executor(self._thread, portion))
            except RuntimeError as error:  # torch's own failures, and a thread that has ended
                raise RerankerUnavailableError(self._name) from error
        return np.concatenate(scored)

    async def aclose(self) -> None:
        """Finish the portion being scored, refuse the rest."""
        await asyncio.to_thread(self._thread.shutdown, wait=True, cancel_futures=True)

    def _scored(self, question: str, texts: Sequence[str]) -> Floats:
        import torch

        if self._threads is not None and torch.get_num_threads() != self._threads:
            torch.set_num_threads(self._threads)
        asked = readable(question)
        scores = self._model.predict(
            [(asked, readable(text)) for text in texts],
            batch_size=self._portion,
            activation_fn=torch.nn.Identity(),
            show_progress_bar=False,
        )
        return np.asarray(scores, np.float64).reshape(len(texts))


@blocking
def _load(name: str, wanted: str) -> CrossEncoder:
    try:
        import torch
        from sentence_transformers import CrossEncoder
    except ImportError as error:
        raise RerankerUnavailableError(name) from error
    device = device_for(wanted, torch.cuda.is_available)
    try:
        model: CrossEncoder = CrossEncoder(
            name, device=device, local_files_only=Path(name).is_dir()
        )
    except broken_files() as error:
        raise RerankerUnavailableError(name) from error
    if model.num_labels != 1:
        raise RerankerUnavailableError(name)  # it tells classes apart, and ranks nothing
    model.max_seq_length = min(model.max_seq_length or _LONGEST, _LONGEST)
    model.eval()
    return model
