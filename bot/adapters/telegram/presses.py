"""Buttons that were pressed: each is answered once, in time, whatever the core does with it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from telegram import Bot, CallbackQuery, Message
from telegram.constants import ChatType
from telegram.error import TelegramError

from bot.adapters.telegram.translate import channel_ref, conversation_of
from core.events import ConversationRef

ACKNOWLEDGE_SECONDS: Final = 3.0
"""How long a press may wait for words of its own; the client shows that it is busy until then."""
LONGEST_ALERT: Final = 200
_MOST_KEPT: Final = 1000

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Press:
    """A press of a button under one of our messages."""

    key: str
    conversation: ConversationRef
    message_id: int
    user_id: int
    private: bool
    locale: str | None
    answered: bool = False
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


class Presses:
    """Remembers the last presses, and answers those that nobody else answers."""

    def __init__(self, bot: Bot, *, acknowledge_seconds: float = ACKNOWLEDGE_SECONDS) -> None:
        self._bot = bot
        self._acknowledge_seconds = acknowledge_seconds
        self._kept: dict[str, Press] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def note(self, query: CallbackQuery) -> None:
        """Somebody pressed."""
        message = query.message
        if message is None:
            return
        here = ConversationRef(channel_ref(message.chat.id))
        press = Press(
            query.id,
            conversation_of(message) if isinstance(message, Message) else here,
            message.message_id,
            query.from_user.id,
            message.chat.type == ChatType.PRIVATE,
            query.from_user.language_code,
        )
        self._kept[query.id] = press
        if len(self._kept) > _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        task = asyncio.create_task(self._acknowledge_later(press), name=f"press {query.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def of(self, key: str) -> Press | None:
        """The press of that key, as long as it is remembered."""
        return self._kept.get(key)

    async def answer(self, press: Press, alert: str | None = None) -> bool:
        """Answer a press; False: it was answered before, and the alert was not shown."""
        if press.answered:
            return False
        press.answered = True
        try:
            await self._bot.answer_callback_query(press.key, alert, show_alert=alert is not None)
        except TelegramError as error:
            # Too old, or the network: the button stops turning by itself.
            _log.info("a press could not be answered: %s", error)
            return False
        return True

    async def aclose(self) -> None:
        """Answer nothing more."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _acknowledge_later(self, press: Press) -> None:
        await asyncio.sleep(self._acknowledge_seconds)
        await self.answer(press)
