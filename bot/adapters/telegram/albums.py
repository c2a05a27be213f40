"""Albums: Telegram sends each of their files as a message of its own; they are one message."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from core.events import ChannelRef, IncomingMessage, Trigger

QUIET_SECONDS: Final = 1.0
"""Nobody says how many files an album has: it is complete when no more come."""
MOST_FILES: Final = 10


class Albums:
    """Holds the messages of an album until it is complete, then hands over one."""

    def __init__(
        self, submit: Callable[[IncomingMessage], None], *, quiet_seconds: float = QUIET_SECONDS
    ) -> None:
        self._submit = submit
        self._quiet_seconds = quiet_seconds
        self._open: dict[tuple[ChannelRef, str], list[IncomingMessage]] = {}
        self._timers: dict[tuple[ChannelRef, str], asyncio.TimerHandle] = {}

    def collect(self, message: IncomingMessage, group_id: str) -> None:
        """Take a message of an album."""
        key = (message.conversation.channel, group_id)
        self._open.setdefault(key, []).append(message)
        if key in self._timers:
            self._timers.pop(key).cancel()
        if len(self._open[key]) >= MOST_FILES:
            self._complete(key)
        else:
            loop = asyncio.get_running_loop()
            self._timers[key] = loop.call_later(self._quiet_seconds, self._complete, key)

    def flush(self) -> None:
        """Hand over what there is: nothing more will come."""
        for key in tuple(self._open):
            self._complete(key)

    def _complete(self, key: tuple[ChannelRef, str]) -> None:
        if key in self._timers:
            self._timers.pop(key).cancel()
        self._submit(merged(self._open.pop(key)))


def merged(messages: list[IncomingMessage]) -> IncomingMessage:
    """The album as one message: the one that has the caption, with the files of all."""
    ordered = sorted(messages, key=lambda message: int(message.message_id))
    whole = next((message for message in ordered if message.text), ordered[0])
    triggers = [message.trigger for message in ordered]
    addressed = [trigger for trigger in triggers if trigger is not Trigger.AMBIENT]
    return replace(
        whole,
        trigger=next(iter(addressed), Trigger.AMBIENT),
        attachments=tuple(file for message in ordered for file in message.attachments),
        quoted=next((message.quoted for message in ordered if message.quoted), None),
    )
