"""Who is told how long searching and adding took, and what came of it."""

from __future__ import annotations

from typing import Final, Protocol

from knowledge_base.errors import KnowledgeError
from knowledge_base.models import Added, SearchResult


class Watcher(Protocol):
    """Is told when it has happened. Returns at once and raises nothing."""

    def searched(self, seconds: float, result: SearchResult) -> None: ...

    def added(self, seconds: float, outcome: Added | KnowledgeError) -> None:
        """`outcome` is the error where nothing was added."""
        ...


class Unwatched:
    """Nobody is told."""

    def searched(self, seconds: float, result: SearchResult) -> None:
        return

    def added(self, seconds: float, outcome: Added | KnowledgeError) -> None:
        return


UNWATCHED: Final = Unwatched()
