"""What the Models page asks of models: those that answer, those on the disk, those to be had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from core.language import Words

EngineState: TypeAlias = Literal["ready", "asleep", "off"]
PullState: TypeAlias = Literal["working", "done", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class EngineRow:
    """A model that questions go to."""

    name: str
    place: str
    state: EngineState
    changeable: bool
    """Whether it can be loaded and unloaded while the bot runs."""
    slots: int
    busy: int
    waiting: int


@dataclass(frozen=True, slots=True)
class PlanRow:
    """What a configured model takes of the memory, in bytes."""

    section: str
    model: str
    device: str
    parts: tuple[tuple[str, int], ...]
    budget: int
    slots: int
    context: int
    remark: str = ""
    """Why there is no plan, or what gave way."""


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model of the list, or one on the disk."""

    name: str
    facts: tuple[str, ...]
    is_here: bool
    is_listed: bool
    good_for: str = ""
    """What it is recommended for on this machine."""
    answers: bool = False
    """Whether questions go to it now."""
    usable: bool = True
    """Whether it can be what answers, if it is here."""


@dataclass(frozen=True, slots=True)
class EmbedderRow:
    """A model that makes vectors of texts: the one that does so now, one here, one to be had."""

    name: str
    facts: tuple[str, ...]
    is_here: bool
    embeds: bool = False
    """Whether it is the one that does so now."""
    usable: bool = True
    """Whether it can be, if it is here."""
    good_for: str = ""
    removable: bool = False


@dataclass(frozen=True, slots=True)
class Pulling:
    """A model on its way here."""

    name: str
    state: PullState = "working"
    done: int = 0
    total: int = 0
    told: str = ""


class ModelRoom(Protocol):
    """Raises `UserError` for what cannot be done."""

    async def engines(self, _: Words) -> Sequence[EngineRow]: ...

    async def machine(self, _: Words) -> str: ...

    async def plan(self, _: Words) -> Sequence[PlanRow]: ...

    async def models(self, _: Words) -> Sequence[ModelRow]: ...

    async def embedders(self, _: Words) -> Sequence[EmbedderRow]: ...

    async def use(self, name: str, _: Words) -> str:
        """Write a model that is here into the configuration as the one that answers; what holds
        then, and from when on, as Markdown."""
        ...

    async def use_embedder(self, name: str, _: Words) -> str:
        """The same of a model that makes vectors."""
        ...

    def pulls(self) -> Sequence[Pulling]:
        """Those under way, and those that ended, the last first."""
        ...

    async def load(self, name: str) -> None: ...

    async def unload(self, name: str) -> bool:
        """False where somebody asks it something just now."""
        ...

    def pull(self, name: str, _: Words) -> None: ...

    def cancel(self, name: str) -> None: ...

    async def verify(self, name: str, _: Words) -> Sequence[str]:
        """What is wrong with it, and what mends that; empty where it is whole."""
        ...

    async def remove(self, name: str) -> int:
        """The bytes that are free again."""
        ...
