"""Cores shared out between the engine and the embedder: at least one each, never more in all."""

from __future__ import annotations

from collections.abc import Callable

from bot.process import cores
from bot.settings import Config


class ThreadShares:
    """The embedder has every core until a model of ours is loaded beside it.

    Both at full width on the same cores spin against each other and answer several times slower.
    """

    def __init__(self, config: Config) -> None:
        self._engine = config.engine.threads
        self._embedding = config.embedding.threads
        self._narrow: Callable[[int], None] | None = None

    def on_narrowing(self, narrow: Callable[[int], None]) -> None:
        """Call this with the embedder's smaller share once an engine takes its own."""
        self._narrow = narrow

    def for_engine(self) -> int:
        """Threads for an engine that is being loaded now."""
        own = self._engine or max(1, cores() - (self._embedding or max(1, cores() // 2)))
        if self._narrow is not None and self._embedding is None:
            self._narrow(max(1, cores() - own))
        return own
