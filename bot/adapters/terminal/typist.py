"""Where lines come from: a person at a prompt, or a pipe."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from typing import Protocol


class Typist(Protocol):
    """Whoever types."""

    def lines(self) -> AsyncGenerator[str, None]:
        """Line after line, until they leave."""
        ...

    async def field(self, label: str, value: str) -> str | None:
        """What is written in one field of a form, in which `value` stands already; None: they give
        the form up."""
        ...

    @property
    def fills_in(self) -> bool:
        """Whether forms can be asked for: a pipe says all in its lines."""
        ...


class Pipe:
    """Lines of standard input."""

    fills_in = False

    async def lines(self) -> AsyncGenerator[str, None]:
        """Until its end."""
        while line := await asyncio.to_thread(sys.stdin.readline):
            yield line

    async def field(self, label: str, value: str) -> str | None:
        """Nobody is asked."""
        return None
