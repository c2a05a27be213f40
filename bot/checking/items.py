"""What a look is made from, and what it finds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from bot.machine import Machine
from bot.planning import Planned
from bot.settings import Config
from core.language import Words

State: TypeAlias = Literal["ok", "warning", "failure"]

MARKS: Final[dict[State, str]] = {"ok": "✓", "warning": "!", "failure": "✗"}


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that was looked at."""

    state: State
    subject: str
    """A word for programs: "disk", "engine", "memory"."""
    text: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Local:
    """This machine, and what the configuration puts on it."""

    machine: Machine
    plan: Planned


@dataclass(frozen=True, slots=True)
class Looked:
    """What all looks are made from."""

    config: Config
    words: Words
    measuring: asyncio.Task[Local]

    async def local(self) -> Local:
        """Measured once for all who ask."""
        # Shielded: a look that takes too long is no reason to end what others wait for.
        return await asyncio.shield(self.measuring)


@dataclass(frozen=True, slots=True)
class Look:
    """Looks at one subject, for so long at most. Changes nothing."""

    subject: str
    seconds: float
    at: Callable[[Looked], Awaitable[list[Item]]]
