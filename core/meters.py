"""What is measured: values that say what happened, and the port that takes them.

Nothing here names a person, a channel or a text: whatever counts them can be shown to anybody who
may see the operator's figures, and has few different values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeAlias

from core.events import Platform

Outcome: TypeAlias = Literal["answered", "refused", "unsaid", "command", "failed", "stopped"]
"""Refused: no document is about it. Unsaid: some are, and none says it.
Stopped: by who asked, by a time limit, or by our end."""


@dataclass(frozen=True, slots=True)
class FirstWord:
    """The first words of an answer to a question, counted from when its turn came."""

    surface: Platform
    seconds: float


@dataclass(frozen=True, slots=True)
class Replied:
    """A reply came to its end; `code` says which error it was, where one ended it."""

    surface: Platform
    outcome: Outcome
    seconds: float
    code: str = ""


@dataclass(frozen=True, slots=True)
class Searched:
    """The documents were searched; `relevance` is the best passage's, from 0 to 1."""

    seconds: float
    relevance: float
    by_words_alone: bool = False
    """An embedder should have taken part and did not."""


@dataclass(frozen=True, slots=True)
class Generated:
    """An engine was asked; `code` says why it did not come to its end, and is empty where it did.

    A request whose asker left is none of these: it says nothing about the engine.
    """

    engine: str
    waited_seconds: float
    """For a slot."""
    seconds: float
    """From the slot on."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    code: str = ""


@dataclass(frozen=True, slots=True)
class Learnt:
    """A file was offered to a base. Rejected: for what it is; failed: for what we are."""

    outcome: Literal["added", "replaced", "unchanged", "rejected", "failed"]
    seconds: float
    passages: int = 0
    code: str = ""


@dataclass(frozen=True, slots=True)
class Delivered:
    """A platform was asked for something; "limited": it wants us to come again later."""

    platform: Platform
    call: Literal["send", "edit", "delete", "file", "draft", "reveal"]
    outcome: Literal["done", "limited", "forbidden", "gone", "failed"]


@dataclass(frozen=True, slots=True)
class JobEnded:
    """A run of a job, see `core.jobs`, came to its end; one that our own end cut off did not."""

    name: str
    outcome: Literal["done", "failed"]
    seconds: float


Measured: TypeAlias = FirstWord | Replied | Searched | Generated | Learnt | Delivered | JobEnded


class Meters(Protocol):
    """Takes what was measured. Returns at once and raises nothing."""

    def note(self, measured: Measured) -> None: ...


class Unmeasured:
    """Nobody counts."""

    def note(self, measured: Measured) -> None:
        return


UNMEASURED: Final = Unmeasured()


class Several:
    """Each of them is told."""

    def __init__(self, *meters: Meters) -> None:
        self._meters = meters

    def note(self, measured: Measured) -> None:
        for meters in self._meters:
            meters.note(measured)
