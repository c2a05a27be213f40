"""Embedders: text to unit vectors."""

from __future__ import annotations

import logging
from dataclasses import replace

from knowledge_base.embedders.base import Embedder
from knowledge_base.errors import EmbeddingUnavailableError
from knowledge_base.settings import EmbeddingSettings

log = logging.getLogger(__name__)


async def open_embedder(settings: EmbeddingSettings, proxy: str | None = None) -> Embedder | None:
    """The configured embedder, loaded; the caller closes it.

    None where the bundled one is asked for (`auto` without a model, or `bundled`) and cannot run
    on this machine: the lexical leg then serves alone. Raises `EmbeddingUnavailableError` where
    any other cannot be loaded. A remote one is not asked anything yet.
    """
    match settings.kind:
        case "bundled":
            return await _bundled(settings)
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
            return await _bundled(settings)


def _as_sentence_transformers(settings: EmbeddingSettings) -> EmbeddingSettings:
    return replace(settings, kind="sentence_transformers")


async def _bundled(settings: EmbeddingSettings) -> Embedder | None:
    from knowledge_base.embedders.bundled import BundledEmbedder, runs_here

    if not runs_here():
        log.warning(
            "the bundled embedder cannot run on this machine: search is by words alone; "
            "configure [embedding] kind = 'sentence_transformers' or 'openai'"
        )
        return None
    return await BundledEmbedder.open(settings.threads)


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
