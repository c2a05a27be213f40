"""What only the one who pressed is to see: an alert, a message for one, a folded quotation."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Final, TypeVar

from bot.adapters.telegram.messages import Messages, reply_parameters
from bot.adapters.telegram.presses import LONGEST_ALERT, Press, Presses
from bot.adapters.telegram.render import MOST_TEXT, Rendered, length, quotation, render
from core.errors import DeliveryError, ForbiddenError
from core.events import ConversationRef
from core.language import words
from core.pacer import Pacer
from core.replies import Menu
from core.text import split_message, utf16_length

_EPHEMERAL_SECONDS: Final = 15.0
"""Until how long after a press what is sent for it may be shown to the presser alone."""
_MOST_OPEN: Final = 200

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Revealing:
    """Shows things to one person, as well as the server can."""

    def __init__(
        self,
        messages: Messages,
        presses: Presses,
        direct: Callable[[str], Awaitable[ConversationRef]],
        pacer_of: Callable[[Press], Pacer],
    ) -> None:
        """`direct` gives the private chat with a member, or raises `ForbiddenError`; `pacer_of`
        the budget of the chat in which somebody pressed."""
        self._messages = messages
        self._presses = presses
        self._direct = direct
        self._pacer_of = pacer_of
        # What an older server lacks is found out once.
        self._ephemeral = True
        self._open: dict[tuple[ConversationRef, int], str] = {}

    async def reveal(self, key: str, text: str, menus: Sequence[Menu]) -> None:
        """Show a text to whoever made the press of that key."""
        press = self._presses.of(key)
        if press is None:
            _log.info("what was asked for by a press is not shown: it is too long ago")
            return
        alert = render(text).text
        short = not menus and utf16_length(alert) <= LONGEST_ALERT
        if short and await self._presses.answer(press, alert):
            return
        if self._stands_there(press, text):
            await self._presses.answer(press, words(press.locale)("Shown above already."))
            return
        await self._presses.answer(press)
        parts = split_message(text, MOST_TEXT, length)
        for part in parts:
            last = part is parts[-1]
            for_all = await self._reveal_part(press, part, menus if last else ())
            if for_all:
                self._note_open(press, text)

    async def _reveal_part(self, press: Press, text: str, menus: Sequence[Menu]) -> bool:
        """Whether others see it too."""
        reply = reply_parameters(press.message_id)
        shown = render(text) if press.private else quotation(text)

        async def openly() -> None:
            await self._messages.send(press.conversation, shown, text, reply, menus)

        if press.private:
            await self._surely(press, openly)
            return False
        try:
            whispered = self._ephemeral and await self._surely(
                press, lambda: self._whispered(press, shown, text, menus)
            )
            if not whispered:
                await self._surely(press, openly)
                return True
        except ForbiddenError:
            # We may not write there any more: the two of us may still have a chat.
            direct = await self._direct(str(press.user_id))
            await self._messages.send(direct, render(text), text, None, menus)
            return False
        return not self._ephemeral

    async def _whispered(
        self, press: Press, shown: Rendered, source: str, menus: Sequence[Menu]
    ) -> bool:
        """Show it in the group to the one who pressed alone (Bot API 10.2).

        A server that knows nothing of this shows it to all: hence the folded quotation. Whether it
        was understood is seen by the answer.
        """
        parameters: dict[str, object] = {"receiver_user_id": press.user_id}
        if (datetime.now(UTC) - press.at).total_seconds() < _EPHEMERAL_SECONDS:
            parameters["callback_query_id"] = press.key
        # Bot API 10.2 takes the two by themselves, 10.3 as one object.
        extra = {**parameters, "ephemeral_message_parameters": parameters}
        reply = reply_parameters(press.message_id)
        try:
            sent = await self._messages.send(press.conversation, shown, source, reply, menus, extra)
        except ForbiddenError:
            raise
        except DeliveryError as error:
            if type(error) is not DeliveryError:
                raise
            return False
        self._ephemeral = "ephemeral_message_id" in sent.api_kwargs
        return True

    async def _surely(self, press: Press, operation: Callable[[], Awaitable[T]]) -> T:
        """Carry it out within the chat's budget, however often Telegram asks us to wait."""
        return await self._pacer_of(press).carry_out(operation)

    def _note_open(self, press: Press, text: str) -> None:
        self._open[press.conversation, press.message_id] = text
        if len(self._open) > _MOST_OPEN:
            del self._open[next(iter(self._open))]

    def _stands_there(self, press: Press, text: str) -> bool:
        """Whether all can see it already: a group's budget is not for saying things twice."""
        return self._open.get((press.conversation, press.message_id)) == text
