"""Embedders: text to unit vectors."""

from __future__ import annotations

import logging
from dataclasses import replace

from knowledge_base.embedders.base import Embedder
from knowledge_base.embedders.cards import device_for, has_card
from knowledge_base.errors import EmbeddingUnavailableError
from knowledge_base.settings import EmbeddingSettings

log = logging.getLogger(__name__)


async def open_embedder(settings: EmbeddingSettings, proxy: str | None = None) -> Embedder | None:
    """The configured embedder, loaded; the caller closes it.

    `auto` is the remote one where an address is set, the model that is named, else the bundled
    one; a model in this process computes on a CUDA card where there is one and `device` lets it.
    None where the bundled one is asked for (`auto` without a model, or `bundled`) and cannot run
    on this machine: the lexical leg then serves alone. Raises `EmbeddingUnavailableError` where
    any other cannot be loaded. A remote one is not asked anything yet.
    """
    match settings.kind:
        case "bundled":
            # Only who says so moves it: on the processor it needs no other package.
            wanted = settings.device if settings.device == "cuda" else "cpu"
            return await _bundled(settings, wanted)
        case "sentence_transformers":
            from knowledge_base.embedders.sentence_transformers import SentenceTransformersEmbedder

            if settings.model is None:
                raise EmbeddingUnavailableError("sentence_transformers")
            return await SentenceTransformersEmbedder.open(
                settings.model, settings.threads, settings.device
            )
        case "openai":
            return _remote(settings, proxy)
        case "auto":
            if settings.base_url is not None:
                return _remote(settings, proxy)
            if settings.model not in {None, "bundled"}:
                return await open_embedder(_as_sentence_transformers(settings))
            return await _bundled(settings, settings.device)


def _as_sentence_transformers(settings: EmbeddingSettings) -> EmbeddingSettings:
    return replace(settings, kind="sentence_transformers")


async def _bundled(settings: EmbeddingSettings, wanted: str) -> Embedder | None:
    import asyncio  # readers start without it

    from knowledge_base.embedders.bundled import BundledEmbedder, model_file, runs_here

    if model_file() is not None and await asyncio.to_thread(_finds_card, wanted):
        try:
            return await BundledEmbedder.open(settings.threads, "cuda")
        except EmbeddingUnavailableError:
            # What keeps the card from serving must not keep the processor from it.
            log.warning("the bundled embedder does not load on the card", exc_info=True)
    if not runs_here():
        log.warning(
            "the bundled embedder cannot run on this machine: search is by words alone; "
            "configure [embedding] kind = 'sentence_transformers' or 'openai'"
        )
        return None
    return await BundledEmbedder.open(settings.threads)


def _finds_card(wanted: str) -> bool:
    return device_for(wanted, has_card) == "cuda"


def _remote(settings: EmbeddingSettings, proxy: str | None) -> Embedder:
    from knowledge_base.embedders.openai import OpenAIEmbedder

    if settings.model is None or settings.base_url is None:
        raise EmbeddingUnavailableError("openai")
    return OpenAIEmbedder(
        model=settings.model,
        base_url=settings.base_url,
        api_key=settings.api_key,
        max_tokens=settings.max_tokens,
        timeout_seconds=settings.timeout_seconds,
        proxy=proxy,
    )
