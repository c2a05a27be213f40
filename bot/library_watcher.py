"""The library's own news, told to the meters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from core.errors import code_of
from core.meters import Learnt, Meters, Searched
from knowledge_base.errors import KnowledgeError, RejectedDocumentError
from knowledge_base.models import Added, AddState, SearchResult

_STATES: Final[Mapping[AddState, Literal["added", "replaced", "unchanged"]]] = {
    AddState.ADDED: "added",
    AddState.REPLACED: "replaced",
    AddState.UNCHANGED: "unchanged",
}


class LibraryWatcher:
    """Tells the meters what the library does."""

    def __init__(self, meters: Meters) -> None:
        self._meters = meters

    def searched(self, seconds: float, result: SearchResult) -> None:
        self._meters.note(Searched(seconds, result.relevance, result.lexical_only))

    def added(self, seconds: float, outcome: Added | KnowledgeError) -> None:
        if isinstance(outcome, Added):
            passages = outcome.document.passages
            self._meters.note(Learnt(_STATES[outcome.state], seconds, passages))
            return
        rejected = isinstance(outcome, RejectedDocumentError)
        code = code_of(outcome)
        self._meters.note(Learnt("rejected" if rejected else "failed", seconds, code=code))
