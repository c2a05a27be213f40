"""Texts on their way to Telegram: with entities, without previews, into their topic."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from telegram import Bot, LinkPreviewOptions, Message, MessageEntity, ReplyParameters
from telegram.error import BadRequest

from bot.adapters.telegram.calls import Calls, is_unparsable
from bot.adapters.telegram.keyboards import keyboard
from bot.adapters.telegram.render import Rendered, plain
from core.events import ConversationRef
from core.replies import Menu

NO_PREVIEW: Final = LinkPreviewOptions(is_disabled=True)

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Messages:
    """Sends texts; where their formatting is refused, as they were written."""

    def __init__(self, bot: Bot, calls: Calls) -> None:
        self._bot = bot
        self._calls = calls

    async def send(
        self,
        to: ConversationRef,
        shown: Rendered,
        source: str,
        reply: ReplyParameters | None,
        menus: Sequence[Menu],
        extra: dict[str, object] | None = None,
    ) -> Message:
        """Send a text; `extra` are parameters that the library does not know."""

        async def request(chat_id: int, shown: Rendered) -> Message:
            return await self._bot.send_message(
                chat_id,
                shown.text,
                entities=entities_of(shown),
                link_preview_options=NO_PREVIEW,
                message_thread_id=topic_of(to),
                reply_parameters=reply,
                reply_markup=keyboard(menus),
                api_kwargs=extra,
            )

        return await self.show(to, shown, source, request)

    async def show(
        self,
        to: ConversationRef,
        shown: Rendered,
        source: str,
        request: Callable[[int, Rendered], Awaitable[T]],
    ) -> T:
        """Make a call with a text; without its formatting, where that is what is refused."""

        async def either(chat_id: int) -> T:
            try:
                return await request(chat_id, shown)
            except BadRequest as error:
                if not is_unparsable(error):
                    raise
                _log.warning("Telegram does not take the formatting of a message: %s", error)
                return await request(chat_id, plain(source))

        return await self._calls.make(to, either)


def reply_parameters(message_id: int) -> ReplyParameters:
    """A reply; where the message is gone, a message all the same."""
    return ReplyParameters(message_id, allow_sending_without_reply=True)


def topic_of(to: ConversationRef) -> int | None:
    """The topic of a conversation, as Telegram counts them."""
    return int(to.thread_id) if to.thread_id is not None else None


def entities_of(shown: Rendered) -> list[MessageEntity]:
    """The formatting, as Telegram takes it."""
    return [
        MessageEntity(span.kind, span.offset, span.length, url=span.url, language=span.language)
        for span in shown.spans
    ]
