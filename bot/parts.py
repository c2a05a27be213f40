"""Opening the parts that commands and the running bot have in common."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bot.backup.restoring import is_whole
from bot.errors import ConfigError, Problem
from bot.proxies import proxy_for
from bot.settings import Config
from core.distance import is_within
from core.language import Later
from knowledge_base.settings import EmbeddingSettings

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from bot.threads import ThreadShares
    from core.database import Database
    from knowledge_base.embedders.base import Embedder
    from knowledge_base.library import Library
    from knowledge_base.models import KnowledgeBase


@asynccontextmanager
async def open_library(
    config: Config, *, embedding: bool = True, shares: ThreadShares | None = None
) -> AsyncGenerator[Library, None]:
    """The library under the data directory; without `embedding` no model is loaded."""
    from knowledge_base.embedders.recipe import recipe_of
    from knowledge_base.library import Library
    from knowledge_base.web import WebPages

    # Private chats and documents lie there: for the operator's own account alone.
    await asyncio.to_thread(_prepare, config.data_dir)
    async with AsyncExitStack() as stack:
        embedder = await _opened_embedder(config, shares) if embedding else None
        if embedder is not None:
            stack.push_async_callback(embedder.aclose)
        knowledge = config.knowledge
        pages = WebPages(
            knowledge.pages, knowledge.limits.max_file_mb, proxy_for(None, config.network.proxy)
        )
        library = await stack.enter_async_context(
            Library.open(config.data_dir, embedder, knowledge, pages=pages)
        )
        await _kept_near(stack, config, library)
        if embedder is not None:
            recipe = recipe_of(config.embedding)
            await library.remember_embedder(recipe, partial(_reopened, config))
        library.enriched, library.rewords = config.retrieval.enrichment, config.retrieval.reword
        if embedding:
            _looked_at_closely(stack, config, library, embedder)
            await _looked_at_twice(stack, config, library)
        yield library


async def _kept_near(stack: AsyncExitStack, config: Config, library: Library) -> None:
    """What people teach goes to an embedder elsewhere only where they let it, whoever adds it."""
    place, _host = config.embedder_at
    if place == "local" or not library.embeds:
        return
    from core.agreeing import Nearness
    from core.database import Database

    opened = Database.open(config.data_dir / "lorekeeper.db")
    nearness = Nearness(await stack.enter_async_context(opened), place)
    library.keeps_near(nearness.may_embed)


async def _reopened(config: Config, fingerprint: str, recipe: str | None) -> Embedder | None:
    """An embedder of before, as far as it is no further out than the one that is configured now:
    what people ask is not to go where the operator sends it no more."""
    from knowledge_base.embedders import open_embedder
    from knowledge_base.embedders.recipe import BUNDLED_MARK, settings_of

    settings = None
    if recipe is not None:
        settings = settings_of(recipe, config.embedding)
    elif fingerprint.startswith(BUNDLED_MARK):
        settings = EmbeddingSettings(kind="bundled", threads=config.embedding.threads)
    if settings is None:
        return None
    former = replace(config, embedding=settings)
    if not is_within(former.embedder_at[0], config.embedder_at[0]):
        log.warning("%s is further away than [embedding] is now: it is not asked", settings.model)
        return None
    return await open_embedder(settings, proxy_for(settings.proxy, config.network.proxy))


def _looked_at_closely(
    stack: AsyncExitStack, config: Config, library: Library, embedder: Embedder | None
) -> None:
    """By the bundled model, where it is the embedder: only of it is known what its tokens mean."""
    from knowledge_base.closeness import CloseLook
    from knowledge_base.embedders.bundled import BundledEmbedder

    budget = config.retrieval.close_look_ms
    if budget and isinstance(embedder, BundledEmbedder):
        close = CloseLook(embedder.token_reader, budget / 1000)
        stack.push_async_callback(close.aclose)
        library.look_closely(close)


async def _looked_at_twice(stack: AsyncExitStack, config: Config, library: Library) -> None:
    """By the configured reranker. Without it a search is as good as without one configured, so
    one that cannot be had ends nothing."""
    settings = config.retrieval
    if settings.reranker is None:
        return
    from knowledge_base.cross_encoder import CrossEncoderReranker
    from knowledge_base.errors import RerankerUnavailableError
    from knowledge_base.reranking import SecondLook

    threads = config.embedding.threads
    device = "cpu" if config.reranker_device == "cpu" else config.embedding.device
    try:
        model = await CrossEncoderReranker.open(settings.reranker, threads, device)
    except RerankerUnavailableError:
        log.warning("[retrieval] reranker: %s cannot be loaded", settings.reranker, exc_info=True)
        return
    stack.push_async_callback(model.aclose)
    library.look_twice(SecondLook(model, settings.reranker_budget_ms / 1000))


@asynccontextmanager
async def open_database(config: Config) -> AsyncGenerator[Database, None]:
    """The core's rows alone. Raises `ConfigError` where nothing can be stored."""
    from core.database import Database

    await asyncio.to_thread(_prepare, config.data_dir)
    async with Database.open(config.data_dir / "lorekeeper.db") as database:
        yield database


def _prepare(folder: Path) -> None:
    """Raises `ConfigError` where nothing can be written."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        text = Later(
            "nothing can be stored in {folder}: {reason}", folder=folder, reason=error.strerror
        )
        raise ConfigError(Problem("", None, "data_dir", text)) from error
    if not is_whole(folder):
        text = Later(
            "restoring into {folder} was broken off: say `python -m bot restore` again",
            folder=folder,
        )
        raise ConfigError(Problem("", None, "data_dir", text))


async def _opened_embedder(config: Config, shares: ThreadShares | None) -> Embedder | None:
    from knowledge_base.embedders import open_embedder
    from knowledge_base.embedders.bundled import BundledEmbedder
    from knowledge_base.embedders.sentence_transformers import SentenceTransformersEmbedder

    embedder = await open_embedder(
        config.embedding, proxy_for(config.embedding.proxy, config.network.proxy)
    )
    if shares is None:
        return embedder
    if isinstance(embedder, BundledEmbedder):
        shares.on_narrowing(embedder.use_threads)
    local = BundledEmbedder, SentenceTransformersEmbedder
    if isinstance(embedder, local) and embedder.device != "cpu":
        # On the processor each has cores of its own.
        embedder.give_way(shares.beside)
    return embedder


async def find_base(library: Library, name: str) -> KnowledgeBase:
    """The base; the operator's own `shared` is made when it is first named."""
    if name == "shared":
        return await library.ensure_base(name)
    return await library.base(name)
