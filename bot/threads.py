"""Cores and a card shared out between engines and the embedder.

Of cores each has at least one, and both never more than there are. On a card documents give way to
answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.process import cores
from bot.settings import Config
from core.engines.queued import QueuedEngine
from knowledge_base.embedders.pace import Beside


class ThreadShares:
    """The embedder has every core until a model of ours is loaded beside it.

    Both at full width on the same cores spin against each other and answer several times slower.
    """

    def __init__(self, config: Config) -> None:
        self._engine = config.engine.threads
        self._embedding = config.embedding.threads
        self._narrow: Callable[[int], None] | None = None
        self._answering: Sequence[QueuedEngine] = ()

    def answered_by(self, engines: Sequence[QueuedEngine]) -> None:
        """Those that may compute on the card on which the embedder does."""
        self._answering = tuple(engines)

    def beside(self) -> Beside:
        """What they do just now; may be asked from any thread, also before there are any."""
        return doing(self._answering)

    def on_narrowing(self, narrow: Callable[[int], None]) -> None:
        """Call this with the embedder's smaller share once an engine takes its own."""
        self._narrow = narrow

    def for_engine(self) -> int:
        """Threads for an engine that is being loaded now."""
        own = self._engine or max(1, cores() - (self._embedding or max(1, cores() // 2)))
        if self._narrow is not None and self._embedding is None:
            self._narrow(max(1, cores() - own))
        return own


def doing(engines: Sequence[QueuedEngine]) -> Beside:
    """What they do just now."""
    if any(engine.unspoken for engine in engines):
        return Beside.READING
    if any(engine.under_way for engine in engines):
        return Beside.WRITING
    return Beside.IDLE
