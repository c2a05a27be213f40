"""Albums: Telegram sends each of their files as a message of its own; they are one message."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeAlias

from core.events import ChannelRef, IncomingMessage, Trigger
from core.ports import Part

QUIET_SECONDS: Final = 1.0
"""Nobody says how many files an album has: it is complete when no more come."""
RESTORED_SECONDS: Final = 3.0
"""After a start the rest has to be asked for first."""
MOST_FILES: Final = 10
MOST_KEPT: Final = 256
"""Albums that are remembered, so that one whose caption is edited keeps its other files."""


_Key: TypeAlias = tuple[ChannelRef, str]
_log = logging.getLogger(__name__)


class Albums:
    """Gathers the messages of an album until it is complete, then hands over one.

    Telegram was told by then that we have them: each is held by the core meanwhile.
    """

    def __init__(
        self,
        submit: Callable[[IncomingMessage], None],
        hold: Callable[[Part], None],
        release: Callable[[IncomingMessage, str], None],
    ) -> None:
        """`release` is called with what was submitted just before."""
        self._submit = submit
        self._hold = hold
        self._release = release
        self._open: dict[_Key, list[IncomingMessage]] = {}
        self._kept: dict[_Key, tuple[str, list[IncomingMessage]]] = {}
        self._timers: dict[_Key, asyncio.TimerHandle] = {}

    def collect(self, message: IncomingMessage, group_id: str) -> None:
        """Take a message of an album, perhaps once more: what we died before confirming."""
        key = (message.conversation.channel, group_id)
        _message_id, known = self._kept.get(key, ("", []))
        if any(one.message_id == message.message_id for one in known):
            return
        self._hold(Part(message, group_id))
        self._add(key, message, QUIET_SECONDS)

    def restore(self, part: Part) -> None:
        """Go on with what an earlier run of the program held."""
        self._add((part.message.conversation.channel, part.whole), part.message, RESTORED_SECONDS)

    def _add(self, key: _Key, message: IncomingMessage, quiet_seconds: float) -> None:
        self._open[key] = _with(self._open.get(key, []), message)
        if key in self._timers:
            self._timers.pop(key).cancel()
        if len(self._open[key]) >= MOST_FILES:
            self._complete(key)
        else:
            loop = asyncio.get_running_loop()
            self._timers[key] = loop.call_later(quiet_seconds, self._complete, key)

    def edited(self, message: IncomingMessage, group_id: str) -> IncomingMessage | None:
        """The whole album with one of its messages edited; None where it is not complete yet, or
        not known: then nobody can say which files belong to it."""
        key = (message.conversation.channel, group_id)
        if key in self._open:
            self._open[key] = _with(self._open[key], message)
            self._hold(Part(message, group_id))
            return None
        if key not in self._kept:
            _log.info("an album of an earlier run was edited: its other files are not known")
            return None
        message_id, messages = self._kept[key]
        self._kept[key] = message_id, _with(messages, message)
        # Its id stays, also where the caption now stands under another of its files.
        return replace(merged(self._kept[key][1]), message_id=message_id)

    def flush(self) -> None:
        """Hand over what there is: nothing more will come."""
        for key in tuple(self._open):
            self._complete(key)

    def _complete(self, key: tuple[ChannelRef, str]) -> None:
        if key in self._timers:
            self._timers.pop(key).cancel()
        messages = self._open.pop(key)
        whole = merged(messages)
        self._kept[key] = whole.message_id, messages
        if len(self._kept) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self._submit(whole)
        self._release(whole, key[1])


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


def _with(messages: list[IncomingMessage], edited: IncomingMessage) -> list[IncomingMessage]:
    others = [message for message in messages if message.message_id != edited.message_id]
    return [*others, edited]
