"""Who administers a group, asked once and remembered briefly."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from telegram import Bot
from telegram.constants import ChatMemberStatus
from telegram.error import TelegramError

from core.ports import Right

KEPT_SECONDS: Final = 300.0
RETRY_SECONDS: Final = 20.0
PATIENCE_SECONDS: Final = 5.0
_MOST_KEPT: Final = 2000
_NEEDED: Final = {
    Right.WRITE: "can_send_messages",
    Right.SEND_FILES: "can_send_documents",
}

_log = logging.getLogger(__name__)


class Administrators:
    """The administrators of each group: of people and of ourselves, not of other bots."""

    def __init__(self, bot: Bot, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._bot = bot
        self._clock = clock
        self._known: dict[int, tuple[float, frozenset[int]]] = {}

    async def of(self, chat_id: int) -> frozenset[int]:
        """As they were a few minutes ago at the most; nobody where Telegram does not say."""
        until, known = self._known.get(chat_id, (0.0, frozenset()))
        if self._clock() < until:
            return known
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await self.now(chat_id)
        except (TelegramError, TimeoutError) as error:
            # Rights that we cannot see now are none; asked again soon, not at every message.
            _log.info("administrators of a group are not known now: %s", error)
            self._keep(chat_id, frozenset(), RETRY_SECONDS)
            return frozenset()

    async def now(self, chat_id: int) -> frozenset[int]:
        """As they are at this moment. Raises `TelegramError`."""
        # As it stands on the wire: the library insists on rights that older servers do not know. It
        # insists on its own method as well, but for a name in another case, as Telegram takes it.
        members = await self._bot.do_api_request(
            "getchatadministrators", api_kwargs={"chat_id": chat_id}
        )
        found = frozenset(int(member["user"]["id"]) for member in members)
        self._keep(chat_id, found, KEPT_SECONDS)
        return found

    async def is_inside(self, chat_id: int, user_id: int) -> bool:
        """Whether somebody is in the group at this moment. Raises `TelegramError`."""
        member = await self._bot.do_api_request(
            "getchatmember", api_kwargs={"chat_id": chat_id, "user_id": user_id}
        )
        if member["status"] == ChatMemberStatus.RESTRICTED:
            return bool(member.get("is_member"))
        return member["status"] not in (ChatMemberStatus.LEFT, ChatMemberStatus.BANNED)

    async def withheld(self, chat_id: int) -> tuple[Right, ...]:
        """What we may not do in a group at this moment. Raises `TelegramError`."""
        if chat_id > 0 or self._bot.id in await self.now(chat_id):
            return ()
        member = await self._bot.do_api_request(
            "getchatmember", api_kwargs={"chat_id": chat_id, "user_id": self._bot.id}
        )
        chat = await self._bot.do_api_request("getchat", api_kwargs={"chat_id": chat_id})
        # What a single member is forbidden, and else what all are.
        restricted = member["status"] == ChatMemberStatus.RESTRICTED
        rights = member if restricted else chat.get("permissions") or {}
        return tuple(right for right, name in _NEEDED.items() if rights.get(name) is False)

    def forget(self, chat_id: int) -> None:
        """Somebody's rights have changed there."""
        self._known.pop(chat_id, None)

    def _keep(self, chat_id: int, found: frozenset[int], seconds: float) -> None:
        now = self._clock()
        if len(self._known) >= _MOST_KEPT:
            self._known = {key: kept for key, kept in self._known.items() if kept[0] > now}
        if len(self._known) >= _MOST_KEPT:
            self._known.clear()
        self._known[chat_id] = (now + seconds, found)
