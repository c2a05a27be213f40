"""Calls of the Bot API: chats that moved are followed, failures become the core's own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final, TypeVar

from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    NetworkError,
    RetryAfter,
    TelegramError,
)

from bot.adapters.telegram.translate import channel_ref
from core.errors import (
    ChannelGoneError,
    ConversationMovedError,
    DeliveryError,
    DeliveryRateLimitedError,
    ForbiddenError,
)
from core.events import ChannelMigrated, ConversationRef

PAUSES: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Between tries while Telegram cannot be reached, in seconds."""
AWAY_SECONDS: Final = 5.0
"""How long the core is asked to wait when none of them succeeded."""

_GONE: Final = (
    "not found",
    "message_id_invalid",
    "topic_deleted",
    "can't be edited",
    "can't be deleted",
    "peer_id_invalid",
    "was deactivated",
)
_REFUSED: Final = (
    "not enough rights",
    "have no rights",
    "write_forbidden",
    "topic_closed",
    "admin_required",
    "administrator rights",
    "chat_restricted",
    "send_plain_forbidden",
)

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Reach:
    """Whether Telegram can be reached: a change is worth a line in the log, each failure is not."""

    def __init__(self) -> None:
        self._lost = False

    def lost(self, error: object) -> None:
        """It did not answer."""
        if not self._lost:
            self._lost = True
            _log.warning("Telegram cannot be reached, trying on: %s", error)

    def found(self) -> None:
        """It answered."""
        if self._lost:
            self._lost = False
            _log.info("Telegram can be reached again")


class Calls:
    """Makes calls about a chat, under the id that it has now."""

    def __init__(self, reach: Reach, *, pauses: tuple[float, ...] = PAUSES) -> None:
        self.on_migration: Callable[[ChannelMigrated], None] = lambda _event: None
        self._reach = reach
        self._pauses = pauses
        self._moved: dict[int, int] = {}

    def moved(self, old: int, new: int) -> bool:
        """Note that a chat has a new id; False where that is known already."""
        if self._moved.get(old) == new:
            return False
        self._moved[old] = new
        return True

    async def make(
        self,
        to: ConversationRef,
        request: Callable[[int], Awaitable[T]],
        *,
        stays: bool = False,
    ) -> T:
        """Make a call about a chat. Raises `DeliveryError` and its subclasses.

        `stays`: it names a message, or makes one that is to be named later: under the chat's next
        id the same number is another's. Where the chat has moved, `ConversationMovedError` says so.

        While Telegram cannot be reached it is tried again for some seconds: that a message is there
        twice is less bad than that it is not there. After those it counts as a request to wait, so
        that whoever has to say something comes again.
        """
        tries = 0
        while True:
            chat_id = self._id_of(to)
            if stays and str(chat_id) != to.channel.channel_id:
                raise ConversationMovedError(to, replace(to, channel=channel_ref(chat_id)))
            try:
                result = await request(chat_id)
            except ChatMigrated as error:
                if self.moved(chat_id, error.new_chat_id):
                    event = ChannelMigrated(channel_ref(chat_id), channel_ref(error.new_chat_id))
                    self.on_migration(event)
                continue
            except TelegramError as error:
                if isinstance(error, BadRequest) or not isinstance(error, NetworkError):
                    raise _told(to, error) from error
                self._reach.lost(error)
                if tries >= len(self._pauses):
                    raise DeliveryRateLimitedError(to, AWAY_SECONDS) from error
                await asyncio.sleep(self._pauses[tries])
                tries += 1
            else:
                self._reach.found()
                return result

    def _id_of(self, to: ConversationRef) -> int:
        try:
            chat_id = int(to.channel.channel_id)
        except ValueError as error:
            raise ChannelGoneError(to) from error
        while chat_id in self._moved:
            chat_id = self._moved[chat_id]
        return chat_id


def seconds_of(error: RetryAfter) -> float:
    """How long Telegram asks us to wait."""
    wait = error.retry_after
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)


def is_unparsable(error: BadRequest) -> bool:
    """Whether the formatting, and not the text, was refused."""
    said = error.message.lower()
    return "parse" in said and "entit" in said


def is_unchanged(error: BadRequest) -> bool:
    """Whether an edit was refused because the message is like that already."""
    return "is not modified" in error.message.lower()


def stays_for_good(error: BadRequest) -> bool:
    """Whether a message is there, and is not deleted any more."""
    return "can't be deleted" in error.message.lower()


def is_about_the_place(error: BadRequest) -> bool:
    """Whether it says that the chat or the message is not there, or not for us to write in."""
    said = error.message.lower()
    return any(words in said for words in (*_GONE, *_REFUSED))


def _told(to: ConversationRef, error: TelegramError) -> DeliveryError:
    said = error.message.lower()
    match error:
        case RetryAfter():
            return DeliveryRateLimitedError(to, seconds_of(error))
        case BadRequest() if any(words in said for words in _GONE):
            return ChannelGoneError(to)
        case BadRequest() if any(words in said for words in _REFUSED):
            return ForbiddenError(to)
        case Forbidden():
            return ForbiddenError(to)
        case _:
            return DeliveryError(to)
