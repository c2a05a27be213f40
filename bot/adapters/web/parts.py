"""What the console's pages work with; filled by the composition root."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from core.ports import Inbox

ListBases: TypeAlias = Callable[[], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Parts:
    """Typed fields; a page takes what it needs. What lies above the adapters is a protocol here."""

    inbox: Inbox
    bases: ListBases
    """Names of all bases, the operator's shared one first."""
