"""Which commands and presses open a form: asked by adapters before they acknowledge anything."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from core.commands import EVERY
from core.events import ActionPressed, Asked, IncomingMessage
from core.pressing import invocation_of, message_of
from core.replies import Form


class Opener(Protocol):
    """Knows what a command asks for, and who may give it."""

    async def form_of(self, message: IncomingMessage) -> Form | None: ...

    def refuses(self, message: IncomingMessage) -> bool: ...


class FormOpening:
    """The `ports.Forms` of the command table. What opens none is told apart without waiting."""

    def __init__(self, opener: Opener, admits: Callable[[Asked], Awaitable[bool]]) -> None:
        self._opener = opener
        self._admits = admits
        self._asking = frozenset(one.name for one in EVERY if one.form is not None)

    async def form_of(self, asked: Asked) -> Form | None:
        """See `ports.Forms`; nothing is opened for who is not dealt with at all."""
        message = asked if isinstance(asked, IncomingMessage) else _meant(asked)
        command = message.command if message is not None else None
        if message is None or command is None or command.name not in self._asking:
            return None
        if not await self._admits(asked):
            return None
        return await self._opener.form_of(message)

    def refuses(self, message: IncomingMessage) -> bool:
        """See `ports.Forms`."""
        return self._opener.refuses(message)


def _meant(event: ActionPressed) -> IncomingMessage | None:
    invocation = invocation_of(event.action)
    return message_of(event, invocation) if invocation is not None else None
