"""Opening the parts that commands and the running bot have in common."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bot.backup.restoring import is_whole
from bot.errors import ConfigError, Problem
from bot.proxies import proxy_for
from bot.settings import Config

if TYPE_CHECKING:
    from bot.threads import ThreadShares
    from knowledge_base.embedders.base import Embedder
    from knowledge_base.library import Library
    from knowledge_base.models import KnowledgeBase


@asynccontextmanager
async def open_library(
    config: Config, *, embedding: bool = True, shares: ThreadShares | None = None
) -> AsyncGenerator[Library, None]:
    """The library under the data directory; without `embedding` no model is loaded."""
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
            await _searched_also(stack, config, library, embedder)
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


async def _searched_also(
    stack: AsyncExitStack, config: Config, library: Library, embedder: Embedder
) -> None:
    """Bases of the bundled model are searched by it until, or unless, they are re-embedded."""
    from knowledge_base.embedders.bundled import BundledEmbedder, runs_here

    others = {base.fingerprint for base in await library.bases()} - {None, embedder.fingerprint}
    if not others or isinstance(embedder, BundledEmbedder) or not runs_here():
        return
    bundled = await BundledEmbedder.open(config.embedding.threads)
    if bundled.fingerprint in others:
        stack.push_async_callback(bundled.aclose)
        library.search_also_by(bundled)
    else:
        await bundled.aclose()


def _prepare(folder: Path) -> None:
    """Raises `ConfigError` where nothing can be written."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        text = f"nothing can be stored in {folder}: {error.strerror}"
        raise ConfigError(Problem("", None, "data_dir", text)) from error
    if not is_whole(folder):
        text = f"restoring into {folder} was broken off: say `python -m bot restore` again"
        raise ConfigError(Problem("", None, "data_dir", text))


async def _opened_embedder(config: Config, shares: ThreadShares | None) -> Embedder | None:
    from knowledge_base.embedders import open_embedder
    from knowledge_base.embedders.bundled import BundledEmbedder

    embedder = await open_embedder(
        config.embedding, proxy_for(config.embedding.proxy, config.network.proxy)
    )
    if shares is not None and isinstance(embedder, BundledEmbedder):
        shares.on_narrowing(embedder.use_threads)
    return embedder


async def find_base(library: Library, name: str) -> KnowledgeBase:
    """The base; the operator's own `shared` is made when it is first named."""
    if name == "shared":
        return await library.ensure_base(name)
    return await library.base(name)
