"""Opening the parts that commands and the running bot have in common."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from bot.settings import Config

if TYPE_CHECKING:
    from knowledge_base.embedders.base import Embedder
    from knowledge_base.library import Library
    from knowledge_base.models import KnowledgeBase


@asynccontextmanager
async def open_library(config: Config, *, embedding: bool = True) -> AsyncGenerator[Library, None]:
    """The library under the data directory; without `embedding` no model is loaded."""
    from knowledge_base.library import Library

    async with open_embedder(config, wanted=embedding) as embedder:
        config.data_dir.mkdir(parents=True, exist_ok=True)
        async with Library.open(config.data_dir, embedder, config.knowledge) as library:
            yield library


@asynccontextmanager
async def open_embedder(
    config: Config, *, wanted: bool = True
) -> AsyncGenerator[Embedder | None, None]:
    """The configured embedder; None where there is none for this machine, or none is wanted."""
    if not wanted:
        yield None
        return
    from knowledge_base import embedders

    embedder = await embedders.open_embedder(config.embedding)
    try:
        yield embedder
    finally:
        if embedder is not None:
            await embedder.aclose()


async def find_base(library: Library, name: str) -> KnowledgeBase:
    """The base; the operator's own `shared` is made when it is first named."""
    if name == "shared":
        return await library.ensure_base(name)
    return await library.base(name)
